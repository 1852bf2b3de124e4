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
"""A damaged store is an error that names the file, not wrong slices."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest

from monai_dcgan.data import SliceStore, prepare
from tests.data.store_makers import SETTINGS, break_case, contents, count_reads, make_cases
from tests.data.volume_makers import cut_off, flip

CASES = 3


@pytest.fixture
def path(data, tmp_path):
    """A store that may be damaged."""
    prepare(data, tmp_path / "store", **SETTINGS)
    return tmp_path / "store"


def file_of(path, kind):
    """Return the file of the first slice."""
    shard = SliceStore(path).slices[0]["shard"]
    return path / "shards" / f"{shard}.{kind}"


# Bytes of the header and trailer of a .b2nd file that say how long, of what type and of what shape it is. Of bytes of
# compressed voxels blosc2 notices few: the SHA-256 in the shard's record is for them.
@pytest.mark.parametrize("position", [0, 4, 12, 24, 34, 96, 98, 128, 137, 146, -5, -20])
@pytest.mark.parametrize("kind", ["images.b2nd", "masks.b2nd"])
def test_flipped_bit(path, position, kind):
    whole = SliceStore(path).as_arrays()
    file = file_of(path, kind)
    flip(file, position)
    with suppress(Noticed):
        found = read_all(path, rf"{file.name.split('.')[0]}.* is damaged \(.*; delete the folder and prepare it again")
        assert all((one == other).all() for one, other in zip(found[:2], whole[:2]))


class Noticed(Exception):
    """The damage was an error."""


def read_all(path, message):
    """Return the arrays of a store; any error must have this message, and becomes ``Noticed``."""
    try:
        return SliceStore(path).as_arrays()
    except ValueError as error:
        if re.search(message, str(error)):
            raise Noticed from error
        raise


@pytest.mark.parametrize("keep", [0, 10, 100, 150, 0.5, 0.99, -1])
@pytest.mark.parametrize("kind", ["images.b2nd", "masks.b2nd"])
def test_truncated(path, keep, kind):
    file = file_of(path, kind)
    content = file.read_bytes()
    file.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ValueError, match=rf"{file.name.split('.')[0]}.* is damaged \("):
        SliceStore(path).read(0)


@pytest.mark.parametrize("kind", ["images.b2nd", "masks.b2nd"])
def test_missing(path, kind):
    file = file_of(path, kind)
    file.unlink()
    with pytest.raises(ValueError, match=f"{file.name} is missing; delete the folder and prepare it again"):
        SliceStore(path).read(0)


@pytest.mark.parametrize(("kind", "other"), [("images.b2nd", "masks.b2nd"), ("masks.b2nd", "images.b2nd")])
def test_other_array(path, kind, other):
    """A whole file of another shape or type is not taken for the slices."""
    file = file_of(path, kind)
    file.write_bytes(file_of(path, other).read_bytes())
    with pytest.raises(ValueError, match=rf"{file.name} is damaged \(slices must be \(1, 32, 32\)"):
        SliceStore(path).read(0)


def edited(**changes):
    def change(text):
        header = json.loads(text)
        for name, value in changes.items():
            header[name] = value
            if value is None:
                del header[name]
        return json.dumps(header)

    return change


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("store.json", lambda text: "", r"store\.json must be a JSON file"),
        ("store.json", lambda text: text[:100], r"store\.json must be a JSON file"),
        ("store.json", lambda text: "[]", r"store\.json must be a JSON object, got a list"),
        ("store.json", edited(format_version=1), "must have format version 3, got 1"),
        ("store.json", edited(key=None), r"store\.json must have key, .* got no valid key"),
        ("store.json", edited(shards="all"), r"store\.json must have .* got no valid shards"),
        ("store.json", edited(image_shape=None), r"store\.json must have .* got no valid image_shape"),
        ("store.json", edited(slices=5), r"slices\.csv is damaged.*12 rows for 5 slices"),
        ("store.json", edited(image_shape=[1, 64, 64]), r"images\.b2nd is damaged \(slices must be \(1, 64, 64\)"),
        ("slices.csv", lambda text: "", r"slices\.csv is damaged"),
        ("slices.csv", lambda text: text[:-1], r"slices\.csv is damaged \(its last line is cut off\)"),
        ("slices.csv", lambda text: text[: text.rfind("P02")] + "\n", r"slices\.csv is damaged"),
        ("slices.csv", lambda text: text.replace("patient", "patent", 1), r"slices\.csv is damaged \('patient'\)"),
        ("slices.csv", lambda text: text[text.index("\n") + 1 :], r"slices\.csv is damaged"),
        ("slices.csv", lambda text: text.replace(",axial,", ",axial,big,", 1), r"slices\.csv is damaged"),
        ("slices.csv", lambda text: text + text[text.rstrip().rfind("\n") + 1 :], r"slices\.csv is damaged: 13 rows"),
        ("slices.csv", lambda text: text[: text.rstrip().rfind(",")] + ",99\n", "is damaged"),
    ],
)
def test_broken_text(path, file, change, message):
    (path / file).write_text(change((path / file).read_text()))
    with pytest.raises(ValueError, match=message):
        SliceStore(path).as_arrays()


def test_row_of_unknown_shard(path):
    shard = SliceStore(path).slices[0]["shard"]
    (path / "slices.csv").write_text((path / "slices.csv").read_text().replace(shard, "../elsewhere"))
    with pytest.raises(ValueError, match=r"slices\.csv is damaged: .* 1 unknown shards"):
        SliceStore(path)


def incomplete(path):
    """Make a store one that still lacks its end."""
    (path / "store.json").write_text(edited(complete=False)((path / "store.json").read_text()))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"cases": [], "slices": [], "problems": [{}]}'])
def test_broken_record(path, content):
    record = file_of(path, "json")
    incomplete(path)
    record.write_text(content)
    with pytest.raises(ValueError, match=rf"{record.name} is damaged"):
        SliceStore(path)


def shorten(file):
    cut_off(file, 1)


@pytest.mark.parametrize("kind", ["json", "images.b2nd", "masks.b2nd"])
@pytest.mark.parametrize("damage", [shorten, lambda file: file.unlink()])
def test_going_on_mends_a_damaged_shard(data, path, monkeypatch, kind, damage):
    """As a machine that lost its power may leave it."""
    before = contents(path)
    incomplete(path)
    damage(file_of(path, kind))
    reads = count_reads(monkeypatch)
    prepare(data, path, **SETTINGS)
    assert reads == ["P00"]
    assert contents(path) == before


@pytest.mark.parametrize("content", [None, "", "{}x", '[{"case": "a"}]', "[1]"])
def test_broken_list_of_problems(tmp_path, content):
    bad = make_cases(tmp_path / "bad", 2)
    break_case(bad, 1)
    assert prepare(bad, tmp_path / "store", on_error="skip", **SETTINGS).left_out == 1
    file = tmp_path / "store" / "problems.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(ValueError, match=r"problems\.json is missing or damaged"):
        prepare(bad, tmp_path / "store", on_error="skip", **SETTINGS)
