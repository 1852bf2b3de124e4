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
"""Tests of the feature extractors."""

from __future__ import annotations

import hashlib
import logging

import numpy as np
import pytest
import torch
from torch import nn

from monai_dcgan.evaluation import RandomConvExtractor, TorchScriptExtractor, build_extractor, extract


class Probe(nn.Module):
    """Returns per-channel mean, minimum and maximum, and its input."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (B, 9) and the input."""
        return torch.cat([x.mean((2, 3)), x.amin((2, 3)), x.amax((2, 3))], dim=1), x


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "probe.ts"
    torch.jit.script(Probe()).save(str(path))
    return path


def _images(n: int, channels: int = 1, size: int = 32) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(0))


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
def test_channels(script, channels, expected):
    images = _images(2, channels)
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
    assert extractor.sha256 == hashlib.sha256(script.read_bytes()).hexdigest()
    assert extractor.layer == "output 0"
    assert "64x64" in extractor.preprocessing
    assert "[-1, 1]" in extractor.preprocessing


@pytest.mark.parametrize("kind", ["script", "random"])
def test_batch_size_does_not_matter(kind, script):
    extractor = build_extractor(script if kind == "script" else kind)
    images = _images(7)
    whole = extract(extractor, images, batch_size=7)
    for batch_size in (1, 3, 50):
        np.testing.assert_allclose(extract(extractor, images.numpy(), batch_size), whole, atol=1e-5)


def test_random_extractor_warns_and_repeats(caplog):
    with caplog.at_level(logging.WARNING):
        extractor = build_extractor("random")
    assert len(caplog.records) == 1
    assert "distances compare only with others of this seed" in caplog.text
    images = _images(4)
    found = extract(extractor, images)
    assert found.shape == (4, 480)
    assert np.isfinite(found).all()
    assert len(caplog.records) == 1
    again, other = RandomConvExtractor(0), RandomConvExtractor(1)
    np.testing.assert_array_equal(extract(again, images), found)
    assert (again.sha256, again.name) == (extractor.sha256, extractor.name)
    assert other.sha256 != extractor.sha256
    assert not np.allclose(extract(other, images), found)


def test_files_that_do_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file: .*absent\.ts; give a TorchScript file or 'random'"):
        build_extractor(tmp_path / "absent.ts")
    text = tmp_path / "notes.txt"
    text.write_text("no network")
    with pytest.raises(ValueError, match=r"notes\.txt must be a TorchScript file made with torch\.jit\.save"):
        build_extractor(text)
    weights = tmp_path / "weights.pt"
    torch.save(nn.Linear(2, 2).state_dict(), weights)
    with pytest.raises(ValueError, match=r"weights\.pt must be a TorchScript file"):
        build_extractor(weights)


def test_outputs_that_do_not_fit(script):
    with pytest.raises(ValueError, match="output_index must name one of the 2 outputs of probe, got 2"):
        TorchScriptExtractor(script, output_index=2)(_images(1))
    with pytest.raises(ValueError, match=r"probe must return features \(B, d\) as output 1, got the shape \(1, 3, 224"):
        TorchScriptExtractor(script, output_index=1)(_images(1))
    with pytest.raises(ValueError, match="value_range must be"):
        TorchScriptExtractor(script, value_range=(1, 0))


def test_images_that_do_not_fit(script):
    extractor = TorchScriptExtractor(script)
    for images in (torch.zeros(3, 8, 8), torch.zeros(0, 1, 8, 8)):
        with pytest.raises(ValueError, match="images must have the shape"):
            extractor(images)
        with pytest.raises(ValueError, match="images must have the shape"):
            extract(extractor, images)
