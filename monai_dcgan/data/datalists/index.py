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
"""Data sets that a table lists."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

from monai_dcgan.data.datalists.attributes import AttributeReader
from monai_dcgan.data.datalists.channels import channel_numbers
from monai_dcgan.data.datalists.common import CHANNELS, DataList, Request, make_case, stem_of
from monai_dcgan.data.datalists.names import says_no_tumor
from monai_dcgan.data.datalists.pictures import PatientByPlace
from monai_dcgan.utils.enums import Layout

__all__ = ["INDEX_FILE", "index_cases"]

logger = logging.getLogger(__name__)

INDEX_FILE = "index.csv"


def index_cases(request: Request) -> DataList:
    """List pictures by ``index.csv``; see ``find_cases``."""
    file = request.data_dir / INDEX_FILE
    columns, rows = _read(file)
    fold_column = request.fold_column or _only_fold_column(columns)
    wanted = ["image", "mask"] + ([fold_column] if fold_column else [])
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise ValueError(f"{file} must have the columns {', '.join(wanted)}, got {', '.join(columns)}")
    by_fold = request.pattern is None and "patient" not in columns and fold_column is not None
    if by_fold:
        logger.warning(
            "%s has no column patient: each fold of %r counts as one patient, so that a fold is the smallest unit of "
            "splits and of intervals",
            file,
            fold_column,
        )
    by_place = PatientByPlace(request)
    attributes = AttributeReader(file, request.problems)
    channels = channel_numbers(request.modalities, {})
    # A table without any mask lists a data set without masks; one that is missing among others is an error.
    masked = any(row["mask"] for row in rows)
    cases = []
    for number, row in enumerate(rows, start=2):
        class_name = row.get("class") or ""
        problem = _trouble(row, masked and not says_no_tumor(class_name), columns)
        name = Path(row["image"] or f"line {number}")
        case_name = (name.parent / stem_of(name)).as_posix()
        if problem:
            request.problems.add(case_name, [file], f"{INDEX_FILE} {problem}, got {row}")
            continue
        image = request.inside(row["image"], case_name)
        mask = request.inside(row["mask"], case_name) if row["mask"] else None
        if image is None or (row["mask"] and mask is None):
            continue
        fold = row[fold_column] if fold_column else ""
        # Places are asked only where nothing else tells, as they warn.
        known = row.get("patient") or (f"fold-{fold}" if by_fold else "")
        patient = request.patient(known or ("" if request.pattern else by_place(image)), case_name, image)
        if patient:
            case = attributes.add(make_case(image, mask, patient, case_name, class_name, fold), row)
            if case is not None:
                cases.append(case if channels is None else {**case, CHANNELS: channels})
    return DataList(cases, Layout.PICTURES, problems=request.problems)


def _read(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return columns and rows; ``ValueError`` when the file is no table."""
    try:
        with open(file, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            columns, rows = list(reader.fieldnames or []), list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{file} must be a table in UTF-8 with commas: {error}") from error
    if any(None in row for row in rows):
        raise ValueError(
            f"{file} must have no more cells in a row than columns, got {next(r for r in rows if None in r)}"
        )
    return columns, rows


def _trouble(row: dict[str, str], needs_mask: bool, columns: Sequence[str]) -> str | None:
    """Return the rule that a row breaks."""
    if not row["image"] or (needs_mask and not row["mask"]):
        return "must give an image and a mask in every row"
    if "patient" in columns and not row["patient"]:
        return "must give a patient in every row"
    return None


def _only_fold_column(columns: Sequence[str]) -> str | None:
    """Return the one column whose name speaks of folds, if there is just one."""
    named = [name for name in columns if "fold" in name.lower()]
    if len(named) != 1:
        return None
    logger.info("folds are taken from the column %r", named[0])
    return named[0]
