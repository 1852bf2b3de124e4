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
"""Files below a data set: links, hidden files, folders that cannot be read, broken cases."""

from __future__ import annotations

import os

import pytest

from monai_dcgan.data.datalists import find_cases
from monai_dcgan.data.datalists.common import walk_files
from monai_dcgan.data.problems import Problems

from .test_sources import made

PAIR = ("p/a.nii", "p/a_seg.nii")


def test_hidden_files_are_left_out(tmp_path):
    made(tmp_path, *PAIR, "p/._a.nii", ".trash/b.nii", "__MACOSX/p/a.nii", "p/c.nii.tmp", "x.tmp/d.nii")
    assert [path.relative_to(tmp_path).as_posix() for path in walk_files(tmp_path, Problems())] == list(PAIR)


def test_links_in_a_circle_end(tmp_path, caplog):
    data = made(tmp_path / "data", *PAIR)
    (data / "p" / "loop").symlink_to(data / "p")
    (data / "up").symlink_to(data)
    (data / "out").symlink_to(tmp_path)
    assert len(find_cases(data)) == 1
    assert "leads to a folder that holds the data set itself" in caplog.text


def test_links_to_folders_are_followed_once(tmp_path):
    made(tmp_path, *[f"elsewhere/{name}" for name in PAIR])
    data = made(tmp_path / "data", "z/b.nii", "z/b_seg.nii")
    (data / "linked").symlink_to(tmp_path / "elsewhere")
    (data / "a").symlink_to(data / "z")
    (data / "again").symlink_to(tmp_path / "elsewhere")
    assert [case["case"] for case in find_cases(data)] == ["again/p/a", "z/b"]


def test_link_to_a_data_set(tmp_path):
    made(tmp_path, *[f"real/{name}" for name in PAIR])
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert find_cases(tmp_path / "link")[0]["case"] == "p/a"


def test_unreadable_folder_is_a_problem(tmp_path, monkeypatch):
    made(tmp_path, *PAIR, "closed/b.nii")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ValueError, match="every folder must be readable, got Permission denied"):
        find_cases(tmp_path)
    assert len(find_cases(tmp_path, on_error="skip")) == 1


def test_broken_files_are_problems(tmp_path):
    made(tmp_path, *PAIR, "p/b.nii", "p/c_seg.nii", "p/d_seg.nii", "p/d.nii/x.txt")
    (tmp_path / "p/b_seg.nii").symlink_to(tmp_path / "nowhere")
    (tmp_path / "p/c.nii").touch()
    cases = find_cases(tmp_path, on_error="skip")
    assert [case["case"] for case in cases] == ["p/a"]
    text = "\n".join(map(str, cases.problems))
    assert "every file must be there, got none at" in text
    assert "every file must hold something, got 0 bytes in" in text
    assert "p/d_seg" in text
    with pytest.raises(ValueError, match="2 more cases cannot be used either"):
        find_cases(tmp_path)


def test_all_cases_left_out(tmp_path):
    made(tmp_path, "p/a_seg.nii")
    (tmp_path / "p/a.nii").touch()
    with pytest.raises(
        ValueError, match="no case found in .* all 1 that were found have problems, the first: case p/a"
    ):
        find_cases(tmp_path, on_error="skip")


def test_patient_pattern_without_match_is_a_problem(tmp_path):
    made(tmp_path, *PAIR, "q1/a.nii", "q1/a_seg.nii")
    cases = find_cases(tmp_path, patient_pattern=r"(q\d)", on_error="skip")
    assert [case["patient"] for case in cases] == ["q1"]
    assert "patient_pattern must match every file" in str(next(iter(cases.problems)))


def test_empty_folder(tmp_path):
    with pytest.raises(
        ValueError, match=r"no data set found in .*, which holds 0 files: looked for dataset.json .*bids"
    ):
        find_cases(tmp_path)


def test_wrong_on_error(tmp_path):
    with pytest.raises(ValueError, match="on_error must be one of stop, skip, got 'ignore'"):
        find_cases(tmp_path, on_error="ignore")
