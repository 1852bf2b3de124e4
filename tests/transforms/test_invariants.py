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
"""What holds for every transform: input unchanged, channels kept, mask binary and aligned, same seed same result."""

from __future__ import annotations

import copy

import monai
import numpy as np
import pytest
import torch

from monai_dcgan.transforms import (
    CutSlicesd,
    HeadMaskd,
    MergeLabelsd,
    ScaleIntensityInHeadd,
    slice_augmentation,
)

SIZE = 64


def scan(volumetric: bool) -> dict:
    """A bright ball in a head of noise; the ball is the tumor."""
    shape = (48, 56, 20) if volumetric else (48, 56)
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    random = np.random.RandomState(0)
    head = np.sum([axis**2 for axis in axes], axis=0) < 0.8
    ball = np.sum([(axis - shift) ** 2 for axis, shift in zip(axes, (0.3, -0.2, 0.0))], axis=0) < 0.08
    image = np.stack([head * (400 + 20 * random.rand(*shape)) + 500 * ball for _ in range(2)])
    return {
        "image": torch.tensor(image, dtype=torch.float32),
        "label": torch.tensor(ball[None] * 2.0, dtype=torch.float32),
    }


def slice_item() -> dict:
    item = CutSlicesd(image_size=SIZE)(scan(False))
    return {"image": item["image"][0], "label": item["label"][0]}


def selected(**kwargs) -> CutSlicesd:
    return CutSlicesd(image_size=SIZE, **kwargs)


VOLUME_CASES = [
    ["merge", MergeLabelsd("label"), True],
    ["merge", MergeLabelsd("label", [2]), False],
    ["head", HeadMaskd("image"), True],
    ["scale", ScaleIntensityInHeadd("image"), True],
    ["scale", ScaleIntensityInHeadd("image", 0, 100), False],
    ["slices", selected(), True],
    ["slices", selected(axis="coronal", crop_head=False), True],
    ["slices", selected(axis="sagittal", tumor="with"), True],
    ["slices", selected(fit="pad"), True],
    ["slices", selected(), False],
]
FULL = {"horizontal_flip": 1.0, "vertical_flip": 1.0, "rotation": 1.0, "contrast": 1.0, "brightness": 1.0}
SLICE_CASES = [[{**dict.fromkeys(FULL, 0.0), name: 1.0}] for name in FULL] + [[FULL], [dict.fromkeys(FULL, 0.5)]]


def same(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(torch.as_tensor(first), torch.as_tensor(second))
    return first == second


def overlap(image: torch.Tensor, mask: torch.Tensor) -> float:
    """Dice of the mask and the brightest part of the image."""
    bright, tumor = image > 0.7, mask > 0.5
    return float(2 * (bright & tumor).sum() / (bright.sum() + tumor.sum()))


@pytest.mark.parametrize(("name", "transform", "volumetric"), VOLUME_CASES)
def test_volume_transforms(name, transform, volumetric):
    item = scan(volumetric)
    before = copy.deepcopy(item)
    first, second = transform(item), transform(item)
    assert item.keys() == before.keys()
    assert all(same(item[key], before[key]) for key in before)
    assert all(same(first[key], second[key]) for key in first)
    channel_axis = 1 if name == "slices" else 0
    assert first["image"].shape[channel_axis] == 2
    assert first["label"].shape[channel_axis] == 1
    if name in ("merge", "slices"):
        assert set(first["label"].unique().tolist()) == {0.0, 1.0}
    if name == "slices":
        assert first["image"].shape[2:] == (SIZE, SIZE) == first["label"].shape[2:]
        assert overlap(first["image"][:, :1], first["label"]) > 0.95


@pytest.mark.parametrize("kwargs", [case[0] for case in SLICE_CASES])
def test_augmentation(kwargs):
    item = slice_item()
    before = copy.deepcopy(item)
    first = slice_augmentation(**kwargs, max_degrees=30, max_brightness=0.2).set_random_state(3)(item)
    second = slice_augmentation(**kwargs, max_degrees=30, max_brightness=0.2).set_random_state(3)(item)
    assert all(same(item[key], before[key]) for key in before)
    assert all(same(first[key], second[key]) for key in first)
    assert first["image"].shape == item["image"].shape
    assert first["label"].shape == item["label"].shape
    assert set(first["label"].unique().tolist()) == {0.0, 1.0}
    assert first["image"].min() == 0
    assert first["image"].max() <= 1
    geometric = {
        name: value for name, value in kwargs.items() if name in ("horizontal_flip", "vertical_flip", "rotation")
    }
    if kwargs["contrast"] == kwargs["brightness"] == 0:
        assert overlap(first["image"][:1], first["label"]) > 0.93
    if not any(geometric.values()):
        assert torch.equal(first["label"], item["label"])
        assert torch.equal(first["image"] > 0, item["image"] > 0), "background must stay 0"
    if max(kwargs.values()) == 1:
        assert not torch.equal(first["image"], item["image"])


def test_augmentation_differs_by_seed_and_keeps_the_metadata_switch():
    item, transform = slice_item(), slice_augmentation(rotation=1.0)
    before = monai.data.get_track_meta()
    first, second = (transform.set_random_state(seed)(item)["image"] for seed in (0, 1))
    assert not torch.equal(first, second)
    assert type(first) is torch.Tensor
    assert monai.data.get_track_meta() == before
