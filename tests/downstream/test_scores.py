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
"""Tests of the scores of a segmentation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monai_dcgan.downstream.scores import dice, lesion_recall, volume_scores


def box(*sides, shape=(24, 24, 8)):
    mask = np.zeros(shape, dtype=np.uint8)
    mask[tuple(slice(*side) for side in sides)] = 1
    return mask


WHOLE = ((4, 14), (4, 14), (2, 6))
SCORES = [
    # The same; moved by one voxel of 3 mm along x; nothing found; nothing there; nothing at all.
    [box(*WHOLE), box(*WHOLE), {"dice": 1.0, "hd95": 0.0, "surface_dice": 1.0, "lesion_recall": 1.0}],
    [box((5, 15), *WHOLE[1:]), box(*WHOLE), {"dice": 0.9, "hd95": 3.0, "lesion_recall": 1.0}],
    [box(*WHOLE) * 0, box(*WHOLE), {"dice": 0.0, "hd95": math.nan, "surface_dice": 0.0, "lesion_recall": 0.0}],
    [box(*WHOLE), box(*WHOLE) * 0, {"dice": 0.0, "hd95": math.nan, "surface_dice": 0.0, "lesion_recall": math.nan}],
    [box(*WHOLE) * 0, box(*WHOLE) * 0, {"dice": 1.0, "surface_dice": 1.0, "lesion_recall": math.nan}],
]


@pytest.mark.parametrize(("predicted", "true", "expected"), SCORES)
def test_known_scores(predicted, true, expected):
    found = volume_scores(predicted, true, spacing=(3.0, 1.0, 1.0), tolerance=2.0)
    assert {name: found[name] for name in expected} == pytest.approx(expected, nan_ok=True)


def test_tolerance_is_in_millimeters():
    moved, true = box((5, 15), *WHOLE[1:]), box(*WHOLE)
    near = volume_scores(moved, true, (3.0, 1.0, 1.0), tolerance=3.0)["surface_dice"]
    far = volume_scores(moved, true, (3.0, 1.0, 1.0), tolerance=2.0)["surface_dice"]
    assert near == 1.0 > far


def test_lesions_are_counted_one_by_one():
    """Of a large and a small lesion the large one is found: Dice is high, recall one half."""
    large, small = box((2, 12), (2, 12), (1, 5)), box((18, 21), (18, 21), (6, 8))
    assert dice(large, large | small) > 0.9
    assert lesion_recall(large, large | small) == 0.5
    touching = box((12, 13), (12, 13), (5, 6))
    assert lesion_recall(large, large | touching) == 1.0
    # 4 of 40 voxels of a lesion are found, then 3.
    line, part = box((0, 20), (0, 2), (0, 1)), box((0, 2), (0, 2), (0, 1))
    assert lesion_recall(part, line) == 1.0
    part[0, 0, 0] = 0
    assert lesion_recall(part, line) == 0.0


def test_pictures_have_two_dimensions():
    found = volume_scores(box(*WHOLE)[:, :, 3], box((5, 15), *WHOLE[1:])[:, :, 3], spacing=(1.0, 1.0))
    assert found == pytest.approx({"dice": 0.9, "hd95": 1.0, "surface_dice": 1.0, "lesion_recall": 1.0})
