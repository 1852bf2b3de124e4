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
"""Divide real slices into two sets of different patients, to see how far patients are from each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monai_dcgan.evaluation.slices import LabeledSlices, patient_halves

__all__ = ["Divisions", "divide"]

_MIN_HELDOUT = 4


@dataclass
class Divisions:
    """Divisions of real slices into two sets of different patients.

    Attributes:
        parts: of each division the positions of n synthetic slices, n of the first set, n of the second (held-out).
        first_source: where the first set is from: ``real``, the held-out slices, or ``reference``.
        n: how many slices.
        reason: why there is no division, or None.
        text: the divisions in words.
    """

    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    first_source: str
    n: int
    reason: str | None
    text: str


def divide(
    synthetic: LabeledSlices, real: LabeledSlices, num_splits: int, seed: int, reference: LabeledSlices | None
) -> Divisions:
    """Divide the real patients into halves ``num_splits`` times, all parts of one size."""
    patients = real.patients or []
    count = len(set(patients))
    if count < 2 and reference is not None and min(len(synthetic), len(reference), len(real)) >= 2:
        return _set_against_reference(synthetic, real, num_splits, seed, reference)
    if count < 2 or len(real) < _MIN_HELDOUT:
        reason = (
            f"held-out set has {count} patient(s) and {len(real)} slice(s); two halves need at least 2 patients and "
            f"{_MIN_HELDOUT} slices"
        )
        return Divisions([], "real", 0, reason, "none")
    halves = [patient_halves(patients, seed + number) for number in range(num_splits)]
    n = min(len(synthetic), *(len(half) for pair in halves for half in pair))
    if n < 2:
        return Divisions([], "real", n, "the smaller half of the held-out patients has 1 slice; add patients", "none")
    random = np.random.RandomState(seed)
    parts = []
    for first, second in halves:
        drawn = [random.choice(positions, n, replace=False) for positions in (np.arange(len(synthetic)), first, second)]
        parts.append((drawn[0], drawn[1], drawn[2]))
    text = (
        f"{num_splits} random halves of {count} held-out patients, no patient in both, {n} slices per half, seed {seed}"
    )
    return Divisions(parts, "real", n, None, text)


def _set_against_reference(
    synthetic: LabeledSlices, real: LabeledSlices, num_splits: int, seed: int, reference: LabeledSlices
) -> Divisions:
    """Draw ``num_splits`` times from the reference instead of a half of the held-out patients."""
    n = min(len(synthetic), len(reference), len(real))
    random = np.random.RandomState(seed)
    sizes = len(synthetic), len(reference), len(real)
    parts = []
    for _ in range(num_splits):
        made, first, second = (random.choice(size, n, replace=False) for size in sizes)
        parts.append((made, first, second))
    text = (
        f"held-out slices of one group of patients cannot be halved: {n} of them against {n} of the reference's other "
        f"patients, {num_splits} draws, seed {seed}"
    )
    return Divisions(parts, "reference", n, None, text)
