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
"""Tests of comparisons between arms: known answers, outside implementations, and how often they are wrong."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import stats

from monai_dcgan.downstream.cells import PooledRow, Row
from monai_dcgan.downstream.comparison import compare, holm
from monai_dcgan.downstream.crossed import Draws
from monai_dcgan.downstream.sentence import Verdict, verdict_of

NAN = math.nan
HOLM = [
    [[0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]],
    [[0.5, 0.6], [1.0, 1.0]],
    [[0.04, 0.0395], [0.079, 0.079]],
    [[0.2], [0.2]],
    [[], []],
]
# Values (patients, seeds) of the baseline and of the arm; what must come out.
KNOWN = [
    [
        "two patients gain, one loses",
        "dice",
        [[0.5, 0.5], [0.6, 0.6], [0.7, 0.7]],
        [[0.6, 0.8], [0.7, 0.7], [0.6, 0.7]],
        {"difference": 0.25 / 3, "better": 2, "worse": 1, "equal": 0, "num_patients": 3, "num_seeds": 2},
    ],
    [
        "less is better",
        "hd95",
        [[5.0, 5.0], [6.0, 6.0], [7.0, 7.0]],
        [[4.0, 4.0], [6.0, 6.0], [6.0, 5.0]],
        {"difference": -2.5 / 3, "better": 2, "worse": 0, "equal": 1, "mean": 4.0 + 3.5 / 3, "mean_baseline": 6.0},
    ],
    [
        "nothing differs",
        "dice",
        [[0.1, 0.3], [0.2, 0.3], [0.4, 0.3]],
        [[0.1, 0.3], [0.2, 0.3], [0.4, 0.3]],
        {"difference": 0.0, "low": 0.0, "high": 0.0, "p_wilcoxon": 1.0, "p_holm": 1.0, "effect_size": None, "equal": 3},
    ],
    [
        "differences of rounding are none",
        "dice",
        [[0.1, 0.3], [0.2, 0.3], [0.4, 0.3]],
        [[0.1 + 1e-16, 0.3], [0.2, 0.3], [0.4, 0.3 - 1e-16]],
        {"better": 0, "worse": 0, "equal": 3, "p_holm": 1.0, "effect_size": None},
    ],
    [
        "no number in one arm: out of both",
        "hd95",
        [[5.0, NAN], [6.0, 6.0], [NAN, NAN], [8.0, 8.0]],
        [[4.0, 1.0], [NAN, 4.0], [NAN, 3.0], [8.0, 8.0]],
        {"left_out": 4, "only_arm": 1, "only_baseline": 2, "num_patients": 3, "better": 2, "equal": 1, "unpaired": 0}
        # First seed: 4 and 8 against 5 and 8; second: 4 and 8 against 6 and 8.
        | {"mean": 6.0, "mean_baseline": 6.75, "difference": -0.75},
    ],
    [
        "one patient has no interval",
        "dice",
        [[0.5, 0.5]],
        [[0.6, 0.7]],
        {"difference": 0.15, "low": None, "high": None, "p_crossed": None, "p_holm": None, "num_tests": 0},
    ],
    [
        "nothing is defined",
        "hd95",
        [[NAN, NAN], [NAN, NAN]],
        [[1.0, 2.0], [3.0, NAN]],
        {"low": None, "p_holm": None, "p_wilcoxon": None, "num_patients": 0, "left_out": 4, "only_baseline": 3},
    ],
]
COUNTS_OF_LEFT_OUT = ("left_out", "only_arm", "only_baseline")
ROW = Row("seg", "real", 5, 0, "a", "dice", 0.5)
ERRORS = [
    [[ROW, ROW], {}, "rows must hold one number, finite or NaN, of each network and patient"],
    [[ROW._replace(value=math.inf)], {}, "rows must hold one number, finite or NaN"],
    [
        [ROW, ROW._replace(task="other")],
        {},
        r"rows must be of one task and hold the metric dice, got those of \['other'",
    ],
    [[], {}, r"rows must be of one task and hold the metric dice, got those of \[\]; give task"],
    [[ROW], {"metric": "dicee"}, "metric must be one of dice, surface_dice,.* got 'dicee'"],
    [[ROW], {"baseline_arm": "none"}, "baseline_arm must be one of real, got 'none'"],
    [[ROW], {"statistic": np.mean}, "rows must be PooledRow with a statistic, got others"],
    [[PooledRow("seg", "real", 5, 0, "a", 0.5, 1)], {}, "rows must be Row without a statistic, got others"],
    [
        [ROW, ROW._replace(arm="new", patient="b")],
        {},
        "rows of new and real must share held-out patients, got none",
    ],
]


def rows_of(values, arm="real", patients=5, metric="dice"):
    values = np.asarray(values, dtype=float)
    return [
        Row("seg", arm, patients, seed, f"p{place}", metric, float(values[place, seed]))
        for place in range(values.shape[0])
        for seed in range(values.shape[1])
    ]


def compared(baseline, arm, metric="dice", **options):
    rows = rows_of(baseline, metric=metric) + rows_of(arm, "new", metric=metric)
    return compare(rows, "real", metric, **options).comparisons[0]


def means_of(values, metric="dice"):
    return compare(rows_of(values, metric=metric), "real", metric).means


def drawn(random, patients=15, seeds=3, between_patients=0.03, between_seeds=0.01, within=0.03):
    """Return differences (P, S) without any effect of the arm."""
    return (
        random.normal(0, between_patients, (patients, 1))
        + random.normal(0, between_seeds, (1, seeds))
        + random.normal(0, within, (patients, seeds))
    )


@pytest.mark.parametrize("name, metric, baseline, arm, expected", KNOWN, ids=[str(case[0]) for case in KNOWN])
def test_known_answers(name, metric, baseline, arm, expected):
    found = asdict(compared(baseline, arm, metric))
    for key, value in expected.items():
        assert found[key] == (None if value is None else pytest.approx(value, abs=1e-12)), key


@pytest.mark.parametrize("p_values, expected", HOLM)
def test_holm(p_values, expected):
    assert holm(p_values) == pytest.approx(expected)


@pytest.mark.parametrize("rows, options, message", ERRORS)
def test_errors(rows, options, message):
    with pytest.raises(ValueError, match=message):
        compare(rows, **{"baseline_arm": "real", "metric": "dice", **options})


def test_agrees_with_scipy():
    difference = drawn(np.random.RandomState(1)) + 0.01
    baseline = np.random.RandomState(2).uniform(0.4, 0.9, difference.shape)
    found = compared(baseline, baseline + difference)
    own = difference.mean(axis=1)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(own).pvalue)
    assert found.effect_size == pytest.approx(stats.ttest_1samp(own, 0).statistic / math.sqrt(len(own)))
    assert found.difference == pytest.approx(difference.mean())
    assert found.p_holm == max(found.p_wilcoxon, found.p_crossed)


def test_pooled_mean_of_one_slice_a_patient_is_the_mean_over_patients():
    random = np.random.RandomState(5)
    baseline, arm = random.uniform(0, 1, (2, 9, 3))
    pooled = [
        PooledRow(row.task, row.arm, row.patients, row.seed, row.patient, row.value, 0)
        for row in rows_of(baseline) + rows_of(arm, "new")
    ]
    found = compare(pooled, "real", "auc", statistic=lambda scores, labels: scores.mean()).comparisons[0]
    expected = compared(baseline, arm)
    for name in ("mean", "mean_baseline", "difference", "low", "high", "p_crossed", "num_patients", "num_seeds"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name
    assert found.p_wilcoxon is found.effect_size is found.better is None
    assert found.p_holm == found.p_crossed


def test_pooled_scores_of_several_classes_and_patients_with_many_slices():
    seen = []

    def accuracy(scores, labels):
        seen.append((scores.shape, labels.shape))
        return None if len(labels) < 6 else float((scores.argmax(axis=1) == labels).mean())

    rows = []
    for arm, right in (("real", 0.0), ("new", 1.0)):
        for patient, slices in (("a", 1), ("b", 4), ("c", 4)):
            rows += [PooledRow("class", arm, 5, 0, patient, (right, 0.5, 0.0), 0)] * slices
    found = compare(rows, "real", "accuracy", statistic=accuracy, draws=Draws(num_samples=100)).comparisons[0]
    assert (found.mean, found.mean_baseline, found.num_patients) == (1.0, 0.0, 3)
    # All 9 slices first; then patients with all their slices: 3 to 12 of them.
    assert seen[0] == ((9, 3), (9,)) and {labels[0] for _, labels in seen} == {3, 6, 9, 12}


def test_an_unfinished_experiment_compares_what_is_paired():
    values = np.random.RandomState(0).uniform(0.4, 0.9, (6, 3))
    rows = rows_of(values) + rows_of(values, patients=10) + rows_of(values[:5, :2] + 0.1, "new")
    table = compare(rows, "real", "dice")
    assert table.missing == ("new, 5 training patients: seed 2", "new, 10 training patients: seed 0, 1, 2")
    (found,) = table.comparisons
    assert (found.num_patients, found.num_seeds, found.unpaired) == (5, 2, 2)
    assert found.difference == pytest.approx(0.1)
    assert found.mean_baseline == pytest.approx(values[:5, :2].mean())
    assert [(one.arm, one.patients) for one in table.means] == [("real", 5), ("real", 10), ("new", 5)]


@pytest.fixture
def partly():
    """Return rows of HD95, in some patients of one arm and some seeds of the other not defined, and the rest."""

    def rows(sizes, seed):
        patients, seeds, undefined_patients, undefined_seeds = sizes
        random = np.random.RandomState(seed)
        baseline = random.uniform(8, 12, (patients, seeds))
        arm = baseline - 0.7 + drawn(random, patients, seeds, 0.5, 0.35, 0.2)
        arm[:undefined_patients] = baseline[:, :undefined_seeds] = NAN
        whole = rows_of(baseline, metric="hd95") + rows_of(arm, "new", metric="hd95")
        there = {f"p{place}" for place in range(undefined_patients, patients)}
        return whole, [row for row in whole if row.patient in there and row.seed >= undefined_seeds]

    return rows


@pytest.mark.parametrize("sizes, seed", [[(12, 5, 0, 2), 6], [(30, 3, 24, 0), 191], [(14, 6, 3, 1), 29]])
def test_patients_and_seeds_without_a_number_make_nothing_surer(partly, sizes, seed):
    """If they counted, each of these would be a gain."""
    whole, rest = partly(sizes, seed)
    (found,), (expected,) = (compare(rows, "real", "hd95").comparisons for rows in (whole, rest))
    patients, seeds, undefined_patients, undefined_seeds = sizes
    assert (found.num_patients, found.num_seeds) == (patients - undefined_patients, seeds - undefined_seeds)
    assert found.left_out == patients * seeds - found.num_patients * found.num_seeds
    assert found.only_arm == undefined_patients * found.num_seeds
    assert found.only_baseline == undefined_seeds * found.num_patients
    assert found == replace(expected, **{name: getattr(found, name) for name in COUNTS_OF_LEFT_OUT})
    assert verdict_of(found) == Verdict.NONE


def test_an_arm_by_itself_is_no_surer_by_patients_and_seeds_without_a_number(partly):
    whole, rest = ([row for row in rows if row.arm == "real"] for rows in partly((14, 6, 3, 2), 0))
    whole = [row._replace(value=NAN) if row not in rest else row for row in whole]
    (found,), (expected,) = (compare(rows, "real", "hd95").means for rows in (whole, rest))
    assert found == replace(expected, seeds={0: None, 1: None} | expected.seeds, undefined=14 * 6 - 11 * 4)
    assert found.num_patients == 11 and found.low is not None


def test_a_seed_without_a_pooled_number_makes_nothing_surer():
    """Of the first two of five seeds the arm has no number."""
    arm = 0.6 + drawn(np.random.RandomState(0), 12, 5)
    rows = [
        PooledRow("class", row.arm, 5, row.seed, row.patient, row.value, row.seed)
        for row in rows_of(np.full((12, 5), 0.5)) + rows_of(arm, "new")
    ]

    def mean(scores, labels):
        return None if labels[0] < 2 and scores.std() > 0 else scores.mean()

    whole = compare(rows, "real", "auc", statistic=mean)
    rest = compare([row for row in rows if row.seed > 1], "real", "auc", statistic=mean)
    (found,), (expected,) = whole.comparisons, rest.comparisons
    assert (found.num_seeds, found.left_out, found.only_arm, found.only_baseline) == (3, 24, 24, 0)
    assert found == replace(expected, **{name: getattr(found, name) for name in COUNTS_OF_LEFT_OUT})
    (_, found), (_, expected) = whole.means, rest.means
    assert found == replace(expected, seeds={0: None, 1: None} | expected.seeds, undefined=24)


def test_a_pooled_number_that_is_nowhere_defined():
    rows = [PooledRow("c", arm, 5, seed, f"p{n}", 0.5, 1) for arm in ("real", "new") for seed in (0, 1) for n in (0, 1)]
    (found,) = compare(rows, "real", "auc", statistic=lambda scores, labels: None).comparisons
    assert math.isnan(found.mean) and math.isnan(found.difference)
    assert (found.num_seeds, found.left_out, found.low, found.p_holm, found.num_tests) == (0, 4, None, None, 0)


def test_arms_by_themselves():
    values = np.array([[0.5, 0.7], [0.6, 0.8], [NAN, 0.9]])
    (found,) = means_of(values)
    assert found.seeds == pytest.approx({0: 0.55, 1: 0.8}) and found.mean == pytest.approx(0.675)
    assert (found.num_patients, found.undefined) == (3, 1)
    assert found.low < found.mean < found.high


@pytest.mark.parametrize(("metric", "highest"), [("dice", 1.0), ("hd95", 5.0)])
def test_the_interval_of_an_arm_ends_where_the_metric_does(metric, highest):
    """Of three patients two are at an end: widened for so few, the interval would go beyond it."""
    (low,) = means_of([[0.0], [0.0], [highest]], metric)
    (high,) = means_of([[0.0], [highest], [highest]], metric)
    assert low.low == 0.0
    assert high.high == 1.0 if metric == "dice" else high.high > highest


def test_order_of_rows_does_not_matter():
    difference = drawn(np.random.RandomState(4))
    rows = rows_of(difference * 0 + 0.5) + rows_of(0.5 + difference, "new")
    mixed = [rows[place] for place in np.random.RandomState(0).permutation(len(rows))]
    assert compare(mixed, "real", "dice").comparisons == compare(rows, "real", "dice").comparisons


def test_the_correction_covers_the_whole_table():
    random, rows = np.random.RandomState(6), []
    for number in (5, 10):
        base = random.uniform(0.4, 0.9, (15, 3))
        rows += rows_of(base, patients=number)
        for arm in ("new", "newer"):
            rows += rows_of(base + drawn(random) + 0.015, arm, number)
    found = compare(rows, "real", "dice").comparisons
    largest = [max(one.p_wilcoxon, one.p_crossed) for one in found]
    assert {one.num_tests for one in found} == {4}
    assert [one.p_holm for one in found] == pytest.approx(holm(largest))
    assert min(one.p_holm for one in found) == pytest.approx(4 * min(largest))


@pytest.mark.parametrize("seeds, between_seeds", [[3, 0.0], [3, 0.01], [5, 0.03]])
def test_arms_without_effect_show_none(seeds, between_seeds):
    random, trials, findings = np.random.RandomState(7), 400, 0
    for _ in range(trials):
        difference = drawn(random, seeds=seeds, between_seeds=between_seeds)
        found = compared(difference * 0 + 0.5, 0.5 + difference, draws=Draws(num_samples=300))
        findings += verdict_of(found) != Verdict.NONE
    # A count that a true share of 5 percent passes in one of a thousand runs.
    assert findings <= stats.binom.ppf(0.999, trials, 0.05)


def test_shuffled_arms_show_nothing_where_the_true_ones_do():
    random = np.random.RandomState(8)
    base = random.uniform(0.4, 0.8, (15, 3))
    arm = base + drawn(random, within=0.02) + 0.05
    assert verdict_of(compared(base, arm)) == Verdict.GAIN
    findings = 0
    for _ in range(200):
        # Patients keep their numbers, arms change hands.
        swapped = random.rand(15, 1) < 0.5
        one, two = np.where(swapped, arm, base), np.where(swapped, base, arm)
        findings += verdict_of(compared(one, two, draws=Draws(num_samples=300))) != Verdict.NONE
    assert findings <= stats.binom.ppf(0.999, 200, 0.05)
