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
"""Whether two volumes lie on the same voxel grid in the patient."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import nibabel
import numpy as np

__all__ = ["describe_grid", "same_grid"]

# Headers are rounded by whoever writes them; within half a voxel the nearest voxel stays the same.
LARGEST_SHIFT = 0.5


def same_grid(first: np.ndarray, second: np.ndarray, shape: Sequence[int]) -> bool:
    """Return whether no corner of a grid moves by more than half the smallest voxel size.

    Args:
        first: affine (4, 4) from voxels to mm.
        second: affine (4, 4) to compare it with, whose axes run the same way.
        shape: voxels (X, Y, Z) of both grids.
    """
    corners = np.array([(*corner, 1) for corner in itertools.product(*((0, size - 1) for size in shape))])
    shift = np.linalg.norm(corners @ (np.asarray(first) - np.asarray(second))[:3].T, axis=1).max()
    smallest = min(nibabel.affines.voxel_sizes(np.asarray(affine)).min() for affine in (first, second))
    return bool(shift <= LARGEST_SHIFT * smallest)


def describe_grid(affine: np.ndarray) -> str:
    """Return orientation, spacing and origin, such as ``"LPS, 1 x 1 x 2 mm, origin 0, 239, 0"``."""
    affine = np.asarray(affine)
    spacing = " x ".join(f"{size:.4g}" for size in nibabel.affines.voxel_sizes(affine))
    origin = ", ".join(f"{value + 0.0:.4g}" for value in affine[:3, 3])
    return f"{''.join(str(code) for code in nibabel.aff2axcodes(affine))}, {spacing} mm, origin {origin}"
