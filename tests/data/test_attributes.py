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
"""What a data set says of its patients besides their names."""

from __future__ import annotations

import shutil

import pytest

from monai_dcgan.data.datalists import find_cases
from monai_dcgan.data.datalists.attributes import attributes_of, count_attributes
from monai_dcgan.utils.files import write_json

from .store_makers import PEOPLE, tell
from .volume_makers import head_volume, save

RECORDS = [
    ({}, {}),
    ({"sex": "F", "age": "52", "scanner": "Prisma", "site": "Basel"}, None),
    ({"SEX": "f", "Age": 52, "Scanner ID": "Prisma", "Center": "Basel"}, None),
    ({"gender": "female", "age_years": 52.0, "Manufacturer": "Prisma", "institution-name": "Basel"}, None),
    ({"Patient's Sex": "M"}, {}),
    ({"patient_sex": " Male "}, {"sex": "male"}),
    ({"sex": "diverse"}, {"sex": "diverse"}),
    ({"sex": 1}, {"sex": "1"}),
    ({"gender": "x", "sex": "m"}, {"sex": "male"}),
    ({"manufacturer": "Siemens", "ManufacturersModelName": "Skyra"}, {"scanner": "Skyra"}),
    ({"manufacturer": "Siemens", "scanner": "n/a"}, {}),
    ({"site": 3, "center": "Basel"}, {"site": "3"}),
    ({"center": [1, 2, 3], "age": True, "sex": None, "scanner": {}}, {}),
    ({"sex": "n/a", "age": "unknown", "scanner": "", "site": "None"}, {}),
    ({"sage": 3, "sexton": "m", "visit": "2"}, {}),
    ({"age": "045Y"}, {"age": 45.0}),
    ({"age": "006M"}, {"age": 0.5}),
    ({"age": "010D"}, {"age": 0.027}),
    ({"age": "89+"}, {"age": 89.0}),
    ({"age": "52.5"}, {"age": 52.5}),
    ({"age": "0"}, {"age": 0.0}),
    ({"age": float("nan")}, {}),
    ({"age": "old"}, {"age": None}),
    ({"age": "40-50"}, {"age": None}),
    ({"age": "5,2"}, {"age": None}),
    ({None: ["too", "many"], 3: "x", "age": 3}, {"age": 3.0}),
]


@pytest.mark.parametrize(("record", "expected"), RECORDS)
def test_names_and_values(record, expected):
    everything = {"sex": "female", "age": 52.0, "scanner": "Prisma", "site": "Basel"}
    found = attributes_of(record)
    assert found == (everything if expected is None else expected)
    assert list(found) == [name for name in everything if name in found]


@pytest.mark.parametrize("age", [-1, "-1", "-0.5", "131", "2000M", float("inf"), "1e400", 10**400])
def test_age_out_of_range(age):
    with pytest.raises(ValueError, match="age must be from 0 to 130 years, got .*; correct it, or leave it empty"):
        attributes_of({"age": age})


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "\ud800"])
def test_text_that_no_table_can_hold(text):
    with pytest.raises(ValueError, match="site must be text that UTF-8 can write"):
        attributes_of({"site": text})


@pytest.mark.parametrize(("unit", "years"), [("Y", 24.0), ("M", 2.0), ("W", 0.46), ("D", 0.066)])
def test_unit_of_ages(unit, years):
    assert attributes_of({"age": "24"}, age_unit=unit) == {"age": years}
    assert attributes_of({"age": "024Y"}, age_unit=unit) == {"age": 24.0}


def test_counts():
    cases = [{"sex": "male", "age": 30.0}, {"sex": "female"}, {"sex": "male", "age": 50.0}, {}]
    assert count_attributes(cases) == {
        "sex": {"given": 3, "missing": 1, "values": {"female": 1, "male": 2}},
        "age": {"given": 2, "missing": 2, "years": [30.0, 40.0, 50.0]},
    }
    assert count_attributes([{}, {}]) == {}


def test_dataset_json(msd):
    assert all("attributes" not in case for case in find_cases(msd))
    tell(msd, *PEOPLE)
    found = [case.get("attributes") for case in find_cases(msd)]
    assert found == [{"sex": "female", "age": 61.0, "site": "A"}, {"sex": "male", "site": "B"}, None]


def test_index_csv(pictures, index_rows, write_index, caplog):
    ages = ("70", "about 70", "around 70", "")
    write_index(pictures, [{**row, "GENDER": "m", "age": age} for row, age in zip(index_rows, ages)])
    cases = find_cases(pictures)
    assert [case["attributes"] for case in cases] == [{"sex": "male", "age": 70.0}, *[{"sex": "male"}] * 3]
    assert caplog.text.count("must be a number of years") == 1
    assert "age of case anna/s_1 in" in caplog.text


def test_bad_age_is_a_problem(msd, pictures, index_rows, write_index):
    tell(msd, *PEOPLE[:1], {"age": -3})
    with pytest.raises(ValueError, match=r"case P1 cannot be used \(.*dataset\.json\): age must be from 0 to 130"):
        find_cases(msd)
    assert [case["case"] for case in find_cases(msd, on_error="skip")] == ["P0", "P2"]
    write_index(pictures, [{**row, "age": age} for row, age in zip(index_rows, ("1", "200", "3", "4"))])
    with pytest.raises(ValueError, match=r"case anna/s_1 cannot be used \(.*index\.csv\): age must be from 0 to 130"):
        find_cases(pictures)


@pytest.fixture
def bids(tmp_path):
    """Three subjects, the last with two sessions."""
    for name in ("sub-01", "sub-02", "sub-03/ses-1", "sub-03/ses-2"):
        for kind, array in zip(("FLAIR", "mask"), head_volume(0)):
            save(array, tmp_path / "bids" / name / "anat" / f"{name.replace('/', '_')}_{kind}.nii.gz")
    return tmp_path / "bids"


def attributes(cases):
    return {case["case"]: case.get("attributes") for case in cases}


NOTHING = dict.fromkeys(["sub-01", "sub-02", "sub-03_ses-1", "sub-03_ses-2"])


def test_participants(bids, caplog):
    assert attributes(find_cases(bids)) == NOTHING
    rows = [
        "participant_id\tage\tsex\tmanufacturer\tnote",
        'sub-01\t34\tF\tGE\t"a',
        "03\t89+\tn/a\tPhilips",
        "sub-9\t-1",
    ]
    (bids / "participants.tsv").write_text("\n".join(rows), encoding="utf-8-sig")
    third = {"age": 89.0, "scanner": "Philips"}
    assert attributes(find_cases(bids)) == {
        "sub-01": {"sex": "female", "age": 34.0, "scanner": "GE"},
        "sub-02": None,
        "sub-03_ses-1": third,
        "sub-03_ses-2": third,
    }
    assert caplog.text == ""
    write_json(bids / "participants.json", {"age": {"Units": "months"}})
    assert attributes(find_cases(bids))["sub-01"]["age"] == pytest.approx(34 / 12, abs=1e-3)


def test_participant_of_no_age_that_can_be(bids):
    (bids / "participants.tsv").write_text("participant_id\tage\nsub-03\t-9\n")
    with pytest.raises(ValueError, match=r"case sub-03_ses-1 cannot be used \(.*participants\.tsv\).*1 more cases"):
        find_cases(bids)
    assert attributes(find_cases(bids, on_error="skip")) == {"sub-01": None, "sub-02": None}


def test_rows_that_differ(bids, caplog):
    rows = "participant_id\tsession\tage\tsex\nsub-03\t1\t40\tM\nsub-03\t2\t41\tM\nsub-01\t1\t9\tF\n"
    (bids / "participants.tsv").write_text(rows)
    found = attributes(find_cases(bids))
    assert (found["sub-03_ses-1"], found["sub-01"]) == ({"sex": "male"}, {"sex": "female", "age": 9.0})
    assert "rows of one participant in" in caplog.text
    assert "differ in age: left out" in caplog.text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"participant_id\tsite\nsub-01\tZ\xfcrich\n", "must be a table in UTF-8 with tabs"),
        (b"participant_id,sex\nsub-01,F\n", "must have a column participant_id"),
        (b"", "must have a column participant_id"),
    ],
)
def test_participants_that_cannot_be_read(bids, caplog, content, text):
    (bids / "participants.tsv").write_bytes(content)
    assert attributes(find_cases(bids)) == NOTHING
    assert text in caplog.text


@pytest.mark.parametrize(
    ("content", "text"),
    [("{", "ages are taken to be years"), ('{"age": {"Units": "parsec"}}', "got 'parsec': taken as years")],
)
def test_sidecar_that_cannot_be_understood(bids, caplog, content, text):
    (bids / "participants.tsv").write_text("participant_id\tage\nsub-01\t40\n")
    (bids / "participants.json").write_text(content)
    assert attributes(find_cases(bids))["sub-01"] == {"age": 40.0}
    assert text in caplog.text


def test_attributes_elsewhere_are_not_read(msd, bids):
    """A table of participants is BIDS's alone."""
    shutil.copy(msd / "dataset.json", bids / "phenotype.json")
    (msd / "participants.tsv").write_text("participant_id\tsex\nP0\tF\n")
    assert all("attributes" not in case for case in [*find_cases(msd), *find_cases(bids)])
