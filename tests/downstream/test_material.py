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
"""What arms are made of: synthetic slices, their tumors in real ones, and the control."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_dcgan.downstream import Arm, Group, Pool, Slices
from monai_dcgan.downstream.material import Material


def squares(*sides):
    """Return masks (N, 1, 32, 32) with a square each."""
    masks = np.zeros((len(sides), 1, 32, 32), dtype=np.uint8)
    for mask, side in zip(masks, sides, strict=True):
        mask[0, 8 : 8 + side, 8 : 8 + side] = 1
    return masks


@pytest.fixture
def material():
    """Real slices, two of them without tumor and 0.25 bright, and synthetic ones with tumors 0.5 brighter than 0.5."""
    given = (None, Group(2, 0), {}, None, Path(), Pool(number=7), None, torch.device("cpu"))
    material = Material(*given)
    levels = np.array([0.25, 0.25, 1.0, 1.0], dtype=np.float32)[:, None, None, None]
    material.real = Slices(levels * np.ones((4, 1, 32, 32), np.float32), squares(0, 0, 6, 8), np.array([0, 0, 1, 1]))
    synthetic = squares(7, 6, 0)
    material.synthetic = Slices(0.5 + 0.5 * synthetic, synthetic, np.array([1, 1, 0]))
    return material


def test_synthetic_tumors_go_into_real_slices_without(material):
    real, made = material.of(Arm("real+classical+implanted"))
    assert real is material.real and len(made) == 7
    assert made.classes.tolist() == [1] * 7
    for image, mask in zip(made.images, made.masks, strict=True):
        assert mask.sum() in (36, 49)
        # As much brighter than the real slice as it was than its own; far from it nothing has changed.
        np.testing.assert_allclose(image[mask > 0], 0.75, atol=1e-6)
        assert (image[0] == 0.25).sum() > 32 * 32 - 17 * 17


@pytest.mark.parametrize(("name", "number"), [("synthetic", 3), ("real+synthetic+implanted", 10)])
def test_what_is_made_is_joined(material, name, number):
    real, made = material.of(Arm(name))
    assert (real is None) == ("real" not in name)
    assert len(made) == number
    assert np.array_equal(made.images[:3], material.synthetic.images)


def test_shuffled_slices_keep_their_images(material):
    _, made = material.of(Arm("real+implanted"))
    _, mixed = material.of(Arm("real+implanted+shuffled"))
    assert np.array_equal(made.images, mixed.images)
    assert not np.array_equal(made.masks, mixed.masks)
    assert sorted(mask.tobytes() for mask in made.masks) == sorted(mask.tobytes() for mask in mixed.masks)


def test_arms_without_made_slices(material):
    assert material.of(Arm("real+classical")) == (material.real, None)
