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
"""Numbers by subgroup (scanner, site, sex, age, class, tumor size), and how far the subgroups are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.metrics.bootstrap import FEW_PATIENTS, draw_patients, percentile_interval
from monai_dcgan.metrics.masks import MASK_PROPERTIES, mask_statistics
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["age_groups", "by_subgroup", "subgroup_report", "tumor_size_groups"]

TUMOR_SIZE = "tumor size"


def by_subgroup(
    values: Any,
    groups: Sequence[Any],
    patients: Sequence[str] | None = None,
    seed: int = 0,
    num_samples: int = 200,
    num_permutations: int = 999,
) -> dict[str, Any]:
    """Compare the mean of a value between subgroups, with patients as the unit.

    Args:
        values: (N,) a number per slice or per patient.
        groups: the subgroup of each value; None or an empty text is "unknown", a group of its own.
        patients: patient of each value; None takes every value for one of its own, as synthetic slices are.
        seed: seed of every draw.
        num_samples: bootstrap draws of patients within each subgroup.
        num_permutations: permutations behind ``p_value``.

    Returns:
        a dictionary that JSON can hold: ``rows``, by name, each with ``group``, ``n``, ``patients``, ``mean``, its 95%
        ``interval`` (None with one patient) and ``reliable`` (5 patients and more); and ``gap``, None with one group:
        the ``groups`` with the highest and the lowest mean, the difference ``value``, its ``interval`` (of this pair,
        picked for being the worst, so it looks too certain) and ``p_value``: the chance of such a gap or a worse one
        between any two groups where groups do not matter. For it whole patients change groups, or, where a patient has
        values in several, values change groups within each patient (Phipson and Smyth 2010, eq. 2).

    Raises:
        ValueError: when numbers do not fit, or a value is not finite.

    Example:
        >>> table = by_subgroup([0.9, 0.8, 0.5, 0.6], ["a", "a", "b", "b"], ["1", "2", "3", "4"])
        >>> table["gap"]["groups"], round(table["gap"]["value"], 2)
        (['a', 'b'], 0.3)
    """
    check_positive_int("num_samples", num_samples)
    check_positive_int("num_permutations", num_permutations)
    numbers, names, people = _checked(values, groups, patients)
    random = np.random.RandomState(seed)
    rows: list[dict[str, Any]] = []
    draws = {}
    for name in np.unique(names):
        own, whose = numbers[names == name], people[names == name]
        count = len(np.unique(whose))
        draws[name] = [float(own[drawn].mean()) for drawn in draw_patients(whose, num_samples, random)]
        rows.append(
            {
                "group": str(name),
                "n": len(own),
                "patients": None if patients is None else count,
                "mean": float(own.mean()),
                "interval": percentile_interval(draws[name]) if count > 1 else None,
                "reliable": count >= FEW_PATIENTS,
            }
        )
    if len(rows) < 2:
        return {"rows": rows, "gap": None}
    high, low = max(rows, key=lambda row: row["mean"]), min(rows, key=lambda row: row["mean"])
    differences = [a - b for a, b in zip(draws[high["group"]], draws[low["group"]], strict=True)]
    certain = high["interval"] is not None and low["interval"] is not None
    gap = {
        "groups": [high["group"], low["group"]],
        "value": high["mean"] - low["mean"],
        "interval": percentile_interval(differences) if certain else None,
        "p_value": _p_value(numbers, names, people, num_permutations, random),
        "reliable": high["reliable"] and low["reliable"],
    }
    return {"rows": rows, "gap": gap}


def _checked(
    values: Any, groups: Sequence[Any], patients: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not len(numbers):
        raise ValueError(f"values must be one-dimensional and not empty, got the shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        first = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise ValueError(f"values must be finite, got {numbers[first]} at {first}; leave out what cannot be measured")
    people = list(range(len(numbers))) if patients is None else [str(patient) for patient in patients]
    for name, given in (("groups", groups), ("patients", people)):
        if len(given) != len(numbers):
            raise ValueError(f"{name} must have one entry per value, {len(numbers)}, got {len(given)}")
    names = ["unknown" if group is None or str(group) in ("", "nan") else str(group) for group in groups]
    return numbers, np.asarray(names), np.asarray(people)


def _p_value(
    numbers: np.ndarray, names: np.ndarray, people: np.ndarray, num_permutations: int, random: np.random.RandomState
) -> float:
    codes, whose = np.unique(names, return_inverse=True)[1], np.unique(people, return_inverse=True)[1]
    pairs = np.unique(np.stack([whose, codes]), axis=1)
    own = [np.flatnonzero(whose == person) for person in range(whose.max() + 1)]
    between = pairs.shape[1] == len(own)
    seen = _gap(numbers, codes)
    worse = 1
    for _ in range(num_permutations):
        if between:
            moved = pairs[1][random.permutation(len(own))][whose]
        else:
            moved = codes.copy()
            for places in own:
                moved[places] = codes[random.permutation(places)]
        worse += bool(_gap(numbers, moved) >= seen - 1e-12)
    return worse / (num_permutations + 1)


def _gap(numbers: np.ndarray, codes: np.ndarray) -> float:
    means = np.bincount(codes, numbers) / np.bincount(codes)
    return float(means.max() - means.min())


def tumor_size_groups(masks: Any, channel: int | None = None) -> list[str]:
    """Group slices by the area of their mask: "no tumor", and the thirds "small", "medium" and "large" of the rest.

    Args:
        masks: (N, M, H, W) with values {0, 1}.
        channel: which mask channel; None takes the pixels of any.

    Returns:
        N names; equal areas are in one group.

    Raises:
        ValueError: when ``masks`` has another shape or other values, or there is no such channel.
    """
    array = np.asarray(masks)
    if channel is not None and array.ndim == 4 and not 0 <= channel < array.shape[1]:
        raise ValueError(f"channel must be from 0 to {array.shape[1] - 1}, got {channel}")
    joined = array.max(axis=1, keepdims=True) if channel is None and array.ndim == 4 and array.size else array
    areas = mask_statistics(joined).area[:, channel or 0]
    present = areas[areas > 0]
    limits = np.quantile(present, [1 / 3, 2 / 3]) if len(present) else np.zeros(2)
    sizes = np.asarray(["small", "medium", "large"])[(areas[:, None] > limits).sum(axis=1)]
    return [str(size) if area > 0 else "no tumor" for size, area in zip(sizes, areas, strict=True)]


def age_groups(ages: Sequence[float | None], limits: Sequence[float] = (40, 60)) -> list[str]:
    """Group ages in years: "under 40", "40 to 59", "60 and over" with the limits given, "unknown" for None.

    Args:
        ages: years, one per slice or patient.
        limits: ascending limits; each is the first age of the next group.

    Raises:
        ValueError: when an age is negative or no number, or the limits do not ascend.
    """
    if not limits or list(limits) != sorted(set(limits)):
        raise ValueError(f"limits must ascend and name at least one age, got {list(limits)}")
    names = [
        f"under {limits[0]:g}",
        *(f"{low:g} to {high - 1:g}" for low, high in zip(limits, limits[1:])),
        f"{limits[-1]:g} and over",
    ]
    for age in ages:
        if age is not None and not age >= 0:
            raise ValueError(f"ages must be years of at least 0, or None, got {age!r}")
    return ["unknown" if age is None else names[sum(age >= limit for limit in limits)] for age in ages]


def subgroup_report(
    slices: LabeledSlices,
    groups: Mapping[str, Sequence[Any]] | None = None,
    quality: Mapping[str, Any] | None = None,
    seed: int = 0,
    num_samples: int = 200,
    num_permutations: int = 999,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Compare masks and quality between subgroups.

    Args:
        slices: real or synthetic slices.
        groups: name of a grouping (such as "scanner") -> the subgroup of each slice; None groups by tumor size.
        quality: name of a measure -> its number for each slice, such as the SSIM with the nearest held-out slice.
        seed: see :func:`by_subgroup`.
        num_samples: the same.
        num_permutations: the same.

    Returns:
        grouping -> measure -> what :func:`by_subgroup` returned. Measures are those given, and of every mask channel
        area, row, column and parts, see :mod:`monai_dcgan.metrics.masks`: all but the area over slices with a mask,
        and left out where there is none.

    Raises:
        ValueError: see :func:`by_subgroup`.
    """
    statistics = mask_statistics(slices.masks)
    measures = {name: np.asarray(values, dtype=np.float64) for name, values in (quality or {}).items()}
    for name, values in measures.items():
        if values.shape != (len(slices),):
            raise ValueError(f"quality must hold one number per slice, {len(slices)}, got {values.shape} for {name!r}")
    kept = {name: np.arange(len(slices)) for name in measures}
    for channel in range(slices.masks.shape[1]):
        mark = f" {channel}" if slices.masks.shape[1] > 1 else ""
        for name in MASK_PROPERTIES:
            key = f"mask{mark} {name}"
            rows = np.arange(len(slices)) if name == "area" else np.flatnonzero(~statistics.empty[:, channel])
            if len(rows):
                measures[key], kept[key] = statistics.values(name, channel), rows
    named = {TUMOR_SIZE: tumor_size_groups(slices.masks)} if groups is None else groups
    report: dict[str, dict[str, dict[str, Any]]] = {}
    for grouping, own in named.items():
        if len(own) != len(slices):
            raise ValueError(f"groups must name one group per slice, {len(slices)}, got {len(own)} for {grouping!r}")
        report[grouping] = {
            key: by_subgroup(
                values,
                [own[row] for row in kept[key].tolist()],
                None if slices.patients is None else [slices.patients[row] for row in kept[key].tolist()],
                seed,
                num_samples,
                num_permutations,
            )
            for key, values in measures.items()
        }
    return report
