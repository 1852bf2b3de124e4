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
"""Scores of a reader study: can readers tell synthetic slices from real ones, how sure, and do they agree."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from monai_dcgan.evaluation.readers.files import RATINGS
from monai_dcgan.evaluation.readers.statistics import area_under_curve, bootstrap_interval, cohen_kappa, proportion
from monai_dcgan.evaluation.readers.study import REAL, SYNTHETIC
from monai_dcgan.metrics.bootstrap import FEW_PATIENTS
from monai_dcgan.utils.checks import check_count, check_positive_int

__all__ = ["score_readers"]

logger = logging.getLogger(__name__)

_CONDITIONS = (
    "positive: synthetic called synthetic; AUC from verdict and confidence together (-5 surely real to 5 surely "
    "synthetic); intervals of a reader's shares: Wilson, slices as independent; other intervals: bootstrap, synthetic "
    "slices one by one, real ones by patient, readers as they are; repeated slices count once, by their first showing; "
    "kappa of ratings with quadratic weights"
)


@dataclass
class _Items:
    """The items of a study that count, and the answers to them as arrays."""

    ids: list[str]
    synthetic: np.ndarray
    classes: np.ndarray
    strata: list[list[np.ndarray]]

    @classmethod
    def of(cls, key: Mapping[str, Any]) -> _Items:
        items = [item for item in key["items"] if item["repeat_of"] is None]
        synthetic = np.array([item["truth"] == SYNTHETIC for item in items])
        names = np.array([item["patient"] or f"item {item['id']}" for item in items])
        real = [np.flatnonzero(~synthetic & (names == name)) for name in sorted(set(names[~synthetic]))]
        made = [np.array([position]) for position in np.flatnonzero(synthetic)]
        return cls(
            [item["id"] for item in items], synthetic, np.array([item["class_name"] for item in items]), [real, made]
        )


def score_readers(
    key: Mapping[str, Any], answers: Sequence[Mapping[str, Any]], num_samples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Score the answers of all readers of a study.

    Args:
        key: from ``load_key``.
        answers: one entry per reader, from ``load_answers``.
        num_samples: samples of a bootstrap.
        seed: seed of the bootstrap.

    Returns:
        a dictionary that JSON can hold, without NaN: ``study``, ``counts``, ``readers`` (name -> numbers), ``mean``
        (over readers), ``agreement`` (pairs of readers), ``verdict`` and ``remarks`` in words, ``conditions``. A number
        with an interval is ``{"value", "low", "high"}``, with ``n`` where it is a share; what is not defined is None.

    Raises:
        ValueError: when there are no answers, or a reader comes twice.
    """
    check_positive_int("num_samples", num_samples)
    check_count("seed", seed)
    names = [one["reader"] for one in answers]
    if not names:
        raise ValueError("answers must hold those of at least one reader, got none")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"answers must hold one file per reader, got two of {name!r}; leave one out or rename it")
    items = _Items.of(key)
    tables = [_table(items.ids, one["answers"]) for one in answers]
    readers = {
        name: {
            **_reader(items, table, num_samples, seed),
            "within": _within(key, one["answers"]),
            "seconds_per_slice": _median([a["seconds"] for a in one["answers"].values() if a["verdict"]]),
            "masks_shown": sum(answer["mask_shown"] for answer in one["answers"].values()),
            "comments": sum(bool(answer["comment"]) for answer in one["answers"].values()),
        }
        for name, one, table in zip(names, answers, tables)
    }
    mean = _mean(items, tables, num_samples, seed)
    patients = len(items.strata[0])
    return {
        "study": key["study"],
        "counts": {
            "readers": len(names),
            "slices": len(items.ids),
            "synthetic": int(items.synthetic.sum()),
            "real_patients": patients,
            "repeats": len(key["items"]) - len(items.ids),
        },
        "readers": readers,
        "mean": mean,
        "agreement": _agreement(names, tables),
        "verdict": _verdict(mean["auc"]),
        "remarks": [*_remarks(patients, readers), *key.get("remarks", [])],
        "conditions": f"{_CONDITIONS}; {num_samples} samples, seed {seed}",
    }


def _table(ids: Sequence[str], answers: Mapping[str, Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Return answers as arrays with NaN where one is missing; ``verdict`` is 1 for synthetic."""
    columns: dict[str, list[float]] = {name: [] for name in ("verdict", *RATINGS)}
    for identity in ids:
        answer = answers.get(identity, {})
        verdict = answer.get("verdict")
        columns["verdict"].append(math.nan if verdict is None else float(verdict == SYNTHETIC))
        for name in RATINGS:
            value = answer.get(name)
            columns[name].append(math.nan if value is None else float(value))
    table = {name: np.array(column) for name, column in columns.items()}
    return {**table, "score": (2 * table["verdict"] - 1) * table["confidence"]}


def _reader(items: _Items, table: Mapping[str, np.ndarray], num_samples: int, seed: int) -> dict[str, Any]:
    right = _right(items, table)
    synthetic = items.synthetic
    ratings = {name: _rating(items, [table], name, num_samples, seed) for name in ("realism", "quality")}
    classes = {
        str(name): {
            "accuracy": _share(right[items.classes == name]),
            "sensitivity": _share(right[(items.classes == name) & synthetic]),
            "specificity": _share(right[(items.classes == name) & ~synthetic]),
            "realism_real": _finite(_average(table["realism"][(items.classes == name) & ~synthetic])),
            "realism_synthetic": _finite(_average(table["realism"][(items.classes == name) & synthetic])),
        }
        for name in sorted(set(items.classes) - {""})
    }
    return {
        "slices": len(items.ids),
        "answered": int(np.isfinite(right).sum()),
        "accuracy": _share(right),
        "sensitivity": _share(right[synthetic]),
        "specificity": _share(right[~synthetic]),
        "auc": _with_interval(items, [table], lambda one, drawn: _auc(items, one, drawn), num_samples, seed),
        **ratings,
        "classes": classes,
    }


def _right(items: _Items, table: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return 1 for a right verdict, 0 for a wrong one, NaN for none."""
    return np.where(np.isnan(table["verdict"]), np.nan, table["verdict"] == items.synthetic)


def _share(right: np.ndarray) -> dict[str, Any]:
    given = right[np.isfinite(right)]
    return proportion(int(given.sum()), len(given))


def _auc(items: _Items, table: Mapping[str, np.ndarray], drawn: np.ndarray) -> float:
    scores = table["score"][drawn]
    given = np.isfinite(scores)
    return area_under_curve(scores[given], items.synthetic[drawn][given])


def _rating(
    items: _Items, tables: Sequence[Mapping[str, np.ndarray]], name: str, num_samples: int, seed: int
) -> dict[str, Any]:
    """Return means of a rating for real and synthetic slices, and their difference (synthetic minus real)."""

    def mean(table: Mapping[str, np.ndarray], positions: np.ndarray, kind: str) -> float:
        return _average(table[name][positions[items.synthetic[positions] == (kind == SYNTHETIC)]])

    everything = np.arange(len(items.ids))
    means = {kind: _average(np.array([mean(one, everything, kind) for one in tables])) for kind in (REAL, SYNTHETIC)}
    difference = _with_interval(
        items, tables, lambda one, drawn: mean(one, drawn, SYNTHETIC) - mean(one, drawn, REAL), num_samples, seed
    )
    return {**{kind: _finite(value) for kind, value in means.items()}, "difference": difference}


def _with_interval(
    items: _Items,
    tables: Sequence[Mapping[str, np.ndarray]],
    measure: Callable[[Mapping[str, np.ndarray], np.ndarray], float],
    num_samples: int,
    seed: int,
) -> dict[str, Any]:
    """Return the mean of ``measure`` over readers with its interval over slices and patients."""

    def statistic(drawn: np.ndarray) -> float:
        return _average(np.array([measure(table, drawn) for table in tables]))

    value = _finite(statistic(np.arange(len(items.ids))))
    low, high = (None, None) if value is None else bootstrap_interval(statistic, items.strata, num_samples, seed)
    return {"value": value, "low": low, "high": high}


def _mean(items: _Items, tables: Sequence[Mapping[str, np.ndarray]], num_samples: int, seed: int) -> dict[str, Any]:
    def over(mask: np.ndarray) -> Callable[[Mapping[str, np.ndarray], np.ndarray], float]:
        return lambda table, drawn: _average(_right(items, table)[drawn[mask[drawn]]])

    measures = {
        "accuracy": over(np.ones(len(items.ids), dtype=bool)),
        "sensitivity": over(items.synthetic),
        "specificity": over(~items.synthetic),
        "auc": lambda table, drawn: _auc(items, table, drawn),
    }
    shares = {name: _with_interval(items, tables, measure, num_samples, seed) for name, measure in measures.items()}
    return {**shares, **{name: _rating(items, tables, name, num_samples, seed) for name in ("realism", "quality")}}


def _within(key: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return how far a reader gives the same answers to slices shown twice."""
    pairs = [(item["repeat_of"], item["id"]) for item in key["items"] if item["repeat_of"] is not None]
    first, second = (_table([pair[side] for pair in pairs], answers) for side in (0, 1))
    return _kappas(first, second)


def _agreement(names: Sequence[str], tables: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, Any]]:
    return [
        {"readers": [names[first], names[second]], **_kappas(tables[first], tables[second])}
        for first, second in combinations(range(len(names)), 2)
    ]


def _kappas(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return kappa of the verdict, and of the ratings with quadratic weights, each with its number of pairs."""
    result: dict[str, Any] = {}
    for name, lowest, values in (("verdict", 0, 2), ("realism", 1, 5), ("quality", 1, 5)):
        both = np.isfinite(first[name]) & np.isfinite(second[name])
        one, other = first[name][both] - lowest, second[name][both] - lowest
        kappa = cohen_kappa(one, other, values, quadratic=name != "verdict")
        result[name] = {
            "kappa": _finite(kappa),
            "same": _finite(_average((one == other).astype(float))),
            "n": int(both.sum()),
        }
    return result


def _verdict(auc: Mapping[str, Any]) -> str:
    if auc["low"] is None:
        return "there are too few answers with verdict and confidence to say whether readers tell the slices apart"
    found = f"AUC {auc['value']:.2f}, 95% interval {auc['low']:.2f} to {auc['high']:.2f}"
    if auc["low"] > 0.5:
        return f"readers tell synthetic slices from real ones ({found})"
    if auc["high"] < 0.5:
        return f"readers take synthetic slices for real ones more often than real ones ({found})"
    return f"it is not shown that readers tell synthetic slices from real ones ({found}; 0.5 is guessing)"


def _remarks(patients: int, readers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    remarks = []
    if patients < FEW_PATIENTS:
        remarks.append(f"real slices are of {patients} patient(s): intervals that rest on so few are unreliable")
    for name, found in readers.items():
        unanswered = found["slices"] - found["answered"]
        if unanswered:
            remarks.append(
                f"{name} left {unanswered} of {found['slices']} slices without a verdict; they count nowhere"
            )
            logger.warning(remarks[-1])
    return remarks


def _average(values: np.ndarray) -> float:
    given = values[np.isfinite(values)]
    return float(given.mean()) if len(given) else math.nan


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
