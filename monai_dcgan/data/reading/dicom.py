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
"""Read DICOM series with ITK; multi-frame files and segmentations (SEG) with pydicom."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import optional_import

from monai_dcgan.data.reading import dicom_multiframe
from monai_dcgan.data.reading.common import Header, Scan, check_file
from monai_dcgan.data.reading.dicom_files import has_mark, is_enhanced, is_no_slice, is_seg, storage_class
from monai_dcgan.data.reading.dicom_frames import Frame, order_frames, parse_geometry
from monai_dcgan.data.reading.dicom_multiframe import peek_seg, read_seg
from monai_dcgan.data.reading.itk_formats import itk_error, itk_header, itk_voxels

__all__ = ["SUFFIXES", "has_mark", "is_seg", "peek", "peek_seg", "read", "read_seg"]

itk, _ = optional_import("itk")

_logger = logging.getLogger(__name__)

SUFFIXES = (".dcm", ".dicom", ".ima")
POSITION, ORIENTATION, PIXEL_SPACING = "0020|0032", "0020|0037", "0028|0030"
SERIES, NUMBER_OF_FRAMES, BETWEEN_SLICES, THICKNESS = "0020|000e", "0028|0008", "0018|0088", "0018|0050"


@dataclass(frozen=True, eq=False)
class _File:
    """An image file: ITK's reader with the header read."""

    path: Path
    image_io: Any

    def text(self, tag: str) -> str:
        """Return the value of a tag; "" where it is not there."""
        tags = self.image_io.GetMetaDataDictionary()
        return str(tags[tag]).strip(" \0") if tags.HasKey(tag) else ""

    def numbers(self, tag: str) -> list[float]:
        """Return the numbers of a tag; none where it is not there or does not hold numbers."""
        try:
            return [float(part) for part in self.text(tag).split("\\") if part.strip()]
        except ValueError:
            return []

    @property
    def is_multiframe(self) -> bool:
        """Whether the file holds several slices, or says where its slice lies in the way of such files."""
        return self.text(NUMBER_OF_FRAMES) not in ("", "1") or bool(is_enhanced(storage_class(self.path)))


def peek(path: str | Path) -> Header:
    """Read the headers of a DICOM series.

    Args:
        path: a folder that holds one series, or a file.

    Returns:
        The header: shape (columns, rows, slices), slices by growing position along their normal.

    Raises:
        FileNotFoundError: when there is no such folder or file.
        ImportError: when a file holds several slices and pydicom is not installed.
        ValueError: when the files do not make one volume; the text names the files.
    """
    files = _find(Path(path))
    if files[0].is_multiframe:
        return dicom_multiframe.peek(files[0].path)
    _, header = _volume(files, str(path))
    return header


def read(path: str | Path) -> Scan:
    """Read a DICOM series; RescaleSlope and RescaleIntercept are applied.

    Args:
        path: see ``peek``, which raises the same errors.

    Returns:
        Voxels (C, columns, rows, slices), slices by growing position along their normal, with the affine; float32
        where the rescaling gives fractions.

    Raises:
        ValueError: when the voxels of a file are broken; the text names it.
    """
    files = _find(Path(path))
    if files[0].is_multiframe:
        return dicom_multiframe.read(files[0].path)
    order, header = _volume(files, str(path))
    slices = [itk_voxels(files[index].image_io, files[index].path)[..., 0] for index in order]
    return Scan(np.stack(slices, axis=-1).astype(header.dtype, copy=False), header.affine)


def _find(path: Path) -> list[_File]:
    """Return the image files of a series; one alone where it holds several slices."""
    if not path.is_dir():
        check_file(path)
        if is_seg(path):
            raise ValueError(
                f"{path} must be an image, got a DICOM SEG; read it with the grid of its series (read_seg)"
            )
        files = [_open(path)]
    else:
        paths = [file for file in sorted(path.iterdir()) if not file.name.startswith(".") and _is_image(file)]
        files = [_open(file) for file in paths]
    if not files:
        raise ValueError(f"{path} must hold the slices of a DICOM series, got no DICOM image; correct the path")
    multiframe = [file for file in files if file.is_multiframe]
    if multiframe and len(files) > 1:
        raise ValueError(
            f"{path} must hold one DICOM series, got {len(files)} files of which {multiframe[0].path.name} holds a "
            "volume by itself; keep one series per folder"
        )
    series = sorted({file.text(SERIES) for file in files})
    if len(series) > 1:
        raise ValueError(
            f"{path} must hold one DICOM series, got {len(series)} ({', '.join(series[:3])}); keep one per folder"
        )
    return files


def _is_image(path: Path) -> bool:
    """Return whether a file of a folder belongs to the series: reports, indices and the like are passed over."""
    if path.is_symlink() and not path.exists() and path.suffix.lower() in (*SUFFIXES, ""):
        raise ValueError(f"{path} must be a file of the series, got a link that leads nowhere; restore what it names")
    if not path.is_file():
        return False
    if path.suffix.lower() not in SUFFIXES and not has_mark(path):
        _logger.debug("%s is no DICOM file; passed over", path)
        return False
    kind = storage_class(path)
    if kind is not None and is_no_slice(kind):
        _logger.debug("%s is no DICOM image (class %s); passed over", path, kind)
        return False
    return True


def _open(path: Path) -> _File:
    image_io = itk.GDCMImageIO.New()
    # A cut file with the mark goes on, to the error of a cut file; old files without it may be DICOM all the same.
    if not has_mark(check_file(path)) and not image_io.CanReadFile(str(path)):
        raise ValueError(f"{path} must be a DICOM image, got other content; copy or export it again")
    image_io.SetFileName(str(path))
    try:
        image_io.ReadImageInformation()
    except RuntimeError as error:
        raise itk_error(path, error) from error
    return _File(path, image_io)


def _volume(files: list[_File], where: str) -> tuple[list[int], Header]:
    """Return the order of the slices, and the header of the volume."""
    headers = [itk_header(file.image_io, file.path) for file in files]
    order, affine = order_frames([_frame(file, header) for file, header in zip(files, headers)], where)
    channels = sorted({header.channels for header in headers})
    if len(channels) > 1:
        raise ValueError(f"all slices of {where} must have the same channels, got {channels}; keep one kind of slices")
    dtype = np.result_type(*{header.dtype for header in headers})
    columns, rows = headers[0].shape[:2]
    # Rescaled values come as float64, of at most 16 stored bits.
    name = "float32" if dtype == np.float64 else str(dtype)
    return order, Header((columns, rows, len(files)), channels[0], name, affine)


def _frame(file: _File, header: Header) -> Frame:
    position, orientation, spacing = parse_geometry(
        str(file.path), file.numbers(POSITION), file.numbers(ORIENTATION), file.numbers(PIXEL_SPACING)
    )
    thickness = [*file.numbers(BETWEEN_SLICES), *file.numbers(THICKNESS), 1.0]
    above_zero = next(value for value in thickness if value > 0)
    return Frame(str(file.path), (header.shape[0], header.shape[1]), position, orientation, spacing, above_zero)
