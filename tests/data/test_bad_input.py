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
"""Every bad volume is refused by its name or left out with its reason; every odd but sound one works."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_dcgan.data import prepare
from monai_dcgan.utils.files import read_json, read_json_lines, write_json

from .volume_makers import LPS, head_volume, save

SHAPE = (20, 24, 4)
# Longer than what is read for the header.
LONG = (60, 64, 24)
SMALL = {"image_size": 32, "min_foreground": 0.0}


def image_of(folder: Path, number: int = 1) -> Path:
    return folder / "imagesTr" / f"P{number}.nii.gz"


def label_of(folder: Path, number: int = 1) -> Path:
    return folder / "labelsTr" / f"P{number}.nii.gz"


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three small cases that declare one modality and the labels 1 and 2."""
    folder = tmp_path / "three"
    for number in range(3):
        image, label = head_volume(number, SHAPE)
        save(image, image_of(folder, number))
        save(label, label_of(folder, number))
    entries = [{"image": f"./imagesTr/P{n}.nii.gz", "label": f"./labelsTr/P{n}.nii.gz"} for n in range(3)]
    labels = {"0": "background", "1": "edema", "2": "core"}
    write_json(folder / "dataset.json", {"modality": {"0": "FLAIR"}, "labels": labels, "training": entries})
    return folder


def check_refused(folder: Path, tmp_path: Path, caplog, match: str, early: bool, bad: str = "P1") -> None:
    """Prepare once with ``stop``, which names the case, and once with ``skip``, which makes a store of the others."""
    with pytest.raises((ValueError, OSError), match=match) as caught:
        prepare(folder, tmp_path / "stop", **SMALL)
    assert bad in str(caught.value)
    assert not any(word in str(caught.value) for word in ("unexpected", "Traceback", "\n"))
    assert (tmp_path / "stop" / "shards").exists() is not early
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        store = prepare(folder, tmp_path / "skip", on_error="skip", **SMALL)
    names = {f"P{number}" for number in range(3)} - {bad}
    assert store.complete
    assert set(store.slices.columns["case"]) == names
    (problem,) = read_json(tmp_path / "skip" / "problems.json")
    assert problem["case"] == bad
    assert problem["files"]
    assert all(bad in Path(file).name for file in problem["files"])
    assert problem["reason"] and problem["reason"] in str(caught.value)
    assert f"left out: case {bad} cannot be used" in caplog.text


def cut(keep: float, shape: tuple[int, int, int] = SHAPE):
    def change(folder: Path) -> None:
        image, label = head_volume(1, shape)
        save(image, image_of(folder))
        save(label, label_of(folder))
        content = image_of(folder).read_bytes()
        image_of(folder).write_bytes(content[: int(keep) if keep > 1 else int(keep * len(content))])

    return change


def voxel(path_of, value: float):
    def change(folder: Path) -> None:
        array = nibabel.load(path_of(folder)).get_fdata(dtype=np.float32).copy()
        array[3, 3, 1] = value
        save(array, path_of(folder))

    return change


def arrays(image: np.ndarray | None = None, label: np.ndarray | None = None, affine: np.ndarray = LPS):
    def change(folder: Path) -> None:
        for path, array in ((image_of(folder), image), (label_of(folder), label)):
            if array is not None:
                save(array, path, affine)

    return change


def content(data: bytes):
    return lambda folder: image_of(folder).write_bytes(data)


def header(nbytes: int = 0, **fields):
    """Change fields of the header of P1, whose file is no longer compressed; a field may have an index."""

    def change(folder: Path) -> None:
        image, _ = head_volume(1, SHAPE)
        volume = nibabel.Nifti1Image(image, LPS)
        raw = bytearray(volume.to_bytes())
        view = np.ndarray((), nibabel.Nifti1Header.template_dtype, raw)
        for name, value in {"qform_code": 0, "sform_code": 0, **fields}.items():
            field, _, index = name.partition("__")
            view[field][int(index) if index else ...] = value
        image_of(folder).write_bytes(raw[:nbytes] if nbytes else raw)

    return change


def link(target: str):
    def change(folder: Path) -> None:
        image_of(folder).unlink()
        image_of(folder).symlink_to(target)

    return change


def as_folder(folder: Path) -> None:
    image_of(folder).unlink()
    image_of(folder).mkdir()


def entries(change_entries):
    def change(folder: Path) -> None:
        listing = read_json(folder / "dataset.json")
        change_entries(listing["training"])
        write_json(folder / "dataset.json", listing)

    return change


IMAGE, LABEL = head_volume(1, SHAPE)
SHIFTED, MIRRORED = LPS.copy(), np.diag([1.0, 1.0, 2.0, 1.0])
SHIFTED[0, 3] = 0.6
ONE_HOT = np.stack([LABEL == 0, LABEL == 1, LABEL == 2], axis=-1).astype(np.uint8)
COMPLEX = IMAGE.astype(np.complex64)
RGB = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
HUGE = {f"dim__{axis}": 32767 for axis in (1, 2, 3)}
TEXT = b"This is the text of a web page that says: log in first, then download again. " * 8

# How a case goes wrong, what is said, and whether names and headers tell before anything is written.
BAD = {
    "cut in the header": (cut(10), "P1.nii.gz must be a whole gzip file", True),
    "cut in the voxels": (cut(0.5, LONG), "P1.nii.gz must be a whole gzip file.*copy or download it again", False),
    "cut in the checksum": (cut(0.99999, LONG), "P1.nii.gz must be a whole gzip file", False),
    "NaN": (voxel(image_of, np.nan), "image must be finite, got 1 voxels .*P1.nii.gz; replace them", False),
    "infinite": (voxel(image_of, -np.inf), "image must be finite, got 1 voxels", False),
    "marked by float32's largest": (voxel(image_of, -3.4e38), "image must lie within 1e.37, got -3.4e.38 to", False),
    "NaN in the label": (voxel(label_of, np.nan), "label must be finite, got 1 voxels", False),
    "constant": (arrays(image=np.full(SHAPE, 7, np.int16)), "must show a head, got the value 7 everywhere", False),
    "unknown label": (voxel(label_of, 5), r"labels must be among \[0, 1, 2\], got \[5\] in .*P1.nii.gz", False),
    "negative label": (voxel(label_of, -1), r"labels must be among \[0, 1, 2\], got \[-1\]", False),
    "fractional label": (voxel(label_of, 0.5), "labels must be whole numbers, got 0.5 in .*P1.nii.gz", False),
    "other shape": (arrays(label=LABEL[:-1]), r"same shape, got \(20, 24, 4\) in .* and \(19, 24, 4\)", True),
    "shifted": (arrays(label=LABEL, affine=SHIFTED), "same voxel grid, got LPS.*LPS.*origin 0.6, 0, 0", True),
    "mirrored": (arrays(label=LABEL, affine=MIRRORED), "same voxel grid, got LPS.* and RAS", True),
    "4D, one modality declared": (arrays(image=np.stack([IMAGE] * 2, -1)), r"every case, 1 \(FLAIR\), got 2", True),
    "4D, time points": (arrays(image=np.stack([IMAGE] * 20, -1)), "at most 8 channels, got 20: time points", True),
    "4D label": (arrays(label=np.stack([LABEL] * 20, -1)), "label must be 3D, got 20 volumes in .*P1.nii.gz", True),
    "one-hot label with background": (arrays(label=ONE_HOT), "channels of a label must leave background, got 3", False),
    "6 axes": (arrays(image=IMAGE.reshape(*SHAPE, 1, 1, 1)), "P1.nii.gz must have 2 to 5 axes", True),
    "complex": (arrays(image=COMPLEX), "P1.nii.gz must hold numbers, got voxels of type complex64", True),
    "colors": (arrays(image=RGB), "P1.nii.gz must hold numbers, got voxels of type", True),
    "text": (content(TEXT), "P1.nii.gz must be a NIfTI file", True),
    "short text": (content(b"404"), "P1.nii.gz must be a NIfTI file, got 3 bytes", True),
    "0 bytes": (content(b""), "got 0 bytes in .*P1.nii.gz", True),
    "no voxel size": (header(pixdim__2=0), r"voxel sizes must be above 0, got \[1.0, 0.0, 2.0\] mm", True),
    "NaN as voxel size": (header(pixdim__1=np.nan), r"voxel sizes must be above 0, got \[nan,", True),
    "voxels of a kilometer": (header(pixdim__3=1e6), "voxels of 0.001 to 100 mm, got .*1e.06", True),
    "NaN as origin": (header(qform_code=1, qoffset_x=np.nan), "P1.nii.gz must place its voxels in space", True),
    "no rotation": (header(qform_code=1, quatern_b=9), "P1.nii.gz must place its voxels in space", True),
    "NaN as scale": (header(sform_code=1, scl_slope=2, scl_inter=np.nan), "P1.nii.gz must have a sound scale", False),
    "no axis": (header(dim__0=0), "P1.nii.gz must have", True),
    "negative size": (header(dim__2=-24), r"each with voxels, got shape \(20, -24, 4\)", True),
    "huge size": (header(**HUGE), "P1.nii.gz must hold 1407.*bytes of voxels .*as its header says, got", True),
    "size beyond int64": (
        header(dim__0=5, dim__4=32767, dim__5=32767, **HUGE), "P1.nii.gz must hold 1.*bytes of voxels", True
    ),
    "voxels nowhere": (header(vox_offset=1e30), "from byte 1e.30 on as its header says, got 0 at most", True),
    "voxels missing": (header(nbytes=400), "P1.nii.gz must hold 7680 bytes .*from byte 352 .*, got 48", True),
    "a folder": (as_folder, "P1.nii.gz must be a file, got a folder", True),
    "link to nothing": (link("gone.nii.gz"), "got none at .*P1.nii.gz", True),
    "link to itself": (link("P1.nii.gz"), "got none at .*P1.nii.gz", True),
    "twice": (entries(lambda all_: all_.append(all_[1])), "every case must occur once, got 'P1' twice", True),
    "no label": (entries(lambda all_: all_[1].pop("label")), "every training image must have a label", True),
    "out of the data set": (
        entries(lambda all_: all_[1].update(image="../../P1.nii.gz")), "got a path out of the data root .*P1", True
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_case(three, tmp_path, caplog, name):
    change, match, early = BAD[name]
    change(three)
    check_refused(three, tmp_path, caplog, match, early)


@pytest.mark.parametrize("odd", range(3))
def test_the_channels_of_most_cases_count(three, tmp_path, caplog, odd):
    save(np.stack([IMAGE] * 2, -1), image_of(three, odd))
    listing = read_json(three / "dataset.json")
    write_json(three / "dataset.json", {"training": listing["training"]})
    check_refused(three, tmp_path, caplog, "every case, 1, as most cases, got 2; pick", True, f"P{odd}")


@pytest.mark.parametrize("on_error", ["stop", "skip"])
@pytest.mark.parametrize("change", [cut(10), cut(0.5), voxel(image_of, np.nan), content(b"")])
def test_all_cases_bad(three, tmp_path, change, on_error):
    for number in range(3):
        change(three)
        image_of(three).rename(tmp_path / f"P{number}")
        save(IMAGE, image_of(three))
    for number in range(3):
        (tmp_path / f"P{number}").rename(image_of(three, number))
    match = (
        "case P0 cannot be used" if on_error == "stop" else "(all 3 were left out|all 3 .* have problems), the first"
    )
    with pytest.raises(ValueError, match=match):
        prepare(three, tmp_path / "store", on_error=on_error, **SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["three"]


@pytest.mark.parametrize("tumor", ["any", "with"])
def test_empty_mask(three, tmp_path, caplog, tumor):
    save(np.zeros_like(LABEL), label_of(three))
    with caplog.at_level(logging.WARNING):
        store = prepare(three, tmp_path / "store", tumor=tumor, **SMALL)
    (case,) = [one for one in read_json_lines(tmp_path / "store" / "cases.jsonl") if one["case"] == "P1"]
    told = "1 of 3 cases give no slice; cases.jsonl of the store says why"
    assert store.left_out == 0
    if tumor == "any":
        assert case["slices"] == 4
        assert told not in caplog.text
    else:
        assert case["slices"] == 0
        assert case["dropped"] == {"tumor below min_tumor_area 0.001 (tumor=with)": 4}
        assert told in caplog.text


def test_regions_of_several_labels_declare_them(three, tmp_path):
    """As nnU-Net writes regions: each a list of labels, the last one a label."""
    listing = read_json(three / "dataset.json")
    listing["labels"] = {"background": 0, "whole tumor": [1, 2], "tumor core": 2}
    write_json(three / "dataset.json", listing)
    assert prepare(three, tmp_path / "store", **SMALL).left_out == 0
    voxel(label_of, 3)(three)
    with pytest.raises(ValueError, match=r"labels must be among \[0, 1, 2\], got \[3\]"):
        prepare(three, tmp_path / "other", **SMALL)


@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_class_for_some_cases(three, tmp_path, on_error):
    """Which cases are meant cannot be told, so nothing is left out for it."""
    entries(lambda all_: all_[1].update(class_name="glioma"))(three)
    with pytest.raises(ValueError, match="every case must have a class or none, got a class for 1 of 3 cases"):
        prepare(three, tmp_path / "store", on_error=on_error, **SMALL)
    assert not (tmp_path / "store").exists()


def test_reason_is_kept_for_the_next_call(three, tmp_path, caplog):
    voxel(image_of, np.nan)(three)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            prepare(three, tmp_path / "store", on_error="skip", **SMALL)
        assert "left out: case P1 cannot be used" in caplog.text
    with pytest.raises(ValueError, match="case P1 cannot be used .*image must be finite"):
        prepare(three, tmp_path / "store", **SMALL)
    lines = (tmp_path / "store" / "cases.jsonl").read_text().splitlines()
    assert [json.loads(line)["case"] for line in lines] == ["P0", "P2"]
