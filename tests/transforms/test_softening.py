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
"""Tests of noise on pairs and of soft masks."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.transforms import InstanceNoise, MaskBlur

PAIRS = torch.zeros(8, 2, 32, 32)


def test_noise_falls_along_a_line_to_nothing():
    noise = InstanceNoise(std=0.2, images=800)
    found = []
    for step in (0, 25, 50, 75, 100, 200):
        noise.set_step(step)
        found.append(noise(PAIRS).std().item())
    assert found == pytest.approx([0.2, 0.15, 0.1, 0.05, 0, 0], abs=0.005)


def test_noise_of_a_step_is_the_same_again_and_differs_between_calls():
    noise = InstanceNoise(std=0.2, seed=1)
    noise.set_step(3)
    first, second = noise(PAIRS), noise(PAIRS)
    noise.set_step(4)
    other = noise(PAIRS)
    noise.set_step(3)
    assert torch.equal(noise(PAIRS), first)
    assert not torch.equal(first, second) and not torch.equal(first, other)
    assert not torch.equal(InstanceNoise(std=0.2, seed=2)(PAIRS), InstanceNoise(std=0.2, seed=1)(PAIRS))


def test_noise_keeps_type_and_gradient():
    pairs = torch.zeros(2, 2, 8, 8, dtype=torch.bfloat16, requires_grad=True)
    noisy = InstanceNoise(std=0.2)(pairs)
    assert noisy.dtype == torch.bfloat16
    noisy.float().sum().backward()
    assert pairs.grad is not None and (pairs.grad == 1).all()
    assert InstanceNoise()(pairs) is pairs


def test_blur_softens_the_mask_alone_and_keeps_its_half():
    image, mask = torch.rand(2, 1, 32, 32), torch.zeros(2, 1, 32, 32)
    mask[:, :, 8:24, 10:20] = 1
    same, soft = MaskBlur(1.0)(image, mask)
    assert same is image
    assert 0.02 < ((soft > 0.01) & (soft < 0.99)).float().mean() < 0.3
    assert soft.min() >= 0 and soft.max() <= 1
    # Corners lose a pixel.
    assert ((soft > 0.5) != (mask > 0.5)).flatten(1).sum(1).tolist() == [4, 4]


def test_no_blur_and_no_mask():
    image, mask = torch.rand(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    assert MaskBlur()(image, mask)[1] is mask
    empty = torch.ones(2, 0, 8, 8)
    assert MaskBlur(1.0)(image, empty)[1] is empty


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: InstanceNoise(std=-0.1), "std must be a number of at least 0, got -0.1"),
        (lambda: InstanceNoise(images=0), "images must be a whole number of at least 1, got 0"),
        (lambda: MaskBlur(-1.0), "sigma must be a number of at least 0, got -1.0"),
    ],
)
def test_bad_arguments(make, text):
    with pytest.raises(ValueError, match=text):
        make()
