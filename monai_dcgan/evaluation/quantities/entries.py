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
"""One number about synthetic and real slices, with its interval and beside the same number between real patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monai_dcgan.evaluation.divisions import Divisions
from monai_dcgan.metrics import PatientInterval, bootstrap_patients, sufficiency

__all__ = [
    "HIGHER",
    "LOWER",
    "NEAR",
    "NOT_NEGATIVE",
    "SHARE",
    "Comparison",
    "Measure",
    "Quantity",
    "entry_of",
    "finite",
    "interval_of",
    "remembered",
    "with_ratio",
]

# measure(source, i, j): the number from the slices i of a source, "synthetic", "real" or "reference", to the real
# slices j.
Measure = Callable[[str, np.ndarray, np.ndarray], float | None]

LOWER, HIGHER, NEAR = "lower", "higher", "near real"
NOT_NEGATIVE, SHARE = (0.0, math.inf), (0.0, 1.0)
ROUNDING = 1e-7
_OVER = "held-out patients and synthetic slices"


@dataclass(frozen=True)
class Quantity:
    """A number, and how it is taken.

    Attributes:
        key: its name in ``metrics.json``.
        title: its name for readers.
        group: ``features``, ``ssim``, ``images`` or ``masks``.
        better: ``lower``, ``higher`` or ``near real``.
        measure: gives the number from slices of a source to real slices.
        needs: its rule in :data:`monai_dcgan.metrics.SUFFICIENCY`, or None.
        fewest: fewest slices of each set; with fewer there is no number.
        method: ``method`` of :func:`~monai_dcgan.metrics.bootstrap_patients`.
        bounds: least and greatest value that the number can have; an interval ends there.
        thrift: takes one resample where others take so many: for numbers that are slow.
        own_interval: gives the interval in another way than by resampling ``measure``.
        std: spread that goes with the number, over ``std_over``.
        std_over: what ``std`` is taken over.
        conditions: what holds for this number alone.
    """

    key: str
    title: str
    group: str
    better: str
    measure: Measure
    needs: str | None = None
    fewest: int = 2
    method: str = "percentile"
    bounds: tuple[float, float] = (-math.inf, math.inf)
    thrift: int = 1
    own_interval: Callable[[], dict[str, Any]] | None = None
    std: float | None = None
    std_over: str | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        sizes: number of synthetic and of real slices.
        patients: patient of each real slice.
        divisions: halves of the real patients.
        num_samples: resamples of an interval.
        seed: seed of the draws.
        conditions: what holds for all numbers.
        num_features: length of the features.
    """

    sizes: tuple[int, int]
    patients: Sequence[str]
    divisions: Divisions
    num_samples: int
    seed: int
    conditions: Mapping[str, Any]
    num_features: int | None = None

    @property
    def num_patients(self) -> int:
        """How many patients the real slices are of."""
        return len(set(self.patients))


def entry_of(quantity: Quantity, comparison: Comparison) -> dict[str, Any]:
    """Return the entry of a number in ``metrics.json``: over all slices, at equal sizes, and between real patients."""
    sizes, parts = comparison.sizes, comparison.divisions
    value = None
    if min(sizes) >= quantity.fewest:
        value = finite(quantity.measure("synthetic", np.arange(sizes[0]), np.arange(sizes[1])))
    interval, remark = _interval(quantity, comparison) if value is not None else (None, None)
    matched = real = None
    if parts.n >= quantity.fewest:
        matched = _spread([quantity.measure("synthetic", made, second) for made, _, second in parts.parts], parts.n)
        real = _spread([quantity.measure(parts.first_source, one, other) for _, one, other in parts.parts], parts.n)
    entry = {
        "title": quantity.title,
        "group": quantity.group,
        "better": quantity.better,
        "value": value,
        "std": finite(quantity.std),
        "std_over": quantity.std_over,
        "interval": interval,
        "n_synthetic": sizes[0],
        "n_real": sizes[1],
        "matched": matched,
        "real_vs_real": real,
        "note": " ".join(text for text in (_sufficiency(quantity, comparison), remark) if text) or None,
    }
    return with_ratio(
        entry,
        _reason(quantity, comparison, value, matched, real),
        {**comparison.conditions, **quantity.conditions},
    )


def with_ratio(entry: dict[str, Any], reason: str | None, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Add ``ratio``, ``reason`` and ``conditions``."""
    ratio = None
    if entry["matched"] is not None and entry["real_vs_real"] is not None:
        base = entry["real_vs_real"]["value"]
        if base > 0:
            ratio = entry["matched"]["value"] / base
        else:
            reason = f"the real-vs-real value is {base:.3g}, not above 0, so there is no ratio to it"
    return entry | {"ratio": finite(ratio), "reason": reason, "conditions": dict(conditions)}


def interval_of(found: PatientInterval, method: str, over: str) -> dict[str, Any]:
    """Return an interval as an entry holds it."""
    return {
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "num_samples": found.num_samples,
        "num_patients": found.num_patients,
        "method": method,
        "over": over,
        "note": found.note,
    }


def finite(value: float | None) -> float | None:
    """Return a number that JSON can hold, or None."""
    return float(value) if value is not None and math.isfinite(value) else None


def remembered(function: Callable[[str, np.ndarray, np.ndarray], Any]) -> Callable[[str, np.ndarray, np.ndarray], Any]:
    """Return ``function`` with a memory: several numbers of one computation ask for it with the same slices."""
    known: dict[tuple[str, bytes, bytes], Any] = {}

    def call(source: str, i: np.ndarray, j: np.ndarray) -> Any:
        key = (source, i.tobytes(), j.tobytes())
        if key not in known:
            known[key] = function(source, i, j)
        return known[key]

    return call


def _interval(quantity: Quantity, comparison: Comparison) -> tuple[dict[str, Any] | None, str | None]:
    """Return the interval, or None and why there is none."""
    if comparison.num_patients < 2:
        return None, "There is no interval."
    if quantity.own_interval is not None:
        return quantity.own_interval(), None

    def statistic(j: np.ndarray, i: np.ndarray) -> float | None:
        return quantity.measure("synthetic", i, j) if min(len(i), len(j)) >= quantity.fewest else None

    try:
        found = bootstrap_patients(
            statistic,
            comparison.patients,
            max(2, comparison.num_samples // quantity.thrift),
            comparison.seed,
            num_synthetic=comparison.sizes[0],
            method=quantity.method,
        )
    except ValueError as error:
        # The number over all slices is there, so what is missing are resamples that have one.
        return None, f"No interval: {error}."
    low, high = (min(max(end, quantity.bounds[0]), quantity.bounds[1]) for end in (found.low, found.high))
    return interval_of(found._replace(low=low, high=high), quantity.method, _OVER), None


def _sufficiency(quantity: Quantity, comparison: Comparison) -> str | None:
    if quantity.needs is None:
        return None
    return sufficiency(quantity.needs, *comparison.sizes, comparison.num_features, comparison.num_patients)


def _reason(
    quantity: Quantity, comparison: Comparison, value: float | None, matched: Any | None, real: Any | None
) -> str | None:
    """Say why a part of the entry is missing."""
    parts = comparison.divisions
    if min(comparison.sizes) < quantity.fewest:
        return f"needs at least {quantity.fewest} slices in each set, got {' and '.join(map(str, comparison.sizes))}"
    if value is None:
        return "not defined for these slices: a set has nothing to compare, such as no mask"
    if parts.reason is not None:
        return parts.reason
    if parts.n < quantity.fewest:
        return f"needs at least {quantity.fewest} slices in each half of the held-out patients, got {parts.n}"
    if matched is None or real is None:
        return "not defined for every half: one has nothing to compare, such as no mask"
    return None


def _spread(values: list[float | None], n: int) -> dict[str, Any] | None:
    """Return mean and standard deviation over the divisions, or None when one of them has no value."""
    numbers = [value for value in map(finite, values) if value is not None]
    if not numbers or len(numbers) < len(values):
        return None
    mean, std = float(np.mean(numbers)), float(np.std(numbers))
    # Where every division is the same, nothing but rounding is left.
    return {"value": mean, "std": std if std > ROUNDING * abs(mean) else 0.0, "n": n, "num_splits": len(numbers)}
