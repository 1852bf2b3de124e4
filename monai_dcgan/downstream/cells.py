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
"""Numbers of networks on held-out patients: what arms have of the same patients and seeds."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress, product
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from monai_dcgan.downstream.crossed import SeedTable
from monai_dcgan.downstream.metrics import METRICS
from monai_dcgan.utils.checks import check_choice

__all__ = ["ByPatient", "Cells", "Key", "Pooled", "PooledRow", "Row", "Shared", "Statistic"]

Statistic: TypeAlias = Callable[[np.ndarray, np.ndarray], float | None]
Key: TypeAlias = tuple[str, int]
"""Arm and number of training patients."""


class Row(NamedTuple):
    """A number of one network on one held-out patient; ``patients`` is the number of training patients.

    ``value`` is NaN where the metric is not defined.
    """

    task: str
    arm: str
    patients: int
    seed: int
    patient: str
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


@dataclass(frozen=True)
class Shared:
    """What K arms have of the same held-out patients and seeds, without those of which no number is defined.

    Attributes:
        patients: P, how many held-out patients.
        seeds: S seeds.
        tables: of each arm, makes the numbers of the seeds from drawn patients.
        values: (K, P, S) the arms' numbers of each patient, NaN where one of them has none; (K, 0, S) of a statistic
            that no single patient has.
        left_out: pairs of patient and seed that all arms have rows of and that do not count.
        alone: of these, by arm, those that would count without this arm.
        unpaired: pairs of patient and seed that not all arms have rows of.
    """

    patients: int
    seeds: list[int]
    tables: list[SeedTable]
    values: np.ndarray
    left_out: int
    alone: list[int]
    unpaired: int

    @property
    def numbers(self) -> np.ndarray:
        """Numbers (K, S) of each seed from all patients."""
        return np.stack([table(np.ones((1, self.patients)))[0] for table in self.tables])


class Cells(ABC):
    """The rows of one task and metric by arm, number of training patients, seed and held-out patient.

    Args:
        rows: rows of an experiment; those of other tasks and metrics are passed over.
        metric: key of ``METRICS``.
        task: task of the rows, or None where there is one.

    Raises:
        ValueError: when there are no such rows or rows of several tasks or of the other kind, a value is infinite, or a
            row is there twice.
    """

    kind: type
    wanted: str

    def __init__(self, rows: Iterable[Any], metric: str, task: str | None = None) -> None:
        check_choice("metric", metric, METRICS)
        kept = [row for row in rows if task in (None, row.task) and getattr(row, "metric", metric) == metric]
        tasks = sorted({row.task for row in kept})
        if len(tasks) != 1:
            raise ValueError(f"rows must be of one task and hold the metric {metric}, got those of {tasks}; give task")
        if not all(isinstance(row, self.kind) for row in kept):
            raise ValueError(
                f"rows must be {self.wanted}, got others; give a statistic with PooledRow and none with Row"
            )
        self.task = tasks[0]
        self.arms = list(dict.fromkeys(row.arm for row in kept))
        self.numbers = sorted({row.patients for row in kept})
        self.seeds = sorted({row.seed for row in kept})
        self._rows: dict[Key, dict[int, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
        for row in kept:
            self._add(self._rows[row.arm, row.patients][row.seed], row)

    @abstractmethod
    def _add(self, own: dict[str, Any], row: Any) -> None:
        """Add a row to those of its network."""

    @abstractmethod
    def shared(self, *keys: Key) -> Shared:
        """Return what ``keys`` have of the same patients and seeds.

        Raises:
            ValueError: when they share no held-out patient.
        """

    def filled(self) -> list[Key]:
        """Return the arms and numbers of training patients that have rows."""
        return [key for key in product(self.arms, self.numbers) if key in self._rows]

    def seeds_of(self, *keys: Key) -> list[int]:
        """Return the seeds that all ``keys`` have."""
        return [seed for seed in self.seeds if all(seed in self._rows.get(key, {}) for key in keys)]

    def missing(self) -> list[str]:
        """Return what an unfinished experiment lacks, a text for each arm and number of training patients."""
        texts = []
        for key in product(self.arms, self.numbers):
            seeds = [str(seed) for seed in self.seeds if seed not in self._rows.get(key, {})]
            if seeds:
                texts.append(f"{key[0]}, {key[1]} training patients: seed {', '.join(seeds)}")
        return texts

    def _patients(self, keys: Sequence[Key], seeds: Sequence[int]) -> tuple[list[set[str]], int]:
        """Return the held-out patients of each seed that all ``keys`` have, and the pairs that only some have."""
        sets = [[set(self._rows[key][seed]) for key in keys] for seed in seeds]
        both = [set.intersection(*own) for own in sets]
        return both, sum(len(set.union(*own)) - len(common) for own, common in zip(sets, both))


class ByPatient(Cells):
    """Cells of :class:`Row`: a seed's number is the mean over its patients."""

    kind = Row
    wanted = "Row without a statistic"

    def _add(self, own: dict[str, Any], row: Row) -> None:
        if row.patient in own or math.isinf(row.value):
            raise ValueError(
                f"rows must hold one number, finite or NaN, of each network and patient, got {row}; mend the rows"
            )
        own[row.patient] = row.value

    def shared(self, *keys: Key) -> Shared:
        """Return what ``keys`` have of the same patients and seeds; a pair counts where all have a number."""
        seeds = self.seeds_of(*keys)
        both, unpaired = self._patients(keys, seeds)
        patients = _some(sorted(set.union(*both)), keys)
        values = np.array(
            [[[self._rows[key][s].get(p, math.nan) for s in seeds] for p in patients] for key in keys], dtype=float
        )
        there = np.array([[patient in own for own in both] for patient in patients])
        lacking = np.isnan(values)
        defined = ~lacking.any(axis=0)
        rows, columns = defined.any(axis=1), defined.any(axis=0)
        counted = np.where(defined, values, math.nan)[:, rows][:, :, columns]
        return Shared(
            patients=int(rows.sum()),
            seeds=list(compress(seeds, columns)),
            tables=[partial(_mean_of_patients, own) for own in counted],
            values=counted,
            left_out=int((there & ~defined).sum()),
            alone=[int(own.sum()) for own in there & _alone(lacking)],
            unpaired=unpaired,
        )


class Pooled(Cells):
    """Cells of :class:`PooledRow`: a seed's number comes of the slices of all patients that every seed has.

    Args:
        rows: as of :class:`Cells`, and so ``metric`` and ``task``.
        metric: key of ``METRICS``.
        task: task of the rows, or None where there is one.
        statistic: takes scores (n,) or (n, K) and labels (n,) and returns the number, NaN or None where it is not
            defined.
    """

    kind = PooledRow
    wanted = "PooledRow with a statistic"

    def __init__(self, rows: Iterable[Any], metric: str, statistic: Statistic, task: str | None = None) -> None:
        super().__init__(rows, metric, task)
        self.statistic = statistic
        self._drawn: dict[Any, np.ndarray] = {}

    def _add(self, own: dict[str, Any], row: PooledRow) -> None:
        own.setdefault(row.patient, []).append((row.score, row.label))

    def shared(self, *keys: Key) -> Shared:
        """Return what ``keys`` have of the same patients and seeds; a seed counts where all have a number."""
        seeds = self.seeds_of(*keys)
        both, unpaired = self._patients(keys, seeds)
        patients = _some(sorted(set.intersection(*both)), keys)
        everyone = np.ones((1, len(patients)))
        full = np.concatenate([self._seed_numbers(key, seeds, patients, everyone) for key in keys])
        lacking = np.isnan(full)
        kept = list(compress(seeds, ~lacking.any(axis=0)))
        return Shared(
            patients=len(patients),
            seeds=kept,
            tables=[partial(self._seed_numbers, key, kept, patients) for key in keys],
            values=np.empty((len(keys), 0, len(kept))),
            left_out=sum(map(len, both)) - len(patients) * len(kept),
            alone=[len(patients) * int(own.sum()) for own in _alone(lacking)],
            unpaired=unpaired,
        )

    def _seed_numbers(self, key: Key, seeds: Sequence[int], patients: Sequence[str], counts: np.ndarray) -> np.ndarray:
        """Return numbers (B, S); draws of the same patients are kept for other comparisons of the arm."""
        numbers = np.empty((len(counts), len(seeds)))
        for place, seed in enumerate(seeds):
            known = (key, seed, tuple(patients), counts.tobytes())
            if known not in self._drawn:
                self._drawn[known] = self._of_draws(self._rows[key][seed], patients, counts)
            numbers[:, place] = self._drawn[known]
        return numbers

    def _of_draws(
        self, of_patients: dict[str, list[tuple[Any, int]]], patients: Sequence[str], counts: np.ndarray
    ) -> np.ndarray:
        """Return the statistic (B,) of the slices of one network, each as often as its patient is drawn."""
        slices = [one for patient in patients for one in of_patients[patient]]
        owner = np.repeat(np.arange(len(patients)), [len(of_patients[patient]) for patient in patients])
        scores, labels = np.array([score for score, _ in slices], dtype=float), np.array([own for _, own in slices])
        found = []
        for drawn in counts.astype(int):
            index = np.repeat(np.arange(len(owner)), drawn[owner])
            number = self.statistic(scores[index], labels[index])
            found.append(math.nan if number is None else float(number))
        return np.array(found)


def _some(patients: list[str], keys: Sequence[Key]) -> list[str]:
    if not patients:
        arms = " and ".join(arm for arm, _ in keys)
        raise ValueError(f"rows of {arms} must share held-out patients, got none; mend the rows")
    return patients


def _alone(lacking: np.ndarray) -> np.ndarray:
    """Return, of bool (K, ...), where it is this one of the K alone."""
    return lacking & (lacking.sum(axis=0) == 1)


def _mean_of_patients(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean (B, S) over patients of values (P, S) where defined, each as often as drawn (B, P)."""
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return (counts @ np.where(defined, values, 0.0)) / (counts @ defined.astype(float))
