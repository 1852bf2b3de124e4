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
"""Tests of what is said about comparisons."""

from __future__ import annotations

import pytest

from monai_dcgan.downstream.comparison import Comparison
from monai_dcgan.downstream.metrics import METRICS
from monai_dcgan.downstream.sentence import Verdict, finding, limits_of, p_text, reasons, verdict_of

BASE = {
    "task": "seg",
    "metric": "dice",
    "arm": "both",
    "baseline": "real",
    "patients": 5,
    "num_patients": 20,
    "num_seeds": 3,
    "mean": 0.71,
    "mean_baseline": 0.678,
    "difference": 0.032,
    "low": 0.011,
    "high": 0.053,
    "level": 0.95,
    "effect_size": 0.8,
    "p_wilcoxon": 0.002,
    "p_crossed": 0.003,
    "p_holm": 0.009,
    "num_tests": 3,
    "better": 15,
    "worse": 5,
    "equal": 0,
}
LOSS = {"difference": -0.032, "low": -0.053, "high": -0.011, "mean": 0.646}
DISTANCE = {"metric": "hd95", "mean": 12.0, "mean_baseline": 14.5, "difference": -2.5, "low": -4.0, "high": -1.0}
NONE = {"difference": 0.004, "low": -0.009, "high": 0.017, "mean": 0.682, "p_holm": 0.61}
MISSING = {"difference": float("nan"), "mean": float("nan"), "mean_baseline": float("nan"), "low": None, "high": None}
DICE = "Dice with 5 training patients:"
FINDINGS = [
    [
        {},
        Verdict.GAIN,
        f"{DICE} both is better than real by 3.2 points (95% interval 1.1 to 5.3, p = 0.009 after "
        "Holm's correction; 71.0 against 67.8), better in 15 of 20 held-out patients, over 3 seeds.",
    ],
    [
        LOSS,
        Verdict.HARM,
        f"{DICE} both is worse than real by 3.2 points (95% interval 1.1 to 5.3, p = 0.009 after "
        "Holm's correction; 64.6 against 67.8), worse in 5 of 20 held-out patients, over 3 seeds.",
    ],
    [
        {**DISTANCE, "left_out": 3, "only_arm": 2},
        Verdict.GAIN,
        "HD95 with 5 training patients: both is better than real by 2.5 mm (95% interval 1.0 to 4.0, p = 0.009 after "
        "Holm's correction; 12.0 against 14.5), better in 15 of 20 held-out patients, over 3 seeds; 3 pairs without a "
        "number left out, 2 with both alone.",
    ],
    [
        {**DISTANCE, "difference": 2.5, "low": 1.0, "high": 4.0, "mean": 17.0, "patients": 1},
        Verdict.HARM,
        "HD95 with 1 training patient: both is worse than real by 2.5 mm (95% interval 1.0 to 4.0, p = 0.009 after "
        "Holm's correction; 17.0 against 14.5), worse in 5 of 20 held-out patients, over 3 seeds.",
    ],
    [
        {"metric": "auc", "p_wilcoxon": None, "better": None, "worse": None, "equal": None, "num_patients": 6},
        Verdict.GAIN,
        "AUC with 5 training patients: both is better than real by 3.2 points (95% interval 1.1 to 5.3, p = 0.009 "
        "after Holm's correction; 71.0 against 67.8), over 3 seeds.",
    ],
    [
        NONE,
        Verdict.NONE,
        f"{DICE} no difference shown between both and real (68.2 against 67.8 points, 95% interval "
        "of the gain -0.9 to 1.7, p = 0.61 after Holm's correction). A gain of up to 1.7 points and a loss of up to "
        "0.9 points remain possible.",
    ],
    [
        {**NONE, "metric": "hd95", "mean": 14.0, "mean_baseline": 14.5, "difference": -0.5, "low": -2.0, "high": 1.0},
        Verdict.NONE,
        "HD95 with 5 training patients: no difference shown between both and real (14.0 against 14.5 mm, 95% interval "
        "of the gain -1.0 to 2.0, p = 0.61 after Holm's correction). A gain of up to 2.0 mm and a loss of up to 1.0 mm "
        "remain possible.",
    ],
    [
        {"p_holm": 0.051},
        Verdict.NONE,
        f"{DICE} no difference shown between both and real (71.0 against 67.8 points, 95% interval "
        "of the gain 1.1 to 5.3, p = 0.051 after Holm's correction). A gain of up to 5.3 points remains possible; the "
        "interval leaves out 0, but not after the correction.",
    ],
    [
        {"low": -0.001},
        Verdict.NONE,
        f"{DICE} no difference shown between both and real (71.0 against 67.8 points, 95% interval "
        "of the gain -0.1 to 5.3, p = 0.009 after Holm's correction). A gain of up to 5.3 points and a loss of up to "
        "0.1 points remain possible.",
    ],
    [
        {**NONE, "difference": 0.0, "low": 0.0, "high": 0.0, "mean": 0.678, "p_holm": 1.0},
        Verdict.NONE,
        f"{DICE} no difference shown between both and real (67.8 against 67.8 points, 95% interval "
        "of the gain 0.0 to 0.0, p = 1.00 after Holm's correction). All differences are 0.",
    ],
    [
        {"num_patients": 4},
        Verdict.UNCLEAR,
        f"{DICE} too little data to tell both from real (4 held-out patients, at least 5 are "
        "needed). Measured: 71.0 against 67.8 points.",
    ],
    [
        {"num_seeds": 1},
        Verdict.UNCLEAR,
        f"{DICE} too little data to tell both from real (1 seed, at least 3 are needed). Measured: "
        "71.0 against 67.8 points.",
    ],
    [
        # 3 / 2^6 is 0.047, 4 / 2^6 is 0.0625.
        {"num_patients": 7, "num_tests": 4},
        Verdict.UNCLEAR,
        f"{DICE} too little data to tell both from real (with 7 held-out patients and 4 comparisons "
        "no difference of any size can reach p < 0.05). Measured: 71.0 against 67.8 points.",
    ],
    [
        {"low": None, "high": None, "p_crossed": None, "p_holm": None},
        Verdict.UNCLEAR,
        f"{DICE} too little data to tell both from real (too few numbers are defined for an "
        "interval and a test). Measured: 71.0 against 67.8 points.",
    ],
    [
        {**MISSING, "num_patients": 0, "num_seeds": 0, "p_holm": None, "p_wilcoxon": None, "left_out": 6},
        Verdict.UNCLEAR,
        f"{DICE} too little data to tell both from real (0 held-out patients, at least 5 are "
        "needed; 0 seeds, at least 3 are needed). Nothing measured; 6 pairs without a number left out.",
    ],
]
P_VALUES = [
    [None, "-"],
    [0.0004, "< 0.001"],
    [0.0312, "= 0.031"],
    [0.0494, "= 0.049"],
    [0.0496, "< 0.05"],
    [0.04996, "< 0.05"],
    [0.05, "= 0.050"],
    [0.0501, "= 0.050"],
    [0.0995, "= 0.10"],
    [0.614, "= 0.61"],
    [1.0, "= 1.00"],
]
NUMBERS = [["dice", 0.7104, "71.0"], ["dice", 0.0004, "0.04"], ["dice", -1e-12, "0.0"], ["hd95", -2.06, "-2.1"]]


@pytest.mark.parametrize("changes, verdict, sentence", FINDINGS)
def test_findings(changes, verdict, sentence):
    comparison = Comparison(**{**BASE, **changes})
    assert verdict_of(comparison) == verdict
    assert finding(comparison) == sentence
    assert bool(reasons(comparison)) == (verdict == Verdict.UNCLEAR)


def test_seven_patients_can_show_something_in_three_comparisons():
    assert verdict_of(Comparison(**{**BASE, "num_patients": 7, "num_tests": 3})) == Verdict.GAIN


def test_the_level_decides():
    strict = Comparison(**{**BASE, "level": 0.995})
    assert verdict_of(strict) == Verdict.NONE and " 99.5% interval" in finding(strict)


@pytest.mark.parametrize("p, text", P_VALUES)
def test_p_values(p, text):
    assert p_text(p) == text


@pytest.mark.parametrize("metric, value, text", NUMBERS)
def test_numbers(metric, value, text):
    assert METRICS[metric].number(value) == text


def test_limits_are_those_of_the_gain():
    assert limits_of(Comparison(**{**BASE, **DISTANCE})) == (1.0, 4.0)
    assert limits_of(Comparison(**{**BASE, "low": None})) is None


def test_unknown_metrics_are_refused():
    with pytest.raises(ValueError, match="metric must be one of dice, surface_dice"):
        finding(Comparison(**{**BASE, "metric": "dicee"}))
