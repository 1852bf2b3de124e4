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
"""Means, intervals and gaps by subgroup, with patients as the unit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monai_dcgan.evaluation.privacy import age_groups, by_subgroup, subgroup_report, tumor_size_groups


def sites(shift, num_patients=20, per_patient=8, seed=0):
    """Values of patients of two sites, with an effect of the patient on all its slices."""
    random = np.random.RandomState(seed)
    patients = np.repeat(np.arange(num_patients), per_patient)
    names = np.where(patients % 2, "b", "a")
    values = random.randn(num_patients)[patients] + 0.3 * random.randn(len(patients)) + shift * (names == "b")
    return values, names.tolist(), [str(patient) for patient in patients]


def test_rows_and_gap():
    values, names, patients = sites(3.0)
    found = by_subgroup(values, names, patients)
    assert [(row["group"], row["n"], row["patients"], row["reliable"]) for row in found["rows"]] == [
        ("a", 80, 10, True),
        ("b", 80, 10, True),
    ]
    for row in found["rows"]:
        assert row["mean"] == pytest.approx(values[np.array(names) == row["group"]].mean())
        assert row["interval"][0] < row["mean"] < row["interval"][1]
    gap = found["gap"]
    assert gap["groups"] == ["b", "a"] and gap["interval"][0] > 0 and gap["p_value"] < 0.01
    json.dumps(found, allow_nan=False)


def test_patients_are_the_unit():
    found = [by_subgroup(*sites(0.0, seed=seed), num_permutations=199)["gap"]["p_value"] for seed in range(20)]
    assert sum(value < 0.05 for value in found) <= 4
    # Were slices the unit, the effect of a patient would pass for one of the group.
    wrong = [by_subgroup(*sites(0.0, seed=seed)[:2], num_permutations=199)["gap"]["p_value"] for seed in range(20)]
    assert sum(value < 0.05 for value in wrong) >= 8


def test_groups_within_patients():
    values, _, patients = sites(0.0)
    names = ["first", "second"] * (len(values) // 2)
    found = by_subgroup(values + 0.5 * (np.array(names) == "second"), names, patients)
    assert found["gap"]["groups"] == ["second", "first"] and found["gap"]["p_value"] <= 0.005
    assert by_subgroup(values, names, patients)["gap"]["p_value"] > 0.01


def test_small_and_unknown_groups():
    found = by_subgroup([1.0, 2.0, 3.0], ["a", None, ""], ["p", "q", "q"])
    assert [row["group"] for row in found["rows"]] == ["a", "unknown"]
    assert all(row["interval"] is None and not row["reliable"] for row in found["rows"])
    assert found["gap"]["interval"] is None
    assert by_subgroup([1.0, 2.0], ["a", "a"])["gap"] is None
    assert by_subgroup([1.0, 2.0], ["a", "a"])["rows"][0]["patients"] is None


def test_tumor_sizes():
    masks = np.zeros((7, 2, 8, 8), np.uint8)
    for number in range(1, 7):
        masks[number, number % 2, :number] = 1
    assert tumor_size_groups(masks) == ["no tumor", *["small"] * 2, *["medium"] * 2, *["large"] * 2]
    assert tumor_size_groups(masks, channel=1)[::2] == ["no tumor"] * 4
    assert tumor_size_groups(masks[:1]) == ["no tumor"]


def test_ages():
    assert age_groups([39.5, 40, 59, 60, None]) == ["under 40", "40 to 59", "40 to 59", "60 and over", "unknown"]


def test_report(make_heads):
    slices = make_heads(6)
    quality = {"brightness": slices.images.mean((1, 2, 3))}
    found = subgroup_report(slices, quality=quality, num_permutations=19)
    assert list(found) == ["tumor size"]
    assert list(found["tumor size"]) == ["brightness", "mask area", "mask row", "mask column", "mask parts"]
    area = {row["group"]: row for row in found["tumor size"]["mask area"]["rows"]}
    assert area["no tumor"]["mean"] == 0 < area["small"]["mean"] < area["medium"]["mean"] < area["large"]["mean"]
    assert "no tumor" not in {row["group"] for row in found["tumor size"]["mask parts"]["rows"]}
    named = subgroup_report(slices, {"site": ["x", "y"] * 18}, num_permutations=19)
    assert list(named) == ["site"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: by_subgroup([np.nan], ["a"]), "values must be finite, got nan at 0"),
        (lambda: by_subgroup([], []), "values must be one-dimensional and not empty"),
        (lambda: by_subgroup([1.0], ["a", "b"]), "groups must have one entry per value, 1, got 2"),
        (lambda: by_subgroup([1.0], ["a"], ["p", "q"]), "patients must have one entry per value, 1, got 2"),
        (lambda: by_subgroup([1.0], ["a"], num_samples=0), "num_samples must be a whole number of at least 1, got 0"),
        (lambda: tumor_size_groups(np.ones((1, 1, 4, 4)), 1), "channel must be from 0 to 0, got 1"),
        (lambda: tumor_size_groups(np.full((1, 1, 4, 4), 2)), "masks must hold only 0 and 1"),
        (lambda: age_groups([-1]), "ages must be years of at least 0, or None, got -1"),
        (lambda: age_groups([1], [60, 40]), r"limits must ascend and name at least one age, got \[60, 40\]"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()
