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
"""Nothing of a patient or of the machine leaves with a bundle; each way to plant it is found."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import zipfile

import pytest
import torch

from monai_dcgan.sharing import BundleLabel, check_private, find_leaks, make_bundle, private_words
from monai_dcgan.sharing.facts import run_store
from monai_dcgan.utils.run_folder import RunFolder

PATIENT = "patient_A5TW"


@pytest.fixture
def folder(tmp_path):
    """A small folder in the form of a bundle."""
    folder = tmp_path / "bundle"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs/README.md").write_text("See https://www.apache.org/data/licenses and configs/data/x.json.\n")
    (folder / "models").mkdir()
    save(folder, {"layers.0.weight": torch.arange(40.0)})
    return folder


def save(folder, content):
    torch.save(content, folder / "models/model.pt")


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


def name_a_file(folder):
    (folder / "docs" / f"{PATIENT}.png").write_bytes(b"")


def name_a_folder(folder):
    (folder / PATIENT).mkdir()


def name_in_pickle(folder):
    save(folder, {"layers.0.weight": torch.zeros(4), "trained_on": [PATIENT]})


def path_in_pickle(folder):
    save(folder, {"layers.0.weight": torch.zeros(4), "config": "/home/someone/data"})


def comment_of_archive(folder):
    with zipfile.ZipFile(folder / "models/model.pt", "a") as archive:
        archive.comment = PATIENT.encode()


def name_of_member(folder):
    with zipfile.ZipFile(folder / "models/model.pt", "a") as archive:
        archive.writestr(f"archive/{PATIENT}", b"")


def name_in_tensor(folder):
    save(folder, {"layers.0.weight": torch.frombuffer(bytearray(f"..{PATIENT}..".encode()), dtype=torch.uint8)})


PLANTED = [
    [write("docs/README.md", f"trained on {PATIENT}"), f"docs/README.md: '{PATIENT}'"],
    [write("docs/README.md", f"trained on {PATIENT}_T1.nii.gz"), PATIENT],
    [write("metadata.json", '{"data_source": "/home/someone/brains"}'), "'/home/someone'"],
    [write("metadata.json", '{"data_source": "see /mnt/scans."}'), "'/mnt/scans.'"],
    [write("metadata.json", json.dumps({"data": "C:\\Users\\someone"})), "C:"],
    [write("a.yml", "url: file:///somewhere/model.pt"), "file:///somewhere"],
    [write("scripts.py", "PATH = '/scratch/group'"), "'/scratch/group'"],
    [name_a_file, f"docs/{PATIENT}.png: '{PATIENT}'"],
    [name_a_folder, f"{PATIENT}: '{PATIENT}'"],
    [name_in_pickle, "models/model.pt!"],
    [path_in_pickle, "/home/someone"],
    [comment_of_archive, "models/model.pt: "],
    [name_of_member, f"'{PATIENT}'"],
    [name_in_tensor, f"data/0: '{PATIENT}'"],
]


@pytest.mark.parametrize("plant, text", PLANTED)
def test_what_is_planted_is_found(folder, plant, text):
    plant(folder)
    found = find_leaks(folder, {PATIENT, "elsewhere"})
    assert found and all(text in line for line in found)
    with pytest.raises(ValueError, match="a bundle must hold no name of a patient, file or machine, got"):
        check_private(folder, {PATIENT})


@pytest.mark.parametrize("words", [set(), {PATIENT}, {"page_1", "pag", "README1"}])
def test_a_clean_folder_passes(folder, words):
    assert find_leaks(folder, words) == []
    check_private(folder, words)


def test_words_of_a_run(trained):
    run = RunFolder(trained)
    words = private_words(run, run_store(run))
    patients = {name for names in json.loads(run.split.read_text()).values() for name in names}
    settings = json.loads((trained / "settings.json").read_text())
    assert patients and patients <= words
    assert {settings["dataset_dir"], settings["cache_dir"], str(trained.resolve())} <= words
    assert {word for word in (socket.gethostname(),) if len(word) > 3} <= words


@pytest.mark.parametrize("user, sought", [["someone_else", True], ["root", False]])
def test_a_user_with_a_common_name_is_not_sought(trained, monkeypatch, user, sought):
    """The name root stands in every logging.conf, as that of a logger."""
    monkeypatch.setattr(getpass, "getuser", lambda: user)
    assert (user in private_words(RunFolder(trained))) == sought


@pytest.mark.parametrize(
    "name, sought",
    [["TCGA_CS_4943", True], ["p1", False], ["104", False], ["10240", False], ["100360", True], ["image", False]],
)
def test_names_that_nobody_could_tell_are_left_out_with_a_word(trained, tmp_path, caplog, name, sought):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(trained / "settings.json", run)
    (run / "split.json").write_text(json.dumps({"train": [name]}))
    with caplog.at_level("INFO", logger="monai_dcgan.sharing.leaks"):
        assert (name in private_words(RunFolder(run))) == sought
    assert ("1 name of a patient is too short or too common to be looked for" in caplog.text) == (not sought)


@pytest.mark.parametrize("scripts", [False, True])
@pytest.mark.parametrize("field", ["authors", "data_source", "data_license", "title"])
def test_a_bundle_with_a_patient_is_not_written(trained, tmp_path, field, scripts):
    patient = json.loads((trained / "split.json").read_text())["train"][0]
    label = BundleLabel(**{"title": "b", field: f"of {patient}"})
    with pytest.raises(ValueError, match=f"got .*'{patient}'.*; nothing was written"):
        make_bundle(trained, tmp_path / "b", label, scripts)
    assert not list(tmp_path.iterdir())


def test_a_bundle_says_nothing_of_machine_and_patients(made, evaluated):
    run = RunFolder(evaluated)
    words = private_words(run, run_store(run))
    patients = {name for names in json.loads(run.split.read_text()).values() for name in names}
    assert patients <= words
    assert find_leaks(made, words) == []
