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
"""Tests of the rules for synthetic slices."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from monai_dcgan.downstream import Pool, Slices

STORE = SimpleNamespace(class_names=["no_tumor", "tumor"])
BAD_POOLS = [
    [{"number": 0}, "number must be a whole number of at least 1, got 0"],
    [{"truncation": 0.0}, "truncation must be"],
    [{"agreement": [0.9, 0.5]}, "agreement must be two shares, the lower one first, got .0.9, 0.5."],
    [{"agreement": [0.5, 1.5]}, "agreement must be"],
]


def squares(*sides):
    """Return masks (N, 1, 32, 32) with a square each."""
    masks = np.zeros((len(sides), 1, 32, 32), dtype=np.uint8)
    for mask, side in zip(masks, sides, strict=True):
        mask[0, 8 : 8 + side, 8 : 8 + side] = 1
    return masks


def textures(number, seed):
    return np.random.RandomState(seed).rand(number, 1, 32, 32)


def make(monkeypatch, pool, made, real, **given):
    monkeypatch.setattr(Pool, "_drawn", lambda self, run, seed, device: made)
    return pool.make("run", real, given.pop("store", STORE), 0, **given)


@pytest.fixture
def real():
    return Slices(textures(4, 0), squares(4, 6, 8, 0), np.array([1, 1, 1, 0]))


@pytest.mark.parametrize(("kwargs", "text"), BAD_POOLS)
def test_bad_pools(kwargs, text):
    with pytest.raises(ValueError, match=text):
        Pool(**kwargs)


def test_implausible_masks_are_left_out(monkeypatch, real):
    masks = squares(2, 4, 8, 9, 5, 0)
    masks[4, 0, 20:25, 20:25] = 1
    made = Slices(textures(6, 1), masks, np.ones(6))
    kept, record = make(monkeypatch, Pool(), made, real)
    assert [int(mask.sum()) for mask in kept.masks] == [16, 64, 0]
    assert record == {"made": 6, "implausible": 3, "memorized": 0}
    kept, record = make(monkeypatch, Pool(plausible=False), made, real)
    assert len(kept) == 6 and "implausible" not in record


def test_copies_of_training_slices_are_left_out(monkeypatch, real):
    images = np.concatenate([textures(2, 1), real.images[1:2, ..., ::-1], 0.8 * real.images[2:3]])
    made = Slices(images, squares(4, 4, 4, 4), np.ones(4))
    kept, record = make(monkeypatch, Pool(), made, real)
    assert np.array_equal(kept.images, made.images[:2]) and record["memorized"] == 2
    assert len(make(monkeypatch, Pool(memorized=True), made, real)[0]) == 4


def test_slices_without_tumor_are_left_out(monkeypatch, real):
    made = Slices(textures(4, 1), squares(4, 0, 8, 0), np.ones(4))
    kept, record = make(monkeypatch, Pool(healthy=False), made, real)
    assert np.array_equal(kept.images, made.images[::2])
    assert record == {"made": 4, "implausible": 0, "memorized": 0, "healthy": 2}


def test_outlines_are_cleaned_before_other_rules(monkeypatch, real):
    masks = squares(8, 8, 8)
    masks[0, 0, 4:8, 12] = 1  # a spike
    masks[1, 0, 11:13, 11:13] = 0  # a hole
    masks[2, 0, 28, 28] = 1  # a speck, in one part more than any real mask
    made = Slices(textures(3, 1), masks, np.ones(3))
    kept, record = make(monkeypatch, Pool(clean=True), made, real)
    assert record["implausible"] == 0
    for mask in kept.masks:
        assert mask[0, 9:15, 9:15].all() and not mask[0, :7].any() and not mask[0, 17:].any()


def test_classes_are_what_masks_say(monkeypatch, real):
    made = Slices(textures(3, 1), squares(4, 0, 5), np.array([0, 1, 1]))
    assert make(monkeypatch, Pool(), made, real)[0].classes.tolist() == [1, 0, 1]
    types = SimpleNamespace(class_names=["a", "b"])
    assert make(monkeypatch, Pool(), made, real, store=types)[0].classes.tolist() == [0, 1, 1]


def test_a_segmenter_has_a_say(monkeypatch, real):
    """It finds squares of 4; Dice with those of 4, 5, 8 and 0 is 1, 32/41, 32/80 and 0."""
    made = Slices(textures(5, 1), squares(4, 5, 8, 0, 0), np.ones(5))
    found = squares(4, 4, 4, 4, 0)
    kept, record = make(monkeypatch, Pool(agreement=[0.5, 0.9]), made, real, segment=lambda images: found)
    assert [int(mask.sum()) for mask in kept.masks] == [25, 0] and record["agreement"] == 3
    kept, _ = make(monkeypatch, Pool(agreement=[0.5, 1.0]), made, real, segment=lambda images: found)
    assert [int(mask.sum()) for mask in kept.masks] == [16, 25, 0]
    kept, _ = make(monkeypatch, Pool(relabel=True), made, real, segment=lambda images: found)
    assert np.array_equal(kept.masks, found) and kept.classes.tolist() == [1, 1, 1, 1, 0]
    with pytest.raises(ValueError, match="segment must be given for agreement and relabel"):
        make(monkeypatch, Pool(relabel=True), made, real)


def test_rules_look_at_the_masks_that_networks_see(monkeypatch, real):
    """What a segmenter finds: nothing, more than any real mask, and a usual one."""
    made = Slices(textures(3, 1), squares(4, 4, 4), np.ones(3))
    pool = Pool(healthy=False, relabel=True)
    kept, record = make(monkeypatch, pool, made, real, segment=lambda images: squares(0, 20, 6))
    assert [int(mask.sum()) for mask in kept.masks] == [36]
    assert record == {"made": 3, "implausible": 1, "memorized": 0, "healthy": 1}


def test_nothing_left_is_an_error(monkeypatch, real):
    made = Slices(textures(1, 1), squares(20), np.ones(1))
    with pytest.raises(ValueError, match="rules must leave synthetic slices of run, got none .*'implausible': 1"):
        make(monkeypatch, Pool(), made, real)
