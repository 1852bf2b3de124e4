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
"""Splits are by patient, seeded, and leave no part empty."""

from __future__ import annotations

from collections import Counter

import pytest

from monai_dcgan.data import load_splits, save_splits, split_patients
from monai_dcgan.utils.files import write_json


def cases(count: int, folds: int = 0) -> list[dict]:
    """Two cases of each patient."""
    return [{"patient": f"p{i:03d}", "fold": str(i % folds) if folds else ""} for i in range(count) for _ in range(2)]


@pytest.mark.parametrize(
    ("count", "fractions", "expected"),
    [
        (3, (0.7, 0.15, 0.15), (1, 1, 1)),
        (4, (0.7, 0.15, 0.15), (2, 1, 1)),
        (10, (0.7, 0.15, 0.15), (7, 2, 1)),
        (50, (0.7, 0.15, 0.15), (35, 8, 7)),
        (100, (0.8, 0.1, 0.1), (80, 10, 10)),
        (5, (0.8, 0.2, 0.0), (4, 1, 0)),
        (1, (1.0, 0.0, 0.0), (1, 0, 0)),
        (7, (0.0, 0.0, 1.0), (0, 0, 7)),
    ],
)
def test_counts(count, fractions, expected):
    splits = split_patients(cases(count), fractions)
    found = Counter(splits.values())
    assert tuple(found[part] for part in ("train", "validation", "test")) == expected
    assert len(splits) == count


def test_order_does_not_matter_and_seed_does():
    first = split_patients(cases(40), seed=1)
    assert split_patients(cases(40)[::-1], seed=1) == first
    assert split_patients(cases(40), seed=2) != first


def test_folds():
    splits = split_patients(cases(20, folds=5), validation_folds=[3], test_folds=["4"])
    assert {name for name, part in splits.items() if part == "test"} == {f"p{i:03d}" for i in range(4, 20, 5)}
    assert {name for name, part in splits.items() if part == "validation"} == {f"p{i:03d}" for i in range(3, 20, 5)}
    assert Counter(splits.values()) == {"train": 12, "validation": 4, "test": 4}


def test_test_fold_and_fractions():
    splits = split_patients(cases(20, folds=5), (0.75, 0.25, 0.0), test_folds=[0])
    assert Counter(splits.values()) == {"train": 12, "validation": 4, "test": 4}


def test_fold_zero_as_a_number():
    splits = split_patients(
        [{"patient": name, "fold": fold} for name, fold in (("a", 0), ("b", 1), ("c", 2))], test_folds=[0]
    )
    assert splits["a"] == "test"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"fractions": (0.5, 0.5)}, "fractions must be three numbers"),
        ({"fractions": (0.5, 0.2, 0.2)}, "fractions must have the sum 1"),
        ({"fractions": (1.2, -0.1, -0.1)}, "fractions must be a number from 0 to 1"),
        ({"validation_folds": [7]}, r"validation_folds must be among the folds \['0', '1', '2'\], got '7'"),
        ({"validation_folds": [1], "test_folds": [1]}, "must not share a fold, got '1'"),
        ({"validation_folds": [0], "fractions": (0, 1, 0)}, "fractions must leave a part"),
        ({"validation_folds": [0, 1], "test_folds": [2]}, "needs at least 1 patients, got 0"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        split_patients(cases(6, folds=3), **arguments)


def test_too_few_patients():
    with pytest.raises(ValueError, match="a split into train, validation, test needs at least 3 patients, got 2"):
        split_patients(cases(2))
    with pytest.raises(ValueError, match="at least one case"):
        split_patients([])


def test_patient_in_two_folds():
    with pytest.raises(ValueError, match="a patient must lie in one fold, got 'a' in '1' and '2'"):
        split_patients([{"patient": "a", "fold": "1"}, {"patient": "a", "fold": "2"}])


def test_save_and_load(tmp_path):
    splits = split_patients(cases(9))
    save_splits(splits, tmp_path / "splits.json")
    assert load_splits(tmp_path / "splits.json") == splits
    write_json(tmp_path / "twice.json", {"train": ["a"], "test": ["a"]})
    with pytest.raises(ValueError, match="must hold each patient once, got 'a' in train and test"):
        load_splits(tmp_path / "twice.json")
    write_json(tmp_path / "other.json", {"dev": ["a"]})
    with pytest.raises(ValueError, match="write it with save_splits"):
        load_splits(tmp_path / "other.json")
