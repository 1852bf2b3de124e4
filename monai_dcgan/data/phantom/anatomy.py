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
"""Brains of different people, made from the MNI152 template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from monai.utils import OptionalImportError, optional_import
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from monai_dcgan.data.phantom.fields import Grid, smooth_field, smoothstep

__all__ = ["Tissues", "Template", "cerebrum", "deform", "load_template", "sample_mask", "sample_tissues"]

_CENTER = np.array([0.0, -17.0, 5.0], dtype=np.float32)
_T1_LEVELS = {"gm": 0.643, "wm": 0.875, "csf": 0.271}  # medians of the template where a tissue is pure


@dataclass(frozen=True)
class Template:
    """Maps of the MNI152 template on one grid of 1 mm, each float32 of the same shape.

    Args:
        gm, wm, csf: fraction of each tissue, in [0, 1], sum 1 within the brain.
        texture: what the T1 template shows beyond these fractions, in units of its white matter.
        brain: 1 within the brain.
        depth: distance to the surface of the brain in mm.
        ventricles: the ventricles, smoothed.
        origin: position of the first voxel in mm.
    """

    gm: np.ndarray
    wm: np.ndarray
    csf: np.ndarray
    texture: np.ndarray
    brain: np.ndarray
    depth: np.ndarray
    ventricles: np.ndarray
    origin: np.ndarray

    def sample(self, name: str, points: np.ndarray) -> np.ndarray:
        """Interpolate map ``name`` at ``points``: ``(3, X, Y, Z)`` in mm -> ``(X, Y, Z)``."""
        return _interpolate(getattr(self, name), points - self.origin.reshape(3, 1, 1, 1))


@dataclass(frozen=True)
class Tissues:
    """Fractions of the tissues of one patient, with the texture and the ventricles, each of the shape of the grid."""

    gm: np.ndarray
    wm: np.ndarray
    csf: np.ndarray
    texture: np.ndarray
    ventricles: np.ndarray


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Load the MNI152 T1 template and its tissue maps out of the ``nilearn`` wheel; needs no network.

    Raises:
        OptionalImportError: when ``nilearn`` is not installed.
    """
    datasets, found = optional_import("nilearn.datasets")
    if not found:
        raise OptionalImportError('phantoms need nilearn, which is not installed: pip install "monai_dcgan[phantom]"')
    image = datasets.load_mni152_template(resolution=1)
    loaders = (datasets.load_mni152_gm_template, datasets.load_mni152_wm_template)
    t1, gm, wm = (np.asarray(i.dataobj, dtype=np.float32) for i in (image, *(load(resolution=1) for load in loaders)))
    filled = np.argwhere(t1 > 0)
    first, last = filled.min(axis=0) - 2, filled.max(axis=0) + 3
    box = tuple(slice(a, b) for a, b in zip(np.maximum(first, 0), last))
    origin = (image.affine[:3, 3] + np.maximum(first, 0)).astype(np.float32)
    t1, gm, wm = t1[box], gm[box], wm[box]
    brain = (t1 > 0).astype(np.float32)
    gm, wm = gm * brain, wm * brain
    csf = np.clip(brain - gm - wm, 0, 1)
    expected = gm * _T1_LEVELS["gm"] + wm * _T1_LEVELS["wm"] + csf * _T1_LEVELS["csf"]
    texture = brain * np.clip((t1 - expected) / _T1_LEVELS["wm"], -0.3, 0.3)
    # Distances on every second voxel are exact enough and eight times cheaper.
    coarse = distance_transform_edt(np.pad(brain[::2, ::2, ::2], 1), sampling=2.0)[1:-1, 1:-1, 1:-1]
    grid = np.meshgrid(*(np.arange(size, dtype=np.float32) / 2 for size in brain.shape), indexing="ij", sparse=True)
    depth = map_coordinates(
        coarse.astype(np.float32), np.broadcast_arrays(*grid), order=1, mode="nearest", output=np.float32
    )
    ventricles = gaussian_filter(csf * smoothstep(depth, 18.0, 26.0), 1.5)
    return Template(gm, wm, csf, texture, brain, depth, ventricles, origin)


def _interpolate(volume: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Interpolate ``volume`` at ``index`` ``(3, X, Y, Z)``, linearly; 0 outside, where no time is spent."""
    inside = np.ones(index.shape[1:], dtype=bool)
    for line, size in zip(index, volume.shape):
        inside &= (line > -1) & (line < size)
    values = np.zeros(inside.shape, dtype=np.float32)
    box = []
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        if not used.size:
            return values
        box.append(slice(used[0], used[-1] + 1))
    values[tuple(box)] = map_coordinates(
        volume, index[(slice(None), *box)], order=1, mode="constant", output=np.float32
    )
    return values


def deform(rng: np.random.RandomState, grid: Grid, push: np.ndarray | None = None) -> np.ndarray:
    """Draw the shape of one patient's head: where in the template each voxel comes from.

    An affine map (size, proportions, tilt), smooth displacements at three scales, and ventricles of another width.

    Args:
        rng: stream of this head; the same stream gives the same head on every grid.
        grid: voxels of the patient.
        push: displacement ``(3, X, Y, Z)`` in mm that is added to the positions first, e.g. a tumor's mass effect.

    Returns:
        positions ``(3, X, Y, Z)`` in the template's space in mm, float32.
    """
    points = np.stack(np.broadcast_arrays(*grid.axes)).astype(np.float32)
    if push is not None:
        points = points + push
    a, b, c = np.deg2rad(rng.normal(0, [2.0, 3.0, 3.0]))
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    scale = rng.uniform(0.94, 1.06) * rng.uniform(0.96, 1.04, size=3)
    matrix = (turn_z @ turn_y @ turn_x / scale).astype(np.float32)
    widen = np.float32(rng.uniform(-2.0, 7.0))
    centered = [points[i] - _CENTER[i] for i in range(3)]
    warped = np.stack([sum(matrix[i, j] * centered[j] for j in range(3)) + _CENTER[i] for i in range(3)])
    fields = [sum(s * smooth_field(rng, grid, d) for d, s in ((60, 2.5), (25, 1.6), (11, 0.7))) for _ in range(3)]
    warped += np.stack(fields).astype(np.float32)
    # Moving the point that is read towards the ventricles makes them wider.
    slope = [template_gradient(axis) for axis in range(3)]
    index = (warped - load_template().origin.reshape(3, 1, 1, 1)) / 2
    warped += widen * np.stack([_interpolate(s, index) for s in slope])
    return warped.astype(np.float32)


@lru_cache(maxsize=3)
def template_gradient(axis: int) -> np.ndarray:
    """Slope of the widely smoothed ventricles along ``axis`` on every second voxel, at most 1."""
    broad = gaussian_filter(load_template().ventricles[::2, ::2, ::2], 3.0)
    slopes = np.gradient(broad)
    return (slopes[axis] / np.sqrt(sum(s * s for s in slopes)).max()).astype(np.float32)


def sample_mask(rng: np.random.RandomState, grid: Grid, depth: np.ndarray) -> np.ndarray:
    """Return the brain mask of a patient, bool, with the small errors of a skull stripper along its edge.

    Args:
        rng: stream of the mask.
        grid: voxels of the patient.
        depth: distance to the surface of the brain in mm.
    """
    wobble = np.clip(0.5 * smooth_field(rng, grid, 12.0), -0.9, 0.9)
    return depth + wobble > 1.3


def sample_tissues(rng: np.random.RandomState, grid: Grid, points: np.ndarray) -> Tissues:
    """Sample the tissues of a patient and make them this person's own.

    The template is the mean of 152 people and its tissue borders are soft. A power above 1 makes them crisp, and a
    random factor per tissue that changes over a few millimeters gives each brain other gyri and sulci.
    """
    template = load_template()
    power, wetness = rng.uniform(1.5, 2.2), rng.normal(0.25, 0.35)
    parts = []
    for name, strength, bias in (("gm", 0.45, 0.0), ("wm", 0.45, 0.0), ("csf", 0.8, wetness)):
        factor = np.exp(strength * smooth_field(rng, grid, 6.0) + bias)
        parts.append(np.clip(template.sample(name, points), 1e-4, 1) ** power * factor)
    total = parts[0] + parts[1] + parts[2]
    outside = template.sample("brain", points) < 0.5
    # Beyond the brain lie fluid and membranes; a little of them blurs into its edge.
    beyond = (0.6, 0.0, 0.4)
    gm, wm, csf = (np.where(outside, fill, part / total).astype(np.float32) for fill, part in zip(beyond, parts))
    return Tissues(gm, wm, csf, template.sample("texture", points), template.sample("ventricles", points))


def cerebrum(points: np.ndarray) -> np.ndarray:
    """Return which positions ``(3, ...)`` in mm of the template lie above the tentorium and outside the brainstem."""
    x, y, z = points
    tent = -24 + 26 * np.exp(-((x / 20) ** 2)) * np.clip((y + 95) / 45, 0, 1)
    cerebellum = (y < -38) & (z < tent + 2)
    brainstem = (np.abs(x) < 18) & (y >= -38) & (y < -8) & (z < -5)
    return ~(cerebellum | brainstem)
