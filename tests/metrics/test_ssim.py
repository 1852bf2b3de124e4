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
"""Tests of SSIM over pairs against MONAI and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics import SSIMMetric
from skimage.metrics import structural_similarity

from monai_dcgan.metrics import best_match, best_match_ssim, pairwise_ssim, random_pair_ssim
from monai_dcgan.metrics import ssim as module

# shape, tolerance: one window alone shows the rounding of float32 that a mean over windows hides
SHAPES = [((1, 32, 32), 2e-5), ((2, 24, 40), 2e-5), ((1, 11, 11), 1e-4)]
ERRORS = [
    [np.zeros((2, 1, 16)), np.zeros((2, 1, 16)), "a must have the shape"],
    [np.zeros((2, 1, 16, 16)), np.zeros((0, 1, 16, 16)), "b must have the shape"],
    [np.zeros((2, 1, 10, 16)), np.zeros((2, 1, 10, 16)), "a must have slices of at least 11 x 11 pixels"],
    [np.zeros((2, 1, 16, 16)), np.zeros((2, 1, 16, 12)), "a and b must have slices of one shape"],
    [np.full((2, 1, 16, 16), -1.0), np.zeros((2, 1, 16, 16)), r"a must lie in \[0, 1\], got -1 to -1"],
    [np.zeros((2, 1, 16, 16)), np.full((2, 1, 16, 16), np.nan), r"b must lie in \[0, 1\], got nan"],
]


def _slices(n: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Smooth blobs with noise on an exact zero background, so that SSIM spreads over its range."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[: shape[1], : shape[2]]
    centers = random.rand(n, shape[0], 2, 1, 1) * np.array(shape[1:])[:, None, None]
    blobs = np.exp(-((y - centers[:, :, 0]) ** 2 + (x - centers[:, :, 1]) ** 2) / 60)
    return ((blobs + 0.05 * random.rand(n, *shape)) * (blobs > 0.05)).clip(0, 1).astype(np.float32)


@pytest.mark.parametrize(("shape", "tolerance"), SHAPES)
def test_agrees_with_monai(shape, tolerance):
    a, b = _slices(4, shape, 0), _slices(5, shape, 1)
    metric = SSIMMetric(spatial_dims=2, data_range=1.0, reduction="none")
    found = pairwise_ssim(a, b)
    for i in range(4):
        for j in range(5):
            expected = metric(torch.from_numpy(a[i : i + 1]), torch.from_numpy(b[j : j + 1])).item()
            assert found[i, j] == pytest.approx(expected, abs=tolerance)


def test_agrees_with_skimage_inside_the_borders():
    """scikit-image pads, and its mean leaves out the 5 pixels at each border: what remains are the valid windows."""
    a, b = _slices(4, (1, 32, 40), 0), _slices(4, (1, 32, 40), 1)
    found = pairwise_ssim(a, b)
    for i in range(4):
        for j in range(4):
            expected = structural_similarity(
                a[i, 0].astype(float),
                b[j, 0].astype(float),
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=1,
            )
            assert found[i, j] == pytest.approx(expected, abs=2e-5)


def test_same_set_has_ones_on_the_diagonal_and_is_symmetric():
    a = _slices(5, (1, 32, 32), 0)
    found = pairwise_ssim(a, a)
    np.testing.assert_allclose(np.diag(found), 1, atol=1e-5)
    np.testing.assert_allclose(found, found.T, atol=1e-6)
    assert found.min() < 0.9


def test_block_size_does_not_matter(monkeypatch):
    a, b = _slices(3, (1, 32, 32), 0), _slices(7, (1, 32, 32), 1)
    whole, drawn = pairwise_ssim(a, b), random_pair_ssim(a, b, 9)
    monkeypatch.setattr(module, "_CPU_BLOCK", 2 * 32 * 32)
    np.testing.assert_allclose(pairwise_ssim(a, b), whole, atol=1e-6)
    np.testing.assert_allclose(random_pair_ssim(a, b, 9), drawn, atol=1e-6)


def test_best_match():
    a = _slices(6, (1, 32, 32), 0)
    values, indices = best_match(a[[4, 1]], a)
    np.testing.assert_array_equal(indices, [4, 1])
    np.testing.assert_allclose(values, 1, atol=1e-5)
    np.testing.assert_array_equal(best_match_ssim(a[:2], a[2:]), pairwise_ssim(a[:2], a[2:]).max(axis=1))


def test_best_match_within_a_set_leaves_out_self_and_group():
    a = _slices(4, (1, 32, 32), 0)
    a[1] = a[0]
    assert best_match_ssim(a)[0] == pytest.approx(1, abs=1e-5)
    values, indices = best_match(a, groups=["p", "p", "q", "q"])
    assert set(indices[:2]) <= {2, 3}
    assert set(indices[2:]) <= {0, 1}
    assert values[0] < 0.999


def test_random_pairs_are_among_all_pairs_and_seeded():
    a, b = _slices(3, (1, 32, 32), 0), _slices(4, (1, 32, 32), 1)
    found = random_pair_ssim(a, b, num_pairs=200, seed=3)
    every = pairwise_ssim(a, b)
    assert found.shape == (200,)
    assert np.abs(found[:, None] - every.ravel()).min(axis=1).max() < 1e-6
    assert found.mean() == pytest.approx(every.mean(), abs=4 * float(every.std()) / 200**0.5)
    np.testing.assert_array_equal(found, random_pair_ssim(a, b, num_pairs=200, seed=3))


def test_random_pairs_within_a_set_leave_out_self_and_group():
    a = np.stack([_slices(1, (1, 32, 32), seed)[0] for seed in (0, 0, 1)])
    assert random_pair_ssim(a[1:], num_pairs=50).max() < 0.999
    assert random_pair_ssim(a, num_pairs=50).max() > 0.999
    assert random_pair_ssim(a, num_pairs=50, groups=["p", "p", "q"]).max() < 0.999


@pytest.mark.parametrize(("a", "b", "text"), ERRORS)
def test_errors(a, b, text):
    with pytest.raises(ValueError, match=text):
        pairwise_ssim(a, b)


def test_errors_of_groups():
    a = np.zeros((3, 1, 16, 16))
    with pytest.raises(ValueError, match="groups must be None when b is given"):
        best_match(a, a, groups=["p"] * 3)
    with pytest.raises(ValueError, match="groups must have one value per slice, 3, got 2"):
        random_pair_ssim(a, groups=["p"] * 2)
    with pytest.raises(ValueError, match="another to compare it with, got none for slice 0; add patients"):
        best_match(a, groups=["p"] * 3)
    with pytest.raises(ValueError, match="two slices that may be paired, got none"):
        random_pair_ssim(a[:1])
