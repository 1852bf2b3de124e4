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
"""Arguments of the augmentation, and what it does to a slice."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.transforms import slice_augmentation


def item() -> dict[str, torch.Tensor]:
    image = torch.zeros(1, 32, 32)
    image[:, 4:12, 2:10] = 0.5
    return {"image": image, "label": (image > 0).float()}


def test_flips():
    result = slice_augmentation(horizontal_flip=1.0)(item())
    assert torch.equal(result["image"], item()["image"].flip(2))
    result = slice_augmentation(horizontal_flip=0.0, vertical_flip=1.0)(item())
    assert torch.equal(result["label"], item()["label"].flip(1))


def test_probabilities_hold():
    transform = slice_augmentation(horizontal_flip=0.25).set_random_state(0)
    flipped = sum(not torch.equal(transform(item())["image"], item()["image"]) for _ in range(400))
    assert 70 <= flipped <= 130


def test_all_off_changes_nothing():
    result = slice_augmentation(horizontal_flip=0.0)(item())
    assert torch.equal(result["image"], item()["image"])


def test_brightness_stays_in_range():
    transform = slice_augmentation(horizontal_flip=0.0, brightness=1.0, max_brightness=1.0).set_random_state(0)
    values = torch.stack([transform({**item(), "image": item()["image"] * 2})["image"] for _ in range(20)])
    assert values.max() == 1
    assert values.min() == 0
    assert len(values.flatten(1).max(dim=1).values.unique()) > 5


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"horizontal_flip": 1.5}, "horizontal_flip must be a number from 0 to 1"),
        ({"rotation": -0.1}, "rotation must be a number from 0 to 1"),
        ({"max_degrees": -1}, "max_degrees must be a number of at least 0"),
        ({"gamma": (2.0, 1.0)}, "gamma must be a range"),
        ({"max_brightness": 2}, "max_brightness must be a number from 0 to 1"),
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        slice_augmentation(**kwargs)
