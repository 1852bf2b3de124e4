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
"""What holds for the slices of any volume."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from monai_dcgan.transforms import CutSlicesd
from monai_dcgan.transforms.head import find_head
from monai_dcgan.transforms.slices import slices_of_volume

hypothesis = pytest.importorskip("hypothesis", reason="fuzzing needs hypothesis: pip install 'monai_dcgan[dev]'")
st = hypothesis.strategies

# The same examples on every machine; more by hand: FUZZ_EXAMPLES=2000 pytest tests/transforms/test_cut_fuzz.py
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
SETTINGS = {
    "axis": st.sampled_from(["axial", "coronal", "sagittal"]),
    "tumor": st.sampled_from(["any", "with", "without"]),
    "min_foreground": st.sampled_from([0.0, 0.1, 0.5]),
    "min_tumor_area": st.sampled_from([0.0, 0.01, 0.3]),
    "crop_head": st.booleans(),
    "neighbors": st.integers(0, 2),
    "slice_step": st.integers(1, 3),
    "slice_choice": st.sampled_from(["spread", "tumor_area"]),
    "lower": st.sampled_from([0, 0.5, 20]),
    "upper": st.sampled_from([60, 99.5, 100]),
}
FITTING = st.sampled_from([{}, {"fit": "pad"}, {"fit": "pad", "pixel_spacing": 0.7}])


@st.composite
def items(draw: Any) -> dict[str, Any]:
    """An item with 1 to 3 channels of 2 or 3 axes, of any type and scale, some with constant background."""
    shape = tuple(draw(st.lists(st.integers(1, 24), min_size=2, max_size=3)))
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    dtype = np.dtype(draw(st.sampled_from(["u1", "i2", "u2", "i4", "f4", "f8", ">f4"])))
    channels = []
    for _ in range(draw(st.integers(1, 3))):
        noise = random.rand(*shape) * (random.rand(*shape) < draw(st.sampled_from([0.1, 0.6, 1.0])))
        size, shift = 10.0 ** draw(st.integers(-9, 9)), draw(st.sampled_from([0.0, 1.0, -300.0, 1e6]))
        limits = (0.0, 255.0) if dtype == "u1" else (-32000.0 if dtype.kind == "i" else 0.0, 32000.0)
        channel = noise * size + shift if dtype.kind == "f" else np.clip(noise * size + shift, *limits)
        channel.flat[0] = channel.max() + 1 if channel.max() < 255 else 0
        channels.append(channel.astype(dtype))
    item: dict[str, Any] = {"image": channels, "spacing": tuple(random.uniform(0.5, 4, len(shape)))}
    if draw(st.booleans()):
        item["label"] = [(random.rand(*shape) < 0.2).astype(np.uint8) * 2]
    if draw(st.booleans()):
        item["max_slices"] = draw(st.integers(1, 4))
    return item


@hypothesis.settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(item=items(), settings=st.fixed_dictionaries(SETTINGS), fitting=FITTING)
def test_any_volume(item, settings, fitting):
    before = [channel.copy() for channel in item["image"]]
    try:
        cut = CutSlicesd(image_size=32, **settings, **fitting)(item)
    except ValueError as error:
        if "image must show a head" not in str(error):
            raise
        return
    count, offsets = len(cut["slice_index"]), 2 * settings["neighbors"] + 1
    image, mask = cut["image"].numpy(), cut["label"].numpy()
    assert image.dtype == mask.dtype == np.float32
    assert image.shape == (count, len(before) * offsets, 32, 32)
    assert mask.shape == (count, int("label" in item), 32, 32)
    assert np.isfinite(image).all() and (image >= 0).all() and (image <= 1).all()
    assert ((mask == 0) | (mask == 1)).all()
    assert all(np.array_equal(one, other) for one, other in zip(before, item["image"]))
    stacks = [slices_of_volume(channel, settings["axis"]) for channel in before]
    assert sorted(set(cut["slice_index"])) == cut["slice_index"]
    assert count + sum(cut["dropped"].values()) == len(stacks[0])
    assert count <= item.get("max_slices", count)
    for name in ("tumor_fraction", "foreground_fraction"):
        assert len(cut[name]) == count and all(0 <= share <= 1 for share in cut[name])
    if settings["tumor"] == "with":
        assert mask.any(axis=(1, 2, 3)).all()
    if settings["tumor"] == "without":
        assert not mask.any()
    if fitting == {"fit": "pad"}:
        check_scaling(cut, before, stacks, settings["axis"], offsets)
        check_mask(cut, item, settings["axis"])


def check_scaling(cut, channels, stacks, axis, offsets):
    """Where nothing is resized, a slice put back is ``clip((v - low) / (high - low), 0, 1)`` in the head, 0 outside."""
    top, bottom, left, right = cut["frame"].box
    for number, (channel, stack, (low, high)) in enumerate(zip(channels, stacks, cut["window"])):
        head = find_head(channel)
        inside = slices_of_volume(head.mask(channel, [np.arange(size) for size in channel.shape]), axis)
        scaled = np.clip((stack.astype(np.float64) - low) / (high - low), 0, 1) if high > low else np.ones(stack.shape)
        expected = np.zeros(stack.shape)
        expected[:, top:bottom, left:right] = (scaled * inside)[:, top:bottom, left:right]
        # Channels are those of the lowest neighbor first.
        for offset in range(offsets):
            squares = cut["image"].numpy()[:, offset * len(channels) + number]
            wanted = np.clip(np.array(cut["slice_index"], int) + offset - offsets // 2, 0, len(stack) - 1)
            # float32 intensities of 1e6 are exact to 0.06.
            atol = 1e-5 if not high > low else max(1e-5, 4e-7 * max(abs(low), abs(high)) / (high - low))
            np.testing.assert_allclose(cut["frame"].restore(squares), expected[wanted], atol=atol)


def check_mask(cut, item, axis):
    if "label" not in item:
        return
    top, bottom, left, right = cut["frame"].box
    stack = slices_of_volume(item["label"][0], axis) > 0
    expected = np.zeros(stack.shape)
    expected[:, top:bottom, left:right] = stack[:, top:bottom, left:right]
    assert np.array_equal(cut["frame"].restore(cut["label"].numpy()[:, 0]), expected[cut["slice_index"]])
