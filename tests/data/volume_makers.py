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
"""Small volumes and pictures, the files that they are in, and how such files break."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

LPS = np.diag([-1.0, -1.0, 2.0, 1.0])


def head_volume(seed: int, shape: tuple[int, int, int] = (40, 48, 6)) -> tuple[np.ndarray, np.ndarray]:
    """A noisy ellipsoid with a bright ball in its front right; slices 0 and 1 hold no tumor."""
    random = np.random.RandomState(seed)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    head = (x / 0.7) ** 2 + (y / 0.9) ** 2 < 1
    tumor = (x + 0.3) ** 2 + (y + 0.4) ** 2 < 0.05
    tumor &= z > -0.3
    image = head * (300 + 40 * random.rand(*shape)) + 400 * tumor
    return image.astype(np.float32), (tumor * (1 + (x < -0.3))).astype(np.uint8)


def save(array: np.ndarray, path: Path, affine: np.ndarray = LPS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)


def save_picture(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def picture(seed: int, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """One slice as an 8-bit picture (rows, columns) with its mask of 0 and 255."""
    image, label = head_volume(seed, (size, size, 3))
    return (image[:, :, 2].T * 0.3).astype(np.uint8), (label[:, :, 2].T > 0).astype(np.uint8) * 255


def write_index(folder: Path, rows: list[dict[str, str]]) -> None:
    """Write ``index.csv``."""
    with open(folder / "index.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def cut_off(path: Path, count: int) -> None:
    """Take the last ``count`` bytes from a file."""
    path.write_bytes(path.read_bytes()[:-count])


def flip(path: Path, position: int, bit: int = 7) -> None:
    """Flip a bit of a file."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)
