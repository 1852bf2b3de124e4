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
"""From the numbers of the cells to the comparison of the arms."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from monai_dcgan.data import SliceStore
from monai_dcgan.data.work import WITH_TUMOR, WITHOUT_TUMOR
from monai_dcgan.downstream.cells import PooledRow, Row, Statistic
from monai_dcgan.downstream.comparison import ComparisonTable, compare
from monai_dcgan.downstream.scores import auc

__all__ = [
    "Cost",
    "accuracy",
    "balanced_accuracy",
    "costs_of",
    "generator_costs",
    "sensitivity_at_specificity",
    "tables_of",
]

OF_VOLUMES = ("dice", "surface_dice", "hd95", "lesion_recall")
SPECIFICITY = 0.9


@dataclass(frozen=True)
class Cost:
    """What it took to train the networks of an arm; None where it was not measured.

    Attributes:
        seconds: time of one network, the mean.
        peak_bytes: memory at its highest.
    """

    seconds: float | None = None
    peak_bytes: int | None = None


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of slices whose class is the most probable one; arguments as of ``auc``."""
    return float((scores.argmax(axis=1) == labels).mean())


def balanced_accuracy(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the mean over classes of the share of their slices that are told right; arguments as of ``auc``.

    None where a class has no slice.
    """
    right = scores.argmax(axis=1) == labels
    own = [right[labels == number] for number in range(scores.shape[1])]
    return float(np.mean([one.mean() for one in own])) if all(map(len, own)) else None


def sensitivity_at_specificity(
    scores: np.ndarray, labels: np.ndarray, positive: int, specificity: float = SPECIFICITY
) -> float | None:
    """Return the share of positive slices above the threshold that ``specificity`` of the others stay at or below.

    Args:
        scores: (n, 2) probabilities.
        labels: (n,) class indices.
        positive: class index of the slices to find.
        specificity: share of the other slices that must not be called positive.

    Returns:
        the share; None where all slices are of one class.
    """
    found, others = scores[labels == positive, positive], scores[labels != positive, positive]
    if not len(found) or not len(others):
        return None
    return float((found > np.quantile(others, specificity, method="higher")).mean())


def tables_of(
    measured: Iterable[Mapping[str, Any]], tasks: Sequence[str], baseline: str, store: SliceStore
) -> list[ComparisonTable]:
    """Compare the arms by every number of every task.

    Args:
        measured: numbers of the cells, as an experiment keeps them.
        tasks: names of the tasks.
        baseline: arm that the others are compared with.
        store: slices that were measured.

    Returns:
        the tables, in the order of ``tasks``; none for a task whose baseline is not measured.
    """
    measured = list(measured)
    names = store.class_names
    positive = names.index(WITH_TUMOR) if set(names) == {WITH_TUMOR, WITHOUT_TUMOR} else None
    tables = []
    for task in tasks:
        own = [one for one in measured if one["cell"]["task"] == task]
        if not any(one["cell"]["arm"] == baseline for one in own):
            continue
        if "patients" in own[0]:
            rows = list(_volume_rows(own))
            tables += [compare(rows, baseline, metric, task) for metric in OF_VOLUMES]
        else:
            pooled = list(_slice_rows(own))
            tables += [
                compare(pooled, baseline, metric, task, statistic) for metric, statistic in _pooled(positive).items()
            ]
    return tables


def costs_of(records: Iterable[Mapping[str, Any]]) -> dict[str, Cost]:
    """Return of each arm the mean time of a network and the peak memory, from the records of its networks."""
    by_arm: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_arm.setdefault(record["cell"]["arm"], []).append(record)
    return {arm: _cost(own) for arm, own in by_arm.items()}


def generator_costs(runs: Iterable[Mapping[str, Any]]) -> dict[str, Cost]:
    """Return the mean time of the generators that were trained without a stop, from the records of their runs."""
    spans = [
        [datetime.fromisoformat(run[key]) for key in ("started", "completed")]
        for run in runs
        if run["status"] == "completed" and "resumed" not in run
    ]
    seconds = [(completed - started).total_seconds() for started, completed in spans]
    return {"generator, one for all arms of a seed": Cost(statistics.mean(seconds))} if seconds else {}


def _cost(records: Sequence[Mapping[str, Any]]) -> Cost:
    peaks = [record["peak_mebibytes"] for record in records if record["peak_mebibytes"] is not None]
    return Cost(statistics.mean(record["seconds"] for record in records), int(max(peaks) * 2**20) if peaks else None)


def _volume_rows(measured: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    for one in measured:
        for patient, scores in one["patients"].items():
            for metric in OF_VOLUMES:
                value = scores[metric]
                yield Row(**one["cell"], patient=patient, metric=metric, value=float("nan") if value is None else value)


def _slice_rows(measured: Iterable[Mapping[str, Any]]) -> Iterator[PooledRow]:
    for one in measured:
        for record in one["slices"]:
            said = {"score": record["probabilities"], "label": record["class"]}
            yield PooledRow(**one["cell"], patient=record["patient"], **said)


def _pooled(positive: int | None) -> dict[str, Statistic]:
    shared: dict[str, Statistic] = {"auc": auc, "accuracy": accuracy, "balanced_accuracy": balanced_accuracy}
    if positive is None:
        return shared
    return {**shared, "sensitivity_at_specificity": partial(sensitivity_at_specificity, positive=positive)}
