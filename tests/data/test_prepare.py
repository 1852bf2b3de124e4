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
"""From files to a store, once, and every wrong input by its name."""

from __future__ import annotations

import importlib
import logging
import os
from pathlib import Path

import monai
import nibabel
import numpy as np
import pytest

from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.utils.files import read_json, write_json

from .store_makers import same_slices
from .volume_makers import LPS, head_volume, picture, save, save_picture

# The package's name ``prepare`` is the function.
MODULE = importlib.import_module("monai_dcgan.data.prepare")
SMALL = {"image_size": 32}


def forbid_reading(monkeypatch) -> None:
    """Let any attempt to read voxels fail with an error that no code expects."""

    def read(*_, **__):
        raise AssertionError("voxels are read")

    monkeypatch.setattr(MODULE, "make_shard", read)


def test_volumes(msd, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        store = prepare(msd, tmp_path / "store", **SMALL)
    images, masks, _ = store.as_arrays()
    assert images.shape == (18, 1, 32, 32)
    assert images.min() == 0
    assert 0.95 < images.max() <= 1
    assert set(np.unique(masks)) == {0, 1}
    assert [record["slice_index"] for record in store.slices[:6]] == list(range(6))
    assert [record["tumor_fraction"] > 0 for record in store.slices[:6]] == [False] * 2 + [True] * 4
    assert {(record["row_spacing"], record["axis"]) for record in store.slices} == {(1.0, "axial")}
    assert "3 of 3 cases, 18 slices" in caplog.text
    assert "18 slices of 3 cases of 3 patients, 67% with tumor; left out: none" in caplog.text
    # The tumor lies in the patient's front right: top left on display.
    rows, columns = np.nonzero(masks[5, 0])
    assert rows.mean() < 16 > columns.mean()
    assert images[5, 0][masks[5, 0] > 0].mean() > 0.8


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "SAL"])
@pytest.mark.parametrize("label_axes", ["LPS", "RAI"])
def test_orientation_of_the_file_does_not_matter(msd, tmp_path, axes, label_axes):
    reference = prepare(msd, tmp_path / "reference", **SMALL)
    for folder, codes in (("imagesTr", axes), ("labelsTr", label_axes)):
        for path in (msd / folder).iterdir():
            image = nibabel.load(path)
            turn = nibabel.orientations.ornt_transform(
                nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(codes)
            )
            turned = image.as_reoriented(turn)
            nibabel.save(nibabel.Nifti1Image(np.asanyarray(turned.dataobj), turned.affine), path)
    store = prepare(msd, tmp_path / "turned", **SMALL)
    assert same_slices(store, reference)


def test_metadata_switch_does_not_matter(msd, tmp_path):
    reference = prepare(msd, tmp_path / "reference", **SMALL)
    monai.data.set_track_meta(False)
    try:
        store = prepare(msd, tmp_path / "store", **SMALL)
        assert monai.data.get_track_meta() is False
    finally:
        monai.data.set_track_meta(True)
    assert same_slices(store, reference)


def test_brats_channels(brats, tmp_path):
    store = prepare(brats, tmp_path / "store", modalities=["flair", "t1"], **SMALL)
    assert store.image_channels == 2


def test_four_dimensional_nifti(msd, tmp_path):
    image, _ = head_volume(0)
    content = read_json(msd / "dataset.json")
    write_json(msd / "dataset.json", {**content, "modality": {"0": "FLAIR", "1": "T1"}})
    for path in (msd / "imagesTr").iterdir():
        save(np.stack([image, image[::-1]], axis=-1), path)
    assert prepare(msd, tmp_path / "both", **SMALL).image_channels == 2
    assert prepare(msd, tmp_path / "one", modalities=[1], **SMALL).image_channels == 1
    with pytest.raises(ValueError, match=r"case P0 cannot be used .*channels from 0 to 1, got \[2\]"):
        prepare(msd, tmp_path / "none", modalities=[2], **SMALL)


@pytest.mark.parametrize(("labels", "count"), [(None, 4), ([1], 4), ([3], 0)])
def test_tumor_labels(msd, tmp_path, labels, count):
    store = prepare(msd, tmp_path / "store", tumor_labels=labels, **SMALL)
    assert sum(record["tumor_fraction"] > 0 for record in store.slices) == 3 * count


def test_pictures(pictures, tmp_path):
    store = prepare(pictures, tmp_path / "store", crop_head=False, **SMALL)
    images, masks, _ = store.as_arrays()
    assert images.shape == (4, 1, 32, 32)
    assert store.patients == ["anna", "bert"]
    assert {record["axis"] for record in store.slices} == {""}
    rows, columns = np.nonzero(masks[0, 0])
    assert rows.mean() < 16 > columns.mean(), "rows of the picture stay rows"


def test_color_pictures(pictures, tmp_path, caplog):
    for path in pictures.rglob("*.png"):
        image, mask = picture(0)
        array = mask if path.stem.endswith("_mask") else image
        save_picture(np.repeat(array[..., None], 3, axis=2), path)
    assert prepare(pictures, tmp_path / "three", **SMALL).image_shape == (3, 32, 32)
    assert "give modalities=[0] to keep one" in caplog.text
    assert prepare(pictures, tmp_path / "one", modalities=[0], **SMALL).image_shape == (1, 32, 32)


def test_jpeg_mask_is_cut_at_half(tmp_path):
    image, mask = picture(0)
    save_picture(image, tmp_path / "a" / "x1.png")
    save_picture(mask, tmp_path / "a" / "x1_mask.jpg")
    save_picture(image, tmp_path / "b" / "x1.png")
    save_picture(mask, tmp_path / "b" / "x1_mask.png")
    stores = [prepare(tmp_path / name, tmp_path / f"store_{name}", **SMALL) for name in "ab"]
    assert np.array_equal(stores[0].as_arrays()[1], stores[1].as_arrays()[1])


def test_reuse_opens_no_volume(msd, tmp_path, monkeypatch):
    first = prepare(msd, cache_dir=tmp_path / "cache", **SMALL)
    assert Path(first.path).name.startswith("Task99_Brain-")
    forbid_reading(monkeypatch)
    monkeypatch.setattr(MODULE, "check_headers", None)
    assert prepare(msd, cache_dir=tmp_path / "cache", **SMALL).path == first.path
    assert prepare(first.path, **SMALL).key == first.key


def test_other_settings_give_another_store(msd, tmp_path):
    first = prepare(msd, cache_dir=tmp_path, **SMALL)
    assert prepare(msd, cache_dir=tmp_path, min_foreground=0.2, **SMALL).path != first.path
    os.utime(msd / "imagesTr" / "P0.nii.gz", (1, 1))
    assert prepare(msd, cache_dir=tmp_path, **SMALL).path != first.path


def test_digest_is_that_of_the_content(msd, tmp_path):
    first = prepare(msd, cache_dir=tmp_path, **SMALL)
    os.utime(msd / "imagesTr" / "P0.nii.gz", (1, 1))
    again = prepare(msd, cache_dir=tmp_path, **SMALL)
    assert again.key != first.key
    assert again.digest == first.digest
    others = [{"tumor": "with"}, {"lower": 5.0}, {"slice_class": "tumor"}]
    assert len({prepare(msd, cache_dir=tmp_path, **SMALL, **other).digest for other in others} | {first.digest}) == 4


def test_store_dir_with_something_else(msd, tmp_path):
    prepare(msd, tmp_path / "store", **SMALL)
    with pytest.raises(FileExistsError, match=r"differs in image_size \(store: 32, now: 64\); give another store_dir"):
        prepare(msd, tmp_path / "store", image_size=64)
    os.utime(msd / "imagesTr" / "P0.nii.gz", (1, 1))
    with pytest.raises(FileExistsError, match="differs in the files of the data set"):
        prepare(msd, tmp_path / "store", **SMALL)
    with pytest.raises(FileExistsError, match="exists and is no slice store"):
        prepare(msd, msd, **SMALL)
    with pytest.raises(ValueError, match="give store_dir or cache_dir, got both"):
        prepare(msd, tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"image_size": 64}, "image_size=32, got image_size=64"),
        ({"axis": "sagittal"}, "axis='axial', got axis='sagittal'"),
        ({"tumor": "any"}, "tumor='with', got tumor='any'"),
        ({"min_foreground": 0.2}, "min_foreground=0.1, got min_foreground=0.2"),
        ({"min_tumor_area": 0.5}, "min_tumor_area=0.001, got min_tumor_area=0.5"),
        ({"fit": "pad"}, "fit='resize', got fit='pad'"),
        ({"crop_head": False, "upper": 90}, "crop_head=True, upper=99.5, got crop_head=False, upper=90"),
        ({"lower": 1}, "lower=0.5, got lower=1"),
        ({"tumor_labels": None}, r"tumor_labels=\[1\], got tumor_labels=None"),
    ],
)
def test_store_opened_with_other_settings(msd, tmp_path, given, text):
    making = {"tumor": "with", "tumor_labels": [1], **SMALL}
    store = prepare(msd, tmp_path / "store", **making)
    assert prepare(store.path, **{**making, "tumor_labels": (1,), "modalities": ["FLAIR"]}).key == store.key
    with pytest.raises(ValueError, match=rf"store was made with {text}; prepare the data again, or pass the store's"):
        prepare(store.path, **{**making, **given})


@pytest.mark.parametrize("modalities", ["FLAIR", 0])
def test_one_modality_needs_no_list(msd, tmp_path, modalities):
    store = prepare(msd, tmp_path / "store", modalities=modalities, **SMALL)
    assert store.settings["modalities"] == [str(modalities)]


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"image_size": 50}, "image_size must be a power of two"),
        ({"axis": "oblique"}, "axis must be one of"),
        ({"tumor": "maybe"}, "tumor must be one of any, with, without"),
        ({"min_foreground": 1.5}, "min_foreground must be a number from 0 to 1"),
        ({"lower": 90, "upper": 10}, "lower and upper must be percentiles"),
        ({"tumor_labels": [0]}, "tumor_labels must be whole numbers above 0"),
        ({"num_workers": 0}, "num_workers must be a whole number of at least 1"),
        ({"fit": "stretch"}, "fit must be one of resize, pad"),
    ],
)
def test_bad_arguments_before_any_file(tmp_path, kwargs, text):
    with pytest.raises(ValueError, match=text):
        prepare(tmp_path / "not there", tmp_path / "store", **kwargs)


def replace(msd, image=None, label=None, name="P1"):
    if image is not None:
        save(image, msd / "imagesTr" / f"{name}.nii.gz")
    if label is not None:
        save(label, msd / "labelsTr" / f"{name}.nii.gz")


def test_shapes_differ(msd, tmp_path, monkeypatch):
    replace(msd, label=np.zeros((40, 48, 5), np.uint8))
    forbid_reading(monkeypatch)
    with pytest.raises(ValueError, match=r"got \(40, 48, 6\) in .*imagesTr/P1.nii.gz and \(40, 48, 5\) in .*resample"):
        prepare(msd, tmp_path / "store", **SMALL)


MIRRORED = np.diag([1.0, 1.0, 2.0, 1.0])
SHIFTED = LPS + np.array([[0, 0, 0, 0.6], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(("affine", "text"), [(MIRRORED, "RAS, 1 x 1 x 2 mm"), (SHIFTED, "LPS, 1 x 1 x 2 mm")])
def test_header_of_label_differs(msd, tmp_path, monkeypatch, affine, text):
    _, label = head_volume(1)
    save(label, msd / "labelsTr" / "P1.nii.gz", affine)
    expected = rf"same voxel grid, got LPS, 1 x 1 x 2 mm, origin 0, 0, 0 .*{text}, origin .*correct the header"
    with monkeypatch.context() as without_headers:
        without_headers.setattr(MODULE, "check_headers", lambda *_: None)
        with pytest.raises(ValueError, match=r"case P1 cannot be used .*" + expected):
            prepare(msd, tmp_path / "store", **SMALL)
    forbid_reading(monkeypatch)
    with pytest.raises(
        ValueError, match=rf"^case P1 cannot be used .*images and label of a case must lie on the {expected}"
    ):
        prepare(msd, tmp_path / "store", **SMALL)


def test_header_of_a_modality_differs(brats, tmp_path, monkeypatch):
    image, _ = head_volume(1)
    save(image, next(brats.rglob("*_001_flair.nii.gz")), MIRRORED)
    forbid_reading(monkeypatch)
    with pytest.raises(ValueError, match=r"same voxel grid, got LPS.*_t1.nii.gz and RAS.*_001_flair.nii.gz"):
        prepare(brats, tmp_path / "store", **SMALL)


def test_rounded_header_is_the_same_grid(msd, tmp_path):
    _, label = head_volume(1)
    save(label, msd / "labelsTr" / "P1.nii.gz", np.diag([-1.001, -1.001, 2.002, 1.0]))
    assert len(prepare(msd, tmp_path / "store", **SMALL)) == 18


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(msd, tmp_path, value):
    image, _ = head_volume(1)
    image[3, 3, 3] = value
    replace(msd, image=image)
    with pytest.raises(ValueError, match=r"case P1 cannot be used .*P1.nii.gz.*image must be finite, got 1 voxels"):
        prepare(msd, tmp_path / "store", **SMALL)
    left = SliceStore(tmp_path / "store")
    assert not left.complete
    assert set(left.slices.columns["case"]) == {"P0"}, "what was done before is kept"


def test_channels_differ(msd, tmp_path):
    image, _ = head_volume(1)
    replace(msd, image=np.stack([image] * 2, axis=-1))
    with pytest.raises(
        ValueError, match=r"case P1 .*as many channels as every case, 1 \(FLAIR\), got 2; pick channels with modalities"
    ):
        prepare(msd, tmp_path / "store", **SMALL)


def test_label_values_are_whole(msd, tmp_path):
    replace(msd, label=np.full((40, 48, 6), 0.5, np.float32))
    with pytest.raises(ValueError, match=r"case P1 cannot be used .*labels must be whole numbers"):
        prepare(msd, tmp_path / "store", **SMALL)


@pytest.mark.parametrize("keep", [10, 300, 2000])
def test_truncated_file(msd, tmp_path, keep):
    path = msd / "imagesTr" / "P1.nii.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"P1\.nii\.gz.*(cannot be read|cannot be used|:)"):
        prepare(msd, tmp_path / "store", **SMALL)


def test_truncated_picture(pictures, tmp_path):
    path = pictures / "bert" / "s_1.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"s_1\.png"):
        prepare(pictures, tmp_path / "store", **SMALL)


def test_no_slice_left(msd, tmp_path):
    with pytest.raises(ValueError, match=r"no slice of 3 cases is left; 18 slices: tumor below min_tumor_area 0.9"):
        prepare(msd, tmp_path / "store", tumor="with", min_tumor_area=0.9, **SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Task99_Brain"]


def test_classes_and_folds_reach_the_store(pictures, index_rows, write_index, tmp_path):
    write_index(pictures, index_rows)
    store = prepare(pictures, tmp_path / "store", **SMALL)
    assert store.class_names == ["glioma", "meningioma"]
    assert [record["fold"] for record in SliceStore(store.path).slices] == ["1", "1", "2", "2"]


def test_anisotropic_voxels(tmp_path):
    image, label = head_volume(0, (40, 48, 10))
    affine = LPS.copy()
    affine[2, 2] = 4.0
    save(image, tmp_path / "data" / "i.nii.gz", affine)
    save(label, tmp_path / "data" / "l.nii.gz", affine)
    write_json(tmp_path / "data" / "dataset.json", {"training": [{"image": "i.nii.gz", "label": "l.nii.gz"}]})
    store = prepare(tmp_path / "data", tmp_path / "store", axis="coronal", crop_head=False, min_foreground=0, **SMALL)
    assert (store.slices[0]["row_spacing"], store.slices[0]["column_spacing"]) == (4.0, 1.0)
    # 40 mm wide and 40 mm high: the picture is filled although it is 10 rows by 40 columns.
    rows, _ = np.nonzero(store.read(24)[0][0])
    assert rows.min() == 0
    assert rows.max() == 31


def test_settings_are_kept(msd, tmp_path):
    store = prepare(msd, tmp_path / "store", **SMALL)
    header = read_json(Path(store.path) / "store.json")
    assert header["settings"]["image_size"] == 32
    assert header["slices"] == 18
    assert str(tmp_path) not in (Path(store.path) / "store.json").read_text()


def test_unknown_setting(tmp_path):
    with pytest.raises(TypeError, match="no setting 'imagesize'; did you mean 'image_size'"):
        prepare(tmp_path, tmp_path / "store", imagesize=64)


@pytest.mark.parametrize(("region", "values"), [("whole", (1, 2, 3, 4)), ("core", (1, 3, 4)), ("enhancing", (4,))])
def test_regions(brats, tmp_path, region, values):
    label = np.zeros((40, 48, 6), np.uint8)
    label[10:30, 10:30] = np.arange(1, 5).repeat(5)[:, None]
    for path in brats.rglob("*_seg.nii.gz"):
        save(label, path)
    named = prepare(brats, tmp_path / "named", tumor_labels=region, **SMALL)
    listed = prepare(brats, tmp_path / "listed", tumor_labels=list(values), **SMALL)
    assert same_slices(named, listed)
    assert named.settings["tumor_labels"] == region
    pixels = named.slices.columns["tumor_area"][0]
    assert pixels == 20 * 5 * len(values)


def test_region_that_is_not_known(msd, tmp_path):
    with pytest.raises(
        ValueError, match="tumor_labels must be label values, got 'core' for layout msd; give the values"
    ):
        prepare(msd, tmp_path / "store", tumor_labels="core", **SMALL)


def test_most_slices_of_a_patient(msd, tmp_path):
    """Two visits of one patient share what he may have."""
    content = read_json(msd / "dataset.json")
    for entry, patient in zip(content["training"], ("a", "a", "b")):
        entry["patient"] = patient
    write_json(msd / "dataset.json", content)
    store = prepare(msd, tmp_path / "store", max_slices_per_patient=5, **SMALL)
    counts = [store.slices.columns["case"].count(f"P{number}") for number in range(3)]
    assert counts == [2, 3, 5]
    few = prepare(msd, tmp_path / "few", max_slices_per_patient=1, slice_choice="tumor_area", **SMALL)
    assert [(row["case"], row["slice_index"]) for row in few.slices] == [("P1", 5), ("P2", 5)]
    assert list(few.cases) == ["P1", "P2"]


def test_class_by_tumor(msd, tmp_path):
    store = prepare(msd, tmp_path / "store", slice_class="tumor", **SMALL)
    assert store.class_names == ["no_tumor", "tumor"]
    assert all((row["class_name"] == "tumor") == (row["tumor_fraction"] > 0) for row in store.slices)


def test_class_folders_without_masks(tmp_path):
    for number, name in enumerate(("glioma", "no tumor")):
        for index in range(3):
            save_picture(picture(index + 7 * number)[0], tmp_path / "data" / name / f"x{index}.png")
    store = prepare(tmp_path / "data", tmp_path / "store", **SMALL)
    assert (len(store), store.mask_channels, store.class_names) == (6, 0, ["glioma", "no tumor"])
    with pytest.raises(ValueError, match="tumor must be any where no case has a mask, got with"):
        prepare(tmp_path / "data", tmp_path / "other", tumor="with", **SMALL)


def test_scaling_is_told(msd, tmp_path):
    image, _ = head_volume(0)
    store = prepare(msd, tmp_path / "store", lower=0, upper=100, **SMALL)
    row = store.slices[0]
    assert float(row["intensity_low"]) == pytest.approx(image[image > 0].min(), rel=0.02)
    assert float(row["intensity_high"]) == pytest.approx(image.max(), rel=0.02)
    window = [float(row["intensity_low"]), float(row["intensity_high"])]
    assert store.cases["P0"]["window"][0] == pytest.approx(window)
    assert store.cases["P0"]["label_values"] == [1, 2]
    assert store.cases["P0"]["shape"] == [40, 48, 6]
    assert store.cases["P0"]["stored_orientation"] == "LPS"
