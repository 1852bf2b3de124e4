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
"""Small data sets in each layout, made on the fly."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from monai_dcgan.utils.files import write_json

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


@pytest.fixture
def msd(tmp_path: Path) -> Path:
    """Three patients in MSD layout."""
    folder = tmp_path / "Task99_Brain"
    entries = []
    for number in range(3):
        image, label = head_volume(number)
        save(image, folder / "imagesTr" / f"P{number}.nii.gz")
        save(label, folder / "labelsTr" / f"P{number}.nii.gz")
        entries.append({"image": f"./imagesTr/P{number}.nii.gz", "label": f"./labelsTr/P{number}.nii.gz"})
    write_json(folder / "dataset.json", {"modality": {"0": "FLAIR"}, "training": entries})
    return folder


@pytest.fixture
def brats(tmp_path: Path) -> Path:
    """Two BraTS cases; t2 is missing in the second."""
    folder = tmp_path / "brats"
    for number in range(2):
        name = f"BraTS20_Training_00{number}"
        image, label = head_volume(number)
        for kind in ("flair", "t1", "t1ce", "t2"):
            if kind != "t2" or number == 0:
                save(image, folder / "HGG" / name / f"{name}_{kind}.nii.gz")
        save(label, folder / "HGG" / name / f"{name}_seg.nii.gz")
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two patients' folders with two pictures each."""
    folder = tmp_path / "pictures"
    for patient in ("anna", "bert"):
        for number in range(2):
            image, mask = picture(number)
            save_picture(image, folder / patient / f"s_{number}.png")
            save_picture(mask, folder / patient / f"s_{number}_mask.png")
    return folder


@pytest.fixture
def write_index() -> Callable[[Path, list[dict[str, str]]], None]:
    """Write ``index.csv``."""

    def write(folder: Path, rows: list[dict[str, str]]) -> None:
        with open(folder / "index.csv", "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    return write


@pytest.fixture
def index_rows() -> list[dict[str, str]]:
    """Rows of an index for ``pictures``."""
    return [
        {
            "image": f"{patient}/s_{number}.png",
            "mask": f"{patient}/s_{number}_mask.png",
            "class": kind,
            "the_fold": fold,
        }
        for patient, kind, fold in (("anna", "glioma", "1"), ("bert", "meningioma", "2"))
        for number in range(2)
    ]
