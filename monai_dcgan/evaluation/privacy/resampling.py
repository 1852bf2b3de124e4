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
"""Random draws of whole patients, and halves and subsets of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["FEW_PATIENTS", "draw_patients", "draw_slices", "percentile_interval", "some_patients"]

FEW_PATIENTS = 5


def draw_patients(patients: np.ndarray, num_samples: int, random: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield the slices of patients drawn with replacement: each drawn patient with all its slices.

    Args:
        patients: (N,) patient of each slice.
        num_samples: how many draws.
        random: source of the draws.
    """
    names, codes = np.unique(patients, return_inverse=True)
    own = [np.flatnonzero(codes == code) for code in range(len(names))]
    for _ in range(num_samples):
        yield np.concatenate([own[code] for code in random.randint(len(own), size=len(own))])


def draw_slices(count: int, num_samples: int, random: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield ``count`` slices drawn with replacement: for synthetic ones, which belong to nobody."""
    for _ in range(num_samples):
        yield random.randint(count, size=count)


def percentile_interval(values: list[float], level: float = 0.95) -> list[float]:
    """Return the percentile interval (Efron 1979) of bootstrap values: low and high."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]


def some_patients(patients: np.ndarray, count: int, random: np.random.RandomState) -> np.ndarray:
    """Return ``count`` slices, ascending: those of random patients, of the last one a random part."""
    chosen: list[np.ndarray] = []
    missing = min(count, len(patients))
    for name in random.permutation(np.unique(patients)):
        own = np.flatnonzero(patients == name)
        chosen.append(own if len(own) <= missing else random.choice(own, missing, replace=False))
        missing -= len(chosen[-1])
        if not missing:
            break
    return np.sort(np.concatenate(chosen))
