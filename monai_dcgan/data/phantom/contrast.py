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
"""What the scanner makes of a patient: four sequences with their contrasts, blur, shading and noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from monai_dcgan.data.phantom.anatomy import Tissues
from monai_dcgan.data.phantom.fields import Grid, random_stream, smooth_field, smoothstep
from monai_dcgan.data.phantom.glioma import Tumor

__all__ = ["SEQUENCES", "render_sequences"]

SEQUENCES = ("T1", "T1ce", "T2", "FLAIR")

# Range of the brightness of each substance, as drawn per patient; 1 is white matter in T1, fluid in T2.
_LEVELS: dict[str, dict[str, tuple[float, float]]] = {
    "T1": {
        "wm": (0.96, 1.04), "gm": (0.68, 0.78), "csf": (0.20, 0.30),
        "edema": (0.66, 0.78), "necrosis": (0.38, 0.50), "rim": (0.66, 0.80), "solid": (0.52, 0.66),
    },
    "T1ce": {
        "wm": (0.96, 1.04), "gm": (0.72, 0.82), "csf": (0.22, 0.32),
        "edema": (0.68, 0.80), "necrosis": (0.36, 0.52), "rim": (1.35, 1.85), "solid": (0.54, 0.70),
    },
    "T2": {
        "wm": (0.34, 0.40), "gm": (0.48, 0.56), "csf": (0.95, 1.05),
        "edema": (0.74, 0.88), "necrosis": (0.84, 1.02), "rim": (0.55, 0.72), "solid": (0.76, 0.92),
    },
    "FLAIR": {
        "wm": (0.46, 0.53), "gm": (0.59, 0.67), "csf": (0.08, 0.16),
        "edema": (1.00, 1.25), "necrosis": (0.40, 0.85), "rim": (0.85, 1.05), "solid": (0.90, 1.20),
    },
}  # fmt: skip
_TEXTURE = {"T1": 1.0, "T1ce": 0.9, "T2": -0.7, "FLAIR": -0.45}
_BLUR_MM = {"T1": (0.5, 0.5, 0.5), "T1ce": (0.5, 0.5, 0.5), "T2": (0.6, 0.6, 1.2), "FLAIR": (0.8, 0.8, 1.4)}


def render_sequences(
    seed: int | Sequence[int], grid: Grid, tissue: Tissues, brain: np.ndarray, tumor: Tumor | None
) -> np.ndarray:
    """Make the four images of a patient.

    Args:
        seed: of the patient.
        grid: voxels of the patient.
        tissue: tissues of the patient.
        brain: bool, True within the brain.
        tumor: the tumor, or None.

    Returns:
        images ``(4, X, Y, Z)`` in the order of ``SEQUENCES``, int16, in the raw units of this patient's scanner; 0
        outside the brain and at least 1 within.
    """
    rng = random_stream(seed, "contrast")
    scanner = float(np.exp(rng.uniform(np.log(150.0), np.log(1500.0))))
    grain = [smooth_field(rng, grid, scale) for scale in (4.0, 9.0)]
    vessels = _vessels(rng, grid, tissue)
    caps = rng.uniform(0.0, 0.25) * smoothstep(tissue.ventricles, 0.02, 0.25) * (1 - smoothstep(tissue.csf, 0.1, 0.5))
    noise = random_stream(seed, "noise")
    images = np.zeros((len(SEQUENCES), *grid.shape), dtype=np.int16)
    for number, name in enumerate(SEQUENCES):
        level = {substance: np.float32(rng.uniform(*limits)) for substance, limits in _LEVELS[name].items()}
        image = tissue.gm * level["gm"] + tissue.wm * level["wm"] + tissue.csf * level["csf"]
        image += np.float32(_TEXTURE[name] * rng.uniform(0.8, 1.2)) * tissue.texture * (level["wm"] + level["gm"]) / 2
        image *= 1 + np.float32(0.012) * grain[0] + np.float32(0.012) * grain[1]
        if name == "FLAIR":
            image += caps.astype(np.float32)
        if name == "T1ce":
            image += vessels * np.float32(rng.uniform(0.3, 0.9))
        if tumor is not None:
            image = _add_tumor(image, tumor, level, grain)
        image = gaussian_filter(image, [width / grid.spacing for width in _BLUR_MM[name]], mode="nearest")
        shading = sum(smooth_field(rng, grid, scale) * s for scale, s in ((120.0, 0.08), (70.0, 0.03)))
        image = np.maximum(image, 0.01) * np.exp(shading)
        gain = scanner * rng.uniform(0.6, 1.6)
        sigma = rng.uniform(0.010, 0.028)
        image = _rician(noise, image, sigma) * gain
        images[number] = np.where(brain, np.clip(np.rint(image), 1, 32767), 0).astype(np.int16)
    return images


def _add_tumor(image: np.ndarray, tumor: Tumor, level: dict[str, np.float32], grain: list[np.ndarray]) -> np.ndarray:
    """Replace tissue by edema, core and rim; edema lets some of the tissue shine through."""
    uneven = grain[1] + 0.5 * grain[0]
    edema = level["edema"] * (0.8 + 0.2 * tumor.density) * (1 + 0.07 * uneven)
    image = image + 0.8 * tumor.edema * (edema - image)
    inner = level["necrosis"] if tumor.enhancing else level["solid"]
    image = image + tumor.core * (inner * (1 + (0.07 if tumor.enhancing else 0.04) * uneven) - image)
    return image + tumor.rim * (level["rim"] * (1 + 0.12 * uneven) - image)


def _vessels(rng: np.random.RandomState, grid: Grid, tissue: Tissues) -> np.ndarray:
    """Thin bright vessels in the sulci: the curves on which two random fields are both zero."""
    first, second = smooth_field(rng, grid, 14.0), smooth_field(rng, grid, 14.0)
    curve = np.exp(-(first**2 + second**2) / (2 * 0.09**2))
    return (curve * smoothstep(tissue.csf, 0.05, 0.4) * (1 - smoothstep(tissue.ventricles, 0.02, 0.2))).astype(
        np.float32
    )


def _rician(rng: np.random.RandomState, image: np.ndarray, sigma: float) -> np.ndarray:
    """Magnitude of a complex signal with normal noise of width ``sigma`` in both parts (Gudbjartsson 1995, eq. 1)."""
    real = image + sigma * rng.standard_normal(image.shape)
    imaginary = sigma * rng.standard_normal(image.shape)
    return np.sqrt(real * real + imaginary * imaginary)
