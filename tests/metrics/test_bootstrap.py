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
"""Tests of intervals by resampling patients."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.metrics import bootstrap_patients, frechet_distance

PATIENTS = np.repeat([f"p{number}" for number in range(8)], 3)
ERRORS = [
    [{"patients": ["p"] * 24}, "patients must name at least 2 patients, got 1; one patient says nothing"],
    [{"patients": []}, "patients must name at least 2 patients, got 0"],
    [{"level": 0}, "level must be a number above 0 and below 1, got 0"],
    [{"num_samples": 0}, "num_samples must be a whole number of at least 1, got 0"],
    [{"num_synthetic": -1}, "num_synthetic must be a whole number of at least 0, got -1"],
    [{"method": "normal"}, "method must be one of percentile, centered, got 'normal'"],
    [{"statistic": lambda index: None}, "statistic must be defined for all slices, got no number"],
    [
        {"statistic": lambda index: 1.0 if len(set(index)) == 24 else None},
        "statistic must be defined for at least half of the resamples, got 2 of 200",
    ],
]


def test_patients_are_drawn_whole():
    seen: list[np.ndarray] = []

    def statistic(index: np.ndarray) -> float:
        seen.append(index)
        return 0.0

    order = np.random.RandomState(0).permutation(24)
    bootstrap_patients(statistic, PATIENTS[order], num_samples=30)
    np.testing.assert_array_equal(seen[0], np.arange(24))
    assert len(seen) == 31
    for index in seen[1:]:
        assert len(index) == 24
        counts = np.bincount(index, minlength=24)
        for name in set(PATIENTS):
            assert len(set(counts[PATIENTS[order] == name])) == 1
    assert max(np.bincount(index).max() for index in seen[1:]) > 1


def test_interval_of_a_mean_holds_the_truth_as_often_as_it_says():
    random = np.random.RandomState(0)
    patients = np.repeat(np.arange(30), 5)
    by_patient = by_slice = 0
    for seed in range(150):
        values = random.randn(30)[patients] + 0.2 * random.randn(150)
        found = bootstrap_patients(lambda index, values=values: values[index].mean(), patients, seed=seed)
        by_patient += found.low <= 0 <= found.high
        alone = bootstrap_patients(lambda index, values=values: values[index].mean(), np.arange(150), seed=seed)
        by_slice += alone.low <= 0 <= alone.high
    assert by_patient >= 0.87 * 150
    assert by_slice < 0.75 * 150


def test_value_level_and_seed():
    values = np.random.RandomState(0).randn(24)
    first, again, other, narrow = (
        bootstrap_patients(lambda index: values[index].mean(), PATIENTS, seed=seed, level=level)
        for seed, level in ((0, 0.95), (0, 0.95), (1, 0.95), (0, 0.5))
    )
    assert first == again
    assert first[1:3] != other[1:3]
    assert first.low < narrow.low < narrow.high < first.high
    assert first.value == values.mean()
    assert (first.level, first.num_patients, first.num_samples, first.note) == (0.95, 8, 200, None)


def test_synthetic_slices_are_drawn_one_by_one():
    seen: list[np.ndarray] = []

    def statistic(real: np.ndarray, synthetic: np.ndarray) -> float:
        seen.append(synthetic)
        return float(len(real))

    bootstrap_patients(statistic, PATIENTS, num_samples=5, num_synthetic=50)
    np.testing.assert_array_equal(seen[0], np.arange(50))
    assert all(len(index) == 50 and 25 < len(set(index)) < 45 for index in seen[1:])


@pytest.mark.parametrize(("count", "reliable"), [(2, False), (4, False), (5, True)])
def test_few_patients_are_marked(count, reliable):
    values = np.arange(float(3 * count))
    found = bootstrap_patients(lambda index: values[index].mean(), np.repeat(np.arange(count), 3))
    assert found.num_patients == count
    if reliable:
        assert found.note is None
    else:
        assert found.note == f"unreliable: only {count} patients, at least 5 are needed"


def test_resamples_without_a_number_are_told():
    values = np.where(PATIENTS == "p0", 1.0, np.nan)

    def statistic(index: np.ndarray) -> float | None:
        present = values[index][~np.isnan(values[index])]
        return float(present.mean()) if len(present) else None

    found = bootstrap_patients(statistic, PATIENTS)
    assert found.num_samples < 200
    assert found.note == f"not defined in {200 - found.num_samples} resamples, which were left out"


def test_a_number_that_depends_on_distinct_slices_is_centered():
    random = np.random.RandomState(0)
    a, b = random.randn(24, 10), random.randn(40, 10)

    def statistic(real: np.ndarray, synthetic: np.ndarray) -> float:
        return frechet_distance(b[synthetic], a[real])

    shifted, centered = (
        bootstrap_patients(statistic, PATIENTS, num_synthetic=40, method=method)
        for method in ("percentile", "centered")
    )
    assert shifted.low > shifted.value
    assert shifted.note is not None and 'method="centered"' in shifted.note
    assert centered.low < centered.value < centered.high
    assert centered.note is None
    assert centered.high - centered.low == pytest.approx(shifted.high - shifted.low)


@pytest.mark.parametrize(("arguments", "text"), ERRORS)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        bootstrap_patients(**({"statistic": lambda *index: 0.5, "patients": PATIENTS} | arguments))
