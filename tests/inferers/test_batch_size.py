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
"""Tests of the number of pictures that are made together."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.inferers import batch_size, bytes_per_picture, pick_batch_size
from monai_dcgan.networks import DCGANGenerator


def network(**options):
    return DCGANGenerator(image_size=32, latent_size=4, width=4, **options)


def test_bytes_of_a_picture_are_those_of_its_feature_maps():
    # Transposed convolutions to 16, 8 and 4 channels of 4, 8 and 16 pixels, each with normalization and ReLU; two
    # channels of 32 pixels and their tanh.
    values = 3 * (16 * 4**2 + 8 * 8**2 + 4 * 16**2) + 2 * 2 * 32**2
    generator = network()
    assert bytes_per_picture(generator, 4) == 4 * values
    assert all(parameter.device.type == "cpu" for parameter in generator.parameters())
    assert not any(module._forward_hooks for module in generator.modules())
    assert generator.training
    assert bytes_per_picture(network(residual=True), 4) > 4 * values


@pytest.mark.parametrize(
    ("share", "expected"), [[1, 1], [1.99, 1], [2, 2], [7.5, 4], [8, 8], [16, 16], [1000, 16], [None, 16]]
)
def test_auto_fits_a_quarter_of_the_free_memory(share, expected, monkeypatch):
    generator = network()
    free = None if share is None else int(4 * share * bytes_per_picture(generator, 4))
    monkeypatch.setattr(batch_size, "free_bytes", lambda device: free)
    assert pick_batch_size("auto", generator, 4) == expected


def test_gpu_takes_more(monkeypatch):
    monkeypatch.setattr(batch_size, "free_bytes", lambda device: 2**40 if device.type == "cuda" else 0)
    assert pick_batch_size("auto", network(), 4, torch.device("cuda:1")) == 1024


def test_a_number_is_taken_as_it_is(monkeypatch):
    monkeypatch.setattr(batch_size, "free_bytes", lambda device: 0)
    assert pick_batch_size(77, network(), 4) == 77


@pytest.mark.parametrize(
    ("value", "text"),
    [
        [0, "batch_size must be a whole number of at least 1, got 0"],
        ["many", "batch_size must be a whole number of at least 1 or 'auto', got 'many'"],
        ["auto", r"batch_size 'auto' must find memory for one picture, \d+ MiB .* got 0 MiB free on cpu"],
    ],
)
def test_wrong_values(value, text, monkeypatch):
    monkeypatch.setattr(batch_size, "free_bytes", lambda device: 1000)
    with pytest.raises(ValueError, match=text):
        pick_batch_size(value, network(), 4)
