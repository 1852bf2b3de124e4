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
"""Tests of copied tumors."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.transforms import copy_tumors


def disc(center, radius, size=32):
    rows, columns = np.mgrid[:size, :size]
    return np.hypot(rows - center[0], columns - center[1]) <= radius


def make_slices(levels=(0.4, 0.6), tumors=(True, False)):
    """Heads of two brightnesses, one with a tumor 0.2 brighter than itself."""
    head, tumor = disc((16, 16), 13), disc((12, 20), 4)
    images = [level * head + 0.2 * (tumor & head) * there for level, there in zip(levels, tumors, strict=True)]
    masks = [tumor * there for there in tumors]
    return np.array(images)[:, None], np.array(masks)[:, None]


def test_a_tumor_keeps_its_contrast_in_another_head():
    images, masks, origins = copy_tumors(*make_slices(), np.array(["a", "b"]), number=20, seed=0)
    assert len(images) == len(masks) == 20 and origins.tolist() == [0] * 20
    for image, mask in zip(images[:, 0], masks[:, 0] > 0, strict=True):
        assert image[mask].mean() == pytest.approx(0.8, abs=0.01)
        far = disc((16, 16), 12) & ~disc(np.argwhere(mask).mean(axis=0), 9)
        assert image[far] == pytest.approx(np.full(far.sum(), 0.6), abs=0.01)
        assert (image[~disc((16, 16), 13)] == 0).all()
        assert 40 <= mask.sum() <= disc((12, 20), 4).sum()


def test_a_tumor_at_the_edge_of_its_head_keeps_its_contrast():
    """What lies beside the head of its own slice is no tissue to compare with, and does not come along."""
    narrow, wide, tumor = disc((16, 16), 8), disc((16, 16), 13), disc((16, 22), 2)
    images = np.array([0.005 + 0.5 * narrow + 0.2 * tumor, 0.5 * wide])[:, None]
    masks = np.array([tumor, tumor * False])[:, None]
    made, masks, _ = copy_tumors(images, masks, np.array(["a", "b"]), number=20, seed=0)
    for image, mask in zip(made[:, 0], masks[:, 0] > 0):
        assert image[mask] == pytest.approx(np.full(mask.sum(), 0.7), abs=0.01)
        assert image[wide].min() > 0.49


def test_tumors_move_and_are_mirrored():
    _, masks, _ = copy_tumors(*make_slices(), np.array(["a", "b"]), number=40, seed=0)
    columns = np.array([np.argwhere(mask[0]).mean(axis=0)[1] for mask in masks])
    assert 10 <= np.sum(columns < 16) <= 30
    assert len(np.unique(columns.round())) > 4


def test_same_seed_same_slices():
    first, again, other = (
        copy_tumors(*make_slices(), np.array(["a", "b"]), number=5, seed=seed)[0] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_another_patient_is_preferred():
    """Of two slices without tumor the one of the patient's own head is 0.1 bright."""
    slices = make_slices((0.4, 0.6, 0.1), (True, False, False))
    images, _, _ = copy_tumors(*slices, np.array(["a", "b", "a"]), number=10, seed=0)
    assert images.max(axis=(1, 2, 3)) == pytest.approx(np.full(10, 0.8), abs=0.01)
    alone, _, _ = copy_tumors(*make_slices(), np.array(["a", "a"]), number=3, seed=0)
    assert len(alone) == 3


def test_tumors_stay_at_their_level_of_the_head():
    """Ten slices without tumor show a large head and ten a small one; the tumor is from a large one."""
    large, small, tumor = disc((16, 16), 13), disc((18, 12), 9), disc((14, 16), 3)
    images = np.array([0.5 * large + 0.2 * tumor, *[0.5 * small] * 10, *[0.5 * large] * 10])[:, None]
    masks = np.array([tumor, *[tumor * False] * 20])[:, None]
    made, _, _ = copy_tumors(images, masks, np.array(["a", *["b"] * 20]), number=20, seed=0)
    assert all(image[0, 5, 16] > 0 for image in made)


@pytest.mark.parametrize("tumors", [(True, True), (False, False)])
def test_slices_of_one_kind_are_refused(tumors):
    with pytest.raises(ValueError, match="slices must be with and without tumor to copy tumors, got .* with and"):
        copy_tumors(*make_slices(tumors=tumors), np.array(["a", "b"]), number=1, seed=0)


def test_tumors_that_do_not_fit_are_refused():
    images, masks = make_slices()
    images[1] = 0
    with pytest.raises(ValueError, match="tumors must fit into heads of other slices, got 0 of 3 in 60 tries"):
        copy_tumors(images, masks, np.array(["a", "b"]), number=3, seed=0)
