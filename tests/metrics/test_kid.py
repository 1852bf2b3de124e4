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
"""Tests of the kernel distance against a naive loop."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.metrics import kernel_distance

ERRORS = [
    [{"subset_size": 1}, "subset_size must be a whole number of at least 2, got 1"],
    [{"num_subsets": 0}, "num_subsets must be a whole number of at least 1, got 0"],
    [{"b": np.zeros((4, 2))}, "same number of features"],
    [{"a": np.zeros((1, 3))}, "a must have at least 2 samples"],
]


def _naive(a: np.ndarray, b: np.ndarray) -> float:
    """Gretton 2012 eq. 3 term by term."""

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return (float(x @ y) / len(x) + 1) ** 3

    n = len(a)
    within = sum(kernel(s[i], s[j]) for s in (a, b) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    between = sum(kernel(x, y) for x in a for y in b) / n**2
    return within - 2 * between


@pytest.mark.parametrize(("n", "d"), [(2, 3), (12, 5), (15, 40)])
def test_agrees_with_loop(n, d):
    random = np.random.RandomState(0)
    a, b = random.randn(n, d), random.randn(n, d) + 1
    found = kernel_distance(a, b, subset_size=n, num_subsets=3)
    assert found.value == pytest.approx(_naive(a, b), rel=1e-9)
    assert found.std == pytest.approx(0, abs=1e-9)


def test_subset_size_is_capped_and_reported():
    random = np.random.RandomState(0)
    found = kernel_distance(random.randn(30, 4), random.randn(9, 4), subset_size=1000, num_subsets=7)
    assert (found.subset_size, found.num_subsets) == (9, 7)


def test_unbiased_over_sizes_and_zero_for_one_distribution():
    random = np.random.RandomState(0)
    a, b, far = random.randn(800, 6), random.randn(800, 6), random.randn(800, 6) + 1
    for size in (20, 200):
        same, other = (kernel_distance(a, x, subset_size=size, num_subsets=200) for x in (b, far))
        assert abs(same.value) < 0.1
        assert other.value == pytest.approx(kernel_distance(a, far, 800, 1).value, rel=0.1)


def test_seed_decides():
    random = np.random.RandomState(0)
    a, b = random.randn(40, 4), random.randn(40, 4)
    first, again, other = (kernel_distance(a, b, 10, 5, seed) for seed in (0, 0, 1))
    assert first == again
    assert first.value != other.value


@pytest.mark.parametrize(("arguments", "text"), ERRORS)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        kernel_distance(**({"a": np.zeros((4, 3)), "b": np.zeros((4, 3))} | arguments))
