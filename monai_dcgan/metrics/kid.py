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
"""Kernel distance between two sets of features (the formula of KID)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from monai_dcgan.metrics.frechet import check_features
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["KernelDistance", "kernel_distance"]


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
        raise ValueError(f"subset_size must be a whole number of at least 2, got {subset_size!r}")
    first, second = check_features(a, b)
    size = min(subset_size, len(first), len(second))
    random = np.random.RandomState(seed)
    values = [
        _unbiased_mmd2(
            first[random.choice(len(first), size, replace=False)],
            second[random.choice(len(second), size, replace=False)],
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
