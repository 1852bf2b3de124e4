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
"""Published numbers on copying, as pure functions of distances to the training slices."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.stats import rankdata

__all__ = ["DataCopying", "authenticity", "auroc", "cells_of", "data_copying", "mann_whitney_z", "true_positive_rate"]


class DataCopying(NamedTuple):
    """Result of the test of data-copying.

    Attributes:
        value: C_T; far below 0 (-3 and less) where synthetic slices are nearer to the training slices than held-out
            ones are, far above 0 where they are farther; None where no cell has enough slices.
        cells: how many cells count.
        share: share of the held-out slices that lie in them, from 0 to 1.
    """

    value: float | None
    cells: int
    share: float


def _vector(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} must be one-dimensional and not empty, got the shape {array.shape}")
    if np.isnan(array).any():
        raise ValueError(f"{name} must hold numbers, got NaN at {int(np.flatnonzero(np.isnan(array))[0])}")
    return array


def _pairs_above(first: np.ndarray, second: np.ndarray) -> float:
    """Return U of Mann and Whitney 1947: pairs whose first value is above the second, ties as halves."""
    m = len(first)
    return float(rankdata(np.concatenate([first, second]))[:m].sum() - m * (m + 1) / 2)


def mann_whitney_z(values: Any, baseline: Any) -> float:
    """Normal approximation of Mann and Whitney's U, corrected for ties: above 0 where ``values`` are larger.

    ``(U - mn / 2) / sd`` with U the number of pairs whose value is above its baseline, ties as halves (Mann and Whitney
    1947; eq. 2 of Meehan et al. 2020 without ties); 0 where all are equal.

    Args:
        values: (m,) numbers.
        baseline: (n,) numbers.

    Raises:
        ValueError: when one is empty, of other dimensions or has a NaN.
    """
    first, second = _vector("values", values), _vector("baseline", baseline)
    m, n = len(first), len(second)
    greater = _pairs_above(first, second)
    ties = np.unique(np.concatenate([first, second]), return_counts=True)[1].astype(np.float64)
    total = m + n
    variance = m * n / 12 * ((total + 1) - (ties**3 - ties).sum() / (total * (total - 1)))
    return float((greater - m * n / 2) / math.sqrt(variance)) if variance > 0 else 0.0


def auroc(positive: Any, negative: Any) -> float:
    """Area under the ROC curve, from 0 to 1: chance that a positive scores above a negative, ties as halves.

    Args:
        positive: (m,) scores.
        negative: (n,) scores.

    Raises:
        ValueError: when one is empty, of other dimensions or has a NaN.
    """
    first, second = _vector("positive", positive), _vector("negative", negative)
    return _pairs_above(first, second) / (len(first) * len(second))


def true_positive_rate(positive: Any, negative: Any, false_positive_rate: float = 0.05) -> float:
    """Share of positives, from 0 to 1, above a threshold that at most that share of negatives passes.

    What an attacker finds who wants to be sure (Carlini et al. 2022, Membership Inference Attacks From First
    Principles, section III).

    Args:
        positive: (m,) scores.
        negative: (n,) scores.
        false_positive_rate: share of negatives that may lie above the threshold.
    """
    first, second = _vector("positive", positive), np.sort(_vector("negative", negative))[::-1]
    return float((first > second[min(int(false_positive_rate * len(second)), len(second) - 1)]).mean())


def cells_of(training: Any, others: list[Any], num_cells: int, seed: int) -> list[np.ndarray]:
    """Divide a space into cells by k-means of the training slices, and say in which cell each other slice lies.

    Args:
        training: (N, d) training slices.
        others: sets (M, d) to place.
        num_cells: how many cells; fewer where k-means leaves one empty.
        seed: seed of k-means.

    Returns:
        the cell (M,) of each slice of each set.
    """
    points = np.asarray(training, dtype=np.float64)
    count = min(num_cells, len(points))
    centers = points.mean(axis=0, keepdims=True)
    if count > 1:
        with warnings.catch_warnings():
            # A cell that k-means leaves empty is one cell fewer.
            warnings.simplefilter("ignore", UserWarning)
            centers = kmeans2(points, count, minit="++", seed=np.random.RandomState(seed))[0]
    squares = (centers**2).sum(axis=1)
    placed = (squares - 2 * np.asarray(other, dtype=np.float64) @ centers.T for other in others)
    return [np.asarray(distances.argmin(axis=1)) for distances in placed]


def data_copying(
    synthetic: Any, heldout: Any, synthetic_cells: Any, heldout_cells: Any, least_in_cell: int = 20
) -> DataCopying:
    """Test of data-copying C_T of Meehan, Chaudhuri and Dasgupta 2020, "A Non-Parametric Test to Detect Data-Copying".

    Eq. 3: the mean over cells of the z-score of Mann-Whitney's U of distances to the training slices, synthetic against
    held-out, weighted by the share of held-out slices in the cell; cells with few slices of either set do not count.
    The z-score takes slices for independent. Those of one patient are not, so it is too far from 0 on slices.

    Args:
        synthetic: (m,) distance of each synthetic slice to its nearest training slice.
        heldout: (n,) the same of held-out slices.
        synthetic_cells: (m,) cell of each synthetic slice.
        heldout_cells: (n,) cell of each held-out slice.
        least_in_cell: slices of each set that a cell must hold to count.

    Raises:
        ValueError: when a set is empty or numbers of slices and cells differ.
    """
    made, real = _vector("synthetic", synthetic), _vector("heldout", heldout)
    made_cells, real_cells = np.asarray(synthetic_cells), np.asarray(heldout_cells)
    for name, distances, cells in (("synthetic", made, made_cells), ("heldout", real, real_cells)):
        if cells.shape != distances.shape:
            raise ValueError(f"{name}_cells must have one cell per slice, {distances.shape}, got {cells.shape}")
    scores, weights = [], []
    for cell in np.unique(real_cells):
        inside_made, inside_real = made[made_cells == cell], real[real_cells == cell]
        if min(len(inside_made), len(inside_real)) >= least_in_cell:
            scores.append(mann_whitney_z(inside_made, inside_real))
            weights.append(len(inside_real))
    if not scores:
        return DataCopying(None, 0, 0.0)
    return DataCopying(float(np.average(scores, weights=weights)), len(scores), float(sum(weights) / len(real)))


def authenticity(distances: Any, references: Any, training_distances: Any) -> np.ndarray:
    """Say which slices are authentic after Alaa et al. 2022, "How Faithful is your Synthetic Data?", section 4.

    A slice is not when it lies nearer to its nearest training slice than that one lies to its own nearest other.

    Args:
        distances: (m,) distance of each slice to its nearest training slice.
        references: (m,) which training slice that is; -1 where none is alike, which is authentic.
        training_distances: (n,) distance of each training slice to its nearest other training slice.

    Returns:
        (m,) boolean; its mean is AuthPct.

    Raises:
        ValueError: when numbers differ or a reference does not exist.
    """
    own, others = _vector("distances", distances), _vector("training_distances", training_distances)
    index = np.asarray(references)
    if index.shape != own.shape or index.min() < -1 or index.max() >= len(others):
        raise ValueError(
            f"references must name one of {len(others)} training slices for each of {len(own)} distances, got "
            f"{index.shape} from {index.min()} to {index.max()}"
        )
    return np.asarray((index < 0) | (own > others[index]))
