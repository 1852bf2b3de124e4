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
"""What is known of the patients, in a store and in what is said of it."""

from __future__ import annotations

import json

import pytest

from monai_dcgan.data import SliceDataset, SliceStore, inspect_store, inspection_text, prepare, survey, survey_text
from monai_dcgan.utils.files import read_json, write_json

from .store_makers import PEOPLE, SETTINGS, contents, count_reads, make_cases, tell


def test_from_the_store_to_groups(msd, tmp_path):
    plain = prepare(msd, tmp_path / "plain", **SETTINGS)
    assert all("attributes" not in record for record in plain.cases.values())
    assert plain.groups() == {}
    tell(msd, *PEOPLE)
    store = SliceStore(prepare(msd, tmp_path / "store", **SETTINGS).path)
    expected = {"sex": ["female", "male", None], "age": [61.0, None, None], "site": ["A", "B", None]}
    assert store.groups() == {name: [value for value in three for _ in range(6)] for name, three in expected.items()}
    assert SliceDataset(store, [6, 0, 17]).groups() == {
        "sex": ["male", "female", None],
        "age": [None, 61.0, None],
        "site": ["B", "A", None],
    }
    assert SliceDataset(store, patients=["P2"]).groups() == {}
    # Else they are the same: columns, slices, and records of cases.
    assert same_but_for_attributes(store, plain)
    with_classes = prepare(msd, tmp_path / "classes", slice_class="tumor", **SETTINGS)
    assert SliceDataset(with_classes, [0, 5]).groups()["class"] == ["no_tumor", "tumor"]


def same_but_for_attributes(store, plain):
    def rows(one):
        return [{name: value for name, value in row.items() if name != "shard"} for row in one.slices]

    records = [{k: v for k, v in record.items() if k != "attributes"} for record in store.cases.values()]
    return rows(store) == rows(plain) and records == list(plain.cases.values())


def test_groups_of_a_store_that_is_not_complete(msd, tmp_path):
    prepare(msd, tmp_path / "store", **SETTINGS)
    header = read_json(tmp_path / "store" / "store.json")
    write_json(tmp_path / "store" / "store.json", {**header, "complete": False})
    (tmp_path / "store" / "cases.jsonl").unlink()
    with pytest.raises(ValueError, match=r"cases\.jsonl must list the cases"):
        SliceStore(tmp_path / "store").groups()


CHANGES = [
    ({"sex": "M"}, ["P01"]),
    ({"sex": "F", "age": 4}, ["P01"]),
    # The same in other words, and what is no attribute.
    ({"sex": "female", "age": "", "weight": 70}, []),
]


@pytest.mark.parametrize(("change", "read"), CHANGES)
def test_update(tmp_path, monkeypatch, change, read):
    data = make_cases(tmp_path / "data", 3)
    tell(data, {"sex": "m"}, {"sex": "F"})
    before = contents(prepare(data, tmp_path / "store", **SETTINGS).path)
    tell(data, {}, change)
    reads = count_reads(monkeypatch)
    if read:
        with pytest.raises(FileExistsError, match="update=True reads what is new"):
            prepare(data, tmp_path / "store", **SETTINGS)
    else:
        prepare(data, tmp_path / "store", **SETTINGS)
    prepare(data, tmp_path / "store", update=True, **SETTINGS)
    assert reads == read
    after = contents(tmp_path / "store")
    assert (after == before) == (not read)
    assert after == contents(prepare(data, tmp_path / "fresh", **SETTINGS).path)


def test_resume_takes_the_changed_case_anew(tmp_path, monkeypatch):
    data = make_cases(tmp_path / "data", 3)
    tell(data, *PEOPLE)
    prepare(data, tmp_path / "store", **SETTINGS)
    header = read_json(tmp_path / "store" / "store.json")
    write_json(tmp_path / "store" / "store.json", {**header, "complete": False})
    tell(data, {}, {}, {"site": "C"})
    reads = count_reads(monkeypatch)
    store = prepare(data, tmp_path / "store", **SETTINGS)
    assert reads == ["P02"]
    assert store.cases["P02"]["attributes"] == {"site": "C"}


def test_without_attributes_nothing_changes(tmp_path):
    """Empty cells and unknown columns leave names and bytes as they were."""
    data = make_cases(tmp_path / "data", 2)
    plain = contents(prepare(data, tmp_path / "plain", **SETTINGS).path)
    tell(data, {"sex": "", "age": "unknown", "hobby": "chess"}, {"site": None, "center": [1, 2]})
    assert contents(prepare(data, tmp_path / "other", **SETTINGS).path) == plain


def test_inspection(msd, tmp_path):
    assert survey(msd).attributes == {}
    assert inspect_store(prepare(msd, tmp_path / "plain", **SETTINGS).path)["attributes"] == {}
    tell(msd, *PEOPLE)
    found = survey(msd)
    assert found.attributes == {
        "sex": {"given": 2, "missing": 1, "values": {"female": 1, "male": 1}},
        "age": {"given": 1, "missing": 2, "years": [61.0, 61.0, 61.0]},
        "site": {"given": 2, "missing": 1, "values": {"A": 1, "B": 1}},
    }
    text = survey_text(found)
    told = inspect_store(prepare(msd, tmp_path / "store", **SETTINGS).path)
    assert told["attributes"] == found.attributes
    assert told["verified"] is True
    for words in (text, inspection_text(told)):
        lines = {" ".join(line.split()) for line in words.splitlines()}
        assert {
            "sex female (1), male (1); not given (1)",
            "age 61 years; not given (2)",
            "site A (1), B (1); not given (1)",
        } <= lines
    assert json.loads(json.dumps([found.as_dict(), told])) == [found.as_dict(), told]
    tell(msd, {}, {"age": 41.5}, {"age": 30})
    assert "30 to 61 years, median 41.5" in survey_text(survey(msd))


def test_patient_of_two_sexes(msd):
    tell(msd, *({"patient": "Kim", "sex": sex} for sex in "FMM"))
    assert "cases of patient Kim differ in their sex (1 such patient)" in survey_text(survey(msd))
    tell(msd, *({"patient": name, "sex": sex} for name, sex in zip(("Kim", "Bo", "Bo"), "FMM")))
    assert "differ in their sex" not in survey_text(survey(msd))


@pytest.mark.parametrize("wrong", [[], {"sex": 3}, {"age": "old"}, {"weight": 70}, {"sex": ["male"]}])
def test_damaged_record(msd, tmp_path, wrong):
    tell(msd, *PEOPLE)
    prepare(msd, tmp_path / "store", **SETTINGS)
    file = min((tmp_path / "store" / "shards").glob("*.json"))
    record = json.loads(file.read_text())
    record["cases"][0]["attributes"] = wrong
    file.write_text(json.dumps(record))
    found = inspect_store(tmp_path / "store")
    assert found["verified"] is False
    assert f"shards/{file.name} cannot be read" in found["damage"]
