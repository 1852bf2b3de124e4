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
"""Tests of the interval of the kernel distance."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.metrics import kernel_distance, kernel_interval
from monai_dcgan.metrics import kid as module

ERRORS = [
    [{"num_samples": 0}, "num_samples must be a whole number of at least 1, got 0"],
    [{"level": 1}, "level must be a number above 0 and below 1, got 1; 0.95 is usual"],
    [{"patients_a": ["p"] * 3}, "patients_a must have one value per slice, 4, got 3"],
    [{"patients_b": ["p"] * 4}, "patients_b must name at least 2 patients, got 1"],
    [{"a": np.full((4, 3), np.inf)}, "a must be finite"],
]


def _kernel(x: np.ndarray, y: np.ndarray) -> float:
    return (float(x @ y) / len(x) + 1) ** 3


def _naive(a: np.ndarray, b: np.ndarray) -> float:
    """Gretton 2012 eq. 3 for sets of different size."""
    within = 0.0
    for s in (a, b):
        n = len(s)
        within += sum(_kernel(s[i], s[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within - 2 * sum(_kernel(x, y) for x in a for y in b) / len(a) / len(b)


@pytest.mark.parametrize(("n", "m", "d"), [(2, 3, 4), (15, 9, 5), (8, 20, 40)])
def test_value_agrees_with_loop(n, m, d):
    random = np.random.RandomState(0)
    a, b = random.randn(n, d), random.randn(m, d) + 1
    found = kernel_interval(a, b, num_samples=5)
    assert found.value == pytest.approx(_naive(a, b), rel=1e-9)
    assert found.num_units == (n, m)


def test_same_value_as_one_subset_of_all():
    random = np.random.RandomState(0)
    a, b = random.randn(30, 6), random.randn(30, 6) + 0.5
    assert kernel_interval(a, b, 3).value == pytest.approx(kernel_distance(a, b, 30, 1).value, rel=1e-9)


def test_resample_leaves_out_copies():
    """One resample, put together by hand from its draws: copies of a patient are not compared with each other."""
    random = np.random.RandomState(0)
    a, b = random.randn(7, 4), random.randn(5, 4)
    patients = ["p", "q", "p", "r", "q", "q", "s"]
    slices = [[0, 2], [1, 4, 5], [3], [6]]
    draws = np.random.RandomState(1)
    copies_a = draws.multinomial(4, [0.25] * 4, 1)[0]
    copies_b = draws.multinomial(5, [0.2] * 5, 1)[0]
    drawn_a = [(p, c, i) for p in range(4) for c in range(copies_a[p]) for i in slices[p]]
    drawn_b = [(p, c, p) for p in range(5) for c in range(copies_b[p])]

    def within(drawn: list[tuple[int, int, int]], features: np.ndarray) -> float:
        pairs = [(i, j) for p, c, i in drawn for q, e, j in drawn if (p, c, i) != (q, e, j) and (p != q or c == e)]
        return float(np.mean([_kernel(features[i], features[j]) for i, j in pairs]))

    between = np.mean([_kernel(a[i], b[j]) for _, _, i in drawn_a for _, _, j in drawn_b])
    found = kernel_interval(a, b, num_samples=1, seed=1, patients_a=patients)
    expected = within(drawn_a, a) + within(drawn_b, b) - 2 * between
    assert max(copies_a) > 1
    assert max(copies_b) > 1
    assert (found.low, found.high) == pytest.approx((expected, expected), rel=1e-9)


def test_interval_holds_the_truth_as_often_as_it_says():
    random = np.random.RandomState(0)
    truth = kernel_interval(random.randn(4000, 4), random.randn(4000, 4) + 0.4, num_samples=1).value
    hits = 0
    for seed in range(100):
        found = kernel_interval(random.randn(50, 4), random.randn(60, 4) + 0.4, seed=seed)
        hits += found.low <= truth <= found.high
    assert 88 <= hits <= 100


def test_patients_widen_the_interval():
    """Slices of a patient that are all alike carry no more than one slice."""
    random = np.random.RandomState(0)
    patients = np.repeat(np.arange(12), 10)
    a = random.randn(12, 4)[patients] + 0.1 * random.randn(120, 4)
    b = random.randn(120, 4) + 0.5
    by_slice, by_patient = kernel_interval(a, b), kernel_interval(a, b, patients_a=patients)
    assert by_patient.num_units == (12, 120)
    assert by_slice.value == pytest.approx(by_patient.value)
    assert by_patient.high - by_patient.low > 1.5 * (by_slice.high - by_slice.low)


def test_block_and_type_do_not_matter(monkeypatch):
    random = np.random.RandomState(0)
    a, b = random.randn(40, 6).astype(np.float32), random.randn(50, 6).astype(np.float32)
    whole = kernel_interval(a, b)
    assert kernel_interval(a.astype(np.float64), b.astype(np.float64))[:3] == pytest.approx(whole[:3], rel=1e-9)
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert kernel_interval(a, b)[:3] == pytest.approx(whole[:3], rel=1e-9)


@pytest.mark.parametrize(("arguments", "text"), ERRORS)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        kernel_interval(**({"a": np.zeros((4, 3)), "b": np.zeros((4, 3))} | arguments))
