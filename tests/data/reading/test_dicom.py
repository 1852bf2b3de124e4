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
"""DICOM series: order, geometry, values, and what is wrong with a folder is said."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.transforms import LoadImage

pytest.importorskip("pydicom")

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from monai_dcgan.data.reading.dicom import is_seg, peek, read

from .dicom_makers import OBLIQUE, ORIGIN, SHAPE, SPACING, STEP, STRAIGHT, empty, pixels, place, save, slice_of


@pytest.fixture
def write_series(tmp_path: Path) -> Callable[..., Path]:
    """Write a series whose file names do not follow its slices; ``change(data, number)`` edits a slice."""

    def write(
        change: Callable[[Dataset, int], Any] | None = None, orientation: np.ndarray = STRAIGHT, folder: str = "series"
    ) -> Path:
        for number in range(SHAPE[2]):
            data = slice_of(number, orientation)
            if change is not None:
                change(data, number)
            save(data, tmp_path / folder / f"{(number * 3) % SHAPE[2]}.dcm")
        return tmp_path / folder

    return write


def affine_of(orientation: np.ndarray) -> np.ndarray:
    """The affine by the formula of DICOM PS3.3 C.7.6.2.1.1, in RAS."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = orientation[0] * SPACING[1], orientation[1] * SPACING[0]
    affine[:3, 2], affine[:3, 3] = np.cross(*orientation) * STEP, ORIGIN
    return np.diag([-1, -1, 1, 1]) @ affine


@pytest.mark.parametrize("orientation", [STRAIGHT, OBLIQUE])
def test_series_as_monai_reads_it(write_series, orientation):
    folder = write_series(orientation=orientation)
    header, scan = peek(folder), read(folder)
    assert (header.shape, header.channels, header.dtype) == (SHAPE, 1, "uint16")
    np.testing.assert_array_equal(scan.array[0], pixels())
    np.testing.assert_allclose(scan.affine, affine_of(orientation), atol=1e-5)
    np.testing.assert_array_equal(scan.affine, header.affine)
    expected = LoadImage(reader="ITKReader", image_only=True)(folder)
    np.testing.assert_array_equal(scan.array[0], expected.numpy())
    np.testing.assert_allclose(scan.affine, expected.affine.numpy(), atol=1e-4)


def test_order_does_not_depend_on_numbers(write_series):
    folder = write_series(lambda data, number: setattr(data, "InstanceNumber", 100 - number))
    np.testing.assert_array_equal(read(folder).array[0], pixels())


def test_rescaling_of_each_slice(write_series):
    def change(data: Dataset, number: int) -> None:
        data.RescaleSlope, data.RescaleIntercept = 0.5 + number, -3

    folder = write_series(change)
    scan = read(folder)
    assert scan.array.dtype == np.float32 and peek(folder).dtype == "float32"
    np.testing.assert_allclose(scan.array[0], pixels() * (0.5 + np.arange(SHAPE[2])) - 3)


def test_signed_pixels(write_series):
    def change(data: Dataset, number: int) -> None:
        data.PixelRepresentation, data.PixelData = 1, (pixels()[:, :, number].T.astype("<i2") - 100).tobytes()

    scan = read(write_series(change))
    assert scan.array.dtype == np.int16
    np.testing.assert_array_equal(scan.array[0], pixels().astype(int) - 100)


@pytest.mark.parametrize("syntax", [RLELossless, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_transfer_syntaxes(write_series, syntax):
    folder = write_series()
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        if syntax == RLELossless:
            data.compress(syntax)
        data.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            data.PixelData = np.frombuffer(data.PixelData, "<u2").byteswap().tobytes()
        pydicom.dcmwrite(path, data, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    np.testing.assert_array_equal(read(folder).array[0], pixels())


def test_one_slice(tmp_path):
    path = save(slice_of(0), tmp_path / "series" / "a.dcm")
    for source in (path, path.parent):
        header, scan = peek(source), read(source)
        assert header.shape == (*SHAPE[:2], 1)
        np.testing.assert_array_equal(scan.array[0], pixels()[:, :, :1])
        np.testing.assert_allclose(scan.affine[:3, 2], [0, 0, 2])


def test_colors(tmp_path):
    data, colors = slice_of(0), np.arange(SHAPE[0] * SHAPE[1] * 3, dtype=np.uint8).reshape(SHAPE[1], SHAPE[0], 3)
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelData = 7, colors.tobytes() + b"\0"
    path = save(data, tmp_path / "a.dcm")
    assert peek(path).channels == 3
    np.testing.assert_array_equal(read(path).array[..., 0], colors.transpose(2, 1, 0))


def test_tilted_gantry_gives_a_sheared_affine(write_series):
    def change(data: Dataset, number: int) -> None:
        data.ImagePositionPatient = [ORIGIN[0], ORIGIN[1] + 0.25 * number, ORIGIN[2] + 3 * number]

    np.testing.assert_allclose(read(write_series(change)).affine[:3, 2], [0, -0.25, 3])


def test_other_files_are_passed_over(write_series, caplog):
    folder = write_series()
    (folder / "notes.txt").write_text("x")
    (folder / "._0.dcm").write_bytes(b"of the finder")
    (folder / "sub").mkdir()
    save(empty("1.2.840.10008.5.1.4.1.1.88.11", SeriesInstanceUID="9"), folder / "report.dcm")
    save(empty("1.2.840.10008.5.1.4.1.1.66.4", SeriesInstanceUID="9"), folder / "seg.dcm")
    save(empty("1.2.840.10008.1.3.10"), folder / "DICOMDIR")
    (folder / "0.dcm").rename(folder / "IM0001")
    with caplog.at_level(logging.DEBUG, logger="monai_dcgan"):
        np.testing.assert_array_equal(read(folder).array[0], pixels())
    assert all(f"{name} is no DICOM" in caplog.text for name in ("notes.txt", "report.dcm", "seg.dcm", "DICOMDIR"))
    assert not is_seg(folder / "IM0001") and is_seg(folder / "seg.dcm")


# change of a slice, text of the error
TEST_CASES = [
    [lambda data, n: n == 2 and setattr(data, "SeriesInstanceUID", "9.9"), r"must hold one DICOM series, got 2 \("],
    [
        lambda data, n: n > 2 and setattr(data, "ImagePositionPatient", place(n + 1)),
        r"without a gap, got 6\.00 mm between .*1\.dcm and .*4\.dcm where 3\.00 mm is usual; add the missing",
    ],
    [
        lambda data, n: n == 3 and setattr(data, "ImagePositionPatient", place(2)),
        r"must lie in different places, got 1 repeated, first .*\.dcm and .*\.dcm; keep one echo",
    ],
    [
        lambda data, n: setattr(data, "ImagePositionPatient", place(n % 2)),
        r"must lie in different places, got 3 repeated",
    ],
    [
        lambda data, n: n == 2 and setattr(data, "ImagePositionPatient", [ORIGIN[0] + 2, *place(n)[1:]]),
        r"must lie on one line, got 2\.00 mm beside it in .*1\.dcm",
    ],
    [
        lambda data, n: n == 1 and data.update({"Rows": SHAPE[0], "Columns": SHAPE[1]}),
        r"must have the same size, got \[9, 7\] in .* and \[7, 9\] in .*3\.dcm",
    ],
    [
        lambda data, n: n == 1 and setattr(data, "PixelSpacing", [0.6, 0.8]),
        r"must have the same PixelSpacing, got \[0\.8, 0\.5\] in .* and \[0\.8, 0\.6\] in .*3\.dcm",
    ],
    [
        lambda data, n: n == 1 and setattr(data, "ImageOrientationPatient", [0, 1, 0, 0, 0, 1]),
        r"must have the same ImageOrientationPatient",
    ],
    [
        lambda data, n: n == 1 and setattr(data, "ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
        r"3\.dcm must have two unit directions at a right angle in ImageOrientationPatient, got",
    ],
    [
        lambda data, n: n == 1 and delattr(data, "ImagePositionPatient"),
        r"3\.dcm must say where it lies with 3 numbers in ImagePositionPatient, got \[\]",
    ],
    [
        lambda data, n: n == 1 and delattr(data, "PixelSpacing"),
        r"3\.dcm must say where it lies with 2 numbers in PixelSpacing, got \[\]",
    ],
]


@pytest.mark.parametrize(("change", "text"), TEST_CASES)
def test_what_is_no_volume(write_series, change, text):
    folder = write_series(change)
    for function in (peek, read):
        with pytest.raises(ValueError, match=text):
            function(folder)


def test_of_three_slices_the_wider_gap_is_seen(tmp_path):
    for number in (0, 1, 3):
        save(slice_of(number), tmp_path / f"{number}.dcm")
    with pytest.raises(ValueError, match=r"6\.00 mm between .*1\.dcm and .*3\.dcm"):
        peek(tmp_path)


def test_uneven_slices_are_said(write_series, caplog):
    folder = write_series(lambda data, n: n == 2 and setattr(data, "ImagePositionPatient", place(2.2)))
    assert read(folder).array.shape == (1, *SHAPE)
    assert "slices of" in caplog.text and "2.40 to 3.60 mm apart; taken as evenly spaced" in caplog.text


def test_broken_files(write_series, tmp_path):
    folder = write_series()
    whole = (folder / "2.dcm").read_bytes()
    for content, text in (
        (b"", r"2\.dcm must hold data, got 0 bytes"),
        (b"garbage" * 100, r"2\.dcm must be a DICOM image, got other content"),
        (whole[:-30], r"2\.dcm must be a whole image, got '.+' from ITK"),
        (whole[:300], r"2\.dcm must be a whole image, got '.+' from ITK"),
    ):
        (folder / "2.dcm").write_bytes(content)
        with pytest.raises(ValueError, match=text):
            read(folder)
    with pytest.raises(FileNotFoundError, match="must be a file, got nothing"):
        read(folder / "none.dcm")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold the slices of a DICOM series, got no DICOM image"):
        peek(tmp_path / "empty")


def test_a_good_series_warns_of_nothing(write_series):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(write_series()).array.shape == (1, *SHAPE)
