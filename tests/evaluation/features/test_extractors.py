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
"""Tests of what all extractors share, of TorchScript networks and of random weights."""

from __future__ import annotations

import hashlib
import logging

import numpy as np
import pytest
import torch
from torch import nn

from monai_dcgan.evaluation.features import (
    FeatureExtractor,
    RandomConvExtractor,
    TorchScriptExtractor,
    batches,
    build_extractor,
    extract,
)


def test_input_of_the_network(script):
    found = TorchScriptExtractor(script)(torch.stack([torch.zeros(1, 32, 32), torch.ones(1, 32, 32)]))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, [[-1.0] * 9, [1.0] * 9], atol=1e-6)
    found = TorchScriptExtractor(script, value_range=(0, 255))(torch.ones(1, 1, 32, 32))
    np.testing.assert_allclose(found, [[255.0] * 9], rtol=1e-6)


def test_resize_is_antialiased(script):
    stripes = torch.zeros(1, 1, 64, 64)
    stripes[..., ::2] = 1
    found = TorchScriptExtractor(script, input_size=16, value_range=(0, 1))(stripes)
    assert found[0, 6:].max() - found[0, 3:6].min() < 0.1


@pytest.mark.parametrize(("channels", "expected"), [(1, 9), (2, 18), (3, 9), (4, 36)])
def test_channels(script, make_images, channels, expected):
    images = make_images(2, channels)
    extractor = TorchScriptExtractor(script)
    found = extractor(images)
    assert found.shape == (2, expected)
    if channels in (2, 4):
        np.testing.assert_allclose(found[:, 9:18], extractor(images[:, 1:2]))
    if channels == 3:
        assert not torch.allclose(found[:, 0], found[:, 1])


def test_facts(script):
    extractor = TorchScriptExtractor(script, input_size=64)
    assert extractor.name == "probe"
    assert extractor.distance_name == "Frechet distance (probe)"
    assert extractor.sha256 == hashlib.sha256(script.read_bytes()).hexdigest()
    assert extractor.layer == "output 0"
    assert "64x64" in extractor.preprocessing
    assert "[-1, 1]" in extractor.preprocessing


@pytest.mark.parametrize("kind", ["script", "random", "radiomics"])
def test_batch_size_does_not_matter(kind, script, make_images):
    extractor = build_extractor(script if kind == "script" else kind)
    images = make_images(7)
    whole = extract(extractor, images, batch_size=7)
    for batch_size in (1, 3, 50):
        np.testing.assert_allclose(extract(extractor, images.numpy(), batch_size), whole, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(extract(extractor, iter([images[:2], images[2:].numpy()]), 3), whole, 1e-5, 1e-5)


class Noted(FeatureExtractor):
    """Notes how many slices pass at a time."""

    name, sha256, layer, preprocessing, device = "noted", "0" * 64, "mean", "none", torch.device("cpu")

    def __init__(self):
        self.sizes = []

    def _features(self, images):
        self.sizes.append(len(images))
        return images.mean(dim=(2, 3))


def test_never_more_than_a_batch(tmp_path, make_images):
    images = make_images(10, size=8).numpy()
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    for given, sizes in ((mapped, [4, 4, 2]), ([images[:5], images[5:]], [4, 1, 4, 1])):
        extractor = Noted()
        np.testing.assert_allclose(extract(extractor, given, 4)[:, 0], images.mean((1, 2, 3)), rtol=1e-5)
        assert extractor.sizes == sizes


def test_batches_are_made_one_at_a_time(make_images):
    read = []

    def pieces():
        for number in range(3):
            read.append(number)
            yield make_images(2, size=8)

    given = batches(pieces(), 2)
    next(given)
    assert read == [0]


def test_random_extractor_warns_and_repeats(caplog, make_images):
    with caplog.at_level(logging.WARNING):
        extractor = build_extractor("random")
    assert len(caplog.records) == 1
    assert "distances compare only with others of this seed" in caplog.text
    images = make_images(4)
    found = extract(extractor, images)
    assert found.shape == (4, 480)
    assert np.isfinite(found).all()
    assert len(caplog.records) == 1
    again, other = RandomConvExtractor(0), build_extractor("random", seed=1)
    np.testing.assert_array_equal(extract(again, images), found)
    assert (again.sha256, again.name) == (extractor.sha256, extractor.name)
    assert other.sha256 != extractor.sha256
    assert not np.allclose(extract(other, images), found)


def test_outputs_that_do_not_fit(script, make_images):
    with pytest.raises(ValueError, match="output_index must name one of the 2 outputs of probe, got 2"):
        TorchScriptExtractor(script, output_index=2)(make_images(1))
    with pytest.raises(ValueError, match=r"probe must return features \(B, d\) as output 1, got the shape \(1, 3, 224"):
        TorchScriptExtractor(script, output_index=1)(make_images(1))
    with pytest.raises(ValueError, match="value_range must be"):
        TorchScriptExtractor(script, value_range=(1, 0))


def test_files_that_do_not_fit(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no network")
    with pytest.raises(ValueError, match=r"notes\.txt must be a TorchScript file made with torch\.jit\.save"):
        build_extractor(text)
    weights = tmp_path / "weights.pt"
    torch.save(nn.Linear(2, 2).state_dict(), weights)
    with pytest.raises(ValueError, match=r"weights\.pt must be a TorchScript file"):
        build_extractor(weights)


def test_images_that_do_not_fit(script):
    extractor = TorchScriptExtractor(script)
    for images in (torch.zeros(3, 8, 8), torch.zeros(0, 1, 8, 8)):
        with pytest.raises(ValueError, match="images must have the shape"):
            extractor(images)
        with pytest.raises(ValueError, match="images must have the shape"):
            extract(extractor, images)
    with pytest.raises(ValueError, match="images must hold at least one slice"):
        extract(extractor, [])
    with pytest.raises(ValueError, match="images must be an array .* got int"):
        extract(extractor, 3)


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 255), (0, float("nan"))])
def test_another_range_of_values_is_refused(script, low, high):
    images = torch.zeros(2, 1, 8, 8)
    images[0], images[1, 0, 0, 0] = low, high
    with pytest.raises(ValueError, match="images must have values from 0 to 1, got"):
        TorchScriptExtractor(script)(images)
