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
"""Precision, recall, density and coverage of a set of features, from balls around nearest neighbors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from monai_dcgan.metrics.frechet import check_features
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["PRDC", "expected_coverage", "prdc"]

# Distances of one block: 64 MiB.
_BLOCK = 1 << 23


class PRDC(NamedTuple):
    """How synthetic slices cover real ones, and the other way round.

    Attributes:
        precision: share of the fake slices that lie in a ball of a real one, in [0, 1].
        recall: share of the real slices that lie in a ball of a fake one, in [0, 1].
        density: mean number of real balls around a fake slice over k, at least 0, 1 for equal distributions.
        coverage: share of the real slices whose ball holds a fake one, in [0, 1]; :func:`expected_coverage` is what
            equal distributions give.
        k: the neighbor that sets the radius of a ball.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    k: int


def prdc(real: Any, fake: Any, k: int = 5) -> PRDC:
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    Around every slice lies a ball that reaches to its k-th nearest neighbor in its own set. Precision and recall follow
    "Improved Precision and Recall Metric for Assessing Generative Models", eq. 1 and 2; density and coverage follow
    "Reliable Fidelity and Diversity Metrics for Generative Models", section 3. As in the code that both published, a
    slice on the surface of a ball is outside. One outlier among the real slices has a large ball and raises precision;
    density and coverage suffer less from it. All four depend on the sizes of the sets: compare at equal sizes.

    Distances are Euclidean, computed in float64 and in blocks: memory grows with N + M, time with (N + M)^2 d.

    Args:
        real: (N, d) features of real slices, N above k.
        fake: (M, d) features of synthetic slices, M above k.
        k: which neighbor sets the radius.

    Returns:
        the four numbers; equal sets without duplicates give 1 for each.

    Raises:
        ValueError: when a set has no more than k slices or is not finite, or d differs.
    """
    check_positive_int("k", k)
    first, second = check_features(real, fake)
    for name, features in (("real", first), ("fake", second)):
        if len(features) <= k:
            raise ValueError(f"{name} must have more than k={k} slices, got {len(features)}; add slices or lower k")
    # Distances to a common center are small, so little is lost where squares are subtracted.
    center = first.mean(axis=0, dtype=np.float64)
    first, second = first - center, second - center
    real_radii, fake_radii = _radii(first, k), _radii(second, k)
    nearest = np.empty(len(first))
    recalled = np.zeros(len(first), dtype=bool)
    inside = np.zeros(len(second), dtype=np.int64)
    for rows, squares in _blocks(first, second):
        inside += (squares < real_radii[rows, None]).sum(axis=0)
        recalled[rows] = (squares < fake_radii).any(axis=1)
        nearest[rows] = squares.min(axis=1)
    return PRDC(
        float((inside > 0).mean()),
        float(recalled.mean()),
        float(inside.mean() / k),
        float((nearest < real_radii).mean()),
        k,
    )


def expected_coverage(num_real: int, num_fake: int, k: int = 5) -> float:
    """Coverage that two samples of one distribution give on average (Naeem et al. 2020, section 3).

    ``1 - (N - 1) ... (N - k) / ((M + N - 1) ... (M + N - k))``: a ball stays empty when the k nearest of the M + N - 1
    other slices are all real.

    Args:
        num_real: N, above k.
        num_fake: M.
        k: which neighbor sets the radius.

    Raises:
        ValueError: when a number is below 1 or N is not above k.
    """
    for name, number in (("num_real", num_real), ("num_fake", num_fake), ("k", k)):
        check_positive_int(name, number)
    if num_real <= k:
        raise ValueError(f"num_real must be above k={k}, got {num_real}; add slices or lower k")
    steps = np.arange(1, k + 1)
    return float(1 - np.prod((num_real - steps) / (num_fake + num_real - steps)))


def _blocks(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows of ``a`` with their squared distances (rows, M) to ``b``."""
    size = max(1, _BLOCK // len(b))
    norms = np.einsum("nd,nd->n", b, b)
    for start in range(0, len(a), size):
        rows = slice(start, min(start + size, len(a)))
        squares = -2 * (a[rows] @ b.T)
        squares += np.einsum("nd,nd->n", a[rows], a[rows])[:, None]
        squares += norms
        yield rows, squares


def _radii(features: np.ndarray, k: int) -> np.ndarray:
    """Return the squared distance (N,) to the k-th neighbor, less the rounding of the blocks.

    A slice that lies on the surface thus never counts as inside, whatever the block it was computed in.
    """
    rounding = 64 * np.finfo(np.float64).eps * float(np.einsum("nd,nd->n", features, features).max())
    radii = np.empty(len(features))
    for rows, squares in _blocks(features, features):
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = 0
        radii[rows] = np.partition(squares, k, axis=1)[:, k]
    return radii - rounding
