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
"""Frechet distance between two sets of features, exact also where there are fewer samples than features."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["check_features", "frechet_distance"]


def check_features(a: Any, b: Any, minimum: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of features as float64 arrays after checking that they can be compared.

    Args:
        a: (N, d) features of one set, an array or a tensor on the CPU.
        b: (M, d) features of the other set.
        minimum: fewest samples that each set must have.

    Raises:
        ValueError: when a set is not two-dimensional, has too few samples or holds a value that is not finite,
            or when d differs.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    for name, features in (("a", first), ("b", second)):
        if features.ndim != 2 or features.shape[1] == 0:
            raise ValueError(f"{name} must have the shape (samples, features), got {features.shape}")
        if len(features) < minimum:
            raise ValueError(f"{name} must have at least {minimum} samples, got {len(features)}; add slices")
        if not np.isfinite(features).all():
            rows = np.flatnonzero(~np.isfinite(features).all(axis=1))
            raise ValueError(f"{name} must be finite, got a value that is not in {len(rows)} rows, first row {rows[0]}")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"a and b must have the same number of features, got {first.shape[1]} and {second.shape[1]}; "
            "use one extractor for both"
        )
    return first, second


def frechet_distance(a: Any, b: Any) -> float:
    """Squared Frechet distance between the Gaussians that have the means and covariances of two sets of features.

    ``|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))`` (Dowson and Landau 1982; used on features of
    generated images by Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", eq. 6). With the centered features A (N, d) and B (M, d), the eigenvalues of ``S_a S_b`` other than
    zero are the squared singular values of ``A B^T / sqrt((N - 1) (M - 1))``, so the last trace is the nuclear norm of
    that matrix (Mathiasen and Hvilshoj 2020, "Backpropagating through Frechet Inception Distance"). No root
    of a d x d matrix is taken, and the result is exact also for N or M below d. A set with more than d samples is
    first replaced by the R of its QR decomposition, which leaves the singular values as they are; so the matrix has
    at most min(N, d) x min(M, d) entries.

    The value depends on N and M (a smaller set gives a larger distance): compare values at equal N only.

    Args:
        a: (N, d) features of one set, N of at least 2.
        b: (M, d) features of the other set, M of at least 2.

    Returns:
        the distance, at least 0, in squared units of the features.

    Raises:
        ValueError: when a set has fewer than 2 samples or is not finite, or d differs.

    Example:
        >>> frechet_distance([[0.0], [2.0]], [[3.0], [5.0]])
        9.0
    """
    first, second = check_features(a, b)
    shift = first.mean(axis=0) - second.mean(axis=0)
    root_a, root_b = _covariance_root(first), _covariance_root(second)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return float(max(shift @ shift + (root_a**2).sum() + (root_b**2).sum() - 2 * cross, 0.0))


def _covariance_root(features: np.ndarray) -> np.ndarray:
    """Return F (min(N, d), d) with ``F^T F`` the covariance of ``features`` (N, d)."""
    centered = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centered, mode="r")) if len(centered) > centered.shape[1] else centered
