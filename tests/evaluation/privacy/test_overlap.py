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
"""Only what two registered slices share is compared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from monai_dcgan.evaluation.privacy import DescribedSlices, nearest, planted_copies
from monai_dcgan.evaluation.privacy.overlap import overlap_similarity
from monai_dcgan.metrics.matching import best_matches, describe


def filling(count, channels=1, size=128, seed=0):
    """Slices with structure up to their edges."""
    random = np.random.RandomState(seed)
    texture = gaussian_filter(random.rand(count, channels, size, size), (0, 0, 3, 3))
    low, high = texture.min((2, 3), keepdims=True), texture.max((2, 3), keepdims=True)
    return ((texture - low) / (high - low)).astype(np.float32)


def moved(images, down, right):
    """Move slices down and right; what enters is 0."""
    empty = np.zeros_like(images)
    height, width = images.shape[2:]
    rows, columns = ((slice(max(step, 0), side + min(step, 0))) for step, side in ((down, height), (right, width)))
    back = ((slice(max(-step, 0), side + min(-step, 0))) for step, side in ((down, height), (right, width)))
    empty[:, :, rows, columns] = images[(slice(None), slice(None), *back)]
    return empty


def similarity(queries, references, flip, shift):
    count = len(queries)
    return overlap_similarity(queries, references, np.full(count, flip), np.tile(np.array(shift, float), (count, 1)))


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("shift", [(0, 0), (6, 0), (0, -4), (-6, 4)])
@pytest.mark.parametrize("channels", [1, 2])
def test_shifted_out_of_the_slice_is_the_same(size, shift, channels):
    images = filling(3, channels, size)
    made = 0.7 * moved(images, *shift) + 0.2
    assert similarity(made, images, 0, shift) == pytest.approx(np.ones(3), abs=1e-3)
    # At the wrong place they are not, and neither are others.
    if shift != (0, 0):
        assert similarity(made, images, 0, (-shift[0], -shift[1])).max() < 0.9
    assert similarity(made, np.roll(images, 1, axis=0), 0, shift).max() < 0.6


def test_a_flip_comes_before_the_shift():
    images = filling(3)
    made = moved(images, 4, -6)[:, :, :, ::-1]
    assert similarity(made, images, 1, (4, -6)) == pytest.approx(np.ones(3), abs=1e-3)
    assert similarity(made, images, 0, (4, -6)).max() < 0.6


def test_too_little_overlap_or_no_contrast_is_no_similarity():
    images = filling(2)
    assert similarity(images, images, 0, (70, 0)).tolist() == [0, 0]
    flat = np.full_like(images, 0.4)
    assert similarity(flat, images, 0, (0, 0)).tolist() == [0, 0]
    assert similarity(flat, flat, 0, (0, 0)).tolist() == [0, 0]


def test_search_finds_shifted_copies_of_slices_that_reach_the_edge():
    images = filling(40)
    copies = planted_copies(images, ["shifted"], 0, 40)
    around = best_matches(describe(copies.images), describe(images)).similarity
    found = nearest("pixels", DescribedSlices(copies.images), DescribedSlices(images))
    assert (found.reference == copies.sources).all()
    assert around.min() < 0.95 and found.distance.max() < 0.02
    assert (1 - found.distance >= around - 1e-6).all()
