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
"""Tests of the Frechet distance without bias, and of memory for large sets."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from monai_dcgan.metrics import frechet_distance, frechet_infinity

ERRORS = [
    [{"first": np.zeros((19, 3))}, "a must have at least 20 samples, got 19"],
    [{"num_points": 2}, "num_points must be at least 3, got 2; two points fit any line"],
    [{"smallest": 1}, "smallest must be from 2 to 50 for 10 sizes up to 60, got 1"],
    [{"smallest": 51}, "smallest must be from 2 to 50 for 10 sizes up to 60, got 51; add slices"],
    [{"second": np.full((60, 3), np.nan)}, "b must be finite"],
]


def test_bias_goes():
    """Two Gaussians of 24 dimensions, 0.1 apart in each: the distance is 0.24."""
    random = np.random.RandomState(0)
    pairs = [(random.randn(800, 24), random.randn(800, 24) + 0.1) for _ in range(20)]
    plain = [frechet_distance(a, b) for a, b in pairs]
    found = [frechet_infinity(a, b, seed=number) for number, (a, b) in enumerate(pairs)]
    values = [one.value for one in found]
    error = 4 * np.std(values) / len(values) ** 0.5
    assert np.mean(plain) > 1.5 * 0.24
    assert error < 0.08
    assert np.mean(values) == pytest.approx(0.24, abs=error)
    assert all(one.slope > 0 and one.r_squared > 0.8 and one.note is None for one in found)


def test_one_side_only():
    random = np.random.RandomState(0)
    a, b = random.randn(2000, 8), random.randn(20000, 8) + 0.2
    found = frechet_infinity(a, b, both=False)
    assert found.value == pytest.approx(0.32, abs=0.08)
    assert found.sizes[-1] == 2000
    assert found.distances[-1] == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_points_and_line():
    random = np.random.RandomState(0)
    a, b = random.randn(100, 5), random.randn(130, 5)
    found = frechet_infinity(a, b, num_points=4, smallest=40, seed=3)
    assert found.sizes == (40, 60, 80, 100)
    slope, intercept = np.polyfit(1 / np.array(found.sizes), found.distances, 1)
    assert (found.value, found.slope) == pytest.approx((intercept, slope))
    assert found == frechet_infinity(a, b, num_points=4, smallest=40, seed=3)
    assert found != frechet_infinity(a, b, num_points=4, smallest=40, seed=4)


def test_same_set_lies_below_zero():
    a = np.random.RandomState(0).randn(200, 5)
    found = frechet_infinity(a, a)
    assert found.distances[-1] == pytest.approx(0, abs=1e-9)
    assert found.value < 0


def test_fewer_samples_than_features_are_marked():
    random = np.random.RandomState(0)
    found = frechet_infinity(random.randn(100, 40), random.randn(100, 40))
    assert found.note is not None
    assert "smallest subset has 20 samples for 40 features" in found.note
    assert "give at least 205 slices" in found.note


@pytest.mark.parametrize(("arguments", "text"), ERRORS)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        frechet_infinity(**({"first": np.zeros((60, 3)), "second": np.zeros((60, 3))} | arguments))


def test_memory_does_not_grow_with_the_samples():
    random = np.random.default_rng(0)
    peaks = []
    for samples in (20_000, 80_000):
        a, b = (random.standard_normal((samples, 32), dtype=np.float32) for _ in range(2))
        tracemalloc.start()
        frechet_distance(a, b)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize("samples", [8191, 8192, 8193, 20000])
def test_blocks_give_what_the_covariances_give(samples):
    random = np.random.default_rng(0)
    a = random.standard_normal((samples, 6)) @ random.standard_normal((6, 6)) + 50
    b = random.standard_normal((samples, 6)) + 50
    values, vectors = np.linalg.eigh(np.cov(a, rowvar=False))
    root = vectors * np.sqrt(values) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ np.cov(b, rowvar=False) @ root)).sum()
    trace = np.trace(np.cov(a, rowvar=False) + np.cov(b, rowvar=False))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + trace - 2 * cross
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("smallest", [1e-1, 1e-6, 1e-9, 0.0])
def test_features_that_hardly_vary(smallest):
    """Columns whose scale falls to nothing, in both sets or in one: covariances of any condition."""
    random = np.random.RandomState(0)
    scales = np.linspace(1, smallest, 12)
    # Centered and made orthogonal, the covariances are diagonal and commute: the distance is known.
    columns = [np.linalg.qr(x - x.mean(axis=0))[0] for x in (random.randn(300, 12), random.randn(400, 12))]
    a, b = columns[0] * scales * 299**0.5, columns[1] * 399**0.5
    assert frechet_distance(a, b) == pytest.approx(((scales - 1) ** 2).sum(), rel=1e-9)
    assert frechet_distance(a, a[::-1].copy()) == pytest.approx(0, abs=1e-12)
    mixed = np.linalg.qr(random.randn(12, 12))[0]
    assert frechet_distance(a @ mixed, b @ mixed) == pytest.approx(((scales - 1) ** 2).sum(), rel=1e-6)
