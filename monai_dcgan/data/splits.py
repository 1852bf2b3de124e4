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

from monai_dcgan.data.strata import Stratify, share, strata
from monai_dcgan.utils.checks import check_fraction, check_positive_int
from monai_dcgan.utils.enums import Keys, Split
from monai_dcgan.utils.files import read_json, write_json

__all__ = ["Stratify", "k_folds", "load_folds", "load_splits", "save_folds", "save_splits", "split_patients"]

PARTS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def split_patients(
    cases: Iterable[Mapping[str, Any]],
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    seed: int = 0,
    validation_folds: Iterable[object] | None = None,
    test_folds: Iterable[object] | None = None,
    stratify: str | None = None,
) -> dict[str, Split]:
    """Assign every patient, with all scans of all dates, to one part.

    Where folds are given for a part, it consists of exactly the patients of these folds; the other patients are shared
    among the remaining parts by their fractions. The result depends on the set of patients and the seed, not on the
    order of ``cases``.

    Stratified, each stratum is shared among the parts by largest remainder, and what a part got too much or too little
    is settled in the next stratum; the parts have as many patients as without ``stratify``.

    Args:
        cases: cases or slice records with the key ``patient``, and ``fold`` where folds are given.
        fractions: shares of patients in train, validation and test, from 0 to 1 with sum 1.
        seed: seed of the shuffle.
        validation_folds: folds that make up the validation part.
        test_folds: folds that make up the test part.
        stratify: None, or one of ``Stratify``. ``burden``: by the mean ``tumor_fraction`` of a patient's records, in at
            most four bins of equal numbers of patients, each with at least as many patients as there are parts;
            ``class``: by the most frequent ``class_name`` of a patient's records.

    Returns:
        patient -> part. Every part with a fraction above 0 has at least one patient.

    Raises:
        ValueError: when fractions or folds are wrong, there are fewer patients than parts, or the records lack the key
            to stratify by.

    Example:
        >>> sorted(split_patients([{"patient": name} for name in "abc"]).values())
        [<Split.TEST: 'test'>, <Split.TRAIN: 'train'>, <Split.VALIDATION: 'validation'>]
    """
    _check_fractions(fractions)
    cases = list(cases)
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
    result.update(share(strata(cases, rest, stratify, len(shares)), _counts(shares, len(rest)), seed))
    return {patient: result[patient] for patient in sorted(result)}


def k_folds(
    cases: Iterable[Mapping[str, Any]],
    num_folds: int,
    seed: int = 0,
    stratify: str | None = None,
    test_fraction: float = 0.0,
) -> list[dict[str, Split]]:
    """Make the splits of a cross-validation by patient.

    Every patient outside the test part is in validation in exactly one fold, and in train in the others. Numbers of
    validation patients differ by at most one between folds. The result depends on the set of patients and the seed, not
    on the order of ``cases``.

    Args:
        cases: cases or slice records with the key ``patient``.
        num_folds: number of folds, at least 2.
        seed: seed of the shuffle.
        stratify: as in ``split_patients``; the parts are the folds and the test part.
        test_fraction: share of patients, from 0 to below 1, that are test in all folds; above 0, at least one patient.

    Returns:
        one split, patient -> part, per fold.

    Raises:
        ValueError: when an argument is wrong, or fewer patients than folds are left for the folds.

    Example:
        >>> [fold["a"] for fold in k_folds([{"patient": name} for name in "abcd"], num_folds=2)]
        [<Split.TRAIN: 'train'>, <Split.VALIDATION: 'validation'>]
    """
    check_positive_int("num_folds", num_folds)
    check_fraction("test_fraction", test_fraction)
    if num_folds < 2:
        raise ValueError(f"num_folds must be at least 2, got {num_folds}; for one split use split_patients")
    cases = list(cases)
    patients = sorted({str(case[Keys.PATIENT]) for case in cases})
    test = max(1, round(test_fraction * len(patients))) if test_fraction > 0 else 0
    left = len(patients) - test
    if left < num_folds:
        raise ValueError(
            f"num_folds must be at most the number of patients outside the test part, got {num_folds} folds for "
            f"{left} of {len(patients)} patients; take fewer folds or a lower test_fraction"
        )
    counts = {fold: left // num_folds + (fold < left % num_folds) for fold in range(num_folds)}
    if test:
        counts[-1] = test
    own = share(strata(cases, patients, stratify, len(counts)), counts, seed)

    def part(patient: str, fold: int) -> Split:
        if own[patient] == -1:
            return Split.TEST
        return Split.VALIDATION if own[patient] == fold else Split.TRAIN

    return [{patient: part(patient, fold) for patient in patients} for fold in range(num_folds)]


def save_splits(splits: Mapping[str, str], path: str | Path) -> None:
    """Write a split as JSON: one sorted list of patients per part."""
    write_json(path, _as_lists(splits))


def load_splits(path: str | Path) -> dict[str, Split]:
    """Read what ``save_splits`` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file has other parts than those of ``Split``, or a patient twice.
    """
    return _from_lists(read_json(path), str(path), "save_splits")


def save_folds(folds: Iterable[Mapping[str, str]], path: str | Path) -> None:
    """Write the splits of a cross-validation as JSON: a list of what ``save_splits`` writes of each fold."""
    write_json(path, [_as_lists(splits) for splits in folds])


def load_folds(path: str | Path) -> list[dict[str, Split]]:
    """Read what ``save_folds`` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is no list of splits of the same patients.
    """
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise ValueError(f"{path} must hold a list of folds, got {type(content).__name__}; write it with save_folds")
    folds = [_from_lists(lists, f"fold {number} of {path}", "save_folds") for number, lists in enumerate(content)]
    for number, splits in enumerate(folds):
        differing = sorted(set(splits) ^ set(folds[0]))
        if differing:
            raise ValueError(
                f"{path} must hold the same patients in all folds, got {differing[0]!r} not in 0 or {number}"
            )
    return folds


def _as_lists(splits: Mapping[str, str]) -> dict[str, list[str]]:
    lists = {str(part): sorted(name for name, own in splits.items() if str(own) == part) for part in Split}
    return {part: patients for part, patients in lists.items() if patients or part != str(Split.LEFT_OUT)}


def _from_lists(content: Any, where: str, writer: str) -> dict[str, Split]:
    """Return patient -> part of lists of patients per part."""
    if not isinstance(content, dict) or not set(content) <= {str(part) for part in Split}:
        raise ValueError(f"{where} must hold lists of patients under {', '.join(Split)}; write it with {writer}")
    splits: dict[str, Split] = {}
    for part, patients in content.items():
        if not isinstance(patients, list):
            raise ValueError(
                f"{where} must hold a list of patients under {part}, got {patients!r}; write it with {writer}"
            )
        for patient in map(str, patients):
            if patient in splits:
                raise ValueError(
                    f"{where} must hold each patient once, got {patient!r} in {splits[patient]} and {part}"
                )
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
