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
"""Cases, read from whatever files they are in: channels and label on one grid, in one orientation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from monai_dcgan.data.reading.common import Header
from monai_dcgan.data.reading.dicom import is_seg, peek_seg, read_seg
from monai_dcgan.data.reading.formats import peek, read
from monai_dcgan.data.reading.grids import describe_grid, same_grid
from monai_dcgan.data.reading.values import check_background, check_finite, values_of, without_artifacts
from monai_dcgan.utils.enums import Keys, Reader

__all__ = ["CaseHeader", "case_files", "check_case", "read_case", "read_label"]

ORIENTATION = "LPS"
# A picture has at most four channels, a case hardly more sequences than this; more are time points or directions.
MAX_CHANNELS = 8
# Voxels of a head, in mm: what lies beyond is a header that is wrong, and would make slices of any size.
VOXEL_SIZES = (1e-3, 1e2)
# Volume of a voxel whose edges are 1, below which its edges lie in a plane.
FLAT = 1e-6


@dataclass(frozen=True)
class CaseHeader:
    """What the headers of a case say.

    Args:
        shape: voxels (X, Y[, Z]) in LPS orientation.
        spacing: voxel size (x, y[, z]) in mm; 1 for pictures.
        channels: channels of the image, once those to use are picked.
        orientation: axes of the first image as stored, such as ``RAS``; "" for pictures.
        dtype: type of the first image's voxels.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    channels: int
    orientation: str
    dtype: str


def case_files(case: Mapping[str, Any], *keys: str) -> list[Path]:
    """Return the files (folders, for DICOM series) of a case: those of ``keys``, of image and label by default."""
    files: list[Path] = []
    for key in keys or (Keys.IMAGE, Keys.LABEL):
        value = case[key]
        if value is not None:
            files += map(Path, value if isinstance(value, (list, tuple)) else [value])
    return files


def check_case(case: Mapping[str, Any], reader: str = Reader.AUTO) -> CaseHeader:
    """Check a case by the headers of its files.

    Volumes are turned by their own headers, so a header that is wrong in one file would mirror or shift the mask.

    Args:
        case: as ``find_cases`` gives it.
        reader: one of ``Reader``.

    Returns:
        what the headers say.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a header is broken, or shapes, grids or channels do not fit; the text names the files.
    """
    images = [(path, peek(path, reader)) for path in case_files(case, Keys.IMAGE)]
    first_path, first = images[0]
    labels = [
        (path, peek_seg(path, first) if is_seg(path) else peek(path, reader)) for path in case_files(case, Keys.LABEL)
    ]
    turned = _Turn.of(first, first_path)
    for path, header in [*images[1:], *labels]:
        _compare(turned, first_path, first, path, header)
    for path, header in labels:
        if header.channels > MAX_CHANNELS:
            raise ValueError(f"label must be 3D, got {header.channels} volumes in {path}; keep the one of labels")
    total = sum(header.channels for _, header in images)
    return CaseHeader(turned.shape, turned.spacing, len(_picked(case, total)), turned.orientation, first.dtype)


def read_case(
    case: Mapping[str, Any], reader: str = Reader.AUTO, label_values: Collection[int] | None = None
) -> dict[str, Any]:
    """Read a case.

    Args:
        case: as ``find_cases`` gives it.
        reader: one of ``Reader``.
        label_values: values that labels may have besides 0; any when None.

    Returns:
        ``image``: list of channels (X, Y[, Z]) in LPS orientation, views of what was read; ``label``: likewise or None;
        ``spacing`` in mm (1 for pictures), ``orientation`` and ``shape`` as of ``CaseHeader``, ``affine`` (4, 4) voxel
        of the LPS array -> mm in RAS+ (None for pictures), and ``label_values``, those that the labels have besides 0.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is broken, holds NaN or infinite values, or does not fit the others; the text says why.
    """
    first: Header | None = None
    turned: _Turn | None = None
    image: list[np.ndarray] = []
    label: list[np.ndarray] = []
    found: set[int] = set()
    for key, channels in ((Keys.IMAGE, image), (Keys.LABEL, label)):
        for path in case_files(case, key):
            scan = read_seg(path, first) if first is not None and is_seg(path) else read(path, reader)
            header = Header(scan.array.shape[1:], len(scan.array), str(scan.array.dtype), scan.affine)
            if first is None or turned is None:
                first, first_path, turned = header, path, _Turn.of(header, path)
            else:
                _compare(turned, first_path, first, path, header)
            check_finite(scan, key, path)
            if key == Keys.LABEL:
                scan = without_artifacts(scan, path)
                found |= values_of(scan, path, label_values)
                check_background(scan, path)
            channels.extend(_Turn.of(header, path).apply(scan.array))
    if turned is None:
        raise ValueError(f"a case must have an image, got none for {case.get(Keys.CASE)}")
    return {
        str(Keys.IMAGE): [image[number] for number in _picked(case, len(image))],
        str(Keys.LABEL): label or None,
        "spacing": turned.spacing,
        "affine": turned.affine,
        "orientation": turned.orientation,
        "shape": turned.shape,
        "label_values": sorted(found),
    }


def read_label(case: Mapping[str, Any], reader: str = Reader.AUTO) -> tuple[list[np.ndarray], list[int]]:
    """Read the label of a case alone.

    Args:
        case: as ``find_cases`` gives it, with a label.
        reader: one of ``Reader``.

    Returns:
        channels (I, J[, K]) as stored, not turned; and the values that they have besides 0.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is broken, or its values are no labels.
    """
    channels: list[np.ndarray] = []
    found: set[int] = set()
    for path in case_files(case, Keys.LABEL):
        scan = read_seg(path, peek(case_files(case, Keys.IMAGE)[0], reader)) if is_seg(path) else read(path, reader)
        check_finite(scan, Keys.LABEL, path)
        scan = without_artifacts(scan, path)
        found |= values_of(scan, path, None)
        channels.extend(scan.array)
    return channels, sorted(found)


@dataclass(frozen=True, eq=False)
class _Turn:
    """How an array as stored is turned to LPS."""

    steps: np.ndarray | None
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    orientation: str
    affine: np.ndarray | None

    @classmethod
    def of(cls, header: Header, path: Path) -> _Turn:
        if header.affine is None:
            return cls(None, header.shape, (1.0,) * len(header.shape), "", None)
        affine = np.asarray(header.affine, dtype=np.float64)
        sizes = np.linalg.norm(affine[:3, :3], axis=0) if np.isfinite(affine).all() else np.zeros(3)
        if not sizes.all() or abs(np.linalg.det(affine[:3, :3] / sizes)) < FLAT:
            raise ValueError(f"{path} must place its voxels in space, got the affine {affine[:3].round(4).tolist()}")
        if sizes.min() < VOXEL_SIZES[0] or sizes.max() > VOXEL_SIZES[1]:
            raise ValueError(
                f"{path} must have voxels of {VOXEL_SIZES[0]:g} to {VOXEL_SIZES[1]:g} mm, got "
                f"{' x '.join(f'{size:.4g}' for size in sizes)}; correct its header"
            )
        return _turn(affine.tobytes(), tuple(header.shape))

    def apply(self, array: np.ndarray) -> list[np.ndarray]:
        """Return the channels of ``array`` (C, I, J[, K]), turned: views."""
        if self.steps is None:
            return list(array)
        return [nibabel.orientations.apply_orientation(channel, self.steps) for channel in array]


@lru_cache(maxsize=64)
def _turn(affine_bytes: bytes, shape: tuple[int, ...]) -> _Turn:
    """Return how a grid is turned; image and label of a case, and their headers, ask for the same."""
    affine = np.frombuffer(affine_bytes).reshape(4, 4)
    axes = nibabel.io_orientation(affine)
    steps = nibabel.orientations.ornt_transform(axes, nibabel.orientations.axcodes2ornt(ORIENTATION))
    turned = affine @ nibabel.orientations.inv_ornt_aff(steps, shape)
    sizes = tuple(int(shape[list(steps[:, 0]).index(axis)]) for axis in range(3))
    spacing = tuple(float(size) for size in nibabel.affines.voxel_sizes(turned))
    return _Turn(steps, sizes, spacing, "".join(nibabel.orientations.ornt2axcodes(axes)), turned)


def _compare(turned: _Turn, first_path: Path, first: Header, path: Path, header: Header) -> None:
    own = _Turn.of(header, path)
    if own.shape != turned.shape:
        raise ValueError(
            f"image and label must have the same shape, got {first.shape} in {first_path} and {header.shape} in "
            f"{path}; resample the label to the image"
        )
    if own is turned or turned.affine is None or own.affine is None or first.affine is None or header.affine is None:
        return
    if not same_grid(turned.affine, own.affine, own.shape):
        raise ValueError(
            f"images and label of a case must lie on the same voxel grid, got {describe_grid(first.affine)} in "
            f"{first_path} and {describe_grid(header.affine)} in {path}; correct the header that is wrong, or resample "
            "one to the other"
        )


def _picked(case: Mapping[str, Any], total: int) -> Sequence[int]:
    """Return the numbers of the channels to use out of ``total``."""
    channels = case.get("channels")
    if channels is None:
        if total > MAX_CHANNELS:
            raise ValueError(
                f"image must have at most {MAX_CHANNELS} channels, got {total}: time points or directions are none; "
                "pick those to use with modalities"
            )
        return range(total)
    if max(channels) >= total:
        raise ValueError(f"modalities must be channels from 0 to {total - 1}, got {list(channels)}")
    return channels
