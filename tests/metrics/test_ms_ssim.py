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
"""Tests of MS-SSIM against MONAI, and of the four pairings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics.regression import compute_ms_ssim
from scipy import ndimage

from monai_dcgan.metrics import (
    PAIRINGS,
    best_match,
    best_match_ssim,
    max_levels,
    pairwise_ssim,
    random_pair_ssim,
    ssim_pairings,
)
from monai_dcgan.metrics import ssim as module

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
LEVELS = [
    (11, 1),
    (20, 1),
    (21, 2),
    (40, 2),
    (41, 3),
    (64, 3),
    (80, 3),
    (81, 4),
    (128, 4),
    (160, 4),
    (161, 5),
    (512, 5),
]


def _slices(n: int, side: tuple[int, int], seed: int, channels: int = 1) -> np.ndarray:
    random = np.random.RandomState(seed)
    smooth = ndimage.gaussian_filter(random.rand(n, channels, *side), (0, 0, 3, 3))
    span = smooth.max(axis=(2, 3), keepdims=True) - smooth.min(axis=(2, 3), keepdims=True)
    return ((smooth - smooth.min(axis=(2, 3), keepdims=True)) / span).astype(np.float32)


@pytest.mark.parametrize(("side", "levels"), LEVELS)
def test_levels(side, levels):
    assert max_levels(side, side) == max_levels(side, 512) == max_levels(600, side) == levels


@pytest.mark.parametrize(
    ("side", "levels", "channels"), [((176, 200), 5, 1), ((176, 176), 5, 2), ((104, 104), 4, 1), ((48, 64), 3, 2)]
)
def test_agrees_with_monai(side, levels, channels):
    a, b = _slices(3, side, 0, channels), _slices(2, side, 1, channels)
    b[0] = np.clip(a[0] + 0.1 * _slices(1, side, 2, channels)[0], 0, 1)
    weights = tuple(WEIGHTS[:levels] / WEIGHTS[:levels].sum())
    found = pairwise_ssim(a, b, levels)
    for i in range(3):
        for j in range(2):
            pair = (torch.from_numpy(x).double() for x in (a[i : i + 1], b[j : j + 1]))
            expected = compute_ms_ssim(*pair, spatial_dims=2, weights=weights).item()
            assert found[i, j] == pytest.approx(expected, abs=5e-5)
    assert found[0, 0] > 0.8


def test_same_slice_gives_one_and_opposites_give_zero():
    a = _slices(3, (64, 64), 0)
    found = pairwise_ssim(a, 1 - a, 3)
    np.testing.assert_allclose(np.diag(pairwise_ssim(a, a, 3)), 1, atol=1e-4)
    np.testing.assert_array_equal(np.diag(found), 0)
    assert np.diag(pairwise_ssim(a, 1 - a)).max() < 0


def test_block_size_does_not_matter(monkeypatch):
    a, b = _slices(3, (48, 48), 0), _slices(7, (48, 48), 1)
    whole, drawn = pairwise_ssim(a, b, 3), random_pair_ssim(a, b, 9, levels=3)
    monkeypatch.setattr(module, "_CPU_BLOCK", 2 * 48 * 48)
    np.testing.assert_allclose(pairwise_ssim(a, b, 3), whole, atol=1e-6)
    np.testing.assert_allclose(random_pair_ssim(a, b, 9, levels=3), drawn, atol=1e-6)
    np.testing.assert_allclose(pairwise_ssim(a.astype(np.float64), b, 3), whole, atol=1e-6)


def test_best_match_and_pairs_take_levels():
    a, b = _slices(3, (48, 48), 0), _slices(5, (48, 48), 1)
    every = pairwise_ssim(a, b, 3)
    np.testing.assert_allclose(best_match(a, b, levels=3)[0], every.max(axis=1))
    drawn = random_pair_ssim(a, b, 50, levels=3)
    assert np.abs(drawn[:, None] - every.ravel()).min(axis=1).max() < 1e-6


@pytest.mark.parametrize("levels", [0, 4, 1.0, True])
def test_errors_of_levels(levels):
    a = _slices(2, (64, 64), 0)
    with pytest.raises(ValueError, match=r"levels must be a whole number from 1 to 3 for slices of \(64, 64\) pixels"):
        pairwise_ssim(a, a, levels)


def test_pairings():
    real, patients = _slices(6, (32, 32), 0), ["p", "p", "p", "q", "q", "q"]
    real[:3], real[3:] = real[0], real[3]
    copied = np.repeat(real[:1], 4, axis=0)
    found = ssim_pairings(copied, real, num_pairs=40, seed=1, patients=patients)
    assert tuple(found) == PAIRINGS
    assert [len(found[name]) for name in PAIRINGS] == [4, 40, 40, 40]
    np.testing.assert_allclose(found["best_match"], 1, atol=1e-5)
    np.testing.assert_allclose(found["within_synthetic"], 1, atol=1e-5)
    assert found["within_real"].max() < 0.9
    assert ssim_pairings(copied, real, num_pairs=40, seed=1)["within_real"].max() > 0.999
    np.testing.assert_array_equal(found["random_pair"], random_pair_ssim(copied, real, 40, 1))
    other = _slices(4, (32, 32), 5)
    many = ssim_pairings(other, real, num_pairs=10, levels=2)
    np.testing.assert_array_equal(many["best_match"], best_match_ssim(other, real, levels=2))
