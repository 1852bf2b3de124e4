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
"""Published numbers, against the plainest writing of their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from monai_dcgan.evaluation.privacy import (
    auroc,
    authenticity,
    cells_of,
    data_copying,
    mann_whitney_z,
    nearest_features,
    true_positive_rate,
)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("shift", [-0.5, 0.0, 0.7])
def test_z_score_is_that_of_scipy(ties, shift):
    random = np.random.RandomState(0)
    first, second = random.randn(40) + shift, random.randn(60)
    if ties:
        first, second = first.round(), second.round()
    expected = mannwhitneyu(first, second, alternative="less", method="asymptotic", use_continuity=False).pvalue
    assert norm.cdf(mann_whitney_z(first, second)) == pytest.approx(expected, rel=1e-6)
    assert mann_whitney_z(second, first) == pytest.approx(-mann_whitney_z(first, second))


def test_z_score_of_equal_values_is_zero():
    assert mann_whitney_z([1.0, 1.0], [1.0, 1.0, 1.0]) == 0


def test_data_copying_by_the_formula():
    random = np.random.RandomState(0)
    made, real = random.rand(90), random.rand(120)
    made_cells, real_cells = random.randint(3, size=90), random.randint(3, size=120)
    scores = []
    for cell in range(3):
        a, b = made[made_cells == cell], real[real_cells == cell]
        u = sum(float(x > y) for x in a for y in b)
        m, n = len(a), len(b)
        scores.append(((u - m * n / 2) / np.sqrt(m * n * (m + n + 1) / 12), n))
    expected = sum(z * n for z, n in scores) / sum(n for _, n in scores)
    found = data_copying(made, real, made_cells, real_cells, least_in_cell=1)
    assert found.value == pytest.approx(expected)
    assert (found.cells, found.share) == (3, 1.0)


def test_data_copying_tells_copies_from_the_same_and_from_worse():
    random = np.random.RandomState(0)
    cells = np.zeros(200, int)
    real = random.rand(200) + 1
    assert data_copying(real * 0.3, real, cells, cells).value < -10
    assert abs(data_copying(random.rand(200) + 1, real, cells, cells).value) < 3
    assert data_copying(real * 3, real, cells, cells).value > 10


def test_cells_with_few_slices_do_not_count():
    cells = np.repeat([0, 1], [30, 10])
    values = np.arange(40.0)
    found = data_copying(values, values, cells, cells)
    assert (found.cells, found.share, found.value) == (1, 0.75, 0.0)
    assert data_copying(values, values, cells, cells, least_in_cell=31).value is None


def test_cells_are_those_of_the_clusters():
    random = np.random.RandomState(0)
    centers = np.array([[0.0, 0], [10, 0], [0, 10]])
    training = np.concatenate([center + random.randn(50, 2) for center in centers])
    (placed,) = cells_of(training, [np.repeat(centers, 2, axis=0)], 3, seed=0)
    assert placed[0] == placed[1] and placed[2] == placed[3] and placed[4] == placed[5]
    assert len(set(placed.tolist())) == 3
    assert set(cells_of(training, [centers], 1, seed=0)[0].tolist()) == {0}


def test_auroc_counts_pairs():
    random = np.random.RandomState(0)
    first, second = random.randint(5, size=20), random.randint(5, size=30)
    pairs = [(a > b) + 0.5 * (a == b) for a in first for b in second]
    assert auroc(first, second) == pytest.approx(np.mean(pairs))
    assert auroc([2.0, 3.0], [0.0, 1.0]) == 1


def test_true_positive_rate():
    negative = np.arange(100.0)
    assert true_positive_rate([94.5, 94.0, 200, 0], negative, 0.05) == 0.5
    assert true_positive_rate(negative, negative, 0.05) == 0.05


def test_authenticity_by_the_formula():
    random = np.random.RandomState(0)
    made, training = random.randn(30, 4), random.randn(20, 4)
    made[:5] = training[:5] + 0.01
    every = np.linalg.norm(made[:, None] - training[None], axis=2)
    inner = np.linalg.norm(training[:, None] - training[None], axis=2) + np.diag([np.inf] * 20)
    expected = [every[j].min() > inner[every[j].argmin()].min() for j in range(30)]
    distance, index = nearest_features(made, training)
    names = np.arange(20)
    found = authenticity(distance, index, nearest_features(training, training, (names, names))[0])
    assert found.tolist() == expected
    assert not found[:5].any() and found.any()
    assert authenticity([0.0], [-1], [1.0]).tolist() == [True]


def test_nearest_features_is_exact_and_free_of_blocks(monkeypatch):
    random = np.random.RandomState(0)
    queries, references = random.randn(50, 8) + 1e4, random.randn(70, 8) + 1e4
    queries[3] = references[9]
    every = np.linalg.norm(queries[:, None] - references[None], axis=2)
    distance, index = nearest_features(queries, references)
    assert (index == every.argmin(axis=1)).all() and (distance == every.min(axis=1)).all()
    assert distance[3] == 0
    monkeypatch.setattr("monai_dcgan.evaluation.privacy.distances._BLOCK", 7)
    assert (nearest_features(queries, references)[1] == index).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: mann_whitney_z([], [1.0]), "values must be one-dimensional and not empty"),
        (lambda: auroc([1.0], [np.nan]), "negative must hold numbers, got NaN at 0"),
        (lambda: data_copying([1.0], [1.0], [0, 1], [0]), "synthetic_cells must have one cell per slice"),
        (lambda: authenticity([1.0], [5], [1.0]), "references must name one of 1 training slices"),
        (lambda: nearest_features(np.ones((2, 3)), np.ones((2, 4))), r"queries and references must be .* with one d"),
        (
            lambda: nearest_features(np.ones((2, 3)), np.ones((1, 3)), (np.array(["a", "b"]), np.array(["b"]))),
            "groups must leave every query a reference, got none for query 1",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()
