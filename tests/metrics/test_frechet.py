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
"""Tests of the Frechet distance against the formula with a matrix root."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from monai_dcgan.metrics import frechet_distance

SIZES = [
    # N, M, d: above, below and on both sides of the number of features
    (200, 150, 8),
    (20, 30, 64),
    (20, 100, 48),
    (100, 20, 48),
    (2, 2, 5),
    (64, 65, 64),
]
ERRORS = [
    [np.zeros((1, 3)), np.zeros((4, 3)), "a must have at least 2 samples, got 1"],
    [np.zeros((4, 3)), np.zeros((0, 3)), "b must have at least 2 samples, got 0"],
    [np.zeros((4, 3)), np.zeros((4, 2)), "same number of features, got 3 and 2"],
    [np.zeros(4), np.zeros((4, 2)), r"a must have the shape \(samples, features\)"],
    [np.zeros((4, 3)), np.array([[0.0] * 3, [0.0, np.nan, 0.0]]), "b must be finite, .* 1 rows, first row 1"],
    [np.full((4, 3), np.inf), np.zeros((4, 3)), "a must be finite"],
]


def _features(n: int, d: int, seed: int) -> np.ndarray:
    random = np.random.RandomState(seed)
    return random.randn(n, d) @ random.randn(d, d) + random.randn(d) * 3


def _by_matrix_root(a: np.ndarray, b: np.ndarray) -> float:
    """Heusel 2017 eq. 6 with the root of the symmetric S_a^(1/2) S_b S_a^(1/2): the same trace, stable for N < d."""
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(covariance_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariance_b @ root).clip(0)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariance_a + covariance_b) - 2 * cross)


@pytest.mark.parametrize(("n", "m", "d"), SIZES)
def test_agrees_with_symmetric_root(n, m, d):
    a, b = _features(n, d, 0), _features(m, d, 1)
    assert frechet_distance(a, b) == pytest.approx(_by_matrix_root(a, b), rel=1e-6)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 8), (300, 400, 32)])
def test_agrees_with_sqrtm(n, m, d):
    a, b = _features(n, d, 0), _features(m, d, 1)
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariance_a @ covariance_b).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariance_a + covariance_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "m", "d"), SIZES)
def test_agrees_with_sqrtm_of_a_small_ridge(n, m, d):
    """``sqrtm`` fails on singular covariances; in the limit of a small ridge it reaches the exact value."""
    a, b = _features(n, d, 0), _features(m, d, 1)
    ridge = 1e-13 * np.eye(d) * max(np.var(a), np.var(b))
    covariance_a, covariance_b = np.cov(a, rowvar=False) + ridge, np.cov(b, rowvar=False) + ridge
    root = scipy.linalg.sqrtm(covariance_a @ covariance_b).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariance_a + covariance_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("n", "m", "d"), SIZES)
def test_properties(n, m, d):
    a, b = _features(n, d, 0), _features(m, d, 1)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9 * np.var(a) * d)
    assert frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9 * np.var(a) * d)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    assert frechet_distance(a, a + 2) == pytest.approx(4 * d, rel=1e-9)


def test_float32_tensors():
    a, b = torch.from_numpy(_features(30, 40, 0)).float(), torch.from_numpy(_features(50, 40, 1)).float()
    assert frechet_distance(a, b) == frechet_distance(a.double().numpy(), b.double().numpy())


@pytest.mark.parametrize(("a", "b", "text"), ERRORS)
def test_errors(a, b, text):
    with pytest.raises(ValueError, match=text):
        frechet_distance(a, b)
