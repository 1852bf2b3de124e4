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
"""Digital gliomas: where they lie, how far they grow, what they push away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from monai_dcgan.data.phantom.anatomy import Tissues, cerebrum, deform, load_template, sample_tissues
from monai_dcgan.data.phantom.fields import Grid, random_stream, smooth_field, smoothstep

__all__ = ["Glioma", "Tumor", "draw_glioma", "grow", "mass_effect", "render_tumor"]

MIN_DIAMETER, MAX_DIAMETER = 12.0, 65.0
_GROWTH_GRID = Grid(2.0)
_THRESHOLD = 0.3  # cell density from which FLAIR shows the tumor


@dataclass(frozen=True)
class Glioma:
    """What is drawn for one tumor; lengths in mm.

    Args:
        center: position in the patient's space.
        diameter: of the ball with the volume of the whole tumor.
        core: radius of the core.
        rim: thickness of the enhancing rim; 0 for a low-grade tumor, which does not enhance.
        push: largest displacement of the tissue around.
        diffusion: of cells through white matter, in mm^2 per step.
        contrast: how many times slower cells move in grey matter.
        proliferation: growth rate per step.
        roughness: how irregular the core is.
        axes: stretch of the core along x, y and z.
    """

    center: tuple[float, float, float]
    diameter: float
    core: float
    rim: float
    push: float
    diffusion: float
    contrast: float
    proliferation: float
    roughness: float
    axes: tuple[float, float, float]


@dataclass(frozen=True)
class Tumor:
    """A tumor on a grid; each map is float32 in [0, 1] with soft borders.

    Args:
        edema, core, rim: share of each voxel; the rim is a part of the core.
        density: cells of the tumor.
        label: uint8, 0 background, 1 necrotic or non-enhancing core, 2 edema, 3 enhancing rim.
        enhancing: False for a low-grade tumor.
    """

    edema: np.ndarray
    core: np.ndarray
    rim: np.ndarray
    density: np.ndarray
    label: np.ndarray
    enhancing: bool


def draw_glioma(seed: int | Sequence[int]) -> Glioma:
    """Draw a tumor: a place in the white matter of the cerebrum, a log-uniform diameter of 12 to 65 mm, and a grade."""
    rng = random_stream(seed, "glioma")
    diameter = float(np.exp(rng.uniform(np.log(MIN_DIAMETER), np.log(MAX_DIAMETER))))
    high_grade = rng.uniform() < (0.82 if diameter > 24 else 0.65)
    share = rng.uniform(0.4, 0.8) if high_grade else rng.uniform(0.4, 0.7)
    core = 0.5 * diameter * share
    thickness = rng.uniform(2.0, 5.0) if diameter > 22 else core
    template = load_template()
    inside = (template.wm > 0.6) & (template.depth > 6 + 0.12 * diameter)
    candidates = np.argwhere(inside).astype(np.float32) + template.origin
    candidates = candidates[cerebrum(candidates.T)]
    place = candidates[rng.randint(len(candidates))]
    # The head that the place is in is another one than the template: take the voxel that comes from there.
    points = deform(random_stream(seed, "head"), _GROWTH_GRID)
    nearest = int(np.argmin(sum((points[i] - place[i]) ** 2 for i in range(3))))
    voxel = np.unravel_index(nearest, _GROWTH_GRID.shape)
    return Glioma(
        center=tuple(float(line.ravel()[v]) for line, v in zip(_GROWTH_GRID.axes, voxel)),  # type: ignore[arg-type]
        diameter=diameter,
        core=core,
        rim=float(thickness) if high_grade else 0.0,
        push=float(core * rng.uniform(0.25, 0.55)),
        diffusion=float(rng.uniform(0.35, 0.6)),
        contrast=float(rng.uniform(6.0, 15.0)),
        proliferation=float(rng.uniform(0.03, 0.09)),
        roughness=float(rng.uniform(0.18, 0.34)),
        axes=tuple(float(v) for v in rng.uniform(0.8, 1.25, size=3)),  # type: ignore[arg-type]
    )


def mass_effect(glioma: Glioma, grid: Grid, depth: np.ndarray) -> np.ndarray:
    """Return how far, and whence, the tumor pushed the tissue of each voxel.

    The displacement grows to the border of the core, fades away from it, and stops at the skull.

    Args:
        glioma: the tumor.
        grid: voxels of the patient.
        depth: distance to the surface of the brain in mm.

    Returns:
        displacement ``(3, X, Y, Z)`` in mm towards the place where the tissue came from.
    """
    offset = np.stack(np.broadcast_arrays(*(line - c for line, c in zip(grid.axes, glioma.center)))).astype(np.float32)
    radius = np.sqrt((offset**2).sum(0)) + 1e-3
    ratio = radius / glioma.core
    profile = ratio**2 * np.exp(1 - ratio**2) * (ratio < 1) + np.exp(-(ratio - 1).clip(0) * glioma.core / 22) * (
        ratio >= 1
    )
    amount = glioma.push * profile * (1 - np.exp(-depth / 8.0))
    return (-offset / radius * amount).astype(np.float32)


def grow(glioma: Glioma, seed: int | Sequence[int]) -> np.ndarray:
    """Let the tumor grow through the tissue until it has its volume.

    Cells move and multiply by ``du/dt = div(D grad u) + p u (1 - u)`` (Swanson 2000, Cell Proliferation 33, 317-329,
    eq. 1), fast in white matter, slowly in grey matter and not at all in fluid: hence the fingers along the tracts.

    Returns:
        cell density in [0, 1] on the grid of 2 mm.
    """
    grid = _GROWTH_GRID
    still = deform(random_stream(seed, "head"), grid)
    push = mass_effect(glioma, grid, load_template().sample("depth", still))
    points = deform(random_stream(seed, "head"), grid, push)
    tissue = sample_tissues(random_stream(seed, "tissue"), grid, points)
    uneven = np.exp(0.6 * smooth_field(random_stream(seed, "growth"), grid, 10.0))
    speed = tissue.wm + tissue.gm / glioma.contrast
    diffusion = np.clip(glioma.diffusion * uneven * speed, 0, 0.62) / grid.spacing**2
    closed = ~cerebrum(points) | (tissue.csf > 0.5) | (load_template().sample("brain", still) < 0.5)
    diffusion[closed] = 0
    rate = glioma.proliferation * np.where(closed, 0, tissue.wm + 0.25 * tissue.gm)
    center = [round(float(i)) for i in grid.index([np.asarray(c) for c in glioma.center])]
    box = tuple(slice(max(0, c - 36), c + 37) for c in center)
    diffusion, rate = diffusion[box].astype(np.float32), rate[box].astype(np.float32)
    between = [_pairs(diffusion, axis) for axis in range(3)]
    start = _ball(glioma, grid)[box]
    density = start * (diffusion > 0)
    target = np.pi / 6 * glioma.diameter**3 / grid.spacing**3
    for _ in range(600):
        if (density > _THRESHOLD).sum() >= target:
            break
        change = rate * density * (1 - density)
        for axis, pair in enumerate(between):
            flow = pair * np.diff(density, axis=axis)
            low, high = _ends(axis)
            change[low] += flow
            change[high] -= flow
        density = density + change
    full = np.zeros(grid.shape, dtype=np.float32)
    full[box] = density
    return full


def render_tumor(glioma: Glioma, seed: int | Sequence[int], grid: Grid, tissue: Tissues, density: np.ndarray) -> Tumor:
    """Bring the tumor onto ``grid`` and divide it into edema, core and rim.

    Args:
        glioma: the tumor.
        seed: of the patient.
        grid: voxels of the patient.
        tissue: tissues of the patient, on ``grid``.
        density: of cells, on the grid of 2 mm (``grow``).

    Returns:
        the tumor on ``grid``.
    """
    index = _GROWTH_GRID.index(np.broadcast_arrays(*grid.axes))
    density = np.clip(map_coordinates(density, index, order=1, mode="constant", output=np.float32), 0, 1)
    rng = random_stream(seed, "core")
    coarse = smooth_field(rng, grid, max(4.0, 0.75 * glioma.core))
    fine = smooth_field(rng, grid, max(3.0, 0.3 * glioma.core))
    uneven = smooth_field(rng, grid, max(4.0, 0.6 * glioma.core))
    ratio = np.sqrt(
        sum(((line - c) / (glioma.core * s)) ** 2 for line, c, s in zip(grid.axes, glioma.center, glioma.axes))
    )
    ratio = ratio * np.maximum(1 + glioma.roughness * coarse + 0.4 * glioma.roughness * fine, 0.4)
    # The core stays where cells are and out of the ventricles.
    ratio = ratio + 1.2 * (1 - smoothstep(density, 0.15, 0.6)) + 2.0 * tissue.ventricles
    inward = (1 - ratio) * glioma.core
    soft = 0.4 + 0.4 * grid.spacing if glioma.rim else 1.0 + 0.4 * grid.spacing
    core = smoothstep(inward, -soft, soft)
    thickness = glioma.rim * np.clip(1 + 0.5 * uneven + 0.35 * fine, 0.12, 2.3) if glioma.rim else np.zeros_like(inward)
    rim = core * (1 - smoothstep(inward - thickness, -soft, soft + 1.0)) if glioma.rim else np.zeros_like(core)
    wet = smoothstep(density + 0.05 * fine * (density > 0.02), 0.08, 0.52) * (1 - smoothstep(tissue.csf, 0.4, 0.9))
    label = np.zeros(grid.shape, dtype=np.uint8)
    label[wet > 0.5] = 2
    label[inward > 0] = 1
    label[(inward > 0) & (inward < thickness)] = 3
    edema, core, rim = (np.asarray(part, dtype=np.float32) for part in (wet, core, rim))
    return Tumor(edema, core, rim, density, label, enhancing=glioma.rim > 0)


def _ball(glioma: Glioma, grid: Grid) -> np.ndarray:
    """A first handful of cells at the center of the tumor."""
    distance = sum((line - c) ** 2 for line, c in zip(grid.axes, glioma.center))
    return np.exp(-distance / (2 * max(3.0, 0.25 * glioma.core) ** 2)).astype(np.float32)


def _ends(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Index of all voxels but the last, and all but the first, along ``axis``."""
    low = [slice(None)] * 3
    high = [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return tuple(low), tuple(high)


def _pairs(diffusion: np.ndarray, axis: int) -> np.ndarray:
    """Harmonic mean of the diffusion of neighbors along ``axis``: 0 where either is closed."""
    low, high = _ends(axis)
    return 2 * diffusion[low] * diffusion[high] / (diffusion[low] + diffusion[high] + 1e-6)
