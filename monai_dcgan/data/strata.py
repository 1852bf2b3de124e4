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
"""Groups of like patients, and how they are shared among parts."""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import Keys, Stratify

__all__ = ["share", "strata"]

logger = logging.getLogger(__name__)

MAX_BINS = 4
BURDEN_KEY = "tumor_fraction"
Part = TypeVar("Part", bound=Hashable)


def strata(
    cases: Sequence[Mapping[str, Any]], patients: Sequence[str], stratify: str | None, num_parts: int
) -> list[list[str]]:
    """Divide patients into groups that are to be shared among the parts one by one.

    Args:
        cases: cases or slice records of the patients, and maybe of others.
        patients: sorted patients.
        stratify: None for one group; or one of ``Stratify``.
        num_parts: number of parts; a group by burden has at least as many patients.

    Returns:
        groups of patients, in the order of their burden, or of the names of their classes.

    Raises:
        ValueError: when records lack the key to stratify by.
    """
    if stratify is None:
        return [list(patients)]
    check_choice("stratify", stratify, Stratify)
    records: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for case in cases:
        records[str(case[Keys.PATIENT])].append(case)
    if str(stratify) == Stratify.CLASS:
        classes: defaultdict[str, list[str]] = defaultdict(list)
        for patient in patients:
            classes[_class_of(patient, records[patient])].append(patient)
        return [classes[name] for name in sorted(classes)]
    burden = {patient: _burden_of(patient, records[patient]) for patient in patients}
    bins = min(MAX_BINS, len(patients) // max(num_parts, 1))
    if bins < 2:
        logger.warning("%d patients are too few to stratify %d parts by tumor burden", len(patients), num_parts)
    ordered = sorted(patients, key=lambda patient: (burden[patient], patient))
    return [[ordered[index] for index in group] for group in np.array_split(np.arange(len(ordered)), max(bins, 1))]


def _class_of(patient: str, records: Iterable[Mapping[str, Any]]) -> str:
    names = Counter(str(record[Keys.CLASS_NAME]) for record in records if record.get(Keys.CLASS_NAME))
    if not names:
        raise ValueError(
            f"stratify='class' needs records with a {Keys.CLASS_NAME}, got none for patient {patient!r}; "
            "give data with classes, or leave stratify out"
        )
    return min(names, key=lambda name: (-names[name], name))


def _burden_of(patient: str, records: Iterable[Mapping[str, Any]]) -> float:
    values: list[float] = []
    for record in records:
        value = record.get(BURDEN_KEY)
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise ValueError(
                f"stratify='burden' needs records with a number {BURDEN_KEY}, got {value!r} for patient {patient!r}; "
                "give the slices of a store, or leave stratify out"
            )
        values.append(float(value))
    # fsum does not depend on the order of the records.
    return math.fsum(values) / len(values)


def share(groups: Iterable[Sequence[str]], counts: Mapping[Part, int], seed: int) -> dict[str, Part]:
    """Share groups of patients among parts by largest remainder, at random inside a group.

    Args:
        groups: the patients; what a part got too much or too little of one group is settled in the next.
        counts: part -> number of its patients; the sum is the number of patients.
        seed: seed of the shuffles.

    Returns:
        patient -> part.
    """
    groups = list(groups)
    total, seen = sum(map(len, groups)), 0
    random = np.random.RandomState(seed)
    given = dict.fromkeys(counts, 0)
    result: dict[str, Part] = {}
    for group in groups:
        shuffled = [group[index] for index in random.permutation(len(group))]
        seen += len(group)
        before = dict(given)
        for _ in shuffled:
            # Rounded, so that equal claims are equal on every machine; the first part then comes first.
            claims = {part: round(counts[part] * seen / total - given[part], 9) for part in counts}
            given[max((part for part in counts if given[part] < counts[part]), key=claims.__getitem__)] += 1
        for part in counts:
            own = given[part] - before[part]
            result.update(dict.fromkeys(shuffled[:own], part))
            shuffled = shuffled[own:]
    return result
