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
"""Tests of size, place and parts of masks."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.metrics import MASK_PROPERTIES, mask_distance, mask_statistics, mask_summary


def _masks() -> np.ndarray:
    masks = np.zeros((3, 2, 10, 20), dtype=np.uint8)
    masks[0, 0, :5, :10] = 1
    masks[1, 0, 8, 4] = 1
    masks[1, 0, 9, 5] = 1
    masks[1, 0, 0, 19] = 1
    masks[2, 1] = 1
    return masks


def test_statistics():
    found = mask_statistics(_masks())
    np.testing.assert_allclose(found.area[:, 0], [0.25, 0.015, 0])
    np.testing.assert_allclose(found.row[:2, 0], [0.25, (8.5 + 9.5 + 0.5) / 30])
    np.testing.assert_allclose(found.column[:2, 0], [0.25, (4.5 + 5.5 + 19.5) / 60])
    np.testing.assert_array_equal(found.parts[:, 0], [1, 2, 0])
    np.testing.assert_array_equal(found.empty, [[False, True], [False, True], [True, False]])
    assert np.isnan(found.row[2, 0])
    assert (found.area[2, 1], found.row[2, 1], found.column[2, 1]) == (1, 0.5, 0.5)


def test_summary():
    summary = mask_summary(mask_statistics(_masks()))
    assert (summary["n"], summary["n_empty"]) == (3, 1)
    assert summary["share_empty"] == pytest.approx(1 / 3)
    assert summary["area"]["median"] == pytest.approx(0.015)
    assert summary["parts"]["mean"] == pytest.approx(1.5)
    nothing = mask_summary(mask_statistics(np.zeros((2, 1, 8, 8))))
    assert nothing["area"]["mean"] == 0
    assert nothing["row"] == {"mean": None, "median": None, "std": None}


def test_distance():
    a = mask_statistics(_masks())
    assert mask_distance(a, a) == dict.fromkeys(MASK_PROPERTIES, 0)
    shifted = mask_statistics(np.roll(_masks()[:1], (2, 5), axis=(2, 3)))
    found = mask_distance(a.take([0]), shifted)
    assert found == pytest.approx({"area": 0, "row": 0.2, "column": 0.25, "parts": 0})
    missing = mask_distance(a, mask_statistics(np.zeros((2, 2, 10, 20))))
    assert missing["area"] == pytest.approx(0.265 / 3)
    assert missing["row"] is missing["column"] is missing["parts"] is None


@pytest.mark.parametrize(
    ("masks", "text"),
    [
        (np.zeros((2, 8, 8)), r"masks must have the shape \(N, M, H, W\)"),
        (np.zeros((0, 1, 8, 8)), r"masks must have the shape \(N, M, H, W\)"),
        (np.full((2, 1, 8, 8), 255), "masks must hold only 0 and 1, got 255 to 255"),
        (np.full((2, 1, 8, 8), np.nan), "masks must hold only 0 and 1"),
    ],
)
def test_errors(masks, text):
    with pytest.raises(ValueError, match=text):
        mask_statistics(masks)


def test_unknown_property():
    with pytest.raises(ValueError, match="name must be one of area, row, column, parts, got 'size'"):
        mask_statistics(_masks()).values("size")
