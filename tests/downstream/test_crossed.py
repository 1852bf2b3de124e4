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
"""Tests of intervals over patients and seeds: outside implementations, and how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from monai_dcgan.downstream.cells import ByPatient, Pooled, PooledRow, Row
from monai_dcgan.downstream.crossed import Draws


def resampled(numbers, **options):
    """Return the mean of numbers (P, S) with its interval."""
    numbers = np.asarray(numbers, dtype=float)
    return Draws(**options).of(lambda counts: counts @ numbers / counts.sum(axis=1, keepdims=True), *numbers.shape)


@pytest.mark.parametrize(
    "options, message",
    [
        [{"num_samples": 99}, "num_samples must be a whole number of at least 100, got 99; 2000 is usual"],
        [{"num_samples": 200.0}, "num_samples must be a whole number of at least 1, got 200.0"],
        [{"level": 1.0}, "level must be a number above 0 and below 1, got 1.0"],
        [{"seed": -1}, "seed must be a whole number of at least 0, got -1"],
    ],
)
def test_draws_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Draws(**options)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("patients", [8, 30])
def test_one_seed_is_the_t_test_over_patients(patients, level):
    numbers = np.random.RandomState(3).normal(0.02, 0.04, (patients, 1))
    found = resampled(numbers, num_samples=40000, level=level)
    outside = stats.ttest_1samp(numbers[:, 0], 0)
    assert found.p == pytest.approx(outside.pvalue, rel=0.05)
    low, high = outside.confidence_interval(level)
    assert found.interval == pytest.approx([low, high], abs=0.06 * (high - low))


def test_where_only_seeds_differ_it_is_the_t_test_over_seeds():
    seeds = np.array([0.01, 0.05, 0.02, 0.04])
    found = resampled(np.tile(seeds, (10, 1)))
    assert found.p == pytest.approx(stats.ttest_1samp(seeds, 0).pvalue)
    assert found.seeds == pytest.approx(seeds)


def test_two_seeds_that_differ_by_hand():
    """Draws of seeds lie at 0, 1/2 and 1; the ends are those of the mean, widened by sqrt(2) and t over z."""
    half = 0.5 * math.sqrt(2) * stats.t.isf(0.025, 1) / stats.norm.isf(0.025)
    assert resampled(np.tile([0.0, 1.0], (10, 1))).interval == pytest.approx([0.5 - half, 0.5 + half])


def test_what_all_patients_of_a_seed_share_does_not_average_out_over_patients():
    shared = np.tile([0.06, -0.06, 0.06, -0.06], (30, 1))
    own = np.random.RandomState(0).choice([0.06, -0.06], (30, 4))
    widths = [high - low for low, high in (resampled(numbers).interval for numbers in (shared, own))]
    assert widths[0] > 2.5 * widths[1]


@pytest.mark.parametrize(
    "patients, seeds, between_seeds", [[15, 3, 0.0], [15, 3, 0.01], [15, 3, 0.03], [15, 5, 0.03], [8, 3, 0.01]]
)
def test_intervals_hold_the_truth(patients, seeds, between_seeds):
    random, trials, covered = np.random.RandomState(7), 500, 0
    for _ in range(trials):
        numbers = random.normal(0, 0.03, (patients, 1)) + random.normal(0, between_seeds, (1, seeds))
        low, high = resampled(numbers + random.normal(0, 0.03, (patients, seeds)), num_samples=300).interval
        covered += low <= 0 <= high
    # A count that a true share of 95 percent falls short of in one of a thousand runs; intervals are not endless.
    assert stats.binom.ppf(0.001, trials, 0.95) <= covered < trials


def test_equal_seeds_give_equal_draws_and_others_others():
    numbers = np.random.RandomState(1).normal(size=(6, 3))
    assert resampled(numbers, seed=1).interval == resampled(numbers, seed=1).interval
    assert resampled(numbers, seed=1).interval != resampled(numbers, seed=2).interval


@pytest.mark.parametrize(
    "numbers, value, p",
    [[np.zeros((6, 3)), 0.0, 1.0], [np.full((6, 3), 0.25), 0.25, 0.0], [np.full((6, 3), np.nan), math.nan, None]],
)
def test_without_any_spread(numbers, value, p):
    found = resampled(numbers)
    assert found.value == pytest.approx(value, nan_ok=True) and found.p == p
    assert found.interval == (None if p is None else [value, value])


def test_a_number_that_is_rarely_defined_has_no_interval():
    """All six patients together have a number, drawn ones hardly ever."""
    found = Draws().of(lambda counts: np.where((counts == 1).all(axis=1, keepdims=True), [0.5, 0.7], math.nan), 6, 2)
    assert found.value == pytest.approx(0.6) and found.interval is found.p is None


def test_pooled_numbers_of_an_arm_are_made_once():
    calls = []
    rows = [PooledRow("c", arm, 5, 0, f"p{n}", n / 9, n % 2) for arm in ("a", "b") for n in range(9)]
    cells = Pooled(rows, "auc", lambda scores, labels: calls.append(1) or float(scores.mean()))
    (table,) = cells.shared(("a", 5)).tables
    first, count = Draws(num_samples=100).of(table, 9, 1), len(calls)
    again = Draws(num_samples=100).of(table, 9, 1)
    other = Draws(num_samples=100, seed=1).of(table, 9, 1)
    assert (count, len(calls)) == (101, 201) and first.interval == again.interval != other.interval


def test_rows_of_other_tasks_and_metrics_are_passed_over():
    rows = [Row(task, "real", 5, 0, "a", metric, 0.5) for task in ("x", "y") for metric in ("dice", "hd95")]
    cells = ByPatient(rows, "dice", "y")
    assert cells.task == "y" and cells.filled() == [("real", 5)] and cells.missing() == []
