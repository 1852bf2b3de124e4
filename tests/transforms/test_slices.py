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
"""Slices stand upright, are chosen by the rules, and fit the square."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.transforms import SelectSlicesd, fit_slices, head_box, plane_spacing, slices_of_volume

# x to the left, y to the back, z up.
SHAPE = (5, 6, 7)


def volume() -> torch.Tensor:
    return torch.arange(5 * 6 * 7, dtype=torch.float32).reshape(1, *SHAPE)


@pytest.mark.parametrize(
    ("axis", "shape", "corner"),
    [
        # voxel that must lie in row 0, column 0 of slice 0
        ("axial", (7, 1, 6, 5), (0, 0, 0)),
        ("coronal", (6, 1, 7, 5), (0, 0, 6)),
        ("sagittal", (5, 1, 7, 6), (0, 0, 6)),
    ],
)
def test_display_orientation(axis, shape, corner):
    stack = slices_of_volume(volume(), axis)
    assert stack.shape == shape
    assert stack[0, 0, 0, 0] == volume()[(0, *corner)]


def test_columns_run_to_the_left_and_rows_to_the_back():
    stack = slices_of_volume(volume(), "axial")
    assert stack[3, 0, 0, 4] == volume()[0, 4, 0, 3]
    assert stack[3, 0, 5, 0] == volume()[0, 0, 5, 3]


def test_picture_is_one_slice():
    picture = torch.arange(12.0).reshape(1, 3, 4)
    assert torch.equal(slices_of_volume(picture, "coronal"), picture.transpose(1, 2)[None])


@pytest.mark.parametrize(
    ("axis", "expected"), [("axial", (2.0, 1.0)), ("coronal", (5.0, 1.0)), ("sagittal", (5.0, 2.0))]
)
def test_plane_spacing(axis, expected):
    assert plane_spacing((1.0, 2.0, 5.0), axis) == expected


def test_bad_arguments():
    with pytest.raises(ValueError, match="axis must be one of axial, coronal, sagittal"):
        slices_of_volume(volume(), "oblique")
    with pytest.raises(ValueError, match="volume must be"):
        slices_of_volume(torch.zeros(1, 1, 4, 4, 4))
    for name, value in [["tumor", "some"], ["min_foreground", 2], ["min_tumor_area", -1], ["fit", "squeeze"]]:
        with pytest.raises(ValueError, match=name):
            SelectSlicesd(**{name: value})
    with pytest.raises(ValueError, match="image_size must be a power of two"):
        SelectSlicesd(image_size=48)


def test_box_holds_the_head():
    head = torch.zeros(4, 2, 30, 40, dtype=torch.bool)
    head[1, 0, 10:12, 5:9] = True
    head[2, 1, 12:21, 7:30] = True
    assert head_box(head) == (slice(9, 22), slice(4, 31))
    assert head_box(head[:1]) == (slice(0, 30), slice(0, 40))


@pytest.mark.parametrize(("height", "width"), [(128, 128), (100, 60), (20, 31), (64, 64)])
def test_resize_keeps_proportions_and_range(height, width):
    result = fit_slices(torch.ones(2, 1, height, width), 64)
    assert result.shape == (2, 1, 64, 64)
    filled = (result[0, 0] > 0.99).float().mean()
    assert filled == pytest.approx(min(height, width) / max(height, width), abs=0.02)
    assert (result.min(), result.max()) == (0 if height != width else 1, 1)


def test_resize_goes_by_millimeters():
    # 20 rows of 5 mm are as long as 100 columns of 1 mm.
    assert fit_slices(torch.ones(1, 1, 20, 100), 64, spacing=(5.0, 1.0)).min() > 0.999


def test_downsampling_does_not_alias():
    stripes = torch.zeros(1, 1, 256, 256)
    stripes[..., ::5] = 1
    result = fit_slices(stripes, 32)[..., 4:-4]
    assert result.std() < 0.03
    assert result.mean() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("side", [40, 64, 100])
def test_pad_leaves_pixels(side):
    picture = torch.rand(1, 1, side, side)
    result = fit_slices(picture, 64, fit="pad")
    inner = min(side, 64)
    a, b = (64 - inner) // 2, (side - inner) // 2
    assert torch.equal(result[..., a : a + inner, a : a + inner], picture[..., b : b + inner, b : b + inner])


def case() -> dict:
    """Ten axial slices of 40 x 40: none of 0-1 has a head, 2-9 do, 4-6 have tumor of 1, 16 and 100 pixels."""
    head = torch.zeros(1, 40, 40, 10, dtype=torch.bool)
    head[..., 2:] = True
    label = torch.zeros(1, 40, 40, 10)
    for index, side in [(4, 1), (5, 4), (6, 10)]:
        label[0, 10 : 10 + side, 10 : 10 + side, index] = 1
    return {"image": head.float() * 0.5, "label": label, "head": head}


@pytest.mark.parametrize(
    ("kwargs", "expected", "dropped"),
    [
        ({}, [2, 3, 4, 5, 6, 7, 8, 9], [2]),
        ({"tumor": "with"}, [5, 6], [2, 6]),
        ({"tumor": "with", "min_tumor_area": 0.05}, [6], [2, 7]),
        ({"tumor": "without"}, [2, 3, 7, 8, 9], [2, 3]),
        ({"min_foreground": 0.0}, list(range(10)), []),
    ],
)
def test_rules(kwargs, expected, dropped):
    item = SelectSlicesd(image_size=64, crop_head=False, **kwargs)(case())
    assert item["slice_index"] == expected
    assert list(item["dropped"].values()) == dropped
    assert item["image"].shape == (len(expected), 1, 64, 64)
    assert item["label"].shape == (len(expected), 1, 64, 64)
    assert all(bool(mask.any()) == (index in (4, 5, 6)) for index, mask in zip(expected, item["label"]))
    assert "head" not in item


def test_tumor_that_vanishes_is_not_a_slice_with_tumor():
    item = {"image": torch.ones(1, 400, 400, 2), "label": torch.zeros(1, 400, 400, 2)}
    item["head"] = item["image"] > 0
    item["label"][0, 100:102, 100:102, 0] = 1
    item["label"][0, 100:150, 100:150, 1] = 1
    result = SelectSlicesd(image_size=32, tumor="with", min_tumor_area=0.0)(item)
    assert result["slice_index"] == [1]
    assert result["dropped"]["tumor smaller than a pixel at image_size 32"] == 1


def test_shares():
    item = SelectSlicesd(image_size=32, crop_head=False)(case())
    assert item["tumor_fraction"][4] == pytest.approx(100 / 1600)
    assert item["foreground_fraction"] == [1.0] * 8
