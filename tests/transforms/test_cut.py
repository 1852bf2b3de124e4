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
"""A volume becomes the slices that the rules ask for, scaled as documented."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_dcgan.transforms import CutSlicesd, ScaleIntensityInHead, slices_of_volume

SHAPE = (60, 70, 24)


def scan(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> dict:
    """A head of noise around a bright ball, the tumor; x to the left, y to the back, z up."""
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    random = np.random.RandomState(seed)
    head = np.sum([(axis / 0.8) ** 2 for axis in axes[:2]], axis=0) < 1
    ball = np.sum([(axis - shift) ** 2 for axis, shift in zip(axes, (0.3, -0.2, 0.0))], axis=0) < 0.06
    image = (head * (400 + 60 * random.rand(*shape)) + 500 * ball).astype(np.float32)
    return {"image": [image], "label": [ball.astype(np.uint8)], "spacing": (1.0, 1.0, 2.0)}


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("kind", [list, np.stack, lambda channels: torch.from_numpy(np.stack(channels))])
def test_unscaled_slices_are_the_volumes(axis, kind):
    """Where nothing is resized, a slice is the volume's slice under the scaling that the docstring names."""
    item = scan()
    item["image"] = kind(item["image"])
    cut = CutSlicesd(128, axis=axis, fit="pad", crop_head=False, min_foreground=0.0)(item)
    volume = np.asarray(item["image"][0])
    expected = slices_of_volume(ScaleIntensityInHead()(torch.from_numpy(volume[None]))[0].numpy(), axis)
    assert cut["image"].shape[0] == len(expected)
    back = cut["frame"].restore(cut["image"][:, 0].numpy())
    assert np.abs(back - expected).max() < 1e-6
    mask = cut["frame"].restore(cut["label"][:, 0].numpy())
    assert np.array_equal(mask, slices_of_volume(item["label"][0], axis).astype(np.float32))
    low, high = cut["window"][0]
    inside = expected > 0
    raw = slices_of_volume(volume, axis)
    assert np.allclose(back[inside], np.clip((raw - low) / (high - low), 0, 1)[inside], atol=1e-6)


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
def test_box_holds_the_head(axis):
    cut = CutSlicesd(64, axis=axis)(scan((120, 140, 100)))
    top, bottom, left, right = cut["frame"].box
    head = slices_of_volume(scan((120, 140, 100))["image"][0] > 0, axis)
    rows, columns = np.flatnonzero(head.any(axis=(0, 2))), np.flatnonzero(head.any(axis=(0, 1)))
    assert top <= rows[0]
    assert rows[-1] < bottom
    assert left <= columns[0]
    assert columns[-1] < right
    assert rows[0] - top + bottom - rows[-1] < 14
    assert columns[0] - left + right - columns[-1] < 14


def test_shares_and_areas():
    cut = CutSlicesd(64, axis="axial", crop_head=False)(scan())
    middle = cut["slice_index"].index(12)
    pixels = scan()["label"][0][:, :, 12].sum()
    assert cut["tumor_fraction"][middle] == pytest.approx(pixels / (60 * 70))
    assert cut["tumor_area"][middle] == pytest.approx(pixels)
    assert CutSlicesd(64, axis="coronal")(scan())["tumor_area"][35] == pytest.approx(
        2.0 * scan()["label"][0][:, CutSlicesd(64, axis="coronal")(scan())["slice_index"][35], :].sum()
    )
    assert cut["foreground_fraction"][middle] == pytest.approx(np.pi / 4 * 0.64, rel=0.05)
    assert cut["plane_spacing"] == (1.0, 1.0)


@pytest.mark.parametrize("neighbors", [1, 2])
def test_neighbors_are_channels(neighbors):
    item = scan()
    item["image"].append(item["image"][0][::-1].copy())
    plain = CutSlicesd(32, min_foreground=0.0)(item)
    cut = CutSlicesd(32, min_foreground=0.0, neighbors=neighbors)(item)
    count = 2 * neighbors + 1
    assert cut["image"].shape == (24, 2 * count, 32, 32)
    assert cut["label"].shape == (24, 1, 32, 32)
    for channel in range(2):
        for place in range(count):
            other = int(np.clip(10 + place - neighbors, 0, 23))
            assert torch.allclose(cut["image"][10, place * 2 + channel], plain["image"][other, channel], atol=1e-6)
    assert torch.allclose(cut["image"][0, 0], plain["image"][0, 0], atol=1e-6), "the first slice repeats"
    assert torch.equal(cut["label"], plain["label"])


def test_most_slices():
    item = {**scan(), "max_slices": 4}
    cut = CutSlicesd(32)(item)
    assert cut["slice_index"] == [3, 9, 15, 21]
    assert cut["image"].shape[0] == cut["label"].shape[0] == 4
    assert cut["dropped"]["more than max_slices_per_patient"] == 20
    full = CutSlicesd(32)(scan())
    assert torch.equal(cut["label"], full["label"][[full["slice_index"].index(index) for index in (3, 9, 15, 21)]])


def test_tumor_that_vanishes_is_not_a_slice_with_tumor():
    image, label = np.ones((400, 400, 2), np.float32), np.zeros((400, 400, 2), np.uint8)
    image[:5] = image[-5:] = image[:, :5] = image[:, -5:] = 0
    label[100:102, 100:102, 0] = 1
    label[100:150, 100:150, 1] = 1
    cut = CutSlicesd(32, tumor="with", min_tumor_area=0.0)({"image": [image], "label": [label]})
    assert cut["slice_index"] == [1]
    assert cut["dropped"]["tumor smaller than a pixel at image_size 32"] == 1


def test_no_slice_left_and_no_label():
    item = scan()
    item["label"] = None
    cut = CutSlicesd(32)(item)
    assert cut["label"].shape == (24, 0, 32, 32)
    assert set(cut["tumor_fraction"]) == {0.0}
    assert CutSlicesd(32, tumor="with")({**scan(), "label": None})["image"].shape == (0, 1, 32, 32)


def test_constant_channel_is_refused():
    item = scan()
    item["image"].append(np.full(SHAPE, 7.0, np.float32))
    with pytest.raises(ValueError, match="image must show a head, got the value 7 everywhere in channel 1"):
        CutSlicesd(32)(item)


@pytest.mark.parametrize("shape", [(60, 70, 1), (60, 1, 24), (300, 260)])
def test_thin_volumes_and_pictures(shape):
    axes = np.meshgrid(*[np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape], indexing="ij")
    image = (np.sum([axis**2 for axis in axes], axis=0) < 0.6) * 100.0 + 1
    cut = CutSlicesd(64, min_foreground=0.0)({"image": [image], "label": [(image > 50).astype(np.uint8)]})
    assert cut["image"].shape[0] == (shape[2] if len(shape) == 3 else 1)
    assert cut["plane"] == ("axial" if len(shape) == 3 else "")
    assert cut["label"].any()


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"image_size": 48}, "image_size must be a power of two"),
        ({"axis": "oblique"}, "axis must be one of"),
        ({"fit": "squeeze"}, "fit must be one of"),
        ({"lower": 90, "upper": 10}, "lower and upper must be percentiles"),
        ({"tumor_labels": [0]}, "tumor_labels must be whole numbers above 0"),
        ({"neighbors": -1}, "neighbors must be a whole number of at least 0"),
        ({"pixel_spacing": 2.0}, "pixel_spacing goes with fit=pad, got 2.0 with fit=resize"),
        ({"pixel_spacing": 0, "fit": "pad"}, "pixel_spacing must be a number above 0"),
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        CutSlicesd(**kwargs)
