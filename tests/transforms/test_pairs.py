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
"""Pairs join and part without loss."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.transforms import split_pair, to_pair


@pytest.mark.parametrize(("channels", "mask_channels"), [(1, 1), (2, 1), (4, 3), (1, 0)])
def test_round_trip(channels, mask_channels):
    image = torch.rand(5, channels, 32, 32)
    mask = (torch.rand(5, mask_channels, 32, 32) > 0.5).float()
    pair = to_pair(image, mask)
    assert pair.shape == (5, channels + mask_channels, 32, 32)
    assert -1 <= pair.min() < pair.max() <= 1
    back_image, back_mask = split_pair(pair, mask_channels)
    assert torch.allclose(back_image, image, atol=1e-6)
    assert torch.equal(back_mask, mask)


def test_generated_values_are_clipped_and_thresholded():
    pair = torch.tensor([-1.5, -0.2, 0.2, 1.5]).reshape(1, 1, 2, 2).repeat(1, 2, 1, 1)
    image, mask = split_pair(pair, 1)
    assert torch.allclose(image.flatten(), torch.tensor([0.0, 0.4, 0.6, 1.0]))
    assert mask.flatten().tolist() == [0, 0, 1, 1]


def test_single_item_and_integer_mask():
    pair = to_pair(torch.zeros(1, 8, 8), torch.ones(1, 8, 8, dtype=torch.uint8))
    assert pair.dtype == torch.float32
    assert pair[0].unique() == -1
    assert pair[1].unique() == 1


def test_bad_arguments():
    with pytest.raises(ValueError, match="same batch and size"):
        to_pair(torch.zeros(2, 1, 8, 8), torch.zeros(3, 1, 8, 8))
    with pytest.raises(ValueError, match="mask_channels must be from 0 to less than"):
        split_pair(torch.zeros(2, 1, 8, 8), 1)
