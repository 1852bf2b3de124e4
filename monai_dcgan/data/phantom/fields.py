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
"""Grids in millimeters and random fields that look the same on every grid."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["EXTENT", "ORIGIN", "Grid", "random_stream", "smooth_field", "smoothstep"]

ORIGIN = (-96.0, -129.0, -91.0)
EXTENT = (192.0, 224.0, 192.0)

# Standard deviation of a cubic B-spline of independent standard normal knots: (151 / 315) ** (3 / 2).
_SPLINE_STD = (151.0 / 315.0) ** 1.5


@dataclass(frozen=True)
class Grid:
    """Voxels of one size that fill the box around the brain of MNI152 space.

    Args:
        spacing: edge of a voxel in mm.
    """

    spacing: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along x, y and z."""
        x, y, z = (int(extent / self.spacing + 1e-6) for extent in EXTENT)
        return x, y, z

    @property
    def axes(self) -> list[np.ndarray]:
        """Centers of the voxels along x, y and z in mm, each shaped to broadcast over the grid."""
        lines = []
        for axis, (origin, size) in enumerate(zip(ORIGIN, self.shape)):
            line = (origin + (np.arange(size) + 0.5) * self.spacing).astype(np.float32)
            lines.append(line.reshape([-1 if other == axis else 1 for other in range(3)]))
        return lines

    @property
    def affine(self) -> np.ndarray:
        """Matrix ``(4, 4)`` from voxel index to mm (RAS+)."""
        affine = np.diag([self.spacing, self.spacing, self.spacing, 1.0])
        affine[:3, 3] = [origin + 0.5 * self.spacing for origin in ORIGIN]
        return affine

    def index(self, points: Sequence[np.ndarray]) -> np.ndarray:
        """Return the fractional voxel indices ``(3, ...)`` of points given in mm."""
        return np.stack([(p - origin) / self.spacing - 0.5 for p, origin in zip(points, ORIGIN)]).astype(np.float32)


def random_stream(seed: int | Sequence[int], name: str) -> np.random.RandomState:
    """Return the random stream ``name`` of ``seed``.

    Each purpose has its own stream, so that a draw more for the one changes nothing in the others. ``RandomState`` is
    used because NumPy keeps its numbers the same in every release.
    """
    words = [seed] if isinstance(seed, int) else list(seed)
    sequence = np.random.SeedSequence([*words, zlib.crc32(name.encode())])
    return np.random.RandomState(np.random.MT19937(sequence))


def smooth_field(rng: np.random.RandomState, grid: Grid, scale: float) -> np.ndarray:
    """Draw a smooth random field: a cubic B-spline of normal knots.

    The knots lie in millimeters, so that the same stream gives the same field on every grid.

    Args:
        rng: source of the knots.
        grid: where to evaluate the field.
        scale: distance of the knots in mm.

    Returns:
        field of shape ``grid.shape``, float32, mean about 0 and standard deviation about 1.
    """
    field = rng.standard_normal([int(np.ceil(extent / scale)) + 3 for extent in EXTENT]).astype(np.float32)
    for axis, size in enumerate(grid.shape):
        position = (np.arange(size) + 0.5) * grid.spacing / scale
        knot = position.astype(int)
        t = position - knot
        weights = ((1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6)
        shape = [-1 if other == axis else 1 for other in range(3)]
        parts = [
            np.take(field, knot + step, axis=axis) * weight.astype(np.float32).reshape(shape)
            for step, weight in enumerate(weights)
        ]
        field = parts[0] + parts[1] + parts[2] + parts[3]
    return field / np.float32(_SPLINE_STD)


def smoothstep(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``, with no corner at either end."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
