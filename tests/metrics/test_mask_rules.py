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
"""Tests of the rules on masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_dcgan.metrics import MaskRules


def mask(*squares, channels=1, size=10):
    """Slice of 10 x 10 pixels with squares at (channel, row, column, side): one pixel is 1 % of it."""
    result = np.zeros((channels, size, size), dtype=np.float32)
    for channel, row, column, side in squares:
        result[channel, row : row + side, column : column + side] = 1
    return result


EMPTY, SPECK, TUMOR, HUGE = mask(), mask((0, 4, 4, 1)), mask((0, 2, 3, 3)), mask((0, 0, 0, 9))
TWO, TOUCHING = mask((0, 0, 0, 2), (0, 5, 5, 2)), mask((0, 0, 0, 2), (0, 2, 2, 2))
MASKS = [EMPTY, SPECK, TUMOR, HUGE, TWO, TOUCHING]
LOW, HIGH, PARTS = "min_mask_area", "max_mask_area", "max_mask_parts"
TEST_CASES = [
    [{}, [None] * 6],
    [{LOW: 0.02}, [LOW, LOW, None, None, None, None]],
    [{LOW: 0.01}, [LOW, None, None, None, None, None]],
    [{HIGH: 0.5}, [None, None, None, HIGH, None, None]],
    [{HIGH: 0.81}, [None] * 6],
    [{HIGH: 0}, [None, HIGH, HIGH, HIGH, HIGH, HIGH]],
    [{PARTS: 1}, [None, None, None, None, PARTS, None]],
    [{PARTS: 2}, [None] * 6],
    [{LOW: 0.02, HIGH: 0.5, PARTS: 1}, [LOW, LOW, None, HIGH, PARTS, None]],
    [{HIGH: 0.05, PARTS: 1}, [None, None, HIGH, HIGH, HIGH, HIGH]],
]


@pytest.mark.parametrize(("kwargs", "expected"), TEST_CASES)
def test_first_rule_that_a_mask_breaks(kwargs, expected):
    assert MaskRules(**kwargs).broken(np.stack(MASKS)) == expected
    assert MaskRules(**kwargs).broken(torch.from_numpy(np.stack(MASKS))) == expected
    assert MaskRules(**kwargs).active == kwargs


def test_mask_channels_count_together():
    halves = mask((0, 0, 0, 2), (1, 0, 2, 2), channels=2)
    nested = mask((0, 0, 0, 3), (1, 0, 0, 2), channels=2)
    apart = mask((0, 0, 0, 2), (1, 5, 5, 2), channels=2)
    masks = np.stack([halves, nested, apart])
    assert MaskRules(min_mask_area=0.085, mask_channels=2).broken(masks) == [LOW, None, LOW]
    assert MaskRules(max_mask_area=0.085, mask_channels=2).broken(masks) == [None, HIGH, None]
    assert MaskRules(max_mask_parts=1, mask_channels=2).broken(masks) == [None, None, PARTS]


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        [{LOW: -0.1}, r"min_mask_area must be a number from 0 to 1, got -0\.1"],
        [{LOW: float("nan")}, "min_mask_area must be a number from 0 to 1, got nan"],
        [{HIGH: 20}, "max_mask_area must be a number from 0 to 1, got 20"],
        [{LOW: 0.3, HIGH: 0.2}, r"min_mask_area must be at most max_mask_area, got 0\.3 and 0\.2"],
        [{PARTS: 0}, "max_mask_parts must be a whole number of at least 1, got 0"],
        [{PARTS: 1.5}, r"max_mask_parts must be a whole number of at least 1, got 1\.5"],
        [
            {LOW: 0.1, PARTS: 2, "mask_channels": 0},
            r"mask_channels must be at least 1 for rules on masks, got 0 with min_mask_area=0\.1, max_mask_parts=2",
        ],
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        MaskRules(**kwargs)


def test_masks_must_be_binary():
    with pytest.raises(ValueError, match="masks must hold only 0 and 1"):
        MaskRules(min_mask_area=0.1).broken(np.full((1, 1, 4, 4), 0.5))
    with pytest.raises(ValueError, match="masks must have the shape"):
        MaskRules(min_mask_area=0.1).broken(np.ones((1, 4, 4)))
