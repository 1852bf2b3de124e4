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
"""Numbers from features: how far two sets are apart, and how much of each the other covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.quantities.entries import HIGHER, LOWER, NOT_NEGATIVE, SHARE, Quantity, remembered
from monai_dcgan.metrics import PRDC, frechet_distance, frechet_infinity, kernel_distance, kernel_interval, prdc

__all__ = ["feature_quantities"]

_GROUP = "features"
_NEIGHBOR = 5
# Fewest samples that a line through the distances of subsets is laid through.
_FEWEST_FOR_LINE = 20
_WORDS = {
    "precision": "Precision (share of synthetic slices near a real one)",
    "recall": "Recall (share of real slices near a synthetic one)",
    "density": "Density (how many real slices are near a synthetic one)",
    "coverage": "Coverage (share of real slices with a synthetic one near)",
}


def feature_quantities(
    features: Mapping[str, np.ndarray],
    extractor: FeatureExtractor,
    patients: Sequence[str],
    num_samples: int,
    seed: int,
) -> list[Quantity]:
    """Return the numbers that are taken of features.

    Args:
        features: source -> (N, d): ``synthetic``, ``real``, and ``reference`` where it stands in for a half.
        extractor: what made them, for names and conditions.
        patients: patient of each real slice.
        num_samples: resamples of an interval.
        seed: seed of the draws.
    """
    conditions = {
        "extractor": extractor.name,
        "sha256": extractor.sha256,
        "layer": extractor.layer,
        "preprocessing": extractor.preprocessing,
    }
    name = extractor.distance_name

    def frechet(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return frechet_distance(features[source][i], features["real"][j])

    def infinity(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return frechet_infinity(features[source][i], features["real"][j], num_points=5, seed=seed).value

    return [
        Quantity(
            "frechet_distance", name, _GROUP, LOWER, frechet, "frechet_distance", method="centered",
            bounds=NOT_NEGATIVE, conditions=conditions,
        ),
        Quantity(
            "frechet_infinity", f"{name}, extrapolated to sets without end", _GROUP, LOWER, infinity,
            "frechet_infinity", _FEWEST_FOR_LINE, "centered", thrift=4,
            conditions=conditions | {"extrapolation": "5 sizes, least-squares line on 1 / N"},
        ),
        _kernel(features, extractor, patients, num_samples, seed, conditions),
        *_neighbors(features, conditions),
    ]  # fmt: skip


def _kernel(
    features: Mapping[str, np.ndarray],
    extractor: FeatureExtractor,
    patients: Sequence[str],
    num_samples: int,
    seed: int,
    conditions: Mapping[str, Any],
) -> Quantity:
    made, real = features["synthetic"], features["real"]
    spread = kernel_distance(made, real, seed=seed)

    def kernel(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return kernel_interval(features[source][i], features["real"][j], num_samples=1, seed=seed).value

    def interval() -> dict[str, Any]:
        found = kernel_interval(made, real, num_samples, seed=seed, patients_b=patients)
        return {
            "low": found.low,
            "high": found.high,
            "level": found.level,
            "num_samples": found.num_samples,
            "num_patients": found.num_units[1],
            "method": "percentile, a slice never against its own copy",
            "over": "held-out patients and synthetic slices",
            "note": None,
        }

    return Quantity(
        "kernel_distance", f"Kernel distance ({extractor.name})", _GROUP, LOWER, kernel, "kernel_distance",
        own_interval=interval, std=spread.std,
        std_over=f"{spread.num_subsets} subsets of {spread.subset_size}", conditions=conditions,
    )  # fmt: skip


def _neighbors(features: Mapping[str, np.ndarray], conditions: Mapping[str, Any]) -> list[Quantity]:
    """Return precision, recall, density and coverage, which come of one computation."""

    def compute(source: str, i: np.ndarray, j: np.ndarray) -> PRDC:
        # A slice that was drawn twice would be its own neighbor: balls are those of distinct slices.
        return prdc(features["real"][np.unique(j)], features[source][np.unique(i)], _NEIGHBOR)

    all_four = remembered(compute)

    def quantity(name: str) -> Quantity:
        def measure(source: str, i: np.ndarray, j: np.ndarray) -> float | None:
            if min(len(np.unique(i)), len(np.unique(j))) <= _NEIGHBOR:
                return None
            return float(getattr(all_four(source, i, j), name))

        return Quantity(
            name, _WORDS[name], _GROUP, HIGHER, measure, "prdc", _NEIGHBOR + 1, "centered",
            bounds=NOT_NEGATIVE if name == "density" else SHARE,
            conditions={**conditions, "neighbor": _NEIGHBOR},
        )  # fmt: skip

    return [quantity(name) for name in _WORDS]
