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
"""Put DICOM slices in order and find the affine of the volume that they make."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monai_dcgan.data.reading.common import lps_to_ras

__all__ = ["Frame", "frame_affine", "order_frames", "parse_geometry"]

_logger = logging.getLogger(__name__)

MAX_GAP = 1.5
SAME_PLACE = 0.01
UNEVEN = 0.1


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice.

    Args:
        source: the file, with the number of the frame where it holds several.
        shape: (columns, rows).
        position: (3,) mm in LPS+, the center of the first pixel (ImagePositionPatient).
        orientation: (2, 3) in LPS+, direction of growing column and of growing row number (ImageOrientationPatient).
        spacing: mm between columns and between rows.
        thickness: mm between slices, for a series of one slice.
    """

    source: str
    shape: tuple[int, int]
    position: np.ndarray
    orientation: np.ndarray
    spacing: tuple[float, float]
    thickness: float


def parse_geometry(
    source: str, position: Sequence[float], orientation: Sequence[float], spacing: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Check the geometry that a file gives.

    Args:
        source: the file, for errors.
        position: ImagePositionPatient.
        orientation: ImageOrientationPatient.
        spacing: PixelSpacing, between rows and then between columns, as DICOM has it.

    Returns:
        Position, orientation and spacing as ``Frame`` has them.

    Raises:
        ValueError: when a value is missing, or the directions are not two at a right angle.
    """
    wanted = (("ImagePositionPatient", position, 3), ("ImageOrientationPatient", orientation, 6))
    for name, values, count in (*wanted, ("PixelSpacing", spacing, 2)):
        if len(values) != count or not np.isfinite(np.asarray(values, dtype=float)).all():
            raise ValueError(
                f"{source} must say where it lies with {count} numbers in {name}, got {list(values)}; "
                "export the series again, or convert it to NIfTI"
            )
    directions = np.asarray(orientation, dtype=float).reshape(2, 3)
    if not np.allclose(directions @ directions.T, np.eye(2), atol=1e-2):
        raise ValueError(
            f"{source} must have two unit directions at a right angle in ImageOrientationPatient, "
            f"got {list(orientation)}; export the series again"
        )
    if min(spacing) <= 0:
        raise ValueError(f"{source} must have a PixelSpacing above 0, got {list(spacing)}; export the series again")
    return np.asarray(position, dtype=float), directions, (float(spacing[1]), float(spacing[0]))


def frame_affine(frame: Frame, step: np.ndarray) -> np.ndarray:
    """Return the affine (4, 4), column, row and slice number -> mm in RAS+.

    Args:
        frame: the first slice.
        step: (3,) mm in LPS+ from one slice to the next.
    """
    affine = np.eye(4)
    affine[:3, 0] = frame.orientation[0] * frame.spacing[0]
    affine[:3, 1] = frame.orientation[1] * frame.spacing[1]
    affine[:3, 2] = step
    affine[:3, 3] = frame.position
    return lps_to_ras(affine)


def order_frames(frames: Sequence[Frame], where: str) -> tuple[list[int], np.ndarray]:
    """Sort slices by their position along the normal and check that they fill one volume.

    Args:
        frames: the slices, at least one, in any order.
        where: folder or file, for errors.

    Returns:
        Indices of the slices in order of growing position, and the affine (4, 4) voxel -> mm in RAS+. Where slices lie
        on a line that is not their normal (a tilted gantry) the affine is sheared.

    Raises:
        ValueError: when sizes, directions or spacings differ, two slices lie in one place, a slice is missing, or they
            do not lie on one line.
    """
    _check_same(frames, where)
    first = frames[0]
    normal = np.cross(*first.orientation)
    if len(frames) == 1:
        return [0], frame_affine(first, normal * first.thickness)
    heights = np.array([frame.position @ normal for frame in frames])
    order = [int(index) for index in np.argsort(heights, kind="stable")]
    ordered = [frames[index] for index in order]
    _check_gaps(ordered, np.diff(heights[order]), where)
    _check_line(ordered, where)
    step = (ordered[-1].position - ordered[0].position) / (len(frames) - 1)
    return order, frame_affine(ordered[0], step)


def _check_same(frames: Sequence[Frame], where: str) -> None:
    first = frames[0]
    for frame in frames[1:]:
        for name, one, other in (
            ("size", first.shape, frame.shape),
            ("PixelSpacing", first.spacing, frame.spacing),
            ("ImageOrientationPatient", first.orientation, frame.orientation),
        ):
            if not np.allclose(one, other, rtol=1e-3, atol=1e-3):
                raise ValueError(
                    f"all slices of {where} must have the same {name}, got {np.asarray(one).tolist()} in "
                    f"{first.source} and {np.asarray(other).tolist()} in {frame.source}; keep one stack of slices"
                )


def _check_gaps(ordered: Sequence[Frame], gaps: np.ndarray, where: str) -> None:
    closest, widest = int(gaps.argmin()), int(gaps.argmax())
    if gaps[closest] < SAME_PLACE:
        raise ValueError(
            f"all slices of {where} must lie in different places, got {int((gaps < SAME_PLACE).sum())} repeated, first "
            f"{ordered[closest].source} and {ordered[closest + 1].source}; keep one echo, b-value or time point"
        )
    # The lower median, since of two gaps the wider one may be where a slice is missing.
    usual = np.sort(gaps)[(len(gaps) - 1) // 2]
    if gaps[widest] > MAX_GAP * usual:
        raise ValueError(
            f"slices of {where} must follow each other without a gap, got {gaps[widest]:.2f} mm between "
            f"{ordered[widest].source} and {ordered[widest + 1].source} where {usual:.2f} mm is usual; "
            "add the missing slice"
        )
    if np.ptp(gaps) > UNEVEN * usual:
        _logger.warning("slices of %s are %.2f to %.2f mm apart; taken as evenly spaced", where, gaps.min(), gaps.max())


def _check_line(ordered: Sequence[Frame], where: str) -> None:
    positions = np.stack([frame.position for frame in ordered])
    line = positions[-1] - positions[0]
    offsets = positions - positions[0]
    beside = offsets - np.outer(offsets @ line / (line @ line), line)
    distance = np.linalg.norm(beside, axis=1)
    worst = int(distance.argmax())
    if distance[worst] > min(ordered[0].spacing) / 2:
        raise ValueError(
            f"slices of {where} must lie on one line, got {distance[worst]:.2f} mm beside it in "
            f"{ordered[worst].source}; keep one stack of slices"
        )
