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
"""Slices put back at their place are the volume, whatever files it came from."""

from __future__ import annotations

from pathlib import Path

import itk
import numpy as np
import pytest

from monai_dcgan.data import case_volume, prepare
from monai_dcgan.utils.files import write_json

from .store_makers import UNSCALED, check_voxels
from .volume_makers import head_volume, save, save_picture, write_index

SHAPE = (40, 48, 6)


def volume() -> tuple[np.ndarray, np.ndarray]:
    """Image (X, Y, Z) and label in LPS orientation, 1 x 1 x 2 mm."""
    image, label = head_volume(3, SHAPE)
    return np.round(image).astype(np.int16), (label > 0).astype(np.uint8)


def by_itk(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = itk.image_from_array(np.ascontiguousarray(array.T))
    image.SetSpacing((1.0, 1.0, 2.0))
    itk.imwrite(image, str(path))


def msd(folder: Path) -> None:
    for array, name in zip(volume(), ("imagesTr/p.nii.gz", "labelsTr/p.nii.gz")):
        save(array, folder / name)
    write_json(folder / "dataset.json", {"training": [{"image": "imagesTr/p.nii.gz", "label": "labelsTr/p.nii.gz"}]})


def nnunet(folder: Path) -> None:
    for array, name in zip(volume(), ("imagesTr/p_0000.nrrd", "labelsTr/p.nrrd")):
        by_itk(array, folder / name)
    content = {"channel_names": {"0": "T1"}, "labels": {"background": 0, "tumor": 1}, "numTraining": 1}
    write_json(folder / "dataset.json", {**content, "file_ending": ".nrrd"})


def brats(folder: Path) -> None:
    for array, kind in zip(volume(), ("t1ce", "seg")):
        save(array, folder / "BraTS19_A_B_1" / f"BraTS19_A_B_1_{kind}.nii.gz")


def bids(folder: Path) -> None:
    image, label = volume()
    save(image, folder / "sub-01" / "ses-1" / "anat" / "sub-01_ses-1_T1w.nii.gz")
    save(
        label, folder / "derivatives" / "manual" / "sub-01" / "ses-1" / "anat" / "sub-01_ses-1_label-lesion_mask.nii.gz"
    )


def meta_image(folder: Path) -> None:
    for array, name in zip(volume(), ("images/p.mha", "labels/p.mhd")):
        by_itk(array, folder / name)


def beside(folder: Path) -> None:
    for array, name in zip(volume(), ("01/Pre_Scan_T1.nii", "01/Pre_Mask.nrrd")):
        save(array, folder / name) if name.endswith(".nii") else by_itk(array, folder / name)


def dicom(folder: Path) -> None:
    pytest.importorskip("pydicom", reason="needs pydicom to write DICOM files")
    from .reading.dicom_makers import MR, empty, set_pixels

    image, label = volume()
    for index in range(SHAPE[2]):
        data = set_pixels(empty(MR, InstanceNumber=index + 1), np.ascontiguousarray(image[:, :, index].T))
        data.ImageOrientationPatient, data.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
        data.ImagePositionPatient, data.SliceThickness = [0, 0, 2 * index], 2
        path = folder / "patient 1" / "T1" / f"slice {index}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        data.save_as(path, enforce_file_format=True)
    save(label, folder / "patient 1" / "mask.nii.gz")


VOLUMES = [msd, nnunet, brats, bids, meta_image, beside, dicom]


@pytest.mark.parametrize("reader", ["auto", "itk"])
@pytest.mark.parametrize("make", VOLUMES)
@pytest.mark.parametrize("axis", ["axial", "sagittal"])
def test_volumes(tmp_path, make, reader, axis):
    make(tmp_path / "data")
    store = prepare(tmp_path / "data", tmp_path / "store", axis=axis, reader=reader, **UNSCALED)
    (name,) = store.cases
    check_voxels(store, name, *volume())
    assert np.allclose(np.abs(case_volume(store, name).affine[:3, :3]), np.diag([1, 1, 2]))
    assert store.slices[0]["row_spacing"] == (1.0 if axis == "axial" else 2.0)


def sides() -> list[tuple[np.ndarray, np.ndarray]]:
    """Slices as 8-bit pictures (rows, columns), with their masks."""
    image, label = volume()
    eight = (image * (255 / image.max())).astype(np.uint8)
    return [(eight[:, :, index].T, label[:, :, index].T * 255) for index in range(SHAPE[2])]


def by_suffix(folder: Path, ending: str = "png") -> None:
    for index, (image, mask) in enumerate(sides()):
        save_picture(image, folder / "anna" / f"s{index}.{ending}")
        save_picture(mask, folder / "anna" / f"s{index}_mask.{ending}")


def tiff(folder: Path) -> None:
    by_suffix(folder, "tif")


def by_folder(folder: Path) -> None:
    for index, (image, mask) in enumerate(sides()):
        save_picture(image, folder / "images" / f"anna_{index}.png")
        save_picture(mask, folder / "masks" / f"anna_{index}.png")


def by_index(folder: Path) -> None:
    rows = [{"image": f"p/{index}.png", "mask": f"m/{index}.png", "patient": "anna"} for index in range(SHAPE[2])]
    for row, (image, mask) in zip(rows, sides()):
        save_picture(image, folder / row["image"])
        save_picture(mask, folder / row["mask"])
    write_index(folder, rows)


@pytest.mark.parametrize("make", [by_suffix, tiff, by_folder, by_index])
def test_pictures(tmp_path, make):
    make(tmp_path / "data")
    store = prepare(tmp_path / "data", tmp_path / "store", **UNSCALED)
    assert len(store.cases) == SHAPE[2]
    for name, (image, mask) in zip(sorted(store.cases), sides()):
        back = case_volume(store, name)
        low, high = store.cases[name]["window"][0]
        head = back.image[0] > 0
        expected = np.clip((image.T.astype(np.float32) - low) / (high - low), 0, 1)
        assert np.abs(back.image[0] - expected)[head].max() < 5e-4
        assert np.array_equal(back.mask[0], mask.T > 0)
        assert back.affine is None


def test_other_masks_and_missing_slices(tmp_path):
    msd(tmp_path / "data")
    store = prepare(tmp_path / "data", tmp_path / "store", **{**UNSCALED, "slice_step": 2, "neighbors": 1})
    (name,) = store.cases
    predicted = {index: np.ones((1, 64, 64), np.uint8) for index in range(len(store))}
    back = case_volume(store, name, masks=predicted)
    assert back.filled.tolist() == [True, False] * 3
    assert back.image.shape == (1, *SHAPE)
    assert back.mask[0].any(axis=(0, 1)).tolist() == [True, False] * 3
    assert back.mask[0][:, :, 0].all()
    plain = case_volume(prepare(tmp_path / "data", tmp_path / "plain", **UNSCALED), name)
    assert np.abs(back.image[0][:, :, ::2] - plain.image[0][:, :, ::2]).max() < 1e-3, "the middle channel is the slice"
    with pytest.raises(ValueError, match="case must be one that has slices in .*, got 'nobody'"):
        case_volume(store, "nobody")


def test_resized_slices_come_back_nearly(tmp_path):
    msd(tmp_path / "data")
    store = prepare(tmp_path / "data", tmp_path / "store", image_size=128)
    (name,) = store.cases
    image, label = volume()
    back = case_volume(store, name)
    mask = back.mask[0].astype(bool)
    assert 2 * (mask & (label > 0)).sum() / (mask.sum() + label.sum()) > 0.95
    low, high = store.cases[name]["window"][0]
    scaled = np.clip((image - low) / (high - low), 0, 1)
    assert np.corrcoef(back.image[0].ravel(), scaled.ravel())[0, 1] > 0.97
