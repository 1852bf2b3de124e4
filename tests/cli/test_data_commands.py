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
"""The commands that look at data, check them and prepare them."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from monai_dcgan.cli import main
from monai_dcgan.data import SliceStore, inspect_store, save_splits

SMALL = ["--image-size", "32", "--modalities", "FLAIR"]


def run(*arguments):
    return main([str(argument) for argument in arguments])


def error_of(capsys, *arguments):
    """Run a command that must fail with one clear line; return it."""
    assert run(*arguments) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(lines) == 1
    return lines[0]


@pytest.fixture(scope="module")
def store(phantoms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores") / "store"
    assert run("prepare", phantoms, "--out", folder, *SMALL) == 0
    return folder


@pytest.fixture
def copied(store, tmp_path):
    return shutil.copytree(store, tmp_path / "copied")


def test_inspect_a_data_set(phantoms, tmp_path, capsys):
    before = sorted(phantoms.rglob("*"))
    assert run("inspect", phantoms) == 0
    output = capsys.readouterr().out
    assert "layout msd (detected)" in output
    assert re.search(r"patients +8, one case each", output)
    assert sorted(phantoms.rglob("*")) == before


def test_inspect_as_json(phantoms, store, capsys):
    for path, expected in ((phantoms, {"cases": 8, "patients": 8}), (store, {"complete": True, "verified": True})):
        assert run("inspect", path, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert {name: found[name] for name in expected} == expected


def test_options_of_the_source_count(phantoms, capsys):
    arguments = ["--layout", "msd", "--modalities", "T1,FLAIR", "--patient-pattern", r"(phantom)", "--reader", "itk"]
    assert run("inspect", phantoms, *arguments, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["detected"], found["channels"], found["patients"]) == (False, {"2": 8}, 1)
    arguments = ["--image-pattern", "imagesTr/{patient}.nii.gz", "--label-pattern", "labelsTr/{patient}.nii.gz"]
    assert run("inspect", phantoms, *arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["layout"] == "folders"


def test_a_damaged_store_fails(copied, capsys):
    path = min((copied / "shards").glob("*.b2nd"))
    path.write_bytes(path.read_bytes()[:-1])
    assert run("inspect", copied) == 1
    told = capsys.readouterr()
    assert f"shards/{path.name} has " in told.out
    assert f"is damaged: shards/{path.name} has" in told.err
    assert run("inspect", copied, "--no-verify") == 0


def test_duplicates_between_parts(copied, tmp_path, capsys):
    patients = SliceStore(copied).patients
    save_splits(dict.fromkeys(patients, "train"), tmp_path / "split.json")
    assert run("inspect", copied, "--duplicates", "--split", tmp_path / "split.json") == 0
    assert re.search(r"look-alikes +(no near|\d+ pair)", capsys.readouterr().out)


MISTAKES = [
    ["data", ["--duplicates"], "go with a store"],
    ["data", ["--modalities", "T9"], "modalities must be"],
    ["store", ["--layout", "msd"], "--layout goes with a data set"],
    ["store", ["--split", "split.json"], "--split goes with --duplicates"],
    ["nowhere", [], "must be a folder"],
]


@pytest.mark.parametrize("kind, arguments, expected", MISTAKES)
def test_mistakes_get_one_clear_line(kind, arguments, expected, phantoms, store, tmp_path, capsys):
    path = {"data": phantoms, "store": store, "nowhere": tmp_path / "nowhere"}[kind]
    assert expected in error_of(capsys, "inspect", path, *arguments)


@pytest.mark.parametrize("option, value", [["--modalities", "T1,,T2"], ["--tumor-labels", "1,core"], ["--axis", "up"]])
def test_wrong_calls_leave_with_2(option, value, tmp_path):
    with pytest.raises(SystemExit) as leaving:
        run("prepare", tmp_path, "--out", tmp_path / "out", option, value)
    assert leaving.value.code == 2


SETTINGS = [
    [["--axis", "coronal"], {"axis": "coronal"}],
    [["--tumor", "any", "--tumor-labels", "2,3"], {"tumor": "any", "tumor_labels": [2, 3]}],
    [["--layout", "msd", "--reader", "itk"], {"layout": "msd", "reader": "itk"}],
    [["--patient-pattern", r"(phantom_\d+)"], {"patient_pattern": r"(phantom_\d+)"}],
    [["--set", "min_foreground=0.2", "--set", "max_slices_per_patient=3"], {"min_foreground": 0.2}],
]


@pytest.mark.parametrize("arguments, expected", SETTINGS)
def test_options_reach_the_store(arguments, expected, phantoms, tmp_path, capsys):
    assert run("prepare", phantoms, "--out", tmp_path / "store", *SMALL, "--workers", "2", *arguments) == 0
    settings = SliceStore(tmp_path / "store").settings
    assert {name: settings[name] for name in expected} == expected
    assert settings["modalities"] == ["FLAIR"]


def test_prepare_says_what_it_sees_and_what_it_made(phantoms, tmp_path, capsys, caplog):
    data = shutil.copytree(phantoms, tmp_path / "data")
    victim = min((data / "imagesTr").glob("*.nii.gz"))
    victim.write_bytes(victim.read_bytes()[:500])
    assert run("prepare", data, "--out", tmp_path / "store", *SMALL, "--on-error", "skip") == 0
    seen, made = capsys.readouterr().out.split(f"{tmp_path / 'store'}: slice store, complete")
    assert "layout msd (detected)" in seen
    assert "1 case left out:" in made
    assert victim.name in made
    name = victim.name.removesuffix(".nii.gz")
    assert name in made
    assert [record for record in caplog.records if record.levelname == "WARNING" and name in record.getMessage()]
    assert len(inspect_store(tmp_path / "store")["left_out"]) == 1
    line = error_of(capsys, "prepare", data, "--out", tmp_path / "other", *SMALL)
    assert victim.name in line
    assert not (tmp_path / "other").exists() or not (tmp_path / "other" / "slices.csv").exists()


def test_update_reads_what_is_new(phantoms, tmp_path, capsys):
    data = shutil.copytree(phantoms, tmp_path / "data")
    description = json.loads((data / "dataset.json").read_text())
    fewer = {**description, "training": description["training"][:-1]}
    (data / "dataset.json").write_text(json.dumps(fewer))
    assert run("prepare", data, "--out", tmp_path / "store", *SMALL, "--tumor", "any") == 0
    (data / "dataset.json").write_text(json.dumps(description))
    assert "update" in error_of(capsys, "prepare", data, "--out", tmp_path / "store", *SMALL, "--tumor", "any")
    assert run("prepare", data, "--out", tmp_path / "store", *SMALL, "--tumor", "any", "--update") == 0
    assert len(SliceStore(tmp_path / "store").patients) == 8


def test_a_data_set_too_small_to_split_is_prepared(phantoms, tmp_path, capsys):
    data = shutil.copytree(phantoms, tmp_path / "data")
    description = json.loads((data / "dataset.json").read_text())
    (data / "dataset.json").write_text(json.dumps({**description, "training": description["training"][:2]}))
    assert run("prepare", data, "--out", tmp_path / "store", *SMALL, "--tumor", "any", "--dry-run") == 0
    assert (
        "split of all patients  none (a split into train, validation, test needs at least 3" in capsys.readouterr().out
    )
    assert not (tmp_path / "store").exists()
    assert run("prepare", data, "--out", tmp_path / "store", *SMALL, "--tumor", "any") == 0
    assert "at least 3 patients" in capsys.readouterr().out
    assert "at least 3 patients" in error_of(capsys, "train", data, "--out", tmp_path / "run", "--dry-run")


def test_dry_run_of_a_training_from_a_store(store, tiny, tmp_path, capsys):
    assert run("train", store, "--out", tmp_path / "run", *tiny, "--dry-run") == 0
    output = capsys.readouterr().out
    assert "slice store, complete" in output
    patients = len(SliceStore(store).patients)
    counts = json.loads(re.search(r"split of all patients +(\{.*\})", output).group(1))
    assert list(counts) == ["train", "validation", "test"]
    assert sum(counts.values()) == patients
    assert not (tmp_path / "run").exists()
