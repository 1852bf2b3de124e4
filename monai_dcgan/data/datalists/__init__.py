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
"""Find the cases of a data set on the disk: one dictionary per volume or picture."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.brats import brats_cases, brats_files
from monai_dcgan.data.datalists.common import CHANNELS, compile_pattern, listed, name_list
from monai_dcgan.data.datalists.msd import MSD_FILE, msd_cases
from monai_dcgan.data.datalists.pictures import INDEX_FILE, PICTURE_SUFFIXES, index_cases, picture_cases
from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import Keys, Layout

__all__ = ["CHANNELS", "find_cases"]

logger = logging.getLogger(__name__)


def find_cases(
    data_dir: str | Path,
    layout: str = Layout.AUTO,
    modalities: Sequence[str | int] | str | int | None = None,
    mask_suffix: str = "_mask",
    patient_pattern: str | None = None,
    fold_column: str | None = None,
) -> list[dict[str, Any]]:
    """List the cases of a data set.

    Layouts:
        ``msd``: ``dataset.json`` of the Medical Segmentation Decathlon; the section ``training`` is read. An entry may
        have ``patient``, ``fold`` and ``class_name`` besides ``image`` and ``label``.

        ``brats``: files anywhere below ``data_dir`` named ``<case>_flair.nii.gz``, ``_t1``, ``_t1ce``, ``_t2`` and
        ``_seg`` (until 2021) or ``<case>-t2f.nii.gz``, ``-t1n``, ``-t1c``, ``-t2w`` and ``-seg`` (since 2023).

        ``pictures``: 2D images with ``<stem><mask_suffix>`` masks beside them (png, tif, tiff, jpg, jpeg) in nested
        folders. An ``index.csv`` with the columns ``image`` and ``mask``, and maybe ``patient``, ``class`` and a column
        of folds, is used where there is one.

    Args:
        data_dir: folder of the data set.
        layout: one of ``Layout``; ``auto`` goes by what lies there.
        modalities: channels of the images, in this order, or one alone; None means all. BraTS: t1, t1ce, t2, flair,
            where all means what every case has. MSD: by number or by name in ``dataset.json``. Pictures: by number.
        mask_suffix: what a mask's name has after the stem of its picture.
        patient_pattern: regular expression, searched in the path of a case's first image relative to ``data_dir``; its
            first group is the patient, whatever else names one. Without it the patient is what the data set says, or
            the name of the case (without the visit for names of the BraTS challenges).
        fold_column: column of ``index.csv``, or key of an entry of ``dataset.json``, that holds the fold. None means
            the one column whose name holds ``fold``, or the key ``fold``, where there is one.

    Returns:
        cases sorted by name, each with ``Keys``: image (path, or one path per modality), label (path), patient, case,
        class_name ("" without), fold ("" without), and ``channels`` where some are picked.

    Raises:
        FileNotFoundError: when the folder or a listed file is missing.
        ValueError: when nothing is found, a case occurs twice, a picture has no mask, or an argument is wrong.
    """
    data_dir = Path(data_dir)
    check_choice("layout", layout, Layout)
    if not data_dir.is_dir():
        raise FileNotFoundError(f"data_dir must be a folder, got {data_dir}, which does not exist")
    pattern = compile_pattern(patient_pattern)
    modalities = None if modalities is None else name_list(modalities)
    chosen = _detect(data_dir) if str(layout) == str(Layout.AUTO) else Layout(layout)
    logger.info("layout of %s: %s%s", data_dir, chosen, " (detected)" if str(layout) == str(Layout.AUTO) else "")
    if chosen == Layout.MSD:
        cases = msd_cases(data_dir, modalities, pattern, fold_column)
    elif chosen == Layout.BRATS:
        _refuse_fold_column(fold_column, chosen)
        cases = brats_cases(data_dir, modalities, pattern)
    elif (data_dir / INDEX_FILE).is_file():
        cases = index_cases(data_dir, modalities, pattern, fold_column)
    else:
        _refuse_fold_column(fold_column, chosen)
        cases = picture_cases(data_dir, modalities, pattern, mask_suffix)
    return _checked(cases, data_dir, chosen)


def _refuse_fold_column(fold_column: str | None, layout: Layout) -> None:
    if fold_column is not None:
        raise ValueError(f"fold_column goes with {MSD_FILE} or {INDEX_FILE}, got {fold_column!r} for layout {layout}")


def _detect(data_dir: Path) -> Layout:
    """Return the layout by what lies in ``data_dir``."""
    if (data_dir / MSD_FILE).is_file():
        return Layout.MSD
    if (data_dir / INDEX_FILE).is_file():
        return Layout.PICTURES
    if next(brats_files(data_dir), None) is not None:
        return Layout.BRATS
    if any(path.suffix.lower() in PICTURE_SUFFIXES for path in data_dir.rglob("*")):
        return Layout.PICTURES
    raise ValueError(
        f"no data set found in {data_dir}: looked for {MSD_FILE} (msd), <case>_flair.nii.gz and the like (brats), "
        f"{INDEX_FILE} or {', '.join(PICTURE_SUFFIXES)} files with masks (pictures)"
    )


def _checked(cases: list[dict[str, Any]], data_dir: Path, layout: Layout) -> list[dict[str, Any]]:
    """Return the cases sorted by name, or raise when there are none, a file is missing or a case is there twice."""
    if not cases:
        sought = {
            Layout.MSD: f"entries of the section training of {MSD_FILE}",
            Layout.BRATS: "<case>_<modality>.nii.gz with <case>_seg.nii.gz beside them",
            Layout.PICTURES: f"{INDEX_FILE} or {', '.join(PICTURE_SUFFIXES)} files with masks beside them",
        }[layout]
        raise ValueError(f"no case found in {data_dir} with layout {layout}: looked for {sought}")
    seen: set[str] = set()
    for case in cases:
        name = case[Keys.CASE]
        if name in seen:
            raise ValueError(f"every case must occur once, got {name!r} twice in {data_dir}")
        seen.add(name)
        for key in (Keys.IMAGE, Keys.LABEL):
            for path in listed(case[key]):
                if not Path(path).exists():
                    raise FileNotFoundError(f"{key} of case {name} is missing: {path}")
    classed = sum(bool(case[Keys.CLASS_NAME]) for case in cases)
    if classed not in (0, len(cases)):
        raise ValueError(
            f"either every case must have a class or none, got a class for {classed} of {len(cases)} cases"
        )
    return sorted(cases, key=lambda case: case[Keys.CASE])
