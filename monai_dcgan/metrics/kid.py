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
"""Kernel distance between two sets of features (the formula of KID), and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from monai_dcgan.metrics.bootstrap import check_level, slices_by_patient
from monai_dcgan.metrics.frechet import check_features, feature_blocks
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["KernelDistance", "KernelInterval", "kernel_distance", "kernel_interval"]

# Rows of a kernel matrix that are held at a time.
_BLOCK = 1024


class KernelDistance(NamedTuple):
    """Kernel distance over random subsets.

    Attributes:
        value: mean over the subsets; unbiased, so it can be slightly below 0 for two samples of one distribution.
        std: standard deviation over the subsets; subsets overlap, so it is no standard error of ``value``.
        subset_size: samples that were drawn from each set for a subset.
        num_subsets: how many subsets were drawn.
    """

    value: float
    std: float
    subset_size: int
    num_subsets: int


class KernelInterval(NamedTuple):
    """Kernel distance of whole sets with a bootstrap interval.

    Attributes:
        value: unbiased estimate from all samples; it can be slightly below 0 for two samples of one distribution.
        low: lower end of the interval.
        high: upper end of the interval.
        level: share of the resampled values that lie between the ends.
        num_samples: how many resamples were drawn.
        num_units: what was resampled on each side: patients where these are given, else slices.
    """

    value: float
    low: float
    high: float
    level: float
    num_samples: int
    num_units: tuple[int, int]


def kernel_distance(a: Any, b: Any, subset_size: int = 100, num_subsets: int = 100, seed: int = 0) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel ``(x . y / d + 1)^3``, averaged over random subsets.

    The unbiased estimator of Gretton et al. 2012 ("A Kernel Two-Sample Test", eq. 3) with the kernel and the subsets
    of Binkowski et al. 2018 ("Demystifying MMD GANs", section 4). Unlike the Frechet distance its expectation does not
    depend on the number of samples.

    Args:
        a: (N, d) features of one set, N of at least 2.
        b: (M, d) features of the other set, M of at least 2.
        subset_size: samples of a subset, drawn without replacement; no more than min(N, M) are used, and the result
            says how many were.
        num_subsets: how many subsets to draw.
        seed: seed of the draws.

    Raises:
        ValueError: when a set has fewer than 2 samples or is not finite, d differs, ``subset_size`` is below 2 or
            ``num_subsets`` below 1.
    """
    check_positive_int("num_subsets", num_subsets)
    if isinstance(subset_size, bool) or not isinstance(subset_size, int) or subset_size < 2:
        raise ValueError(
            f"subset_size must be a whole number of at least 2, got {subset_size!r}; 100 suits a few hundred slices"
        )
    first, second = check_features(a, b)
    size = min(subset_size, len(first), len(second))
    random = np.random.RandomState(seed)
    values = [
        _unbiased_mmd2(
            first[random.choice(len(first), size, replace=False)].astype(np.float64),
            second[random.choice(len(second), size, replace=False)].astype(np.float64),
        )
        for _ in range(num_subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), size, num_subsets)


def _unbiased_mmd2(a: np.ndarray, b: np.ndarray) -> float:
    """Return the unbiased squared MMD of two sets (n, d) of equal size."""
    n = len(a)

    def within(x: np.ndarray) -> float:
        kernel = _kernel(x, x)
        return float(kernel.sum() - np.trace(kernel)) / (n * (n - 1))

    return within(a) + within(b) - 2 * float(_kernel(a, b).mean())


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3)


def kernel_interval(
    a: Any,
    b: Any,
    num_samples: int = 200,
    level: float = 0.95,
    seed: int = 0,
    patients_a: Sequence[Any] | None = None,
    patients_b: Sequence[Any] | None = None,
) -> KernelInterval:
    """Kernel distance from all samples (not from subsets) with a bootstrap interval.

    The estimator is that of :func:`kernel_distance`. A resample draws slices with replacement, or patients with all of
    their slices. A slice is not compared with its own copy, nor the copies of a patient with each other: such pairs
    would raise the distance, since they are nearer than two slices of the population are. The kernel matrices are made
    once, in blocks of rows, and all resamples are weights on them: memory grows with N ``num_samples``, time with
    N^2 (d + ``num_samples``). Where both sets are of one distribution the estimator is degenerate, and the
    interval is wide rather than narrow.

    Args:
        a: (N, d) features of one set, N of at least 2.
        b: (M, d) features of the other set, M of at least 2.
        num_samples: how many resamples.
        level: share between the ends, above 0 and below 1.
        seed: seed of the draws.
        patients_a: the patient of each slice of ``a``; None resamples slices.
        patients_b: the same for ``b``.

    Raises:
        ValueError: see :func:`kernel_distance`; also when patients do not fit the slices or are fewer than two.
    """
    check_positive_int("num_samples", num_samples)
    check_level(level)
    sets = check_features(a, b)
    random = np.random.RandomState(seed)
    within, weights, units = [], [], []
    for name, features, patients in (("patients_a", sets[0], patients_a), ("patients_b", sets[1], patients_b)):
        clusters = _clusters(name, len(features), patients)
        # The first column weighs all alike and so gives the value itself.
        copies = np.ones((len(clusters), num_samples + 1))
        copies[:, 1:] = random.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)), num_samples).T
        within.append(_weighted_within(features, clusters, copies))
        weights.append(_of_slices(clusters, copies, len(features)))
        units.append(len(clusters))
    between = (weights[0] * _weighted_rows(sets[0], sets[1], weights[1])).sum(axis=0)
    between /= weights[0].sum(axis=0) * weights[1].sum(axis=0)
    values = within[0] + within[1] - 2 * between
    # A resample of nothing but one slice has no pair.
    low, high = np.nanquantile(values[1:], [(1 - level) / 2, (1 + level) / 2])
    return KernelInterval(float(values[0]), float(low), float(high), level, num_samples, (units[0], units[1]))


def _clusters(name: str, count: int, patients: Sequence[Any] | None) -> list[np.ndarray]:
    if patients is None:
        return list(np.arange(count)[:, None])
    if len(patients) != count:
        raise ValueError(f"{name} must have one value per slice, {count}, got {len(patients)}")
    clusters = slices_by_patient(patients)
    if len(clusters) < 2:
        raise ValueError(f"{name} must name at least 2 patients, got {len(clusters)}; add patients or give None")
    return clusters


def _of_slices(clusters: list[np.ndarray], copies: np.ndarray, count: int) -> np.ndarray:
    """Return how often each slice (N, samples) is drawn."""
    weights = np.empty((count, copies.shape[1]))
    for index, drawn in zip(clusters, copies, strict=True):
        weights[index] = drawn
    return weights


def _weighted_rows(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the kernel matrix of ``a`` and ``b`` times ``weights`` (M, samples), shape (N, samples)."""
    other = b.astype(np.float64, copy=False)
    return np.concatenate([_kernel(block, other) @ weights for block in feature_blocks(a, _BLOCK)])


def _weighted_within(features: np.ndarray, clusters: list[np.ndarray], copies: np.ndarray) -> np.ndarray:
    """Return the mean kernel (samples,) over pairs of slices, of one copy of a patient or of different patients."""
    weights = _of_slices(clusters, copies, len(features))
    total = (weights * _weighted_rows(features, features, weights)).sum(axis=0)
    pairs = weights.sum(axis=0) ** 2
    for index, drawn in zip(clusters, copies, strict=True):
        own = features[index].astype(np.float64)
        kernel = _kernel(own, own)
        total -= drawn**2 * kernel.sum() - drawn * (kernel.sum() - np.trace(kernel))
        pairs -= drawn**2 * len(own) ** 2 - drawn * len(own) * (len(own) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, total / pairs, np.nan)
