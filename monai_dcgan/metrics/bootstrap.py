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
"""Intervals by resampling patients: slices of one patient are not independent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from monai_dcgan.utils.checks import check_choice, check_count, check_positive_int

__all__ = [
    "FEW_PATIENTS",
    "PatientInterval",
    "bootstrap_patients",
    "check_level",
    "draw_patients",
    "draw_slices",
    "draw_units",
    "interval_of_defined",
    "percentile_interval",
    "slices_by_patient",
    "some_patients",
]

# With fewer patients an interval says little.
FEW_PATIENTS = 5
METHODS = ("percentile", "centered")


class PatientInterval(NamedTuple):
    """A number with its interval over patients.

    Attributes:
        value: the number from all slices.
        low: lower end of the interval.
        high: upper end of the interval.
        level: share of the resampled numbers that lie between the ends.
        num_patients: how many patients were resampled.
        num_samples: from how many resamples the interval was taken.
        note: what makes the interval unreliable, or None.
    """

    value: float
    low: float
    high: float
    level: float
    num_patients: int
    num_samples: int
    note: str | None


def bootstrap_patients(
    statistic: Callable[..., float | None],
    patients: Sequence[Any],
    num_samples: int = 200,
    seed: int = 0,
    level: float = 0.95,
    num_synthetic: int = 0,
    method: str = "percentile",
) -> PatientInterval:
    """Interval of a number by drawing patients with replacement, each with all of its slices.

    The cluster bootstrap (Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8). Synthetic
    slices belong to nobody and are drawn one by one.

    A resample holds fewer distinct slices than the set. A number that depends on how many there are, such as the
    Fréchet distance or precision and recall, is therefore shifted in every resample, and ``"percentile"`` may leave out
    the number itself (``note`` then says so). ``"centered"`` moves the resampled numbers so that their mean is the
    number: its interval is that of the number at this count of slices. Kernel distances: see
    :func:`~monai_dcgan.metrics.kernel_interval`, which does not compare a slice with its own copy.

    Args:
        statistic: takes positions of slices, an int64 array that may hold one several times, and with
            ``num_synthetic`` a second array of positions of synthetic slices; returns the number, or None or NaN where
            it is not defined.
        patients: the patient of each slice.
        num_samples: how many resamples.
        seed: seed of the draws.
        level: share between the ends, above 0 and below 1.
        num_synthetic: how many synthetic slices there are; 0 calls ``statistic`` with one array.
        method: ``"percentile"`` or ``"centered"``.

    Raises:
        ValueError: when there are fewer than two patients, an argument is out of its range, or the number is not
            defined for all slices or for half of the resamples.

    Example:
        >>> dice = np.array([0.9, 0.8, 0.5, 0.6, 0.9, 0.7])
        >>> found = bootstrap_patients(lambda index: dice[index].mean(), ["a", "a", "b", "b", "c", "c"])
        >>> round(found.value, 3), found.num_patients
        (0.733, 3)
    """
    check_positive_int("num_samples", num_samples)
    check_count("num_synthetic", num_synthetic)
    check_choice("method", method, METHODS)
    check_level(level)
    slices = slices_by_patient(patients)
    if len(slices) < 2:
        raise ValueError(
            f"patients must name at least 2 patients, got {len(slices)}; one patient says nothing about how patients "
            "differ, so there is no interval: add patients"
        )
    everything = [np.arange(len(patients))] + ([np.arange(num_synthetic)] if num_synthetic else [])
    value = _number(statistic(*everything))
    if math.isnan(value):
        raise ValueError("statistic must be defined for all slices, got no number; leave this number out")
    random = np.random.RandomState(seed)
    drawn = []
    for _ in range(num_samples):
        index = [draw_units(slices, random)]
        if num_synthetic:
            index.append(random.randint(num_synthetic, size=num_synthetic))
        drawn.append(_number(statistic(*index)))
    found = np.array(drawn)[~np.isnan(drawn)]
    if 2 * len(found) < num_samples:
        raise ValueError(
            f"statistic must be defined for at least half of the resamples, got {len(found)} of {num_samples}; add "
            "patients"
        )
    if method == "centered":
        found = found + (value - found.mean())
    low, high = percentile_interval(found, level)
    note = _note(value, low, high, len(slices), num_samples - len(found))
    return PatientInterval(value, low, high, level, len(slices), len(found), note)


def slices_by_patient(patients: Sequence[Any] | np.ndarray) -> list[np.ndarray]:
    """Return the positions of the slices of each patient, patients in the order of their names."""
    codes = np.unique(np.asarray([str(patient) for patient in patients]), return_inverse=True)[1]
    return [np.flatnonzero(codes == code) for code in range(codes.max() + 1 if len(codes) else 0)]


def draw_units(units: Sequence[np.ndarray], random: np.random.RandomState) -> np.ndarray:
    """Draw as many units as there are, with replacement, and return the positions of all that they hold.

    Args:
        units: of each unit, such as a patient, the positions (int64) that are drawn together; at least one.
        random: source of the draw.
    """
    return np.concatenate([units[place] for place in random.randint(len(units), size=len(units))])


def draw_patients(
    patients: Sequence[Any] | np.ndarray, num_samples: int, random: np.random.RandomState
) -> Iterator[np.ndarray]:
    """Yield ``num_samples`` times the slices of patients drawn with replacement, each with all its slices.

    Args:
        patients: (N,) patient of each slice, N of at least 1.
        num_samples: how many draws.
        random: source of the draws.
    """
    slices = slices_by_patient(patients)
    return (draw_units(slices, random) for _ in range(num_samples))


def draw_slices(count: int, num_samples: int, random: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield ``num_samples`` times ``count`` slices drawn with replacement: synthetic ones, which belong to nobody."""
    return (random.randint(count, size=count) for _ in range(num_samples))


def some_patients(patients: Sequence[Any] | np.ndarray, count: int, random: np.random.RandomState) -> np.ndarray:
    """Return ``count`` slices, ascending: those of random patients, of the last one a random part."""
    chosen: list[np.ndarray] = []
    missing = min(count, len(patients))
    slices = slices_by_patient(patients)
    for place in random.permutation(len(slices)):
        own = slices[place]
        chosen.append(own if len(own) <= missing else random.choice(own, missing, replace=False))
        missing -= len(chosen[-1])
        if not missing:
            break
    return np.sort(np.concatenate(chosen))


def percentile_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> list[float]:
    """Return low and high of the percentile interval (Efron 1979) of resampled numbers, at least one, none NaN."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]


def interval_of_defined(values: Sequence[float | None], level: float = 0.95) -> list[float] | None:
    """Return the percentile interval of the finite numbers among ``values``; None where they are less than half."""
    numbers = np.array([_number(value) for value in values])
    finite = numbers[np.isfinite(numbers)]
    return percentile_interval(finite, level) if len(finite) and 2 * len(finite) >= len(numbers) else None


def check_level(level: float) -> None:
    """Raise ``ValueError`` unless ``level`` lies above 0 and below 1."""
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise ValueError(f"level must be a number above 0 and below 1, got {level!r}; 0.95 is usual")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _note(value: float, low: float, high: float, patients: int, missing: int) -> str | None:
    notes = []
    if patients < FEW_PATIENTS:
        notes.append(f"unreliable: only {patients} patients, at least {FEW_PATIENTS} are needed")
    if missing:
        notes.append(f"not defined in {missing} resamples, which were left out")
    if not low <= value <= high:
        notes.append(
            "the value lies outside the interval, as the number depends on how many distinct slices there are; "
            'take method="centered"'
        )
    return "; ".join(notes) or None
