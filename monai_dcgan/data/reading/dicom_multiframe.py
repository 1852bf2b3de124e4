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
"""Read DICOM files of several slices, and segmentations (SEG), with pydicom.

ITK is not used here: it takes the frames of such files to follow each other upward as they are stored, which mirrors or
misplaces them, reads packed SEG frames whose number of pixels is no multiple of 8 wrongly, and knows no segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import optional_import

from monai_dcgan.data.reading.common import Header, Scan, check_file, one_line
from monai_dcgan.data.reading.dicom_files import is_seg
from monai_dcgan.data.reading.dicom_frames import Frame, frame_affine, order_frames, parse_geometry

__all__ = ["peek", "peek_seg", "read", "read_seg"]

pydicom, has_pydicom = optional_import("pydicom", version="3.0")

OFF_GRID = 0.1


def peek(path: Path) -> Header:
    """Read the header of a multi-frame file.

    Args:
        path: the file.

    Returns:
        The header: shape (columns, rows, slices), slices by growing position along their normal.

    Raises:
        ImportError: when pydicom is not installed.
        ValueError: when the frames do not make one volume.
    """
    data = _load(path, pixels=False)
    _, affine = order_frames(_frames(data, path), str(path))
    channels = int(data.SamplesPerPixel)
    return Header((int(data.Columns), int(data.Rows), _count(data)), channels, "float32", affine)


def read(path: Path) -> Scan:
    """Read a multi-frame file; the rescaling of each frame is applied.

    Args:
        path: the file.

    Returns:
        Voxels (C, columns, rows, slices) float32, slices by growing position along their normal, with the affine.

    Raises:
        ImportError: when pydicom is not installed.
        ValueError: when the frames do not make one volume, or pydicom cannot decode them.
    """
    data = _load(path, pixels=True)
    order, affine = order_frames(_frames(data, path), str(path))
    pixels = _pixels(data, path)
    slices = []
    for index in order:
        rescale = _group(data, index, "PixelValueTransformationSequence") or {}
        slope, intercept = float(rescale.get("RescaleSlope", 1)), float(rescale.get("RescaleIntercept", 0))
        slices.append(pixels[index].astype(np.float32) * slope + intercept)
    array = np.stack(slices)
    # (slices, rows, columns[, C]) -> (C, columns, rows, slices)
    return Scan((array if array.ndim == 4 else array[..., None]).T.astype(np.float32, copy=False), affine)


def peek_seg(path: str | Path, reference: Header) -> Header:
    """Check that all frames of a DICOM SEG lie on the grid of a series, without reading their pixels.

    Args:
        path: the file.
        reference: header of the series.

    Returns:
        The header that ``read_seg`` gives.

    Raises:
        FileNotFoundError: when there is no such file.
        ImportError: when pydicom is not installed.
        ValueError: when it is no SEG, or a frame does not lie on the grid.
    """
    data = _load_seg(path, pixels=False)
    for frame in _frames(data, Path(path)):
        _place(frame, reference)
    return Header(reference.shape, 1, _label_type(data), reference.affine)


def read_seg(path: str | Path, reference: Header) -> Scan:
    """Read a DICOM SEG on the grid of the series that it belongs to.

    Frames are placed by ImagePositionPatient and need not cover the series; they may be turned or mirrored by quarter
    turns. In a fractional SEG a voxel belongs to a segment when more than half of it does.

    Args:
        path: the file.
        reference: header of the series, from ``peek`` (or of a NIfTI file made from it).

    Returns:
        Label values (1, I, J, K), uint8 or uint16: the number of the segment, 0 where there is none.

    Raises:
        FileNotFoundError: when there is no such file.
        ImportError: when pydicom is not installed.
        ValueError: when it is no SEG, a frame does not lie on the grid or labels voxels outside, or segments overlap.
    """
    data = _load_seg(path, pixels=True)
    frames, pixels = _frames(data, Path(path)), _pixels(data, Path(path))
    label = np.zeros(reference.shape, dtype=_label_type(data))
    for index, (frame, pixel) in enumerate(zip(frames, pixels)):
        values = _segment_values(data, index, pixel)
        rows, columns = np.nonzero(values)
        place = _place(frame, reference)
        voxels = np.rint(place[:, :2] @ np.stack([columns, rows]) + place[:, 2:]).astype(int)
        if ((voxels < 0) | (voxels >= np.array(reference.shape)[:, None])).any():
            raise ValueError(
                f"{frame.source} must have its labeled pixels inside the series of shape {reference.shape}, got some "
                "outside; give the series that was segmented"
            )
        values = values[rows, columns]
        there = label[tuple(voxels)]
        clash = (there > 0) & (there != values)
        if clash.any():
            raise ValueError(
                f"segments of {path} must not overlap, got segments {there[clash][0]} and {values[clash][0]} in "
                f"{int(clash.sum())} pixels of {frame.source}; export one label map"
            )
        label[tuple(voxels)] = values
    return Scan(label[None], reference.affine)


def _load(path: str | Path, pixels: bool) -> Any:
    path = check_file(path)
    if not has_pydicom:
        raise ImportError(f"{path} holds several frames and needs pydicom; pip install 'monai_dcgan[dicom]'")
    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels)
    except Exception as error:
        raise ValueError(f"{path} must be a whole DICOM file, got {one_line(error)!r} from pydicom") from error


def _load_seg(path: str | Path, pixels: bool) -> Any:
    if not is_seg(check_file(path)):
        raise ValueError(f"{path} must be a DICOM SEG, got another class of DICOM file; correct the path")
    return _load(path, pixels)


def _count(data: Any) -> int:
    return int(data.get("NumberOfFrames") or 1)


def _pixels(data: Any, path: Path) -> np.ndarray:
    """Return the stored pixels (frames, rows, columns[, C])."""
    try:
        pixels = data.pixel_array
    except Exception as error:
        raise ValueError(
            f"{path} must be one that pydicom decodes, got {one_line(error)!r}; decompress it, or convert it to NIfTI"
        ) from error
    return pixels if _count(data) > 1 else pixels.reshape(-1, *pixels.shape[-2 - (data.SamplesPerPixel > 1) :])


def _group(data: Any, index: int, name: str) -> Any:
    """Return the item of a functional group of a frame, its own or that of all frames; None where there is none."""
    for sequence, number in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        groups = data.get(sequence) or []
        if number < len(groups) and groups[number].get(name):
            return groups[number].get(name)[0]
    return None


def _frames(data: Any, path: Path) -> list[Frame]:
    """Return where the frames lie."""
    frames = []
    for index in range(_count(data)):
        source = f"{path} frame {index + 1}"
        position = _group(data, index, "PlanePositionSequence")
        orientation = _group(data, index, "PlaneOrientationSequence")
        measures = _group(data, index, "PixelMeasuresSequence")
        geometry = parse_geometry(
            source,
            _numbers(position, "ImagePositionPatient"),
            _numbers(orientation, "ImageOrientationPatient"),
            _numbers(measures, "PixelSpacing"),
        )
        thickness = [measures.get("SpacingBetweenSlices"), measures.get("SliceThickness"), 1.0]
        above_zero = next(float(value) for value in thickness if value is not None and float(value) > 0)
        frames.append(Frame(source, (int(data.Columns), int(data.Rows)), *geometry, above_zero))
    return frames


def _numbers(item: Any, name: str) -> Sequence[float]:
    values = None if item is None else item.get(name)
    return [] if values is None else [float(value) for value in values]


def _label_type(data: Any) -> str:
    """Return the type that holds the numbers of all segments."""
    numbers = [int(segment.SegmentNumber) for segment in data.get("SegmentSequence") or []]
    return "uint8" if max(numbers, default=0) < 256 else "uint16"


def _segment_values(data: Any, index: int, pixel: np.ndarray) -> np.ndarray:
    """Return the label values (rows, columns) of a frame."""
    if data.SegmentationType == "LABELMAP":
        return pixel
    segment = _group(data, index, "SegmentIdentificationSequence")
    if segment is None:
        raise ValueError(f"frame {index + 1} of {data.filename} must name its segment, got none; export it again")
    highest = int(data.MaximumFractionalValue) if data.SegmentationType == "FRACTIONAL" else 1
    return np.where(2 * pixel.astype(int) > highest, int(segment.ReferencedSegmentNumber), 0)


def _place(frame: Frame, reference: Header) -> np.ndarray:
    """Return (3, 3): column, row and 1 -> voxel of the reference; an error where they do not lie on its grid."""
    if reference.affine is None or len(reference.shape) != 3:
        raise ValueError(f"reference must be the header of a volume, got shape {reference.shape} and no affine")
    step = np.cross(*frame.orientation)
    place = (np.linalg.inv(reference.affine) @ frame_affine(frame, step))[:3][:, [0, 1, 3]]
    columns, rows = frame.shape
    corners = place @ np.array([[0, columns - 1, 0, columns - 1], [0, 0, rows - 1, rows - 1], [1, 1, 1, 1]])
    units = np.abs(np.rint(place[:, :2]))
    off = np.abs(corners - np.rint(corners)).max()
    if off > OFF_GRID or (units.sum(axis=0) != 1).any() or (units.sum(axis=1) > 1).any():
        raise ValueError(
            f"{frame.source} must lie on the voxel grid of its series, got pixels up to {off:.2f} voxels beside it "
            f"(spacing {frame.spacing} mm, position {frame.position.tolist()}); give the series that was segmented, or "
            "resample the segmentation to it"
        )
    return np.column_stack([np.rint(place[:, :2]), np.rint(place[:, 2])])
