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
"""Tests of the cache of features."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from monai_dcgan.evaluation import cached_features, extract
from monai_dcgan.evaluation.features import FeatureExtractor


class Counting(FeatureExtractor):
    """Means of quarters; counts the slices it was given."""

    name, layer, device = "counting", "quarters", torch.device("cpu")

    def __init__(self, sha256="0" * 64, preprocessing="none"):
        self.sha256, self.preprocessing, self.seen, self.largest = sha256, preprocessing, 0, 0

    def _features(self, images):
        self.seen, self.largest = self.seen + len(images), max(self.largest, len(images))
        return torch.nn.functional.adaptive_avg_pool2d(images[:, :1], 2).flatten(1)


@pytest.fixture
def images(make_images):
    return make_images(7, size=8)


def files(folder):
    return sorted(folder.glob("*.npz"))


def test_computed_once(images, tmp_path):
    extractor = Counting()
    first = cached_features(extractor, images, tmp_path / "cache", 3)
    assert (extractor.seen, extractor.largest) == (7, 3)
    again = cached_features(extractor, images.numpy(), tmp_path / "cache", 5)
    assert extractor.seen == 7
    np.testing.assert_array_equal(first, extract(Counting(), images))
    np.testing.assert_array_equal(again, first)
    assert again.dtype == np.float32
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [files(tmp_path / "cache")[0].name]


def test_how_the_slices_come_makes_no_difference(images, tmp_path):
    np.save(tmp_path / "images.npy", images.numpy())
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    loader = torch.utils.data.DataLoader(images, batch_size=2)
    first = cached_features(Counting(), images, tmp_path)
    for given in (mapped, loader, [images[:3], images[3:].numpy()], np.asfortranarray(images.numpy())):
        extractor = Counting()
        np.testing.assert_array_equal(cached_features(extractor, given, tmp_path, 4), first)
        assert extractor.seen == 0
    assert len(files(tmp_path)) == 1


def test_anything_else_is_computed_anew(images, tmp_path):
    others = [
        (Counting(), images),
        (Counting(), images[:6]),
        (Counting(), images.flip(0)),
        (Counting(), images.double()),
        (Counting(), images.reshape(7, 1, 4, 16)),
        (Counting(), torch.cat([images[:, :, :4], images[:, :, 4:]], dim=1)),
        (Counting(sha256="1" * 64), images),
        (Counting(preprocessing="another"), images),
    ]
    other_layer = Counting()
    other_layer.layer = "another"
    others.append((other_layer, images))
    for number, (extractor, given) in enumerate(others, start=1):
        cached_features(extractor, given, tmp_path)
        assert extractor.seen > 0
        assert len(files(tmp_path)) == number


def test_one_pixel_counts(images, tmp_path):
    cached_features(Counting(), images, tmp_path)
    changed = images.clone()
    changed[3, 0, 2, 2] += 1e-6
    extractor = Counting()
    cached_features(extractor, changed, tmp_path)
    assert extractor.seen == 7


def test_every_damaged_byte_is_harmless(images, tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    expected = cached_features(Counting(), images, tmp_path)
    (path,) = files(tmp_path)
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])
        np.testing.assert_array_equal(cached_features(Counting(), images, tmp_path), expected)


DAMAGE = [
    b"",
    b"no zip file",
    lambda sound: sound[: len(sound) // 2],
    lambda sound: sound[:100] + bytes(200) + sound[300:],
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_made_anew_with_a_warning(damage, images, tmp_path, caplog):
    expected = cached_features(Counting(), images, tmp_path)
    (path,) = files(tmp_path)
    sound = path.read_bytes()
    path.write_bytes(damage(sound) if callable(damage) else damage)
    extractor = Counting()
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(cached_features(extractor, images, tmp_path), expected)
    assert extractor.seen == 7
    assert f"{path} is damaged and is made anew" in caplog.text
    np.testing.assert_array_equal(np.load(path)["features"], expected)


def test_a_file_of_another_shape_is_made_anew(images, tmp_path, caplog):
    expected = cached_features(Counting(), images, tmp_path)
    (path,) = files(tmp_path)
    np.savez(path, features=expected[:3])
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(cached_features(Counting(), images, tmp_path), expected)
    assert "holds float32 (3, 4) where 7 rows" in caplog.text


def test_slices_that_can_be_read_once(images, tmp_path):
    with pytest.raises(ValueError, match="images must be readable twice, got generator; give an array"):
        cached_features(Counting(), (part for part in images.split(2)), tmp_path)


def test_slices_that_are_shuffled(images, tmp_path):
    generator = torch.Generator().manual_seed(0)
    loader = torch.utils.data.DataLoader(images, batch_size=2, shuffle=True, generator=generator)
    with pytest.raises(ValueError, match="images must give the same slices each time they are read"):
        cached_features(Counting(), loader, tmp_path)
    assert files(tmp_path) == []


def test_pieces_of_two_kinds(images, tmp_path):
    with pytest.raises(ValueError, match="images must have one type and one shape per slice"):
        cached_features(Counting(), [images, images[..., :4]], tmp_path)
