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
"""From an oriented volume to planes, and from planes to squares and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from monai_dcgan.utils.checks import check_choice, check_image_size
from monai_dcgan.utils.enums import Axis, Fit

__all__ = ["Frame", "Plane", "fit_frame", "plane_spacing", "slices_of_volume", "volume_of_slices"]

MARGIN = 0.02  # of the longer side of the head, on each side of its box
UNITS = 512  # unit vectors to resize at once: all of a very long side would fill the memory
LARGEST_SIDE = 16384  # pixels that a plane may be scaled to
BATCH = 8  # planes to work on at once: they stay in the processor's cache


class Plane(NamedTuple):
    """Spatial axes (x to the left, y to the back, z up) across slices, of rows and columns; whether rows are flipped.

    Coronal and sagittal slices show the top of the head in row 0.
    """

    across: int
    rows: int
    columns: int
    flipped: bool


PLANES: dict[str, Plane] = {
    Axis.AXIAL: Plane(2, 1, 0, False),
    Axis.CORONAL: Plane(1, 2, 0, True),
    Axis.SAGITTAL: Plane(0, 2, 1, True),
}


def slices_of_volume(volume: np.ndarray, axis: str = Axis.AXIAL) -> np.ndarray:
    """Cut a volume into slices in display orientation.

    Args:
        volume: (X, Y, Z) oriented to LPS: x runs to the patient's left, y to the back, z up. A picture (X, Y) is one
            slice, whatever the axis.
        axis: plane of the slices. Axial: row 0 is anterior, column 0 the patient's right. Coronal: row 0 is superior,
            column 0 the patient's right. Sagittal: row 0 is superior, column 0 anterior.

    Returns:
        (N, H, W), a view of ``volume``; slice 0 is the most inferior, anterior or right.

    Raises:
        ValueError: when ``axis`` or the number of dimensions is wrong.

    Example:
        >>> slices_of_volume(np.zeros((240, 200, 155))).shape
        (155, 200, 240)
    """
    check_choice("axis", axis, Axis)
    if volume.ndim == 2:
        return volume.T[None]
    if volume.ndim != 3:
        raise ValueError(f"volume must be (X, Y, Z) or a picture (X, Y), got shape {tuple(volume.shape)}")
    plane = PLANES[Axis(axis)]
    stack = volume.transpose(plane.across, plane.rows, plane.columns)
    return stack[:, ::-1] if plane.flipped else stack


def volume_of_slices(stack: np.ndarray, axis: str = Axis.AXIAL) -> np.ndarray:
    """Put slices (N, H, W) of a volume together again: (X, Y, Z), a view; the reverse of ``slices_of_volume``."""
    check_choice("axis", axis, Axis)
    plane = PLANES[Axis(axis)]
    unflipped = stack[:, ::-1] if plane.flipped else stack
    return unflipped.transpose(np.argsort([plane.across, plane.rows, plane.columns]))


def plane_spacing(spacing: tuple[float, ...], axis: str = Axis.AXIAL) -> tuple[float, float]:
    """Return the spacing of rows and columns in mm for voxel sizes (x, y[, z]) in mm."""
    if len(spacing) == 2:
        return float(spacing[1]), float(spacing[0])
    plane = PLANES[Axis(axis)]
    return float(spacing[plane.rows]), float(spacing[plane.columns])


@dataclass(frozen=True)
class Frame:
    """Where the square slices of a volume lie in its planes: cropped to a box, scaled, centered.

    Args:
        plane: rows and columns of a plane.
        box: first row, row behind the last, first column, column behind the last.
        scaled: rows and columns of the box once it is scaled.
        image_size: side of the square in pixels; what is smaller is padded with 0, what is larger is cropped.
    """

    plane: tuple[int, int]
    box: tuple[int, int, int, int]
    scaled: tuple[int, int]
    image_size: int

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Frame:
        """Return the frame that ``as_dict`` described."""
        plane, box, scaled = (tuple(values[name]) for name in ("plane", "box", "scaled"))
        return cls(plane, box, scaled, values["image_size"])  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-like."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def fit(self, stack: np.ndarray) -> np.ndarray:
        """Bring planes, already cropped to the box, to the square.

        Args:
            stack: float32 (N, H, W) in [0, 1] with the rows and columns of the box.

        Returns:
            float32 (N, S, S) in [0, 1]; scaled with an antialiased linear filter.
        """
        result = np.zeros((len(stack), self.image_size, self.image_size), dtype=np.float32)
        (rows_in, rows_out), (columns_in, columns_out) = self._places()
        for start in range(0, len(stack), BATCH):
            part = _resize(stack[start : start + BATCH], self.scaled)
            result[start : start + BATCH, rows_out, columns_out] = part[:, rows_in, columns_in]
        return result

    def restore(self, squares: np.ndarray) -> np.ndarray:
        """Put squares back into their planes.

        Args:
            squares: (N, S, S) with values in [0, 1].

        Returns:
            float32 (N, H, W) with the rows and columns of a plane; 0 outside the box. Where the box was not scaled,
            pixels are what they were.
        """
        (rows_in, rows_out), (columns_in, columns_out) = self._places()
        top, bottom, left, right = self.box
        result = np.zeros((len(squares), *self.plane), dtype=np.float32)
        for start in range(0, len(squares), BATCH):
            part = squares[start : start + BATCH].astype(np.float32)
            scaled = np.zeros((len(part), *self.scaled), dtype=np.float32)
            scaled[:, rows_in, columns_in] = part[:, rows_out, columns_out]
            result[start : start + BATCH, top:bottom, left:right] = _resize(scaled, (bottom - top, right - left))
        return result

    def _places(self) -> Iterator[tuple[slice, slice]]:
        """Yield for rows and columns which part of the scaled box goes to which part of the square."""
        for size in self.scaled:
            inner = min(size, self.image_size)
            first_in, first_out = (size - inner) // 2, (self.image_size - inner) // 2
            yield slice(first_in, first_in + inner), slice(first_out, first_out + inner)


def fit_frame(
    plane: tuple[int, int],
    image_size: int,
    *,
    box: tuple[int, int, int, int] | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
    fit: str = Fit.RESIZE,
    pixel_spacing: float | None = None,
) -> Frame:
    """Return how planes are brought to a square.

    Args:
        plane: rows and columns of a plane.
        image_size: side of the square in pixels.
        box: part of the plane to take, as of ``Frame``; all of it when None.
        spacing: spacing of rows and columns in mm.
        fit: ``resize`` scales the longer side (in mm) to ``image_size``; ``pad`` leaves pixels as they are, or scales
            them to ``pixel_spacing``.
        pixel_spacing: size of a pixel of the square in mm, for ``pad``.

    Raises:
        ValueError: when an argument is wrong.
    """
    check_image_size(image_size)
    check_choice("fit", fit, Fit)
    box = (0, plane[0], 0, plane[1]) if box is None else box
    sides = box[1] - box[0], box[3] - box[2]
    if str(fit) == str(Fit.RESIZE):
        extent = sides[0] * spacing[0], sides[1] * spacing[1]
        factors = [image_size * own / max(extent) for own in spacing]
    else:
        factors = [1.0, 1.0] if pixel_spacing is None else [own / pixel_spacing for own in spacing]
    height, width = (max(1, round(side * factor)) for side, factor in zip(sides, factors))
    if pixel_spacing is not None and max(height, width) > LARGEST_SIDE:
        raise ValueError(
            f"pixel_spacing must leave planes of at most {LARGEST_SIDE} pixels, got {height} x {width} with "
            f"{pixel_spacing} mm for {sides[0]} x {sides[1]} pixels of {spacing[0]:g} x {spacing[1]:g} mm; enlarge it"
        )
    return Frame(plane, box, (height, width), image_size)


def _resize(stack: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize float32 (N, H, W) with an antialiased linear filter."""
    if stack.shape[1:] == shape:
        return stack.clip(0, 1)
    tensor = torch.from_numpy(np.ascontiguousarray(stack))[None]
    return F.interpolate(tensor, shape, mode="bilinear", antialias=True)[0].clamp_(0, 1).numpy()
