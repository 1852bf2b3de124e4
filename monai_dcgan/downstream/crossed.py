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
"""Resampling of numbers over held-out patients crossed with seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import stats

from monai_dcgan.metrics.bootstrap import check_level, interval_of_defined
from monai_dcgan.utils.checks import check_count, check_positive_int

__all__ = ["Draws", "Resampled", "SeedTable", "TINY"]

SeedTable: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Counts (B, P), how often each patient is drawn -> numbers (B, S), one a seed, NaN where not defined."""

MIN_SAMPLES = 100
TINY = 1e-12
"""What is smaller comes from rounding."""


@dataclass(frozen=True)
class Resampled:
    """A number with its interval.

    Attributes:
        value: mean over seeds.
        seeds: (S,) number of each seed.
        interval: its ends; None with one patient, or where less than half of the resamples are defined.
        p: two-sided, of the number being 0; None with one patient.
    """

    value: float
    seeds: np.ndarray
    interval: list[float] | None = None
    p: float | None = None


@dataclass(frozen=True)
class Draws:
    """How patients and seeds are drawn.

    All networks are measured on the same held-out patients: patients and seeds are crossed, not nested. So both are
    drawn with replacement apart from each other, and each drawn patient counts with all drawn seeds (Owen 2007, "The
    pigeonhole bootstrap", https://doi.org/10.1214/07-AOAS122). To draw pairs one by one would take what three seeds say
    of one patient for three patients, and what a seed shares over all patients for chance.

    Percentile intervals of few units are too narrow (Hesterberg 2015, https://doi.org/10.1080/00031305.2015.1089789,
    on the narrowness bias). So the deviations that come of drawing n patients or n seeds are widened by
    sqrt(n / (n - 1)), and all by the quantile of Student's t over that of the normal distribution. Its degrees of
    freedom are those of a sum of two variances, of n means each (Satterthwaite 1946, Biometrics Bulletin 2:110-114):
    many where patients make the number uncertain, n - 1 of the seeds where these do. The p-value is that of this t.
    Radiology's studies of several readers and cases reason alike, readers standing for seeds (Obuchowski and Rockette
    1995, Communications in Statistics 24:285-308).

    Args:
        level: share between the ends of intervals.
        num_samples: resamples, at least 100.
        seed: seed of the draws.

    Raises:
        ValueError: when an argument is out of its range.
    """

    level: float = 0.95
    num_samples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        check_level(self.level)
        check_count("seed", self.seed)
        check_positive_int("num_samples", self.num_samples)
        if self.num_samples < MIN_SAMPLES:
            raise ValueError(
                f"num_samples must be a whole number of at least {MIN_SAMPLES}, got {self.num_samples!r}; 2000 is usual"
            )

    def of(self, table: SeedTable, patients: int, seeds: int) -> Resampled:
        """Resample the mean over seeds of ``table``.

        Args:
            table: numbers of each seed from drawn patients.
            patients: P held-out patients.
            seeds: S seeds. Each must have a number from all patients, and each patient a number: one that counts
                without telling anything would make the interval too narrow.
        """
        own = table(np.ones((1, patients)))
        value = float(_weighted(own, np.ones((1, seeds)))[0])
        if patients < 2 or math.isnan(value):
            return Resampled(value, own[0])
        random = np.random.RandomState(self.seed)
        counts = random.multinomial(patients, np.full(patients, 1 / patients), size=self.num_samples).astype(float)
        drawn = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=self.num_samples).astype(float)
        numbers = table(counts)
        middle = _weighted(numbers, np.ones_like(drawn))
        by_patients = math.sqrt(patients / (patients - 1)) * (middle - value)
        by_seeds = math.sqrt(seeds / max(seeds - 1, 1)) * (_weighted(numbers, drawn) - middle)
        variances = [_variance(by_patients), _variance(own[0]) / max(seeds - 1, 1)]
        degrees = _degrees(variances, [patients, seeds])
        tail = (1 - self.level) / 2
        wider = float(stats.t.isf(tail, degrees) / stats.norm.isf(tail))
        interval = interval_of_defined((value + wider * (by_patients + by_seeds)).tolist(), self.level)
        error = math.sqrt(sum(variances))
        p = float(2 * stats.t.sf(abs(value) / error, degrees)) if error > TINY else float(abs(value) <= TINY)
        return Resampled(value, own[0], interval, None if interval is None else p)


def _variance(numbers: np.ndarray) -> float:
    """Return the variance of the numbers that are defined, 0 where there are none."""
    defined = numbers[~np.isnan(numbers)]
    return float(defined.var()) if len(defined) else 0.0


def _degrees(variances: Sequence[float], units: Sequence[int]) -> float:
    """Return the degrees of freedom of a sum of variances, each of a mean of n units (Satterthwaite 1946)."""
    total, parts = sum(variances), zip(variances, units)
    weight = sum(variance**2 / (count - 1) for variance, count in parts if count > 1)
    return total**2 / weight if weight > 0 else float(max(units) - 1)


def _weighted(numbers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean (B,) of numbers (B, S) where defined, each counted as often as ``counts`` (B, S) says."""
    there = ~np.isnan(numbers)
    with np.errstate(invalid="ignore"):
        return (np.where(there, numbers, 0.0) * counts).sum(axis=1) / (there * counts).sum(axis=1)
