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
"""Volumes that are odd but sound give the slices that plain ones do."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_dcgan.data import prepare
from monai_dcgan.data.reading import read
from monai_dcgan.utils.files import write_json

from .volume_makers import LPS, head_volume, save

SHAPE = (20, 24, 4)
SMALL = {"image_size": 32, "min_foreground": 0.0}
IMAGE, LABEL = head_volume(1, SHAPE)


def image_of(folder: Path) -> Path:
    return folder / "image.nii.gz"


def label_of(folder: Path) -> Path:
    return folder / "label.nii.gz"


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A data set whose one case is still to be written."""
    folder = tmp_path / "one"
    folder.mkdir()
    write_json(folder / "dataset.json", {"training": [{"image": "image.nii.gz", "label": "label.nii.gz"}]})
    return folder


def arrays(image: np.ndarray, label: np.ndarray = LABEL):
    def change(folder: Path) -> None:
        save(image, image_of(folder))
        save(label, label_of(folder))

    return change


WHOLE = np.rint(IMAGE)


def scaled(folder: Path) -> None:
    """Every second number, above 50, stored by its place among them."""
    raw = bytearray(nibabel.Nifti1Image(WHOLE.astype(np.int16), LPS).to_bytes())
    view = np.ndarray((), nibabel.Nifti1Header.template_dtype, raw)
    view["scl_slope"], view["scl_inter"] = 2, 50
    image_of(folder).write_bytes(gzip.compress(raw))
    assert np.array_equal(nibabel.load(image_of(folder)).get_fdata(), 2 * WHOLE + 50)


def turned(codes: str):
    def change(folder: Path) -> None:
        volume = nibabel.Nifti1Image(WHOLE, LPS)
        axes = nibabel.orientations.axcodes2ornt(codes)
        steps = nibabel.orientations.ornt_transform(nibabel.io_orientation(LPS), axes)
        nibabel.save(volume.as_reoriented(steps), image_of(folder))

    return change


def big_endian(folder: Path) -> None:
    for path, array in ((image_of(folder), WHOLE), (label_of(folder), LABEL)):
        volume = nibabel.Nifti1Image(array.astype(">i2"), LPS, nibabel.Nifti1Header(endianness=">"))
        nibabel.save(volume, path)
        assert nibabel.load(path).header.endianness == ">"


def nifti_2(folder: Path) -> None:
    nibabel.save(nibabel.Nifti2Image(WHOLE, LPS), image_of(folder))


def in_members(folder: Path) -> None:
    """Two gzip files one after the other are one, as bgzip writes them."""
    raw = nibabel.Nifti1Image(WHOLE, LPS).to_bytes()
    image_of(folder).write_bytes(gzip.compress(raw[:999]) + gzip.compress(raw[999:]))


SOUND = {
    "uint16": arrays(image=WHOLE.astype(np.uint16)),
    "int32": arrays(image=WHOLE.astype(np.int32)),
    "float64": arrays(image=WHOLE.astype(np.float64)),
    "float label": arrays(image=WHOLE, label=LABEL.astype(np.float64)),
    "large and narrow": arrays(image=WHOLE.astype(np.int32) + 1_000_000_000),
    "tiny": arrays(image=WHOLE.astype(np.float64) * 1e-25),
    "5 axes": arrays(image=WHOLE.reshape(*SHAPE, 1, 1)),
    "scaled": scaled,
    "big-endian": big_endian,
    "turned RAS": turned("RAS"),
    "turned SPL": turned("SPL"),
    "NIfTI-2": nifti_2,
    "gzip in members": in_members,
}


@pytest.mark.parametrize("name", SOUND)
def test_odd_but_sound_case(one, tmp_path, name):
    arrays(image=WHOLE)(one)
    expected = prepare(one, tmp_path / "expected", **SMALL).as_arrays()
    SOUND[name](one)
    images, masks, _ = prepare(one, tmp_path / "store", **SMALL).as_arrays()
    # Scaled twice, values differ by rounding; a float16 in [0, 1] is then one step off at most.
    np.testing.assert_allclose(images, expected[0], atol=2**-11)
    assert np.array_equal(masks, expected[1])


@pytest.mark.parametrize(("axis", "count"), [("axial", 1), ("coronal", SHAPE[1]), ("sagittal", SHAPE[0])])
@pytest.mark.parametrize("third", [slice(2, 3), 2])
def test_volume_of_one_slice(one, tmp_path, axis, count, third):
    """Of three axes, or of two."""
    arrays(IMAGE[:, :, third], LABEL[:, :, third])(one)
    store = prepare(one, tmp_path / "store", axis=axis, **SMALL)
    assert len(store) == count
    assert store.as_arrays()[0].max() > 0.9
    assert store.describe()["slices_with_tumor"] > 0


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd"])
@pytest.mark.parametrize("compression", [True, False])
@pytest.mark.parametrize("reader", ["auto", "itk"])
def test_cut_file_is_never_filled_up(tmp_path, share, suffix, compression, reader):
    """ITK gives the missing voxels of a cut NIfTI file any value."""
    itk = pytest.importorskip("itk")
    itk.imwrite(itk.image_from_array(IMAGE.T.copy()), str(tmp_path / f"a{suffix}"), compression=compression)
    assert np.array_equal(read(tmp_path / f"a{suffix}", reader).array[0], IMAGE)
    content = (tmp_path / f"a{suffix}").read_bytes()
    (tmp_path / f"b{suffix}").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=rf"b\{suffix}"):
        read(tmp_path / f"b{suffix}", reader)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_checksum_counts(tmp_path, suffix):
    itk = pytest.importorskip("itk")
    itk.imwrite(itk.image_from_array(IMAGE.T.copy()), str(tmp_path / f"a{suffix}"), compression=True)
    content = bytearray((tmp_path / f"a{suffix}").read_bytes())
    content[-900] ^= 0xFF
    (tmp_path / f"b{suffix}").write_bytes(content)
    with pytest.raises(ValueError, match=rf"b\{suffix} must be"):
        read(tmp_path / f"b{suffix}")
