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

import numpy as np
import pytest

from monai_dcgan.data.splits import k_folds, load_folds, load_splits, save_folds, save_splits, split_patients
from monai_dcgan.utils.files import write_json


def cases(count: int, folds: int = 0) -> list[dict]:
    """Two cases of each patient."""
    return [{"patient": f"p{i:03d}", "fold": str(i % folds) if folds else ""} for i in range(count) for _ in range(2)]


def slices(count: int, classes: str = "ab") -> list[dict]:
    """Three slice records of each patient; the burden rises with the number, one in ten is of the first class."""
    return [
        {
            "patient": f"p{i:03d}",
            "class_name": classes[0] if i % 10 == 3 else classes[1],
            "tumor_fraction": 0.001 * i + 0.0001 * k,
        }
        for i in range(count)
        for k in range(3)
    ]


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
    write_json(tmp_path / "text.json", {"train": "abc"})
    with pytest.raises(ValueError, match="text.json must hold a list of patients under train, got 'abc'"):
        load_splits(tmp_path / "text.json")


def test_result_of_a_seed_stays():
    splits = split_patients(cases(10), seed=3)
    assert [name for name, part in splits.items() if part == "validation"] == ["p000", "p003"]
    assert [name for name, part in splits.items() if part == "test"] == ["p008"]


@pytest.mark.parametrize("stratify", [None, "burden"])
def test_scans_of_two_dates_stay_together(stratify):
    records = [
        {"patient": f"p{i}", "case": f"p{i}/{date}", "tumor_fraction": 0.01 * i}
        for date in ("before", "after")
        for i in range(12)
    ]
    splits = split_patients(records, (0.5, 0.25, 0.25), stratify=stratify)
    parts = {record["case"]: splits[record["patient"]] for record in records}
    assert all(parts[f"p{i}/before"] == parts[f"p{i}/after"] for i in range(12))
    assert Counter(splits.values()) == {"train": 6, "validation": 3, "test": 3}


@pytest.mark.parametrize("stratify", ["burden", "class"])
@pytest.mark.parametrize("count", [6, 11, 23, 50, 101])
@pytest.mark.parametrize("fractions", [(0.7, 0.15, 0.15), (0.8, 0.2, 0.0), (0.0, 0.5, 0.5), (1.0, 0.0, 0.0)])
def test_stratified_counts_are_those_without(stratify, count, fractions):
    plain = split_patients(slices(count), fractions)
    for seed in range(3):
        assert Counter(split_patients(slices(count), fractions, seed, stratify=stratify).values()) == Counter(
            plain.values()
        )


def test_burden_is_alike_in_all_parts():
    spread = {"burden": [], None: []}
    for stratify, found in spread.items():
        for seed in range(20):
            splits = split_patients(slices(40), (0.6, 0.2, 0.2), seed, stratify=stratify)
            bins = Counter((splits[f"p{i:03d}"], i // 10) for i in range(40))
            if stratify:
                assert {bins["train", quarter] for quarter in range(4)} == {6}
                assert {bins[part, quarter] for quarter in range(4) for part in ("validation", "test")} == {2}
            found.append(abs(np.mean([i for i in range(40) if splits[f"p{i:03d}"] == "test"]) - 19.5))
    assert np.mean(spread["burden"]) < 0.5 * np.mean(spread[None])


def test_rare_class_is_in_all_parts():
    splits = split_patients(slices(40), (0.5, 0.25, 0.25), stratify="class")
    assert Counter(splits[f"p{i:03d}"] for i in (3, 13, 23, 33)) == {"train": 2, "validation": 1, "test": 1}


def test_remainders_are_carried_from_class_to_class():
    records = [{"patient": f"{name}{i}", "class_name": name} for name in "abcdefgh" for i in range(3)]
    splits = split_patients(records, (0.5, 0.25, 0.25), stratify="class")
    assert Counter(splits.values()) == {"train": 12, "validation": 6, "test": 6}
    for name in "abcdefgh":
        found = Counter(part for patient, part in splits.items() if patient[0] == name)
        assert found["train"] in (1, 2)
        assert found["validation"] <= 2
        assert found["test"] <= 2


def test_class_of_a_patient_is_the_most_frequent():
    names = {f"p{i}": ("y", "x", "x") if i < 4 else ("y", "x", "y", "") for i in range(8)}
    records = [{"patient": patient, "class_name": name} for patient, own in names.items() for name in own]
    for seed in range(5):
        splits = split_patients(records, (0.5, 0.5, 0.0), seed, stratify="class")
        assert Counter(splits[f"p{i}"] for i in range(4)) == {"train": 2, "validation": 2}


def test_stratified_split_depends_on_seed_and_not_on_order():
    for stratify in ("burden", "class"):
        first = split_patients(slices(40), seed=1, stratify=stratify)
        assert split_patients(slices(40)[::-1], seed=1, stratify=stratify) == first
        assert split_patients(iter(slices(40)), seed=1, stratify=stratify) == first
        assert split_patients(slices(40), seed=2, stratify=stratify) != first


def test_stratified_beside_folds():
    records = [{**record, "fold": "x" if record["patient"] < "p010" else ""} for record in slices(40)]
    splits = split_patients(records, (0.5, 0.5, 0.0), test_folds=["x"], stratify="burden")
    assert all((part == "test") == (name < "p010") for name, part in splits.items())
    assert Counter(splits.values()) == {"train": 15, "validation": 15, "test": 10}
    assert abs(sum(splits[f"p{i:03d}"] == "train" for i in range(10, 25)) - 7.5) <= 1.5


@pytest.mark.parametrize(
    ("stratify", "change", "text"),
    [
        ("burden", {"tumor_fraction": None}, "stratify='burden' needs records with a number tumor_fraction, got None"),
        ("burden", {"tumor_fraction": float("nan")}, "got nan for patient 'p000'; give the slices of a store"),
        ("class", {"class_name": ""}, "stratify='class' needs records with a class_name, got none for patient 'p000'"),
        ("size", {}, "stratify must be one of burden, class, got 'size'"),
    ],
)
def test_records_that_cannot_be_stratified(stratify, change, text):
    records = [{**record, **change} for record in slices(6)]
    with pytest.raises(ValueError, match=text):
        split_patients(records, stratify=stratify)
    with pytest.raises(ValueError, match=text):
        k_folds(records, 2, stratify=stratify)


def test_too_few_patients_for_bins(caplog):
    assert split_patients(slices(5), stratify="burden") == split_patients(slices(5))
    assert "5 patients are too few to stratify 3 parts by tumor burden" in caplog.text


@pytest.mark.parametrize("stratify", [None, "burden", "class"])
@pytest.mark.parametrize(
    ("count", "num_folds", "test_fraction", "test"), [(10, 5, 0, 0), (23, 4, 0.2, 5), (5, 4, 0.01, 1)]
)
def test_k_folds(stratify, count, num_folds, test_fraction, test):
    folds = k_folds(slices(count), num_folds, 1, stratify, test_fraction)
    patients = [f"p{i:03d}" for i in range(count)]
    assert len(folds) == num_folds
    assert all(list(splits) == patients for splits in folds)
    seen = Counter(name for splits in folds for name, part in splits.items() if part == "validation")
    tests = [{name for name, part in splits.items() if part == "test"} for splits in folds]
    assert len(tests[0]) == test
    assert all(own == tests[0] for own in tests)
    assert seen == dict.fromkeys(set(patients) - tests[0], 1)
    sizes = [Counter(splits.values())["validation"] for splits in folds]
    assert max(sizes) - min(sizes) <= 1
    assert k_folds(slices(count)[::-1], num_folds, 1, stratify, test_fraction) == folds
    assert k_folds(slices(count), num_folds, 2, stratify, test_fraction) != folds


def test_k_folds_by_burden():
    for splits in k_folds(slices(40), 4, stratify="burden", test_fraction=0.2):
        bins = Counter((splits[f"p{i:03d}"], i // 10) for i in range(40))
        assert {bins["test", quarter] for quarter in range(4)} == {2}
        assert {bins["validation", quarter] for quarter in range(4)} == {2}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"num_folds": 1}, "num_folds must be at least 2, got 1; for one split use split_patients"),
        ({"num_folds": 2.0}, "num_folds must be a whole number of at least 1, got 2.0"),
        ({"num_folds": 7}, "got 7 folds for 6 of 6 patients"),
        ({"num_folds": 4, "test_fraction": 0.5}, "got 4 folds for 3 of 6 patients; take fewer folds"),
        ({"num_folds": 2, "test_fraction": 1.5}, "test_fraction must be a number from 0 to 1"),
    ],
)
def test_bad_arguments_of_k_folds(arguments, text):
    with pytest.raises(ValueError, match=text):
        k_folds(cases(6), **arguments)


def test_save_and_load_folds(tmp_path):
    folds = k_folds(cases(9), 3, test_fraction=0.2)
    save_folds(folds, tmp_path / "folds.json")
    assert load_folds(tmp_path / "folds.json") == folds
    with pytest.raises(ValueError, match="folds.json must hold lists of patients"):
        load_splits(tmp_path / "folds.json")
    for content, text in (
        ({"train": ["a"]}, "must hold a list of folds, got dict; write it with save_folds"),
        ([], "must hold a list of folds"),
        ([{"train": ["a"]}, {"dev": ["a"]}], "fold 1 of .* must hold lists of patients under"),
        ([{"train": ["a", "b"]}, {"test": ["a"]}], "must hold the same patients in all folds, got 'b' not in 0 or 1"),
    ):
        write_json(tmp_path / "bad.json", content)
        with pytest.raises(ValueError, match=text):
            load_folds(tmp_path / "bad.json")
