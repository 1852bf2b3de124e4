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
"""Tests of the arms and the plan of an experiment."""

from __future__ import annotations

import pytest

from monai_dcgan.downstream import ARMS, Arm, Group, Plan

SPLITS = {
    **{f"t{number:02}": "train" for number in range(20)},
    **{f"v{number}": "validation" for number in range(4)},
    **{f"x{number}": "test" for number in range(5)},
}
ARM_CASES = [
    ["real", (True, False, [], False)],
    ["real+classical", (True, True, [], False)],
    ["real+synthetic", (True, False, ["synthetic"], True)],
    ["real+classical+synthetic+shuffled", (True, True, ["synthetic"], True)],
    ["real+implanted+shuffled", (True, False, ["implanted"], True)],
    ["classical+synthetic", (False, True, ["synthetic"], True)],
    ["real+copied", (True, False, ["copied"], False)],
    ["real+synthetic+copied", (True, False, ["synthetic", "copied"], True)],
]
BAD_ARMS = [
    ["classical", "must have real slices, some of synthetic, implanted, copied, or both, got 'classical'"],
    ["", "must join some of real, classical, synthetic, implanted, copied, shuffled by"],
    ["synthetic+real", "in this order, got 'synthetic.real'"],
    ["real+real", "in this order, got 'real.real'"],
    ["real+fake", "must join some of"],
    ["real+shuffled", "must have some of synthetic, implanted, copied slices to be shuffled, got 'real.shuffled'"],
]
BAD_PLANS = [
    [{"patients": [21]}, "patients must be numbers from 1 to the 20 training patients, or 'all', got 21"],
    [{"patients": [0]}, "got 0"],
    [{"patients": [True]}, "got True"],
    [{"patients": []}, "patients must hold at least one"],
    [{"patients": [20, "all"]}, "patients must not hold one twice, got 20"],
    [{"arms": ["real", "real"]}, "arms must not hold one twice, got real"],
    [{"arms": ["synthetic"]}, "arms must hold real or real.classical to compare others with, got synthetic"],
    [{"seeds": [-1]}, "seeds must be a whole number of at least 0, got -1"],
]


def make_plan(**changes):
    given = {"tasks": ["segmentation"], "arms": ["real"], "patients": [10, 5, "all"], "seeds": [0, 1], **changes}
    return Plan(SPLITS, **given)


@pytest.mark.parametrize(("name", "expected"), ARM_CASES)
def test_arms(name, expected):
    arm = Arm(name)
    assert (arm.real, arm.classical, arm.made, arm.generated) == expected


@pytest.mark.parametrize(("name", "text"), BAD_ARMS)
def test_bad_arms(name, text):
    with pytest.raises(ValueError, match=text):
        Arm(name)


def test_the_arms_of_the_question_are_arms():
    assert [Arm(name).name for name in ARMS] == list(ARMS)


@pytest.mark.parametrize(("changes", "text"), BAD_PLANS)
def test_bad_plans(changes, text):
    with pytest.raises(ValueError, match=text):
        make_plan(**changes)


def test_the_first_number_of_patients_comes_first():
    groups = [(group.patients, group.seed) for group in make_plan().groups()]
    assert groups == [(10, 0), (10, 1), (5, 0), (5, 1), (20, 0), (20, 1)]
    cells = list(make_plan(tasks=["a", "b"], arms=["real", "synthetic"]).cells())
    assert len(cells) == len({cell.name for cell in cells}) == 24


def test_the_stronger_arm_of_real_slices_is_the_baseline():
    assert make_plan(arms=ARMS).baseline == "real+classical"
    assert make_plan(arms=["real+synthetic", "real"]).baseline == "real"


def test_fewer_patients_are_among_more_and_seeds_differ():
    plan = make_plan()
    five, ten, other = (set(plan.training_patients(group)) for group in (Group(5, 0), Group(10, 0), Group(5, 1)))
    assert five < ten and len(ten) == 10
    assert five != other
    assert plan.training_patients(Group(20, 0)) == plan.training


def test_those_who_are_not_used_are_left_out():
    plan = make_plan()
    splits = plan.splits_of(Group(5, 0))
    assert set(splits) == set(SPLITS)
    assert sorted(name for name, part in splits.items() if part == "train") == plan.training_patients(Group(5, 0))
    assert sum(part == "left_out" for part in splits.values()) == 15
    assert all(splits[name] == part for name, part in SPLITS.items() if part != "train")
