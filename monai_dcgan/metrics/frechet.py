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
"""Frechet distance between two sets of features, exact also where there are fewer samples than features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from scipy.stats import linregress

from monai_dcgan.utils.checks import check_positive_int

__all__ = ["FrechetInfinity", "check_features", "feature_blocks", "frechet_distance", "frechet_infinity"]

_BLOCK = 8192
# Reciprocal condition number of a covariance above which its Cholesky factor is good to some 1e-11.
_CONDITION = 1e-9
_MIN_FIT = 20


class FrechetInfinity(NamedTuple):
    """Fréchet distance extrapolated to sets without end.

    Attributes:
        value: intercept of the line, in squared units of the features; an estimate, so it can be below 0.
        slope: slope of the distance on 1 / size, above 0 where small subsets are farther apart.
        r_squared: share of the variance over the points that the line explains, in [0, 1]; NaN where there is none.
        sizes: samples of each subset, ascending.
        distances: mean distance at each size.
        note: why the value is not to be trusted, or None.
    """

    value: float
    slope: float
    r_squared: float
    sizes: tuple[int, ...]
    distances: tuple[float, ...]
    note: str | None


def check_features(a: Any, b: Any, minimum: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of features as arrays after checking that they can be compared.

    Args:
        a: (N, d) features of one set, an array or a tensor on the CPU.
        b: (M, d) features of the other set.
        minimum: fewest samples that each set must have.

    Returns:
        both sets, as float32 where they came so (large sets are not copied), else as float64.

    Raises:
        ValueError: when a set is not two-dimensional, has too few samples or holds a value that is not finite,
            or when d differs.
    """
    first, second = (_as_floats(features) for features in (a, b))
    for name, features in (("a", first), ("b", second)):
        if features.ndim != 2 or features.shape[1] == 0:
            raise ValueError(f"{name} must have the shape (samples, features), got {features.shape}")
        if len(features) < minimum:
            raise ValueError(f"{name} must have at least {minimum} samples, got {len(features)}; add slices")
        finite = np.concatenate([np.isfinite(block).all(axis=1) for block in feature_blocks(features)])
        if not finite.all():
            rows = np.flatnonzero(~finite)
            raise ValueError(f"{name} must be finite, got a value that is not in {len(rows)} rows, first row {rows[0]}")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"a and b must have the same number of features, got {first.shape[1]} and {second.shape[1]}; "
            "use one extractor for both"
        )
    return first, second


def feature_blocks(features: np.ndarray, size: int = _BLOCK) -> Iterator[np.ndarray]:
    """Yield blocks of at most ``size`` rows of features (N, d) as float64."""
    return (features[start : start + size].astype(np.float64, copy=False) for start in range(0, len(features), size))


def frechet_distance(a: Any, b: Any) -> float:
    """Squared Frechet distance between the Gaussians that have the means and covariances of two sets of features.

    ``|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))`` (Dowson and Landau 1982; used on features of
    generated images by Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", eq. 6). With the centered features A (N, d) and B (M, d), the eigenvalues of ``S_a S_b`` other than
    zero are the squared singular values of ``A B^T / sqrt((N - 1) (M - 1))``, so the last trace is the nuclear norm of
    that matrix (Mathiasen and Hvilshoj 2020, "Backpropagating through Frechet Inception Distance"). No root
    of a d x d matrix is taken, and the result is exact also for N or M below d. A set with more than d samples is
    first replaced by a triangular matrix with the same ``A^T A``, which leaves the singular values as they are; so
    the matrix has at most min(N, d) x min(M, d) entries, and memory does not grow with N. That is the Cholesky factor
    of the covariance, or, where features hardly vary or depend on each other and half of its digits would be lost, the
    R of a QR decomposition, made block by block.

    The value depends on N and M (a smaller set gives a larger distance): compare values at equal N only.

    Args:
        a: (N, d) features of one set, N of at least 2.
        b: (M, d) features of the other set, M of at least 2.

    Returns:
        the distance, at least 0, in squared units of the features.

    Raises:
        ValueError: when a set has fewer than 2 samples or is not finite, or d differs.

    Example:
        >>> frechet_distance([[0.0], [2.0]], [[3.0], [5.0]])
        9.0
    """
    first, second = check_features(a, b)
    return _distance(_gaussian(first), _gaussian(second))


def frechet_infinity(
    first: Any,
    second: Any,
    num_points: int = 10,
    smallest: int | None = None,
    both: bool = True,
    seed: int = 0,
) -> FrechetInfinity:
    """Fréchet distance without the bias of few samples, by a line through the distances of subsets.

    Chong and Forsyth 2020 ("Effectively Unbiased FID and Inception Score and where to find them"): the bias
    is close to linear in 1 / N, so the distance is computed for random subsets of ``num_points`` sizes spaced evenly
    between ``smallest`` and all samples, and the value is the intercept of the least-squares line on 1 / N. The paper
    takes one subset of each size; here it is the mean over as many disjoint ones as there are, which scatters less.

    The line holds only where subsets have more samples than features; ``note`` says where that is not so. Two sets
    that share samples are no two samples of a distribution: their value lies below 0.

    Args:
        first: (N, d) features of one set, such as synthetic slices.
        second: (M, d) features of the other.
        num_points: how many sizes, at least 3.
        smallest: samples of the smallest subset; by default a fifth of the smaller set.
        both: whether subsets of ``second`` are drawn too, of the same size, so that its bias goes as well. False keeps
            all of ``second``, which is the form of the paper, where it is large.
        seed: seed of the draws.

    Raises:
        ValueError: see :func:`frechet_distance`; also when a set has fewer than 20 samples or sizes do not fit.
    """
    a, b = check_features(first, second, _MIN_FIT)
    most = min(len(a), len(b)) if both else len(a)
    least = max(2, most // 5) if smallest is None else smallest
    check_positive_int("num_points", num_points)
    check_positive_int("smallest", least)
    if num_points < 3:
        raise ValueError(f"num_points must be at least 3, got {num_points}; two points fit any line")
    if not 2 <= least <= most - num_points:
        raise ValueError(
            f"smallest must be from 2 to {most - num_points} for {num_points} sizes up to {most}, got {least}; "
            "add slices or take fewer points"
        )
    sizes = np.linspace(least, most, num_points).astype(int)
    random = np.random.RandomState(seed)
    whole = None if both else _gaussian(b)
    distances = []
    for size in sizes:
        order_a, order_b = random.permutation(len(a)), random.permutation(len(b))
        parts = [slice(start, start + size) for start in range(0, most - size + 1, size)]
        of_parts = [
            _distance(_gaussian(a[order_a[part]]), _gaussian(b[order_b[part]]) if whole is None else whole)
            for part in parts
        ]
        distances.append(float(np.mean(of_parts)))
    line = linregress(1 / sizes, distances)
    note = None
    if least <= a.shape[1]:
        note = (
            f"the smallest subset has {least} samples for {a.shape[1]} features, and the distance is linear in 1 / N "
            f"only above; unreliable, give at least {5 * (a.shape[1] + 1)} slices or fewer features"
        )
    return FrechetInfinity(
        float(line.intercept),
        float(line.slope),
        float(line.rvalue**2),
        tuple(int(size) for size in sizes),
        tuple(distances),
        note,
    )


def _as_floats(features: Any) -> np.ndarray:
    array = np.asarray(features)
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def _gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (d,) of features (N, d), and F (min(N, d), d) with ``F^T F`` their covariance."""
    count, width = features.shape
    mean = np.asarray(sum(block.sum(axis=0) for block in feature_blocks(features)) / count)

    def centered(size: int) -> Iterator[np.ndarray]:
        return ((block - mean) / np.sqrt(count - 1) for block in feature_blocks(features, size))

    if count <= width:
        return mean, np.concatenate(list(centered(_BLOCK)))
    root = _cholesky(np.asarray(sum(block.T @ block for block in centered(_BLOCK))))
    if root is None:
        root = np.empty((0, width))
        # A block holds more rows than the R above it, so that little work is done twice.
        for block in centered(max(_BLOCK, 2 * width)):
            root = np.concatenate([root, block])
            root = np.asarray(np.linalg.qr(root, mode="r")) if len(root) > width else root
    return mean, root


def _cholesky(covariance: np.ndarray) -> np.ndarray | None:
    """Return U with ``U^T U`` the covariance, or None where that would lose digits."""
    try:
        root = scipy.linalg.cholesky(covariance, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    condition, _ = scipy.linalg.lapack.dpocon(root, np.abs(covariance).sum(axis=0).max())
    return np.asarray(root) if condition > _CONDITION else None


def _distance(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> float:
    shift, (root_a, root_b) = a[0] - b[0], (a[1], b[1])
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return float(max(shift @ shift + (root_a**2).sum() + (root_b**2).sum() - 2 * cross, 0.0))
