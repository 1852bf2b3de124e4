# Copyright (c) monai_dcgan contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Structural similarity between all pairs of two sets of slices, and over random pairs.

The index is MONAI's ``SSIMMetric`` with its defaults (Wang et al. 2004, eq. 13: Gaussian window of 11 x 11 pixels with
a standard deviation of 1.5, k1 = 0.01, k2 = 0.03, ``data_range`` 1), averaged over the channels and over the windows
that lie wholly inside the picture ("valid" borders). MONAI compares one pair at a time and filters
both pictures anew for each; here the filtered means and variances are computed once per picture.

With ``levels`` above 1 it is the multi-scale index (Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity
for image quality assessment", eq. 7), as MONAI's ``MultiScaleSSIMMetric`` computes it: contrast and structure at each
level, the whole index at the last, each to the power of its weight and none below 0; pictures are halved by 2 x 2 means
in between. The five weights are published for five levels, which need a side of more than 160 pixels; fewer levels
take the first weights, divided by their sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from monai_dcgan.utils.checks import check_positive_int

__all__ = ["best_match", "best_match_ssim", "max_levels", "pairwise_ssim", "random_pair_ssim"]

WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# Elements of one block of pairs: it stays in the cache of a CPU core, and fills a GPU.
_CPU_BLOCK = 1 << 18
_CUDA_BLOCK = 1 << 25


class _Moments(NamedTuple):
    """Slices (N, C, H, W) with their filtered means and variances (N, C, H - 10, W - 10)."""

    images: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor

    def take(self, index: Any) -> _Moments:
        return _Moments(*(tensor[index] for tensor in self))


def max_levels(height: int, width: int) -> int:
    """Return how many levels (1 to 5) fit slices of a size: the window must fit the smallest picture.

    The shorter side must be above ``10 * 2^(levels - 1)`` pixels: 2 levels above 20, 3 above 40, 4 above 80, 5 above
    160.

    Example:
        >>> max_levels(128, 128), max_levels(256, 240)
        (4, 5)
    """
    fitting = [level for level in range(1, len(WEIGHTS) + 1) if min(height, width) > (WINDOW - 1) * 2 ** (level - 1)]
    return max(fitting, default=1)


def pairwise_ssim(a: Any, b: Any, levels: int = 1) -> np.ndarray:
    """SSIM of every slice of ``a`` with every slice of ``b``.

    Args:
        a: (N, C, H, W) in [0, 1], array or tensor; H and W of at least 11. A tensor's device does the work.
        b: (M, C, H, W) in [0, 1].
        levels: 1 for SSIM, up to :func:`max_levels` for MS-SSIM.

    Returns:
        (N, M) float32, each value in [-1, 1], of MS-SSIM in [0, 1].

    Raises:
        ValueError: when shapes differ, a set is empty, a slice is too small or a value is not in [0, 1].
    """
    first, second = _scales_of_both(a, b, levels)
    return np.stack([_row([one.take(slice(i, i + 1)) for one in first], second) for i in range(len(first[0].images))])


def best_match(
    a: Any, b: Any | None = None, groups: Sequence[Any] | None = None, levels: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """For every slice of ``a``, the highest SSIM over the slices of ``b`` and which slice has it.

    Args:
        a: (N, C, H, W) in [0, 1].
        b: (M, C, H, W) in [0, 1]; None compares ``a`` with itself, a slice never with itself.
        groups: with ``b`` None, one value per slice (its patient): slices of one group are not compared.
        levels: see :func:`pairwise_ssim`.

    Returns:
        the highest values (N,) float32 and the indices into ``b`` (N,) int64.

    Raises:
        ValueError: see :func:`pairwise_ssim`; also when a slice has no other to be compared with.
    """
    values = pairwise_ssim(a, a if b is None else b, levels)
    if b is None:
        values[_same(len(values), groups)] = -np.inf
    elif groups is not None:
        raise ValueError("groups must be None when b is given: it says which slices within one set not to compare")
    highest = values.max(axis=1)
    if np.isinf(highest).any():
        raise ValueError(
            f"a must hold for each slice another to compare it with, got none for slice {np.isinf(highest).argmax()}; "
            "add patients"
        )
    return highest, values.argmax(axis=1)


def best_match_ssim(a: Any, b: Any | None = None, groups: Sequence[Any] | None = None, levels: int = 1) -> np.ndarray:
    """Return only the highest values (N,) of :func:`best_match`."""
    return best_match(a, b, groups, levels)[0]


def random_pair_ssim(
    a: Any,
    b: Any | None = None,
    num_pairs: int = 1000,
    seed: int = 0,
    groups: Sequence[Any] | None = None,
    levels: int = 1,
) -> np.ndarray:
    """SSIM of random pairs, drawn with replacement from all pairs that are allowed.

    Args:
        a: (N, C, H, W) in [0, 1].
        b: (M, C, H, W) in [0, 1]; None pairs slices of ``a`` with other slices of ``a``.
        num_pairs: how many pairs to draw.
        seed: seed of the draw.
        groups: with ``b`` None, one value per slice (its patient): slices of one group are not paired.
        levels: see :func:`pairwise_ssim`.

    Returns:
        (num_pairs,) float32.

    Raises:
        ValueError: see :func:`pairwise_ssim`; also when no pair is allowed.
    """
    check_positive_int("num_pairs", num_pairs)
    if b is not None and groups is not None:
        raise ValueError("groups must be None when b is given: it says which slices within one set not to compare")
    first, second = _scales_of_both(a, a if b is None else b, levels)
    allowed = np.ones((len(first[0].images), len(second[0].images)), dtype=bool)
    if b is None:
        allowed[_same(len(allowed), groups)] = False
    pairs = np.flatnonzero(allowed)
    if not len(pairs):
        raise ValueError(
            "a must hold two slices that may be paired, got none; add slices, or patients where groups are given"
        )
    drawn = np.random.RandomState(seed).choice(pairs, num_pairs)
    rows, columns = drawn // allowed.shape[1], drawn % allowed.shape[1]
    blocks = [
        _index([one.take(rows[part]) for one in first], [other.take(columns[part]) for other in second])
        for part in _blocks(num_pairs, first[0].images)
    ]
    return torch.cat(blocks).cpu().numpy()


def _same(count: int, groups: Sequence[Any] | None) -> np.ndarray:
    """Return (count, count) boolean: pairs of a slice with itself or with one of its group."""
    if groups is None:
        return np.eye(count, dtype=bool)
    if len(groups) != count:
        raise ValueError(f"groups must have one value per slice, {count}, got {len(groups)}")
    codes = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)[1]
    return np.asarray(codes[:, None] == codes[None])


def _scales_of_both(a: Any, b: Any, levels: int) -> tuple[list[_Moments], list[_Moments]]:
    """Return the moments of both sets at each level, the first at full size."""
    first = torch.as_tensor(a).to(torch.float32)
    second = torch.as_tensor(b).to(first)
    for name, images in (("a", first), ("b", second)):
        if images.ndim != 4 or 0 in images.shape:
            raise ValueError(f"{name} must have the shape (N, C, H, W) with no empty side, got {tuple(images.shape)}")
        if min(images.shape[2:]) < WINDOW:
            raise ValueError(
                f"{name} must have slices of at least {WINDOW} x {WINDOW} pixels, got {tuple(images.shape[2:])}"
            )
        low, high = float(images.min()), float(images.max())
        if not (low >= -1e-3 and high <= 1 + 1e-3):
            raise ValueError(f"{name} must lie in [0, 1], got {low:g} to {high:g}; SSIM is defined for that range here")
    if first.shape[1:] != second.shape[1:]:
        raise ValueError(
            "a and b must have slices of one shape (C, H, W), got "
            f"{tuple(first.shape[1:])} and {tuple(second.shape[1:])}"
        )
    most = max_levels(*first.shape[2:])
    if isinstance(levels, bool) or not isinstance(levels, int) or not 1 <= levels <= most:
        raise ValueError(
            f"levels must be a whole number from 1 to {most} for slices of {tuple(first.shape[2:])} pixels, "
            f"got {levels!r}; max_levels tells the most"
        )
    scales = _scales(first, levels)
    return scales, scales if a is b else _scales(second, levels)


def _scales(images: torch.Tensor, levels: int) -> list[_Moments]:
    scales = [_moments(images)]
    for _ in range(levels - 1):
        images = torch.nn.functional.avg_pool2d(images, 2)
        scales.append(_moments(images))
    return scales


def _moments(images: torch.Tensor) -> _Moments:
    mean = _filter(images)
    return _Moments(images, mean, _filter(images * images) - mean * mean)


def _window() -> list[float]:
    distance = np.arange(WINDOW) - (WINDOW - 1) / 2
    weights = np.exp(-((distance / SIGMA) ** 2) / 2)
    return [float(weight) for weight in weights / weights.sum()]


def _filter(images: torch.Tensor) -> torch.Tensor:
    """Apply the Gaussian window to (..., H, W), giving (..., H - 10, W - 10).

    Sums of shifted views: on a CPU about 14 times as fast as a depth-wise ``conv2d``.
    """
    for dim in (-1, -2):
        length = images.shape[dim] - WINDOW + 1
        weights = _window()
        filtered = images.narrow(dim, 0, length) * weights[0]
        for shift in range(1, WINDOW):
            filtered.add_(images.narrow(dim, shift, length), alpha=weights[shift])
        images = filtered
    return images


def _index(a: list[_Moments], b: list[_Moments]) -> torch.Tensor:
    """Return the SSIM or MS-SSIM (N,) of slices pair by pair; one side may hold a single slice for all of the other."""
    last = _ssim(a[-1], b[-1])
    if len(a) == 1:
        return last
    parts = [_ssim(one, other, luminance=False) for one, other in zip(a[:-1], b[:-1], strict=True)]
    weights = last.new_tensor(WEIGHTS[: len(a)])
    powers = torch.stack([*parts, last]).clamp_(min=0) ** (weights / weights.sum())[:, None]
    return powers.prod(dim=0)


def _ssim(a: _Moments, b: _Moments, luminance: bool = True) -> torch.Tensor:
    """Return the SSIM (N,), or its factor of contrast and structure alone."""
    means = a.mean * b.mean
    covariance = _filter(a.images * b.images).sub_(means)
    structure = covariance.mul_(2).add_(C2).div_((a.variance + b.variance).add_(C2))
    if luminance:
        structure.mul_(means.mul_(2).add_(C1).div_((a.mean**2 + b.mean**2).add_(C1)))
    return structure.mean(dim=(1, 2, 3))


def _row(one: list[_Moments], many: list[_Moments]) -> np.ndarray:
    parts = _blocks(len(many[0].images), many[0].images)
    return torch.cat([_index(one, [other.take(part) for other in many]) for part in parts]).cpu().numpy()


def _blocks(count: int, images: torch.Tensor) -> Iterator[slice]:
    """Yield slices of ``range(count)`` that make blocks of a size that suits the device."""
    budget = _CUDA_BLOCK if images.is_cuda else _CPU_BLOCK
    size = max(1, budget // images[0].numel())
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
