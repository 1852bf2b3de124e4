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
"""Numbers of networks over held-out patients crossed with seeds, and their resampling."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy import stats

from monai_dcgan.downstream.sentence import METRICS
from monai_dcgan.metrics.bootstrap import check_level, interval_of_defined
from monai_dcgan.utils.checks import check_choice, check_count, check_positive_int

__all__ = ["Cells", "Draws", "Key", "PooledRow", "Resampled", "Row", "SeedTable", "Statistic", "TINY"]

Statistic: TypeAlias = Callable[[np.ndarray, np.ndarray], float | None]
Key: TypeAlias = tuple[str, int]
"""Arm and number of training patients."""
SeedTable: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Counts (B, P), how often each patient is drawn -> numbers (B, S), one a seed, NaN where not defined."""

MIN_SAMPLES = 100
TINY = 1e-12
"""What is smaller comes from rounding."""


class Row(NamedTuple):
    """A number of one network on one held-out patient; ``patients`` is the number of training patients.

    ``value`` is NaN where the metric is not defined. ``patient`` is None where one value stands for all held-out
    patients: then there is neither interval nor test.
    """

    task: str
    arm: str
    patients: int
    seed: int
    patient: str | None
    metric: str
    value: float


class PooledRow(NamedTuple):
    """What one network said of one slice, for metrics that take the slices of all held-out patients at once (AUC).

    ``score`` is a number or, with several classes, one a class; ``label`` is the true class.
    """

    task: str
    arm: str
    patients: int
    seed: int
    patient: str
    score: float | Sequence[float]
    label: int


class Cells:
    """The rows of one task and metric by arm, number of training patients, seed and held-out patient.

    Args:
        rows: rows of an experiment; those of other tasks and metrics are passed over.
        metric: key of ``METRICS``.
        task: task of the rows, or None where there is one.
        statistic: makes a number of :class:`PooledRow`; None with :class:`Row`.

    Raises:
        ValueError: when there are no such rows or rows of several tasks or kinds, a value is infinite, or a row is
            there twice.
    """

    def __init__(self, rows: Iterable[Any], metric: str, task: str | None, statistic: Statistic | None) -> None:
        check_choice("metric", metric, METRICS)
        kept = [row for row in rows if task in (None, row.task) and getattr(row, "metric", metric) == metric]
        tasks = sorted({row.task for row in kept})
        if len(tasks) != 1:
            raise ValueError(f"rows must be of one task and hold the metric {metric}, got those of {tasks}; give task")
        kind = Row if statistic is None else PooledRow
        if not all(isinstance(row, kind) for row in kept):
            raise ValueError(
                f"rows must be {kind.__name__} {'without' if statistic is None else 'with'} a statistic, got others; "
                "give a statistic with PooledRow and none with Row"
            )
        self.task, self.statistic = tasks[0], statistic
        self.arms = list(dict.fromkeys(row.arm for row in kept))
        self.numbers = sorted({row.patients for row in kept})
        self.seeds = sorted({row.seed for row in kept})
        self._rows: dict[Key, dict[int, dict[str | None, Any]]] = defaultdict(lambda: defaultdict(dict))
        self._drawn: dict[Any, np.ndarray] = {}
        for row in kept:
            self._add(row)

    def _add(self, row: Any) -> None:
        own = self._rows[row.arm, row.patients][row.seed]
        if isinstance(row, PooledRow):
            own.setdefault(row.patient, []).append((row.score, row.label))
            return
        mixed = bool(own) and (row.patient is None or None in own)
        if row.patient in own or mixed or math.isinf(row.value):
            raise ValueError(
                "rows must hold one number, finite or NaN, of each network and patient, or one of each network with "
                f"patient None, got {row}; mend the rows"
            )
        own[row.patient] = row.value

    def filled(self) -> list[Key]:
        """Return the arms and numbers of training patients that have rows."""
        return [key for key in product(self.arms, self.numbers) if key in self._rows]

    def seeds_of(self, *keys: Key) -> list[int]:
        """Return the seeds that all ``keys`` have."""
        return [seed for seed in self.seeds if all(seed in self._rows.get(key, {}) for key in keys)]

    def patients_of(self, key: Key, seeds: Sequence[int]) -> list[set[str | None]]:
        """Return the held-out patients of each seed."""
        return [set(self._rows[key][seed]) for seed in seeds]

    def missing(self) -> list[str]:
        """Return what an unfinished experiment lacks, a text for each arm and number of training patients."""
        texts = []
        for key in product(self.arms, self.numbers):
            seeds = [str(seed) for seed in self.seeds if seed not in self._rows.get(key, {})]
            if seeds:
                texts.append(f"{key[0]}, {key[1]} training patients: seed {', '.join(seeds)}")
        return texts

    def values(self, key: Key, seeds: Sequence[int], patients: Sequence[str | None]) -> np.ndarray:
        """Return numbers (P, S), NaN where there is none; of pooled rows 0 where there are some."""
        own = self._rows[key]
        pooled = self.statistic is not None
        numbers = [[own[s].get(p, math.nan) for s in seeds] for p in patients]
        if pooled:
            numbers = [[0.0 if isinstance(number, list) else number for number in row] for row in numbers]
        return np.array(numbers, dtype=float).reshape(len(patients), len(seeds))

    def table(self, key: Key, seeds: Sequence[int], patients: Sequence[str | None], defined: np.ndarray) -> SeedTable:
        """Return the numbers of each seed from drawn patients.

        Args:
            key: arm and number of training patients.
            seeds: S seeds.
            patients: P held-out patients.
            defined: bool (P, S), which of them count; a pooled statistic takes all slices of all patients.
        """
        if self.statistic is not None:
            return lambda counts: self._pooled(key, seeds, patients, counts)
        filled = np.where(defined, self.values(key, seeds, patients), 0.0)

        def mean_of_patients(counts: np.ndarray) -> np.ndarray:
            with np.errstate(invalid="ignore"):
                return (counts @ filled) / (counts @ defined.astype(float))

        return mean_of_patients

    def _pooled(self, key: Key, seeds: Sequence[int], patients: Sequence[str | None], counts: np.ndarray) -> np.ndarray:
        """Return the statistic of each seed; draws of the same patients are kept for other comparisons of the arm."""
        columns = []
        for seed in seeds:
            known = (key, seed, tuple(patients), counts.tobytes())
            if known not in self._drawn:
                self._drawn[known] = self._column(self._rows[key][seed], patients, counts)
            columns.append(self._drawn[known])
        return np.stack(columns, axis=1)

    def _column(
        self, of_patients: dict[str | None, Any], patients: Sequence[str | None], counts: np.ndarray
    ) -> np.ndarray:
        assert self.statistic is not None
        scores = [np.array([score for score, _ in of_patients[patient]], dtype=float) for patient in patients]
        labels = [np.array([label for _, label in of_patients[patient]]) for patient in patients]
        owner = np.repeat(np.arange(len(patients)), [len(own) for own in labels])
        all_scores, all_labels = np.concatenate(scores), np.concatenate(labels)
        found = []
        for drawn in counts.astype(int):
            index = np.repeat(np.arange(len(owner)), drawn[owner])
            number = self.statistic(all_scores[index], all_labels[index])
            found.append(math.nan if number is None else float(number))
        return np.array(found)


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
            seeds: S seeds, at least 1.
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
