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
"""Slices are chosen by the rules, evenly and as often as allowed."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.transforms import SlicePolicy

HEAD = np.array([0, 0.05, 0.3, 0.4, 0.5, 0.6, 0.6, 0.5, 0.4, 0.3])
TUMOR = np.array([0, 0, 0, 0, 0.0005, 0.01, 0.06, 0, 0, 0])


@pytest.mark.parametrize(
    ("kwargs", "expected", "dropped"),
    [
        ({}, [2, 3, 4, 5, 6, 7, 8, 9], [2]),
        ({"tumor": "with"}, [5, 6], [2, 6]),
        ({"tumor": "with", "min_tumor_area": 0.05}, [6], [2, 7]),
        ({"tumor": "without"}, [2, 3, 7, 8, 9], [2, 3]),
        ({"min_foreground": 0.0}, list(range(10)), []),
        ({"slice_step": 3}, [3, 6, 9], [2, 5]),
    ],
)
def test_rules(kwargs, expected, dropped):
    keep, removed = SlicePolicy(**kwargs).choose(HEAD, TUMOR)
    assert keep.tolist() == expected
    assert list(removed.values()) == dropped


def test_spread_over_the_volume():
    keep = np.arange(100, 160)
    chosen = SlicePolicy().limit(keep, np.zeros(60), 6)
    assert chosen.tolist() == [105, 115, 125, 135, 145, 155]
    assert SlicePolicy().limit(keep, np.zeros(60), 60) is keep
    assert SlicePolicy().limit(keep, np.zeros(60), None) is keep


def test_balanced_by_tumor_area():
    keep, area = np.arange(100), np.zeros(100)
    area[70:100] = np.linspace(0.001, 0.2, 30)
    chosen = SlicePolicy(slice_choice="tumor_area").limit(keep, area[keep], 12)
    assert np.histogram(chosen, [0, 70, 80, 90, 100])[0].tolist() == [3, 3, 3, 3]
    assert (np.diff(chosen) > 0).all()
    # Where a bin is too small, the others take its turns.
    few = SlicePolicy(slice_choice="tumor_area").limit(keep, np.r_[np.zeros(98), 0.1, 0.2], 10)
    assert {98, 99} < set(few.tolist())
    assert len(few) == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [["tumor", "some"], ["min_foreground", 2], ["min_tumor_area", -1], ["slice_step", 0], ["slice_choice", "best"]],
)
def test_bad_arguments(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        SlicePolicy(**{name: value})
