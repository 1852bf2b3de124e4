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
"""Data sets of 2D pictures, with an index or by their names."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.common import CHANNELS, channel_numbers, make_case, match_patient

__all__ = ["INDEX_FILE", "PICTURE_SUFFIXES", "index_cases", "picture_cases"]

logger = logging.getLogger(__name__)

INDEX_FILE = "index.csv"
PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def index_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None, fold_column: str | None
) -> list[dict[str, Any]]:
    """List pictures by ``index.csv``; see ``find_cases``."""
    file = data_dir / INDEX_FILE
    with open(file, newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        columns, rows = list(reader.fieldnames or []), list(reader)
    if fold_column is None:
        fold_column = _only_fold_column(columns)
    wanted = ["image", "mask"] + ([fold_column] if fold_column else [])
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise ValueError(f"{file} must have the columns {', '.join(wanted)}, got {', '.join(columns)}")
    patient_of: Callable[[dict[str, str], Path], str]
    if pattern is not None:
        patient_of = lambda row, image: match_patient(pattern, image, data_dir)  # noqa: E731
    elif "patient" in columns:
        patient_of = lambda row, image: row["patient"]  # noqa: E731
    elif fold_column:
        logger.warning(
            "%s has no column patient: each fold of %r counts as one patient, so that a fold is the smallest unit of "
            "splits and of intervals",
            file,
            fold_column,
        )
        patient_of = lambda row, image: f"fold-{row[fold_column]}"  # noqa: E731
    else:
        guess = _PatientByPlace(data_dir)
        patient_of = lambda row, image: guess(image)  # noqa: E731
    channels = channel_numbers(modalities, {})
    cases = []
    for row in rows:
        if not row["image"] or not row["mask"]:
            raise ValueError(f"{file} must give an image and a mask in every row, got {row}")
        image = data_dir / row["image"]
        name = Path(row["image"]).with_suffix("").as_posix()
        fold = row[fold_column] if fold_column else ""
        patient = patient_of(row, image)
        if not patient:
            raise ValueError(f"{file} must give a patient in every row, got {row}")
        case = make_case(image, data_dir / row["mask"], patient, name, row.get("class") or "", fold)
        cases.append(case if channels is None else {**case, CHANNELS: channels})
    return cases


def picture_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None, mask_suffix: str
) -> list[dict[str, Any]]:
    """List pictures by the names of their masks; see ``find_cases``."""
    if not mask_suffix:
        raise ValueError("mask_suffix must not be empty: it tells masks from pictures")
    files = [path for path in data_dir.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()]
    files = sorted(path for path in files if not path.name.startswith("."))
    masks = {path.with_name(path.stem[: -len(mask_suffix)]): path for path in files if _is_mask(path, mask_suffix)}
    images = [path for path in files if not _is_mask(path, mask_suffix)]
    without = [path for path in images if path.with_name(path.stem) not in masks]
    if without and masks:
        raise ValueError(
            f"every picture must have a mask <stem>{mask_suffix}, got none for {len(without)} of {len(images)}, "
            f"the first {without[0]}"
        )
    lonely = sorted(set(masks) - {path.with_name(path.stem) for path in images})
    if lonely:
        raise ValueError(
            f"every mask must have a picture, got none for {len(lonely)} masks, the first {masks[lonely[0]]}"
        )
    guess = _PatientByPlace(data_dir)
    channels = channel_numbers(modalities, {})
    cases = []
    for image in images if masks else []:
        patient = match_patient(pattern, image, data_dir) if pattern else guess(image)
        name = image.relative_to(data_dir).with_suffix("").as_posix()
        case = make_case(image, masks[image.with_name(image.stem)], patient, name)
        cases.append(case if channels is None else {**case, CHANNELS: channels})
    return cases


def _is_mask(path: Path, mask_suffix: str) -> bool:
    return path.stem.endswith(mask_suffix) and path.stem != mask_suffix


def _only_fold_column(columns: Sequence[str]) -> str | None:
    """Return the one column whose name speaks of folds, if there is just one."""
    named = [name for name in columns if "fold" in name.lower()]
    if len(named) != 1:
        return None
    logger.info("folds are taken from the column %r", named[0])
    return named[0]


class _PatientByPlace:
    """Guess the patient from where a picture lies, and say once what was taken."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.said = False

    def __call__(self, image: Path) -> str:
        in_folder = image.parent != self.data_dir
        patient = image.parent.name if in_folder else image.stem.rstrip("0123456789").rstrip("_- ") or image.stem
        if not self.said:
            what = "the folder of a picture" if in_folder else "the name of a picture without its trailing number"
            logger.warning(
                "nothing says which patient a picture of %s is of: %s is taken as the patient (%r for %s); if that is "
                "wrong, splits are not by patient: give patient_pattern",
                self.data_dir,
                what,
                patient,
                image.name,
            )
            self.said = True
        return patient
