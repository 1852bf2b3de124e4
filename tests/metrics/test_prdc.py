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
"""Tests of precision, recall, density and coverage against the published formulas."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch

from monai_dcgan.metrics import expected_coverage, prdc

# The package has the function under the name of the module.
MODULE = importlib.import_module("monai_dcgan.metrics.prdc")
CASES = [
    # N, M, d, k, shift
    (40, 40, 3, 3, 0.0),
    (40, 55, 3, 5, 0.5),
    (30, 20, 10, 1, 1.0),
    (25, 60, 100, 5, 0.2),
]
ERRORS = [
    [{"k": 0}, "k must be a whole number of at least 1, got 0"],
    [{"real": np.zeros((5, 3))}, "real must have more than k=5 slices, got 5; add slices or lower k"],
    [{"fake": np.zeros((4, 3))}, "fake must have more than k=5 slices, got 4"],
    [{"fake": np.zeros((9, 2))}, "same number of features, got 3 and 2"],
    [{"fake": np.full((9, 3), np.nan)}, "b must be finite"],
    [{"real": np.zeros((0, 3))}, "a must have at least 2 samples, got 0"],
    [{"real": np.zeros((9, 3, 1))}, r"a must have the shape \(samples, features\)"],
]


def _sets(n: int, m: int, d: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(0)
    return random.randn(n, d), random.randn(m, d) * 0.8 + shift


def _plain(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float, float, float]:
    """Kynkäänniemi 2019 eq. 1 and 2, density and coverage of Naeem 2020, pair by pair."""

    def radius(index: int, own: np.ndarray) -> float:
        return sorted(math.dist(own[index], other) for other in own)[k]

    real_radii = [radius(i, real) for i in range(len(real))]
    fake_radii = [radius(j, fake) for j in range(len(fake))]
    in_real = [[math.dist(x, y) < r for x, r in zip(real, real_radii, strict=True)] for y in fake]
    in_fake = [[math.dist(x, y) < r for y, r in zip(fake, fake_radii, strict=True)] for x in real]
    return (
        sum(any(row) for row in in_real) / len(fake),
        sum(any(row) for row in in_fake) / len(real),
        sum(sum(row) for row in in_real) / (k * len(fake)),
        sum(any(row[i] for row in in_real) for i in range(len(real))) / len(real),
    )


@pytest.mark.parametrize(("n", "m", "d", "k", "shift"), CASES)
def test_agrees_with_the_formulas(n, m, d, k, shift):
    real, fake = _sets(n, m, d, shift)
    expected = _plain(real, fake, k)
    assert prdc(real, fake, k)[:4] == pytest.approx(expected, abs=1e-12)
    assert prdc(real, fake, k).k == k
    assert 0 < sum(expected) / 4 != 1


@pytest.mark.parametrize(("n", "m", "d", "k", "shift"), CASES)
def test_agrees_with_the_published_package(n, m, d, k, shift):
    package = pytest.importorskip("prdc")
    real, fake = _sets(n, m, d, shift)
    expected = package.compute_prdc(real, fake, nearest_k=k)
    found = prdc(real, fake, k)._asdict()
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("d", [2, 64])
def test_same_set_gives_one_whatever_the_block(d, offset, monkeypatch):
    real = np.random.RandomState(0).randn(300, d) + offset
    again = real[np.random.RandomState(1).permutation(300)]
    for block in (1 << 23, 7 * 300):
        monkeypatch.setattr(MODULE, "_BLOCK", block)
        assert prdc(real, again)[:4] == (1, 1, 1, 1)


def test_block_and_type_do_not_matter(monkeypatch):
    real, fake = _sets(70, 90, 6, 0.4)
    real, fake = real.astype(np.float32), fake.astype(np.float32)
    whole = prdc(real, fake)
    assert prdc(torch.from_numpy(real), torch.from_numpy(fake).double()) == whole
    monkeypatch.setattr(MODULE, "_BLOCK", 90 * 4)
    assert prdc(real, fake) == whole


def test_what_each_number_sees():
    random = np.random.RandomState(0)
    real = np.concatenate([random.randn(200, 4), random.randn(200, 4) + 20])
    one_mode = prdc(real, random.randn(400, 4))
    assert one_mode.precision > 0.9
    assert one_mode.recall < 0.6
    assert one_mode.coverage < 0.6
    far = prdc(real, random.randn(400, 4) + 100)
    assert far[:4] == (0, 0, 0, 0)


def test_outlier_raises_precision_more_than_density():
    random = np.random.RandomState(0)
    real = np.concatenate([random.randn(200, 4), [[50.0] * 4]])
    found = prdc(real, random.randn(200, 4) + 20)
    assert found.precision == 1
    assert found.density < 0.3


@pytest.mark.parametrize(("n", "m", "k"), [(60, 60, 5), (60, 20, 3)])
def test_expected_coverage(n, m, k):
    random = np.random.RandomState(0)
    found = [prdc(random.randn(n, 2), random.randn(m, 2), k).coverage for _ in range(200)]
    assert np.mean(found) == pytest.approx(expected_coverage(n, m, k), abs=4 * np.std(found) / 200**0.5)


def test_expected_coverage_errors():
    with pytest.raises(ValueError, match="num_real must be above k=5, got 5"):
        expected_coverage(5, 10)
    with pytest.raises(ValueError, match="num_fake must be a whole number of at least 1, got 0"):
        expected_coverage(10, 0)


@pytest.mark.parametrize(("arguments", "text"), ERRORS)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        prdc(**({"real": np.zeros((9, 3)), "fake": np.zeros((9, 3))} | arguments))
