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
"""Find near-identical slices of different patients: one person under two names, or one scan delivered twice."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_dcgan.data.store import SliceStore
from monai_dcgan.utils.checks import check_fraction, check_positive_int

__all__ = ["THRESHOLD", "DuplicatePair", "describe_duplicates", "find_near_duplicates", "warn_of_leaks"]

logger = logging.getLogger(__name__)

# Of 50 patients of TCGA-LGG (1713 FLAIR slices, 64x64 and 128x128), the most alike slices of two patients reach 0.91.
THRESHOLD = 0.93
SIDE, COARSE_SIDE = 64, 16
FINE_SIGMA, WIDE_SIGMA = 0.7, 2.0
MAX_SHIFT, SHIFT_STEP, NUM_CANDIDATES = 6, 0.5, 8
READ_BLOCK, ROW_BLOCK, COLUMN_BLOCK, PAIR_BLOCK = 256, 1024, 8192, 1024
# Below this share of the largest absolute value, a range of values is rounding.
FLAT = 1e-3
# Axes of (N, C, H, W) that are turned: none, left-right, up-down, both.
FLIPS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))


@dataclass(frozen=True)
class DuplicatePair:
    """Two slices of different patients that are nearly the same picture.

    Args:
        first: index of a slice.
        second: index of the other slice, above ``first``.
        similarity: normalized cross-correlation of the details at the best shift and flip, at most 1.
        patients: patients of the two slices.
        parts: parts of the split of the two patients; ("", "") without a split.
        same_part: whether both lie in one part; False is a leak between parts.
    """

    first: int
    second: int
    similarity: float
    patients: tuple[str, str]
    parts: tuple[str, str]
    same_part: bool


def find_near_duplicates(
    images: np.ndarray | Tensor | Iterable[np.ndarray | Tensor],
    patients: Sequence[str],
    splits: Mapping[str, str] | None = None,
    threshold: float = THRESHOLD,
    max_pairs: int = 100,
) -> list[DuplicatePair]:
    """Find near-identical slices of different patients.

    Slices are reduced to 64x64 pixels and centered on the head. For each, the most alike slices of other patients by a
    16x16 thumbnail are candidates, of which each is compared in detail: the normalized cross-correlation (Lewis 1995,
    Fast Normalized Cross-Correlation, with means of whole slices) of difference-of-Gaussians images, sigma 0.7 and 2
    pixels, at its best shift of up to 6 pixels in steps of half a pixel. Every slice is compared as it is, flipped
    left-right, flipped up-down and turned by 180 degrees.

    It sees through a linear or mild non-linear change of intensities, JPEG, noise with a standard deviation of 3% of
    the range, shifts and flips; not through rotation, scaling by 5%, or heavy noise, and a slice without contrast is
    like no other. Pairs just above the threshold may be one person at two dates instead of a copy.

    Memory: at most 17 KiB per slice and channel; there is no matrix of all pairs. Time grows with the square of the
    number of slices.

    Args:
        images: (N, C, H, W) floats, background lowest, in any linear scaling; or an iterable of such batches, in order.
        patients: patient of each of the N slices.
        splits: patient -> part, to tell leaks between parts from pairs within one.
        threshold: least similarity to report, from 0 to 1.
        max_pairs: most pairs to return.

    Returns:
        pairs, those between different parts first, then by falling similarity.

    Raises:
        ValueError: when an argument is wrong, or ``patients`` and ``images`` or ``splits`` do not agree.

    Example:
        >>> store = SliceStore("store")
        >>> patients = [record["patient"] for record in store.slices]
        >>> print(describe_duplicates(find_near_duplicates(store.images, patients)))
    """
    check_fraction("threshold", threshold)
    check_positive_int("max_pairs", max_pairs)
    unknown = sorted(set(patients) - set(splits)) if splits is not None else []
    if unknown:
        raise ValueError(
            f"splits must hold every patient, got none for {unknown[0]!r} ({len(unknown)} missing); split these cases"
        )
    details, coarse = _descriptors(images)
    if len(details) != len(patients):
        raise ValueError(f"patients must name one patient a slice, got {len(patients)} for {len(details)} slices")
    _, groups = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    best: dict[tuple[int, int], float] = {}
    for axes in FLIPS:
        rows, columns = _candidates(coarse, torch.from_numpy(groups), axes)
        for pair, similarity in zip(*_compare(details, rows, columns, axes, threshold)):
            best[pair] = max(similarity, best.get(pair, similarity))
    pairs = [_pair(pair, similarity, patients, splits) for pair, similarity in best.items()]
    return sorted(pairs, key=lambda pair: (pair.same_part, -pair.similarity, pair.first, pair.second))[:max_pairs]


def describe_duplicates(pairs: Sequence[DuplicatePair]) -> str:
    """Say in one line what was found.

    Args:
        pairs: what ``find_near_duplicates`` returned.

    Returns:
        counts, the first pair and what to do.
    """
    if not pairs:
        return "no near-identical slices of different patients"
    people = len({frozenset(pair.patients) for pair in pairs})
    leaks = sum(not pair.same_part for pair in pairs)
    between = f", {leaks} of them between different parts" if any(any(pair.parts) for pair in pairs) else ""
    first = pairs[0]
    names, indices = " and ".join(first.patients), f"{first.first} and {first.second}"
    across = f" ({' and '.join(first.parts)})" if not first.same_part else ""
    return (
        f"{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'} of near-identical slices of different patients"
        f"{between}, in {people} {'pair' if people == 1 else 'pairs'} of patients: "
        f"{names}{across} in slices {indices} with similarity {first.similarity:.3f}; "
        "look at them, and give what is one person one patient name"
    )


def _pair(
    indices: tuple[int, int], similarity: float, patients: Sequence[str], splits: Mapping[str, str] | None
) -> DuplicatePair:
    first, second = (str(patients[index]) for index in indices)
    parts = ("", "") if splits is None else (str(splits[first]), str(splits[second]))
    return DuplicatePair(*indices, similarity, (first, second), parts, parts[0] == parts[1])


def _batches(images: np.ndarray | Tensor | Iterable[np.ndarray | Tensor]) -> Iterator[Tensor]:
    blocks: Iterable[np.ndarray | Tensor] = [images] if isinstance(images, (np.ndarray, Tensor)) else images
    shape: tuple[int, ...] | None = None
    for block in blocks:
        if block.ndim != 4 or shape not in (None, tuple(block.shape[1:])) or 0 in block.shape[1:]:
            raise ValueError(f"images must be (N, C, H, W) with one C, H and W for all, got {tuple(block.shape)}")
        shape = tuple(block.shape[1:])
        for start in range(0, len(block), READ_BLOCK):
            part = block[start : start + READ_BLOCK]
            yield torch.from_numpy(np.array(part, dtype=np.float32)) if isinstance(part, np.ndarray) else part.float()


def _descriptors(images: np.ndarray | Tensor | Iterable[np.ndarray | Tensor]) -> tuple[Tensor, Tensor]:
    """Return details (N, C, 64, 64) float16 and thumbnails (N, C, 16, 16) float16, each slice of norm 1 or 0."""
    details, coarse = [], []
    for batch in _batches(images):
        if not torch.isfinite(batch).all():
            raise ValueError("images must be finite, got NaN or infinity; mend the slices before looking for copies")
        pictures = _centered(_scaled(batch))
        wide = F.interpolate(pictures, (COARSE_SIDE, COARSE_SIDE), mode="bilinear", antialias=True)
        details.append(_unit(_blurred(pictures, FINE_SIGMA) - _blurred(pictures, WIDE_SIGMA)).half())
        coarse.append(_unit(wide).half())
    if not details:
        return torch.zeros(0, 1, SIDE, SIDE), torch.zeros(0, 1, COARSE_SIDE, COARSE_SIDE)
    return torch.cat(details), torch.cat(coarse)


def _scaled(batch: Tensor) -> Tensor:
    """Resize to 64x64 and scale each channel linearly to [0, 1]; a flat channel becomes 0."""
    size = (SIDE, SIDE)
    pictures = F.interpolate(batch, size, mode="bilinear", antialias=True) if batch.shape[2:] != size else batch
    size_of_values = pictures.abs().amax((2, 3), keepdim=True)
    pictures = pictures - pictures.amin((2, 3), keepdim=True)
    span = pictures.amax((2, 3), keepdim=True)
    return torch.where(span > FLAT * size_of_values, pictures / span.clamp_min(torch.finfo(span.dtype).tiny), 0.0)


def _centered(pictures: Tensor) -> Tensor:
    """Roll each slice so that the middle of its head, found on all channels, is the middle of the picture."""
    # The floor keeps faint noise of the background out, the ceiling keeps a bright tumor from pulling the middle.
    weights = (pictures.mean(1) - 0.15).clamp(0, 0.5)
    total = weights.sum((1, 2)).clamp_min(1e-6)
    places = torch.arange(SIDE) - (SIDE - 1) / 2
    down = ((weights.sum(2) * places).sum(1) / total).round().int().tolist()
    right = ((weights.sum(1) * places).sum(1) / total).round().int().tolist()
    rolled = [torch.roll(picture, (-y, -x), (1, 2)) for picture, y, x in zip(pictures, down, right)]
    return torch.stack(rolled)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    reach = int(3 * sigma + 0.5)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    flat = F.pad(pictures.flatten(0, 1)[:, None], (reach,) * 4, mode="reflect")
    flat = F.conv2d(F.conv2d(flat, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    return flat.view_as(pictures)


def _unit(pictures: Tensor) -> Tensor:
    """Bring each channel to mean 0, and those that are not flat to equal weight in a slice of norm 1."""
    pictures = pictures - pictures.mean((2, 3), keepdim=True)
    norms = pictures.flatten(2).norm(dim=2)[:, :, None, None]
    pictures = torch.where(norms > FLAT, pictures / norms.clamp_min(FLAT), 0.0)
    return pictures / pictures.flatten(1).norm(dim=1).clamp_min(1.0)[:, None, None, None]


def _candidates(coarse: Tensor, groups: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return rows and columns of the most alike thumbnails of different patients, one of the two turned."""
    count = len(coarse)
    all_rows, all_columns = [torch.zeros(0, dtype=torch.long)], [torch.zeros(0, dtype=torch.long)]
    for top in range(0, count, ROW_BLOCK):
        turned = coarse[top : top + ROW_BLOCK].float().flip(axes).flatten(1)
        values = torch.full((len(turned), 0), 0.0)
        columns = torch.zeros((len(turned), 0), dtype=torch.long)
        for left in range(0, count, COLUMN_BLOCK):
            block = turned @ coarse[left : left + COLUMN_BLOCK].float().flatten(1).T
            own = groups[top : top + ROW_BLOCK, None] == groups[None, left : left + COLUMN_BLOCK]
            block = block.masked_fill(own, -torch.inf)
            found, places = block.topk(min(NUM_CANDIDATES, block.shape[1]), dim=1)
            values, columns = torch.cat([values, found], 1), torch.cat([columns, places + left], 1)
            values, keep = values.topk(min(NUM_CANDIDATES, values.shape[1]), dim=1)
            columns = columns.gather(1, keep)
        rows, places = torch.nonzero(values > 0, as_tuple=True)
        all_rows.append(rows + top)
        all_columns.append(columns[rows, places])
    return torch.cat(all_rows), torch.cat(all_columns)


def _compare(
    details: Tensor, rows: Tensor, columns: Tensor, axes: tuple[int, ...], threshold: float
) -> tuple[list[tuple[int, int]], list[float]]:
    """Return the pairs at or above the threshold, lower index first, and their similarities."""
    pairs: list[tuple[int, int]] = []
    similarities: list[float] = []
    if not len(rows):
        return pairs, similarities
    down, right = _shift_matrices()
    # Each pair once: turning one picture of a pair or the other is the same.
    ordered = torch.unique(torch.stack([torch.minimum(rows, columns), torch.maximum(rows, columns)]), dim=1)
    for first, second in zip(*(side.split(PAIR_BLOCK) for side in ordered)):
        spectra = torch.fft.rfft2(details[first].float().flip(axes)) * torch.fft.rfft2(details[second].float()).conj()
        values = (down @ spectra.sum(1) @ right).real.flatten(1).amax(1).clamp(max=1.0)
        for index in torch.nonzero(values >= threshold).flatten().tolist():
            pairs.append((int(first[index]), int(second[index])))
            similarities.append(float(values[index]))
    return pairs, similarities


def _shift_matrices() -> tuple[Tensor, Tensor]:
    """Return what turns a product of ``rfft2`` spectra into a correlation at all shifts, half pixels included.

    Equation 1 of Guizar-Sicairos 2008, Efficient subpixel image registration algorithms: an inverse transform by
    matrices, (shifts, 64) and (33, shifts), evaluated only where it is wanted.
    """
    shifts = torch.arange(-MAX_SHIFT, MAX_SHIFT + SHIFT_STEP / 2, SHIFT_STEP)
    down = torch.outer(shifts, torch.fft.fftfreq(SIDE))
    right = torch.outer(torch.fft.rfftfreq(SIDE), shifts)
    # rfft2 leaves out the mirror images of all columns but the first and the last.
    weights = torch.full((SIDE // 2 + 1, 1), 2.0)
    weights[0] = weights[-1] = 1.0
    turn = 2j * torch.pi
    return torch.exp(turn * down) / SIDE**2, weights * torch.exp(turn * right)


def warn_of_leaks(store: SliceStore, splits: Mapping[str, str], max_slices: int = 5000) -> list[DuplicatePair]:
    """Look for near-identical slices in different parts of a split, and warn when there are any.

    Args:
        store: the slices.
        splits: patient -> part.
        max_slices: a larger store is not looked through, which is logged: time grows with the square of it.

    Returns:
        the pairs whose slices lie in different parts.
    """
    if len(store) > max_slices:
        logger.info("%d slices are not searched for near-duplicates; inspect the store with duplicates", len(store))
        return []
    pairs = find_near_duplicates(store.batches(), store.slices.columns["patient"], splits)
    leaks = [pair for pair in pairs if not pair.same_part]
    if leaks:
        logger.warning("%s", describe_duplicates(leaks))
    return leaks
