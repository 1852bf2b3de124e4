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
"""Compare the shapes of images and labels by their headers, before any of them is read whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nibabel
from monai.utils import optional_import

from monai_dcgan.utils.enums import Keys

__all__ = ["check_headers"]

Image, _ = optional_import("PIL.Image")

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def check_headers(cases: Iterable[Mapping[str, Any]]) -> None:
    """Check that each case's image and label have the same spatial shape.

    Only NIfTI files and pictures are looked at; other formats are checked when they are read.

    Args:
        cases: cases with ``Keys.IMAGE`` (a path or several) and ``Keys.LABEL`` (a path).

    Raises:
        ValueError: when shapes differ, or a header cannot be read; the text names the files.
    """
    for case in cases:
        images = case[Keys.IMAGE] if isinstance(case[Keys.IMAGE], (list, tuple)) else [case[Keys.IMAGE]]
        label = case[Keys.LABEL]
        if isinstance(label, (list, tuple)):
            continue
        expected = _spatial_shape(Path(label))
        for image in images:
            shape = _spatial_shape(Path(image))
            if None not in (shape, expected) and shape != expected:
                raise ValueError(
                    f"image and label must have the same shape, got {shape} in {image} and {expected} in {label}; "
                    "resample the label to the image"
                )


def _spatial_shape(path: Path) -> tuple[int, ...] | None:
    """Return the spatial shape of a file in the patient's axes; None for a format whose header is not read here."""
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            return _shape_in_patient_axes(nibabel.load(path))
        if name.endswith(PICTURES):
            with Image.open(path) as picture:
                return tuple(picture.size)
    except Exception as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return None


def _shape_in_patient_axes(image: Any) -> tuple[int, ...]:
    """Return the voxels from left to right, back to front and bottom to top, however the file is oriented."""
    shape = image.header.get_data_shape()[:3]
    axes = nibabel.io_orientation(image.affine)[:, 0]
    return tuple(int(shape[list(axes).index(axis)]) for axis in range(len(shape)))
