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
"""What every reader of a file format gives back, and the checks that they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Header", "Scan", "check_file", "lps_to_ras", "one_line"]

MAX_TEXT = 200


@dataclass(frozen=True, eq=False)
class Header:
    """What a file says of its voxels.

    Args:
        shape: 2 or 3 spatial sizes (I, J[, K]) as stored, in nibabel's axis order.
        channels: number of channels.
        dtype: NumPy name of the type in which ``read`` gives the voxels.
        affine: (4, 4) voxel -> mm in RAS+; None for pictures.
    """

    shape: tuple[int, ...]
    channels: int
    dtype: str
    affine: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Scan:
    """Voxels of a file.

    Args:
        array: (C, I, J[, K]), any numeric type, as stored (not turned to other axes).
        affine: (4, 4) voxel -> mm in RAS+; None for pictures.
    """

    array: np.ndarray
    affine: np.ndarray | None


def check_file(path: str | Path) -> Path:
    """Check that a file is there and holds something.

    Args:
        path: the file.

    Returns:
        The path.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is empty.
    """
    path = Path(path)
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "nothing"
        raise FileNotFoundError(f"{path} must be a file, got {kind}; correct the path")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} must hold data, got 0 bytes; copy or export it again")
    return path


def lps_to_ras(affine: np.ndarray) -> np.ndarray:
    """Turn an affine (4, 4) voxel -> mm from LPS+ (ITK, DICOM) to RAS+ (nibabel)."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def one_line(error: object) -> str:
    """Return the text of a library's error in one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."
