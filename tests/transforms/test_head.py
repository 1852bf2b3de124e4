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
"""The head is found under both kinds of background."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_dcgan.transforms import HeadMask, HeadMaskd
from monai_dcgan.transforms.head import find_head


def phantom(background: str, shape: tuple[int, ...] = (60, 70, 12)) -> tuple[torch.Tensor, np.ndarray]:
    """A skull of bright fat around a darker brain with black ventricles; the truth is the filled outline."""
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape[:2]], indexing="ij")
    radius = np.sqrt(axes[0] ** 2 + axes[1] ** 2)
    random = np.random.RandomState(0)
    head = np.broadcast_to((radius < 0.8)[..., None], shape)
    image = np.where((radius > 0.7)[..., None], 1000.0, 300.0) * head + random.rand(*shape)
    image = np.where((radius < 0.15)[..., None], 0.0, image)
    if background == "zero":
        image = np.where(head, image, 0)
    elif background == "z-score":
        image = np.where(head, (image - 400) / 300, -3.25)
    else:
        image = image + np.abs(random.normal(0, 15, shape))
    return torch.tensor(image[None], dtype=torch.float32), head


@pytest.mark.parametrize("background", ["zero", "z-score", "noise"])
def test_head_is_found(background):
    image, truth = phantom(background)
    head = HeadMask()(image)[0].numpy()
    assert 2 * (head & truth).sum() / (head.sum() + truth.sum()) > 0.98
    assert head[30, 35].all(), "holes must be filled"


def test_constant_background_is_left_out_exactly():
    image, truth = phantom("z-score")
    assert torch.equal(HeadMask()(image)[0] | (image[0] == -3.25), torch.ones(image.shape[1:], dtype=torch.bool))
    assert not (HeadMask()(image)[0].numpy() & ~truth).any()


def test_noise_is_no_head_even_where_there_is_little_of_it():
    image, truth = phantom("noise")
    cropped, expected = image[:, 8:52, 9:61], truth[8:52, 9:61]
    assert expected.mean() > 0.8
    head = HeadMask()(cropped)[0].numpy()
    assert (head & ~expected).sum() < 0.1 * (~expected).sum()


def test_bright_fat_does_not_hide_the_brain():
    """Otsu's threshold on the intensities would lie between fat and brain, and lose the brain of an open skull."""
    image, truth = phantom("noise")
    image[0, :30, 30:40] = torch.where(image[0, :30, 30:40] > 600, 300.0, image[0, :30, 30:40])
    head = HeadMask()(image)[0].numpy()
    assert (head & truth).sum() / truth.sum() > 0.97


def test_percentile_between_two_values():
    """Rounded to float32, such a percentile of whole numbers lay above the values clipped to it: no square root."""
    image = np.random.RandomState(8).randint(100, 140, (10, 10)).astype(np.uint8)
    assert np.percentile(image, 1) % 1, "else there is nothing to round"
    assert np.float32(np.percentile(image, 1)) > np.percentile(image, 1)
    assert not find_head(image).is_empty()


def test_empty_scan_has_no_head():
    assert not HeadMask()(torch.zeros(1, 32, 32)).any()
    assert not HeadMask()(torch.full((1, 16, 16, 4), 7.0)).any()


def test_each_key_gets_its_mask():
    image, _ = phantom("zero")
    item = HeadMaskd(["t1", "t2"])({"t1": image, "t2": image})
    assert set(item) == {"t1", "t2", "head_t1", "head_t2"}
