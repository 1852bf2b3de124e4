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
"""Pictures of every kind, DICOM series with holes, odd names and links: used as they are, or refused by name."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.utils.files import read_json, write_json

from .reading import dicom_makers
from .volume_makers import cut_off, head_volume, picture, save, save_picture

SMALL = {"image_size": 32, "min_foreground": 0.0}
GRAY, MASK = picture(1)
RED = np.stack([GRAY, GRAY // 2, GRAY // 3], axis=-1)


def opaque(rgb: np.ndarray, alpha: int | np.ndarray = 255) -> np.ndarray:
    return np.dstack([rgb, np.broadcast_to(np.uint8(alpha), rgb.shape[:2])])


def in_palette(array: np.ndarray) -> Image.Image:
    """A picture of numbers of colors, which are grays from white to black."""
    shown = Image.fromarray(255 - array)
    shown = Image.frombytes("P", shown.size, shown.tobytes())
    shown.putpalette([255 - value for value in range(256) for _ in range(3)])
    return shown


# What a picture is saved as, how its mask is, and the channels that come of it; the first shows GRAY.
KINDS = {
    "gray": (GRAY, MASK, 1),
    "16 bits": (GRAY.astype(np.uint16) * 257, MASK, 1),
    "RGB": (RED, MASK, 3),
    "RGBA, opaque": (opaque(RED), MASK, 3),
    "palette of grays": (in_palette(GRAY), MASK, 1),
    "mask of 1 bit": (GRAY, MASK > 0, 1),
    "mask of 0 and 1": (GRAY, MASK // 255, 1),
    "mask in color": (GRAY, np.stack([MASK, MASK, MASK * 0], axis=-1), 1),
    "mask of 16 bits": (GRAY, MASK.astype(np.uint16) * 257, 1),
}


def write(folder: Path, image, mask) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for array, name in ((image, "s1.png"), (mask, "s1_mask.png")):
        (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(folder / name)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_pictures(tmp_path, kind):
    image, mask, channels = KINDS[kind]
    write(tmp_path / "plain" / "anna", GRAY, MASK)
    write(tmp_path / "odd" / "anna", image, mask)
    plain, odd = (prepare(tmp_path / name, tmp_path / f"store_{name}", **SMALL) for name in ("plain", "odd"))
    assert odd.image_channels == channels
    np.testing.assert_allclose(odd.as_arrays()[0][:, 0], plain.as_arrays()[0][:, 0], atol=2**-10)
    assert np.array_equal(odd.as_arrays()[1], plain.as_arrays()[1])


def test_16_bits_keep_their_range(tmp_path):
    """Values that 8 bits cannot tell apart stay apart."""
    fine = np.where(GRAY > 0, 30000 + np.arange(GRAY.size).reshape(GRAY.shape) % 250, 0).astype(np.uint16)
    write(tmp_path / "data" / "anna", fine, MASK)
    images, _, _ = prepare(tmp_path / "data", tmp_path / "store", **{**SMALL, "image_size": 64}, fit="pad").as_arrays()
    assert len(np.unique(images[images > 0])) > 200


def png(columns: int, rows: int) -> bytes:
    """The head of a gray PNG of that size, and no pixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 99)))
    body = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_bad_pictures(tmp_path, caplog):
    folder = tmp_path / "data"
    for name in ("anna", "bert"):
        write(folder / name, GRAY, MASK)
    whole = (folder / "anna" / "s1.png").read_bytes()
    pages = tmp_path / "pages.tif"
    Image.fromarray(GRAY).save(pages, save_all=True, append_images=[Image.fromarray(GRAY)])
    Image.fromarray(GRAY).convert("CMYK").save(tmp_path / "print.jpg")
    see_through = tmp_path / "see_through.png"
    Image.fromarray(np.stack([GRAY, MASK], axis=-1), "LA").save(see_through)
    cases = [
        (whole[:30], r"s1\.png must be a whole picture", True),
        (whole[: len(whole) // 2], r"s1\.png must be a whole picture", False),
        (b"<html>not found</html>", r"s1\.png must be a whole picture", True),
        (png(60000, 60000), r"s1\.png must have at most \d+ pixels", True),
        (png(40, 40), r"s1\.png must be a whole picture", False),
        (png(5000, 5000), r"same shape, got \(5000, 5000\) in .*s1\.png", True),
        (pages.read_bytes(), r"s1\.png must hold one slice, got 2 pages", True),
        ((tmp_path / "print.jpg").read_bytes(), r"s1\.png must be a gray or RGB picture, got mode CMYK", True),
        (see_through.read_bytes(), r"s1\.png must have the same alpha everywhere", False),
    ]
    save_picture(GRAY[:-1], tmp_path / "small.png")
    cases.append(((tmp_path / "small.png").read_bytes(), r"same shape, got \(40, 39\) in .*s1\.png", True))
    for number, (content, match, early) in enumerate(cases):
        (folder / "anna" / "s1.png").write_bytes(content)
        with pytest.raises(ValueError, match=f"case anna/s1 cannot be used .*{match}") as caught:
            prepare(folder, tmp_path / f"stop{number}", **SMALL)
        assert "unexpected" not in str(caught.value)
        assert not early or not (tmp_path / f"stop{number}").exists()
        caplog.clear()
        store = prepare(folder, tmp_path / f"skip{number}", on_error="skip", **SMALL)
        assert store.slices.columns["case"] == ["bert/s1"]
        (problem,) = read_json(tmp_path / f"skip{number}" / "problems.json")
        assert problem["case"] == "anna/s1" and problem["reason"] in str(caught.value)
        assert "left out: case anna/s1 cannot be used" in caplog.text


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Three DICOM series of five slices, with masks."""
    for patient in range(3):
        for number in range(5):
            shown = dicom_makers.slice_of(number)
            dicom_makers.save(shown, tmp_path / "dicom" / f"P{patient}" / "scan" / f"{number}.dcm")
            mask = dicom_makers.set_pixels(shown, np.eye(7, 9, dtype=np.uint16))
            dicom_makers.save(mask, tmp_path / "dicom" / f"P{patient}" / "mask" / f"{number}.dcm")
    return tmp_path / "dicom"


def test_series(series, tmp_path):
    store = prepare(series, tmp_path / "store", **SMALL)
    assert len(store) == 15
    assert store.describe()["slices_with_tumor"] == 15


def lose(folder: Path) -> None:
    (folder / "P1" / "scan" / "2.dcm").unlink()


def repeat(folder: Path) -> None:
    dicom_makers.save(dicom_makers.slice_of(2), folder / "P1" / "scan" / "5.dcm")


def half(folder: Path) -> None:
    cut_off(folder / "P1" / "scan" / "2.dcm", 60)


def unlink_target(folder: Path) -> None:
    (folder / "P1" / "scan" / "4.dcm").unlink()
    (folder / "P1" / "scan" / "4.dcm").symlink_to("gone.dcm")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lose, "P1/scan must follow each other without a gap, got 6.00 mm .* add the missing slice"),
        (repeat, "P1/scan must lie in different places, got 1 repeated"),
        (half, r"P1/scan/2\.dcm must be"),
        (unlink_target, r"P1/scan/4\.dcm must be a file of the series, got a link that leads nowhere"),
    ],
)
def test_bad_series(series, tmp_path, caplog, change, match):
    change(series)
    with pytest.raises(ValueError, match=match) as caught:
        prepare(series, tmp_path / "stop", **SMALL)
    assert "unexpected" not in str(caught.value)
    store = prepare(series, tmp_path / "skip", on_error="skip", **SMALL)
    assert set(store.slices.columns["patient"]) == {"P0", "P2"}
    (problem,) = read_json(tmp_path / "skip" / "problems.json")
    assert problem["reason"] in str(caught.value)
    assert f"left out: case {problem['case']} cannot be used" in caplog.text


NAMES = [
    "a b", " a ", "Grüße 脑 🧠", "x" * 240, "-rf", "100%d%s", "a#1", "q?*[x]", "a::b", "it's", 'say "x", y', "~me",
    "$HOME", "a;b&c", "back\\slash", "file:a", "{0}", "..a", "a.nii", "\u2028line", "con",
]  # fmt: skip


def test_odd_names(tmp_path):
    folder = tmp_path / "data"
    image, label = head_volume(0, (20, 24, 3))
    entries = []
    for name in NAMES:
        save(image, folder / "images" / f"{name}.nii.gz")
        save(label, folder / "labels" / f"{name}.nii.gz")
        entries.append({"image": f"images/{name}.nii.gz", "label": f"labels/{name}.nii.gz", "patient": f"of {name}"})
    write_json(folder / "dataset.json", {"training": entries})
    prepare(folder, tmp_path / "store", **SMALL)
    store = SliceStore(tmp_path / "store")
    assert set(store.slices.columns["case"]) == set(NAMES)
    assert set(store.patients) == {f"of {name}" for name in NAMES}
    assert all(record["patient"] == f"of {record['case']}" for record in store.slices)


@pytest.mark.parametrize("name", NAMES)
def test_odd_places(tmp_path, monkeypatch, name):
    """The data set, the folder of stores and the store may be called anything."""
    image, label = head_volume(0, (20, 24, 3))
    save(image, tmp_path / name / "images" / "a.nii.gz")
    save(label, tmp_path / name / "labels" / "a.nii.gz")
    monkeypatch.chdir(tmp_path)
    for arguments in (
        {"store_dir": tmp_path / "at" / name},
        {"store_dir": f"./{name}.store"},
        {"cache_dir": tmp_path / "in"},
    ):
        store = prepare(tmp_path / name, **arguments, **SMALL)
        assert len(SliceStore(store.path)) == 3
        assert Path(os.path.abspath(store.path)).is_relative_to(tmp_path)
        assert prepare(tmp_path / name, **arguments, **SMALL).key == store.key
    assert {path.name for path in tmp_path.iterdir()} == {name, "at", "in", f"{name}.store"}
    assert [path.name for path in (tmp_path / "at").iterdir()] == [name]
    assert len(list((tmp_path / "in").iterdir())) == 1


@pytest.mark.parametrize("name", [b"\xff", b"a\nb", b"a\rb", b"a\x07b"])
def test_name_that_is_no_text(tmp_path, caplog, name):
    image, label = head_volume(0, (20, 24, 3))
    for text in (b"good", name):
        save(image, tmp_path / "data" / "images" / os.fsdecode(text + b".nii.gz"))
        save(label, tmp_path / "data" / "labels" / os.fsdecode(text + b".nii.gz"))
    with pytest.raises(ValueError, match=r"names must be text that UTF-8 can write, got '.*\\.*'; rename it") as caught:
        prepare(tmp_path / "data", tmp_path / "stop", **SMALL)
    assert str(caught.value).isprintable()
    store = prepare(tmp_path / "data", tmp_path / "store", on_error="skip", **SMALL)
    assert set(store.slices.columns["case"]) == {"good"}
    (problem,) = read_json(tmp_path / "store" / "problems.json")
    assert problem["case"].isprintable() and problem["case"].isascii()
    assert "left out: case" in caplog.text


def test_links(tmp_path, caplog):
    """Links in a circle end, a link to a folder is followed once, one that leads to nothing is named."""
    image, label = head_volume(0, (20, 24, 3))
    save(image, tmp_path / "else" / "images" / "a.nii.gz")
    save(label, tmp_path / "else" / "labels" / "a.nii.gz")
    folder = tmp_path / "data"
    folder.mkdir()
    for name, target in (("x", "../else"), ("again", "../else"), ("loop", "."), ("one", "two"), ("two", "one")):
        (folder / name).symlink_to(target)
    (tmp_path / "else" / "back").symlink_to("../data")
    with caplog.at_level(logging.WARNING):
        store = prepare(folder, tmp_path / "store", **SMALL)
    assert len(store) == 3
    assert "loop leads to a folder that holds the data set itself and is not followed" in caplog.text
    (tmp_path / "else" / "images" / "b.nii.gz").symlink_to("gone")
    (tmp_path / "else" / "labels" / "b.nii.gz").symlink_to("b.nii.gz")
    with pytest.raises(ValueError, match=r"case again/b cannot be used.*got none at .*b\.nii\.gz"):
        prepare(folder, tmp_path / "other", **SMALL)


def test_no_data(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name, kind, match in (
        ("empty", ValueError, "no data set found in .*empty, which holds 0 files"),
        ("gone", FileNotFoundError, "data_dir must be a folder, got .*gone"),
        ("file", FileNotFoundError, "data_dir must be a folder, got .*file"),
    ):
        with pytest.raises(kind, match=match):
            prepare(tmp_path / name, tmp_path / "store", **SMALL)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "9" * 5000, '{"training": [', "\xff", '{"training": [{"image": "\\u0000"}]}']
)
def test_dataset_json_is_junk(tmp_path, text):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"dataset\.json must be a JSON file|names must be text .* got '\\x00'"):
        prepare(tmp_path / "data", tmp_path / "store", **SMALL)
