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

from collections.abc import Callable
from pathlib import Path

import pytest

from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.utils.files import write_json

from . import volume_makers
from .store_makers import SETTINGS, make_cases
from .volume_makers import head_volume, picture, save, save_picture


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
    return volume_makers.write_index


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


@pytest.fixture(scope="module")
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of as many small volumes as the module's ``CASES`` says."""
    return make_cases(tmp_path_factory.mktemp("data") / "Task42", request.module.CASES)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> SliceStore:
    """The store of ``data`` that an unbroken run makes."""
    return prepare(data, tmp_path_factory.mktemp("whole") / "store", **SETTINGS)
