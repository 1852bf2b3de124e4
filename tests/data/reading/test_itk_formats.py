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
"""MetaImage, NRRD and NIfTI by ITK: voxels, affines, and what is wrong is said."""

from __future__ import annotations

import gzip
from pathlib import Path

import itk
import nibabel
import numpy as np
import pytest
from monai.transforms import LoadImage

from monai_dcgan.data.reading.itk_formats import peek, read
from tests.data.volume_makers import cut_off

SUFFIXES = ["mha", "mhd", "nrrd", "nhdr", "nii.gz"]
DIRECTION = np.array([[0.0, 0.8, 0.6], [1.0, 0.0, 0.0], [0.0, 0.6, -0.8]])


def voxels(shape: tuple[int, ...], dtype: str = "int16") -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def write(path: Path, array: np.ndarray, is_vector: bool = False, compression: bool = False) -> Path:
    """Write an array in ITK's axis order (K, J, I), turned and placed."""
    image = itk.image_from_array(array, is_vector=is_vector)
    dimension = image.GetImageDimension()
    image.SetSpacing([1.0, 2.0, 3.0, 1.0][:dimension])
    image.SetOrigin([5.0, 6.0, 7.0, 0.0][:dimension])
    if dimension == 3:
        image.SetDirection(itk.matrix_from_array(DIRECTION))
    itk.imwrite(image, str(path), compression=compression)
    return path


@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_volume_as_monai_reads_it(tmp_path, suffix, compression):
    path = write(tmp_path / f"a.{suffix}", voxels((4, 5, 6)), compression=compression)
    header, scan = peek(path), read(path)
    expected = LoadImage(reader="ITKReader", image_only=True)(path)
    assert (header.shape, header.channels, header.dtype) == ((6, 5, 4), 1, "int16")
    assert scan.array.shape == (1, 6, 5, 4) and scan.array.dtype == np.int16
    np.testing.assert_array_equal(scan.array[0], expected.numpy())
    np.testing.assert_allclose(scan.affine, expected.affine.numpy(), atol=1e-5)
    np.testing.assert_array_equal(scan.affine, header.affine)


def test_nifti_as_nibabel_reads_it(tmp_path):
    path = write(tmp_path / "a.nii.gz", voxels((4, 5, 6)))
    scan, expected = read(path), nibabel.load(path)
    np.testing.assert_array_equal(scan.array[0], np.asarray(expected.dataobj))
    np.testing.assert_allclose(scan.affine, expected.affine, atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_types_are_kept(tmp_path, suffix, dtype):
    array = voxels((3, 4, 5), dtype)
    path = write(tmp_path / f"a.{suffix}", array)
    assert peek(path).dtype == dtype and read(path).array.dtype == dtype
    np.testing.assert_array_equal(read(path).array[0], array.T)


@pytest.mark.parametrize("dtype", ["int8", "uint32", "int64", "uint64"])
def test_types_that_itk_has_no_images_of(tmp_path, dtype):
    array = voxels((3, 4, 5), dtype)
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4), dtype=array.dtype), path)
    assert peek(path).dtype == dtype and read(path).array.dtype == dtype
    np.testing.assert_array_equal(read(path).array[0], array)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("dtype", "components"), [("uint8", 3), ("float32", 4), ("int16", 2), ("int16", 5)])
def test_vectors_become_channels(tmp_path, suffix, dtype, components):
    array = voxels((3, 4, 5, components), dtype)
    path = write(tmp_path / f"a.{suffix}", array, is_vector=True)
    header, scan = peek(path), read(path)
    assert (header.shape, header.channels, header.dtype) == ((5, 4, 3), components, dtype)
    np.testing.assert_array_equal(scan.array, np.moveaxis(array, -1, 0).transpose(0, 3, 2, 1))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_fourth_axis_becomes_channels(tmp_path, suffix):
    array = voxels((2, 3, 4, 5), "float32")
    path = write(tmp_path / f"a.{suffix}", array)
    header, scan = peek(path), read(path)
    assert (header.shape, header.channels) == ((5, 4, 3), 2)
    np.testing.assert_array_equal(scan.array, array.transpose(0, 3, 2, 1))
    np.testing.assert_allclose(np.abs(scan.affine.diagonal()), [1, 2, 3, 1])


@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
def test_two_dimensions(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", voxels((4, 5)))
    header, scan = peek(path), read(path)
    assert header.shape == (5, 4) and scan.array.shape == (1, 5, 4)
    np.testing.assert_allclose(scan.affine, [[-1, 0, 0, -5], [0, -2, 0, -6], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
def test_cut_files(tmp_path, suffix, compression):
    path = write(tmp_path / f"a.{suffix}", voxels((8, 9, 10)), compression=compression)
    cut_off(path, 40)
    assert peek(path).shape == (10, 9, 8)
    with pytest.raises(ValueError, match=rf"a\.{suffix} must be a whole image, got '.+' from ITK; copy") as error:
        read(path)
    assert "\n" not in str(error.value) and "0x" not in str(error.value) and "No such file" not in str(error.value)


@pytest.mark.parametrize("suffix", ["mhd", "nhdr"])
def test_the_data_file_is_missing(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", voxels((3, 4, 5)))
    (tmp_path / "a.raw").write_bytes(b"")
    with pytest.raises(ValueError, match=rf"a\.{suffix} must lie beside the data file .*a\.raw must hold data"):
        peek(path)
    (tmp_path / "a.raw").unlink()
    for function in (peek, read):
        with pytest.raises(FileNotFoundError, match=rf"a\.{suffix} must lie beside the data file .*a\.raw must be"):
            function(path)


def test_files_that_are_none(tmp_path):
    for name in ("a.mha", "a.nrrd", "a.nii", "a.mhd", "a.nhdr", "a.nii.gz"):
        path = tmp_path / name
        with pytest.raises(FileNotFoundError, match="must be a file, got nothing"):
            peek(path)
        path.write_bytes(b"")
        with pytest.raises(ValueError, match=f"{name} must hold data, got 0 bytes"):
            read(path)
        path.write_bytes(gzip.compress(b"garbage" * 100) if name.endswith("gz") else b"garbage" * 100)
        with pytest.raises(ValueError, match=f"{name} must be a file that ITK's .* reads, got other content"):
            read(path)
    (tmp_path / "a.xyz").write_bytes(b"1")
    with pytest.raises(ValueError, match=r"a\.xyz must end with one of \.mha, .*, got '\.xyz'"):
        peek(tmp_path / "a.xyz")


def test_several_volumes_of_vectors(tmp_path):
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels((3, 4, 5, 2, 3)), np.eye(4)), path)
    with pytest.raises(ValueError, match="must hold one 2D or 3D image of one or more channels"):
        read(path)


def test_real_nifti(real_data):
    path = next((real_data / "brain_tumor_progression").rglob("*_Scan_T1.nii.gz"))
    scan, expected = read(path), nibabel.load(path)
    np.testing.assert_allclose(scan.affine, expected.affine, atol=1e-4)
    np.testing.assert_array_equal(scan.array[0], np.asarray(expected.dataobj))
