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
"""What is said of a store, and that no damage of it goes unseen."""

from __future__ import annotations

import csv
import json
import shutil

import fsspec
import numpy as np
import pytest

from monai_dcgan.data import inspect_store, inspection_text, prepare
from tests.data.volume_makers import cut_off, flip, head_volume, save

SETTINGS = {"image_size": 32}


@pytest.fixture
def store(msd, tmp_path):
    return prepare(msd, tmp_path / "store", **SETTINGS)


def first(folder, kind):
    return min((folder / "shards").glob(f"*.{kind}.b2nd"))


def test_a_sound_store(store, tmp_path):
    found = inspect_store(store.path)
    with open(tmp_path / "store" / "slices.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    areas = [float(row["tumor_area"]) for row in rows if int(row["mask_pixels"])]
    lows, highs = ([float(row[key]) for row in rows] for key in ("intensity_low", "intensity_high"))
    size = sum(path.stat().st_size for path in (tmp_path / "store").rglob("*") if path.is_file())
    expected = {
        "complete": True,
        "shards": 3,
        "shards_expected": 3,
        "slices": len(rows),
        "cases": 3,
        "patients": 3,
        "image_shape": [1, 32, 32],
        "mask_shape": [1, 32, 32],
        "classes": {},
        "axes": {"axial": len(rows)},
        "slices_per_patient": [6, 6, 6],
        "slices_with_tumor": len(areas),
        "tumor_area": pytest.approx(np.percentile(areas, [0, 25, 50, 75, 100]), abs=0.01),
        "cases_without_slices": [],
        "left_out": [],
        "bytes": size,
        "verified": True,
        "damage": [],
        "duplicates": None,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["scaling"][0]["low"] == pytest.approx([min(lows), max(lows)], rel=1e-6)
    assert found["scaling"][0]["high"] == pytest.approx([min(highs), max(highs)], rel=1e-6)
    packed = sum(path.stat().st_size for path in (tmp_path / "store" / "shards").glob("*.b2nd"))
    assert found["compression"] == pytest.approx(len(rows) * 32 * 32 * 3 / packed, abs=0.01)
    assert json.loads(json.dumps(found)) == found
    described = store.describe()
    assert {name: found[name] for name in ("slices", "patients", "cases", "slices_with_tumor", "key")} == {
        name: described[name] for name in ("slices", "patients", "cases", "slices_with_tumor", "key")
    }
    text = inspection_text(found)
    assert "slice store, complete" in text
    assert " mm2 (median" in text
    assert "every file is as it was written" in text
    assert f"{len(rows)} of 3 cases of 3 patients" in text


def edit_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, ensure_ascii=False))


def flip_a_bit(folder):
    path = first(folder, "images")
    flip(path, path.stat().st_size // 2, bit=0)


def cut_short(folder):
    cut_off(first(folder, "masks"), 10)


def swap(folder):
    paths = sorted((folder / "shards").glob("*.images.b2nd"))[:2]
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents)):
        path.write_bytes(content)


def forget_a_case(folder):
    edit_json(folder / "store.json", lambda header: header.update(left_out=1))


def rename_column(folder):
    def change(record):
        record["slices"][0]["row_spacinh"] = record["slices"][0].pop("row_spacing")

    edit_json(min((folder / "shards").glob("*.json")), change)


def edit_table(folder):
    text = (folder / "slices.csv").read_text()
    (folder / "slices.csv").write_text(text.replace(",P1,", ",P2,", 1))


def edit_record(folder):
    def change(record):
        record["slices"][0]["tumor_area"] += 1

    edit_json(min((folder / "shards").glob("*.json")), change)


def edit_sum(folder):
    edit_json(folder / "store.json", lambda header: header.update(digest="0" * 64))


DAMAGE = [
    [flip_a_bit, ".images.b2nd has other content than was written"],
    [swap, ".images.b2nd has"],
    [cut_short, ".masks.b2nd has"],
    [lambda folder: first(folder, "images").unlink(), ".images.b2nd is missing"],
    [lambda folder: (folder / "shards" / "notes.b2nd").write_text("x"), "shards/notes.b2nd does not belong"],
    [lambda folder: min((folder / "shards").glob("*.json")).unlink(), ".json is missing"],
    [lambda folder: min((folder / "shards").glob("*.json")).write_text("{"), ".json cannot be read"],
    [lambda folder: min((folder / "shards").glob("*.json")).write_text("[]"), ".json cannot be read"],
    [rename_column, ".json cannot be read"],
    [edit_record, "slices.csv does not agree"],
    [edit_table, "slices.csv does not agree"],
    [lambda folder: (folder / "slices.csv").unlink(), "slices.csv is missing"],
    [lambda folder: (folder / "cases.jsonl").write_text(""), "cases.jsonl does not agree"],
    [lambda folder: (folder / "problems.json").write_text("{"), "problems.json is missing or cannot be read"],
    [forget_a_case, "problems.json has 0 cases instead of 1"],
    [edit_sum, "store.json has another digest"],
]


@pytest.mark.parametrize("harm, expected", DAMAGE)
def test_damage_is_named(harm, expected, store, tmp_path):
    harm(tmp_path / "store")
    found = inspect_store(store.path, duplicates=True)
    assert found["verified"] is False
    assert any(expected in line for line in found["damage"]), found["damage"]
    assert len(found["damage"]) == (2 if harm is swap else 1), found["damage"]
    assert found["duplicates"] is None
    assert expected in inspection_text(found)


def test_without_verification_slices_are_not_read(store, tmp_path):
    flip_a_bit(tmp_path / "store")
    found = inspect_store(store.path, verify=False)
    assert (found["verified"], found["damage"]) == (None, [])
    assert "checked" not in inspection_text(found)


def stop_halfway(folder, left):
    edit_json(folder / "store.json", lambda header: header.update(complete=False))
    for path in sorted((folder / "shards").glob("*.json"))[left:]:
        path.unlink()
    for name in ("slices.csv", "cases.jsonl", "problems.json"):
        (folder / name).unlink()


@pytest.mark.parametrize("left", [2, 0])
def test_a_store_that_is_not_complete(left, store, tmp_path):
    stop_halfway(tmp_path / "store", left)
    (tmp_path / "store" / "shards" / "0123456789abcdef.images.b2nd").write_text("another process is at work")
    found = inspect_store(store.path)
    assert (found["complete"], found["shards"], found["shards_expected"]) == (False, left, 3)
    assert (found["slices"], found["cases"], found["verified"]) == (6 * left, left, True)
    text = inspection_text(found)
    assert "NOT complete" in text
    assert f"{left} of 3 shards" in text


def test_damage_of_a_store_that_is_not_complete(store, tmp_path):
    stop_halfway(tmp_path / "store", 2)
    path = max((tmp_path / "store" / "shards").glob("*.json")).with_suffix(".images.b2nd")
    cut_off(path, 1)
    found = inspect_store(store.path)
    assert found["verified"] is False
    assert [path.name in line for line in found["damage"]] == [True]


def test_elsewhere_than_on_a_disk(msd):
    url = "memory://inspection/store"
    try:
        prepare(msd, url, **SETTINGS)
        found = inspect_store(url)
        assert (found["verified"], found["patients"], found["damage"]) == (True, 3, [])
        assert found["bytes"] > 1000
        fs, root = fsspec.core.url_to_fs(url)
        path = min(name for name in fs.ls(f"{root}/shards", detail=False) if name.endswith(".images.b2nd"))
        content = bytearray(fs.cat_file(path))
        content[-40] ^= 1
        fs.pipe_file(path, bytes(content))
        assert inspect_store(url)["damage"] == [
            f"shards/{path.rsplit('/', 1)[-1]} has other content than was written"
        ]  # fmt: skip
    finally:
        fsspec.filesystem("memory").rm("/inspection", recursive=True)


def test_what_was_left_out_and_why(msd, tmp_path):
    save(np.full((40, 48, 6), np.nan, dtype=np.float32), msd / "imagesTr" / "P0.nii.gz")
    save(np.zeros((40, 48, 6), dtype=np.uint8), msd / "labelsTr" / "P1.nii.gz")
    prepare(msd, tmp_path / "store", on_error="skip", tumor="with", **SETTINGS)
    found = inspect_store(tmp_path / "store")
    assert [one["case"] for one in found["left_out"]] == ["P0"]
    assert [one["case"] for one in found["cases_without_slices"]] == ["P1"]
    assert sum(found["cases_without_slices"][0]["dropped"].values()) == 6
    assert (found["cases"], found["patients"], found["verified"]) == (2, 1, True)
    text = inspection_text(found)
    assert "1 case left out:\n  P0: image must be finite" in text
    assert "1 case without a slice:\n  P1: " in text
    assert "of 1 case of 1 patient" in text


SPLITS = [
    [None, True, ""],
    [{"P0": "train", "P1": "train", "P2": "test"}, True, ""],
    [{"P0": "train", "P1": "test", "P2": "test"}, False, "between different parts"],
]


@pytest.mark.parametrize("splits, same_part, words", SPLITS)
def test_duplicates(splits, same_part, words, msd, tmp_path):
    for kind in ("images", "labels"):
        shutil.copy(msd / f"{kind}Tr" / "P0.nii.gz", msd / f"{kind}Tr" / "P1.nii.gz")
    prepare(msd, tmp_path / "store", **SETTINGS)
    found = inspect_store(tmp_path / "store", duplicates=True, splits=splits)
    pairs = [pair for pair in found["duplicates"]["pairs"] if sorted(pair["patients"]) == ["P0", "P1"]]
    assert len(pairs) >= 6
    assert all(pair["same_part"] is same_part for pair in pairs)
    assert words in found["duplicates"]["text"]
    assert found["duplicates"]["text"] in inspection_text(found)
    json.dumps(found)


def test_a_store_of_images_alone(msd, tmp_path):
    entries = [{"image": f"imagesTr/P{number}.nii.gz"} for number in range(3)]
    (msd / "dataset.json").write_text(json.dumps({"training": entries}))
    prepare(msd, tmp_path / "store", **SETTINGS)
    found = inspect_store(tmp_path / "store")
    assert (found["mask_shape"], found["tumor_area"], found["verified"]) == ([0, 32, 32], None, True)
    assert "mask         none" in inspection_text(found)


def test_classes_and_channels(pictures, write_index, index_rows, tmp_path):
    write_index(pictures, index_rows)
    prepare(pictures, tmp_path / "store", **SETTINGS)
    found = inspect_store(tmp_path / "store")
    assert found["classes"] == {"glioma": 2, "meningioma": 2}
    assert found["axes"] == {"picture": 4}
    text = inspection_text(found)
    assert "glioma (2), meningioma (2)" in text
    assert " pixels (median" in text
    assert "mm2" not in text


def test_range_of_scaling_over_cases(msd, tmp_path):
    image, _ = head_volume(1)
    save(image * 10, msd / "imagesTr" / "P1.nii.gz")
    prepare(msd, tmp_path / "store", **SETTINGS)
    least, most = inspect_store(tmp_path / "store")["scaling"][0]["high"]
    assert 5 < most / least < 20


def test_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no slice store at"):
        inspect_store(tmp_path)
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(ValueError, match=r"store.json must be a JSON file"):
        inspect_store(tmp_path)
