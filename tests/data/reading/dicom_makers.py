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
"""DICOM files made on the fly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR, ENHANCED_MR, SEG = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
OBLIQUE = np.array([[0.8, 0.6, 0.0], [-0.36, 0.48, 0.8]])
STRAIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
ORIGIN = np.array([-10.0, -20.0, 5.0])
SPACING, STEP = (0.5, 0.8), 3.0  # between rows, between columns; between slices
SHAPE = (9, 7, 5)  # columns, rows, slices: 63 pixels, which is no multiple of 8


def empty(kind: str = MR, **values: Any) -> Dataset:
    """A data set of a class with the least that a file needs."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = kind, meta.MediaStorageSOPInstanceUID, "MR"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    for name, value in values.items():
        setattr(data, name, value)
    return data


def set_pixels(data: Dataset, array: np.ndarray) -> Dataset:
    """Put pixels ([frames,] rows, columns) into a data set."""
    data.Rows, data.Columns = array.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * array.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(array.dtype.kind == "i")
    if array.ndim == 3:
        data.NumberOfFrames = len(array)
    data.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
    return data


def decimals(values: Sequence[float]) -> list[float]:
    return [round(float(value), 6) for value in values]


def place(number: float, orientation: np.ndarray = STRAIGHT) -> list[float]:
    """Position of a slice."""
    return decimals(ORIGIN + np.cross(*orientation) * STEP * number)


def pixels(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Voxels (columns, rows, slices) that all differ."""
    return np.arange(np.prod(shape)).reshape(shape).astype(np.uint16)


def slice_of(number: int, orientation: np.ndarray = STRAIGHT, **values: Any) -> Dataset:
    """One slice of ``pixels`` as a data set."""
    data = set_pixels(empty(InstanceNumber=number + 1, SliceThickness=2), pixels()[:, :, number].T.copy())
    data.ImageOrientationPatient = decimals(orientation.ravel())
    data.ImagePositionPatient, data.PixelSpacing = place(number, orientation), list(SPACING)
    for name, value in values.items():
        setattr(data, name, value)
    return data


def save(data: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def frame_groups(number: float, segment: int | None = None, orientation: np.ndarray = STRAIGHT) -> Dataset:
    """Functional groups of a frame: where it lies, and its segment."""
    groups = Dataset()
    groups.PlanePositionSequence = Items([Dataset()])
    groups.PlanePositionSequence[0].ImagePositionPatient = place(number, orientation)
    if segment is not None:
        groups.SegmentIdentificationSequence = Items([Dataset()])
        groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber = segment
    return groups


def shared_groups(orientation: np.ndarray = STRAIGHT, spacing: Sequence[float] = SPACING) -> Dataset:
    """Functional groups of all frames: direction and spacing."""
    groups = Dataset()
    groups.PlaneOrientationSequence = Items([Dataset()])
    groups.PlaneOrientationSequence[0].ImageOrientationPatient = decimals(orientation.ravel())
    groups.PixelMeasuresSequence = Items([Dataset()])
    groups.PixelMeasuresSequence[0].PixelSpacing = list(spacing)
    groups.PixelMeasuresSequence[0].SliceThickness = 2
    return groups


def seg(
    frames: Sequence[tuple[float, int | None, np.ndarray]], kind: str = "BINARY", spacing: Sequence[float] = SPACING
) -> Dataset:
    """A SEG: slice number, segment number and pixels (rows, columns) of each frame."""
    stack = np.stack([array for _, _, array in frames]).astype(np.uint8)
    data = set_pixels(empty(LABEL_MAP if kind == "LABELMAP" else SEG, SegmentationType=kind), stack)
    data.Modality = "SEG"
    if kind == "BINARY":
        data.BitsAllocated, data.BitsStored, data.HighBit = 1, 1, 0
        packed = np.packbits(stack.ravel(), bitorder="little").tobytes()
        data.PixelData = packed + b"\0" * (len(packed) % 2)
    elif kind == "FRACTIONAL":
        data.SegmentationFractionalType, data.MaximumFractionalValue = "OCCUPANCY", 200
    data.SharedFunctionalGroupsSequence = Items([shared_groups(spacing=spacing)])
    data.PerFrameFunctionalGroupsSequence = Items([frame_groups(number, segment) for number, segment, _ in frames])
    data.SegmentSequence = Items([Dataset() for _ in range(2)])
    for number, item in enumerate(data.SegmentSequence, start=1):
        item.SegmentNumber, item.SegmentLabel = number, f"part {number}"
    return data
