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
"""Split a data set by patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_dcgan.utils.checks import check_fraction
from monai_dcgan.utils.enums import Keys, Split
from monai_dcgan.utils.files import read_json, write_json

__all__ = ["load_splits", "save_splits", "split_patients"]

PARTS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def split_patients(
    cases: Iterable[Mapping[str, Any]],
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    seed: int = 0,
    validation_folds: Iterable[object] | None = None,
    test_folds: Iterable[object] | None = None,
) -> dict[str, Split]:
    """Assign every patient to one part.

    Where folds are given for a part, it consists of exactly the patients of these folds; the other patients are shared
    among the remaining parts by their fractions. The result depends on the set of patients and the seed, not on the
    order of ``cases``.

    Args:
        cases: cases or slice records with the key ``patient``, and ``fold`` where folds are given.
        fractions: shares of patients in train, validation and test, from 0 to 1 with sum 1.
        seed: seed of the shuffle.
        validation_folds: folds that make up the validation part.
        test_folds: folds that make up the test part.

    Returns:
        patient -> part. Every part with a fraction above 0 has at least one patient.

    Raises:
        ValueError: when fractions or folds are wrong, or there are fewer patients than parts.

    Example:
        >>> sorted(split_patients([{"patient": name} for name in "abc"]).values())
        [<Split.TEST: 'test'>, <Split.TRAIN: 'train'>, <Split.VALIDATION: 'validation'>]
    """
    _check_fractions(fractions)
    folds = _folds_of_patients(cases)
    if not folds:
        raise ValueError("cases must hold at least one case, got none")
    result = _assign_folds(folds, {Split.VALIDATION: validation_folds, Split.TEST: test_folds})
    fixed = {
        part for part, given in ((Split.VALIDATION, validation_folds), (Split.TEST, test_folds)) if given is not None
    }
    rest = sorted(set(folds) - set(result))
    shares = {part: share for part, share in zip(PARTS, fractions) if share > 0 and part not in fixed}
    if not shares and rest:
        raise ValueError(f"fractions must leave a part for the {len(rest)} patients outside the folds, got {fractions}")
    if len(rest) < len(shares):
        raise ValueError(
            f"a split into {', '.join(shares)} needs at least {len(shares)} patients, got {len(rest)}; "
            "set the fraction of a part to 0, or bring more patients"
        )
    shuffled = [rest[index] for index in np.random.RandomState(seed).permutation(len(rest))]
    for part, count in _counts(shares, len(rest)).items():
        result.update(dict.fromkeys(shuffled[:count], part))
        shuffled = shuffled[count:]
    return {patient: result[patient] for patient in sorted(result)}


def save_splits(splits: Mapping[str, str], path: str | Path) -> None:
    """Write a split as JSON: one sorted list of patients per part."""
    write_json(path, {str(part): sorted(name for name, own in splits.items() if str(own) == part) for part in PARTS})


def load_splits(path: str | Path) -> dict[str, Split]:
    """Read what ``save_splits`` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file has other parts than train, validation and test, or a patient twice.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not set(content) <= {str(part) for part in PARTS}:
        raise ValueError(f"{path} must hold lists of patients under {', '.join(PARTS)}; write it with save_splits")
    splits: dict[str, Split] = {}
    for part, patients in content.items():
        for patient in patients:
            if patient in splits:
                raise ValueError(f"{path} must hold each patient once, got {patient!r} in {splits[patient]} and {part}")
            splits[patient] = Split(part)
    return {patient: splits[patient] for patient in sorted(splits)}


def _check_fractions(fractions: Sequence[float]) -> None:
    if len(fractions) != len(PARTS):
        raise ValueError(f"fractions must be three numbers (train, validation, test), got {fractions!r}")
    for value in fractions:
        check_fraction("fractions", value)
    if abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"fractions must have the sum 1, got {fractions!r} with sum {sum(fractions):g}")


def _folds_of_patients(cases: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return patient -> fold ("" without)."""
    folds: dict[str, str] = {}
    for case in cases:
        fold = case.get(Keys.FOLD)
        patient, fold = str(case[Keys.PATIENT]), "" if fold is None else str(fold)
        if folds.setdefault(patient, fold) != fold:
            raise ValueError(
                f"a patient must lie in one fold, got {patient!r} in {folds[patient]!r} and {fold!r}; "
                "these folds are not by patient"
            )
    return folds


def _assign_folds(folds: Mapping[str, str], wanted: Mapping[Split, Iterable[object] | None]) -> dict[str, Split]:
    """Return patient -> part for the patients of the given folds."""
    existing = sorted(set(folds.values()) - {""})
    owner: dict[str, Split] = {}
    for part, given in wanted.items():
        for fold in map(str, given or ()):
            if fold not in existing:
                raise ValueError(f"{part}_folds must be among the folds {existing}, got {fold!r}")
            if owner.setdefault(fold, part) != part:
                raise ValueError(f"validation_folds and test_folds must not share a fold, got {fold!r} in both")
    return {patient: owner[fold] for patient, fold in folds.items() if fold in owner}


def _counts(shares: Mapping[Split, float], total: int) -> dict[Split, int]:
    """Share ``total`` patients by largest remainder, at least one each."""
    scale = total / sum(shares.values()) if shares else 0.0
    counts = {part: int(share * scale + 1e-9) for part, share in shares.items()}
    by_remainder = sorted(shares, key=lambda part: counts[part] - shares[part] * scale)
    for part in by_remainder[: total - sum(counts.values())]:
        counts[part] += 1
    for part in counts:
        if counts[part] == 0:
            counts[max(counts, key=lambda other: counts[other])] -= 1
            counts[part] = 1
    return counts
