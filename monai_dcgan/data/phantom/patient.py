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
"""One digital patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monai_dcgan.data.phantom.anatomy import deform, load_template, sample_mask, sample_tissues
from monai_dcgan.data.phantom.contrast import render_sequences
from monai_dcgan.data.phantom.fields import Grid, random_stream
from monai_dcgan.data.phantom.glioma import draw_glioma, grow, mass_effect, render_tumor

__all__ = ["DEFAULT_SPACING", "MAX_SPACING", "MIN_SPACING", "check_seed", "check_spacing", "make_phantom"]

DEFAULT_SPACING = 1.5
MIN_SPACING, MAX_SPACING = 1.0, 4.0


def check_seed(value: object) -> None:
    """Raise ``ValueError`` unless ``value`` is a whole number of at least 0, or a sequence of such numbers."""
    words = value if isinstance(value, (list, tuple)) else [value]
    if not words or any(isinstance(word, bool) or not isinstance(word, int) or word < 0 for word in words):
        raise ValueError(f"seed must be a whole number of at least 0, got {value!r}")


def check_spacing(value: float) -> None:
    """Raise ``ValueError`` unless ``value`` is a voxel size in mm that phantoms can be made at."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not MIN_SPACING <= value <= MAX_SPACING:
        raise ValueError(
            f"spacing must be a number from {MIN_SPACING:g} to {MAX_SPACING:g} (mm), got {value!r}; "
            f"the template has {MIN_SPACING:g} mm and {DEFAULT_SPACING:g} mm is the default"
        )


def make_phantom(
    seed: int | Sequence[int], spacing: float = DEFAULT_SPACING, healthy: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one patient: a skull-stripped brain in T1, contrast-enhanced T1, T2 and FLAIR, with or without a glioma.

    Args:
        seed: the patient; the same seed at another spacing is the same patient, and with ``healthy`` the same brain.
        spacing: edge of a voxel in mm, 1 to 4.
        healthy: leave the tumor away.

    Returns:
        - image ``(4, X, Y, Z)``, int16, in raw scanner units, 0 outside the brain;
        - label ``(X, Y, Z)``, uint8: 1 necrotic or non-enhancing core, 2 edema, 3 enhancing rim;
        - affine ``(4, 4)`` from voxel index to mm, RAS+.

    Raises:
        ValueError: when ``seed`` or ``spacing`` is out of range.
        OptionalImportError: when ``nilearn`` is not installed.

    Example::

        image, label, affine = make_phantom(seed=0, spacing=2.0)
        image.shape  # (4, 96, 112, 96)
    """
    check_seed(seed)
    check_spacing(spacing)
    grid = Grid(float(spacing))
    points = deform(random_stream(seed, "head"), grid)
    depth = load_template().sample("depth", points)
    brain = sample_mask(random_stream(seed, "mask"), grid, depth)
    tumor = None
    if healthy:
        tissue = sample_tissues(random_stream(seed, "tissue"), grid, points)
    else:
        glioma = draw_glioma(seed)
        push = mass_effect(glioma, grid, depth)
        points = deform(random_stream(seed, "head"), grid, push)
        tissue = sample_tissues(random_stream(seed, "tissue"), grid, points)
        tumor = render_tumor(glioma, seed, grid, tissue, grow(glioma, seed))
        tumor.label[~brain] = 0
    image = render_sequences(seed, grid, tissue, brain, tumor)
    label = np.zeros(grid.shape, dtype=np.uint8) if tumor is None else tumor.label
    return image, label, grid.affine
