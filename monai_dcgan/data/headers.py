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
"""Compare the voxel grids of images and labels by their headers, before any of them is read whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
from monai.utils import optional_import

from monai_dcgan.data.datalists.common import listed
from monai_dcgan.transforms.grids import describe_grid, patient_grid, same_grid
from monai_dcgan.utils.enums import Keys

__all__ = ["check_headers"]

Image, _ = optional_import("PIL.Image")

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


class _Grid(NamedTuple):
    """Voxels of a file; of a volume in the patient's axes, with the affines so turned and as they stand."""

    shape: tuple[int, ...]
    turned: np.ndarray | None = None
    affine: np.ndarray | None = None


def check_headers(cases: Iterable[Mapping[str, Any]]) -> None:
    """Check that the files of each case have one spatial shape, and that volumes lie on one voxel grid in the patient.

    Volumes are turned by their own headers, so a header that is wrong in one file would mirror or shift the mask.
    Only NIfTI files and pictures are looked at; other formats are checked when they are read.

    Args:
        cases: cases with ``Keys.CASE``, ``Keys.IMAGE`` and ``Keys.LABEL`` (a path or several).

    Raises:
        ValueError: when shapes or grids differ, or a header cannot be read; the text names the files.
    """
    for case in cases:
        paths = [Path(path) for key in (Keys.IMAGE, Keys.LABEL) for path in listed(case[key])]
        grids = [(path, grid) for path, grid in zip(paths, map(_read_grid, paths)) if grid is not None]
        for path, grid in grids[1:]:
            _compare(str(case[Keys.CASE]), *grids[0], path, grid)


def _compare(case: str, first_path: Path, first: _Grid, path: Path, grid: _Grid) -> None:
    if first.shape != grid.shape:
        raise ValueError(
            f"image and label must have the same shape, got {first.shape} in {first_path} and {grid.shape} in {path} "
            f"(case {case}); resample the label to the image"
        )
    if first.turned is None or first.affine is None or grid.turned is None or grid.affine is None:
        return
    if not same_grid(first.turned, grid.turned, grid.shape):
        raise ValueError(
            f"images and label of a case must lie on the same voxel grid, got {describe_grid(first.affine)} in "
            f"{first_path} and {describe_grid(grid.affine)} in {path} (case {case}); correct the header that is wrong, "
            "or resample one to the other"
        )


def _read_grid(path: Path) -> _Grid | None:
    """Return the voxel grid of a file; None for a format whose header is not read here."""
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            image: Any = nibabel.load(path)
            shape = tuple(int(size) for size in image.header.get_data_shape()[:3])
            if len(shape) < 3:
                return _Grid(shape)
            turned, shape = patient_grid(image.affine, shape)
            return _Grid(shape, turned, image.affine)
        if name.endswith(PICTURES):
            with Image.open(path) as picture:
                return _Grid(tuple(picture.size))
    except Exception as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return None
