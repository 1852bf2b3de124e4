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
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.bids import bids_cases
from monai_dcgan.data.datalists.brats import brats_cases
from monai_dcgan.data.datalists.common import CHANNELS, DataList, Request, file_trouble, listed, name_list, walk_files
from monai_dcgan.data.datalists.detect import SOUGHT, detect_layout
from monai_dcgan.data.datalists.dicom import dicom_cases
from monai_dcgan.data.datalists.folders import folder_cases
from monai_dcgan.data.datalists.index import INDEX_FILE, index_cases
from monai_dcgan.data.datalists.msd import MSD_FILE, msd_cases
from monai_dcgan.data.datalists.names import says_no_tumor
from monai_dcgan.data.datalists.nnunet import nnunet_cases
from monai_dcgan.data.datalists.patients import compile_pattern
from monai_dcgan.data.datalists.pictures import picture_cases
from monai_dcgan.data.datalists.templates import template_cases
from monai_dcgan.data.problems import NO_TEXT, Problems
from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import Keys, Layout, OnError

__all__ = ["CHANNELS", "DataList", "find_cases", "says_no_tumor"]

logger = logging.getLogger(__name__)

LISTERS: dict[Layout, Callable[[Request], DataList]] = {
    Layout.MSD: msd_cases,
    Layout.NNUNET: nnunet_cases,
    Layout.BRATS: brats_cases,
    Layout.BIDS: bids_cases,
    Layout.DICOM: dicom_cases,
    Layout.FOLDERS: folder_cases,
}
# What a store writes of a case.
TEXTS = (Keys.CASE, Keys.PATIENT, Keys.CLASS_NAME, Keys.FOLD)
TEMPLATED = (Layout.AUTO, Layout.FOLDERS, Layout.PICTURES)


def find_cases(
    data_dir: str | Path,
    layout: str = Layout.AUTO,
    modalities: Sequence[str | int] | str | int | None = None,
    mask_suffix: str = "_mask",
    patient_pattern: str | None = None,
    fold_column: str | None = None,
    image_pattern: str | None = None,
    label_pattern: str | None = None,
    on_error: str = OnError.STOP,
) -> DataList:
    """List the cases of a data set.

    Files are looked for below ``data_dir``; links to folders are followed once, hidden files, ``__MACOSX`` and
    ``*.tmp`` are left out. ``auto`` takes the first layout of this table whose files are there:

    =========== ======================================================== ==============================================
    layout      files                                                    patient
    =========== ======================================================== ==============================================
    templates   ``image_pattern`` and ``label_pattern``                  ``{patient}``, else as for folders
    msd         ``dataset.json`` with a list ``training`` (an entry may  ``patient`` of the entry, else the name (of a
                have ``patient``, ``fold``, ``class_name`` and           BraTS name without the visit)
                attributes)
    nnunet      ``dataset.json``, ``imagesTr/<case>_0000.<ext>``,        the name, as for msd
                ``labelsTr/<case>.<ext>``
    pictures    ``index.csv`` with ``image``, ``mask`` and maybe         ``patient``, else the fold, else as below
                ``patient``, ``class``, a column of folds and
                attributes
    bids        ``sub-*/[ses-*/]anat/sub-*_<suffix>.nii[.gz]``; masks    ``sub-*`` (all sessions)
                ``*_{mask,dseg,lesion,roi}`` there or in
                ``derivatives/**/anat``; those of brain tissue are not
                taken; attributes in ``participants.tsv``
    brats       ``<case>_{t1,t1ce,t2,flair,seg}`` (until 2021),          the name without the visit
                ``<case>-{t1n,t1c,t2w,t2f,seg}`` (since 2023),
                ``VSD.Brain.*.{MR_T1,MR_T1c,MR_T2,MR_Flair,OT}.*.mha``
                (2013 to 2015)
    dicom       a folder per series; masks are volumes, DICOM SEG files  first folder below ``data_dir``
                or a series, named mask, seg, label or roi, under the
                same parent folder
    folders     volumes (nii, nii.gz, mha, mhd, nrrd, nhdr) in           innermost folder that is no kind, visit or
                ``images`` with masks in ``labels`` (or scans, masks,    part of the data, else the name; both without
                ...), or beside masks that are named mask, seg, label    a visit or date at the end
                or roi; modalities of a name are one case
    pictures    png, tif, tiff, jpg, jpeg: masks ``<stem><mask_suffix>`` folder without a visit or date at the end, else
                beside them or in ``masks`` next to ``images``; or       the name without its trailing number; in
                folders of at least two classes and no masks             folders of classes each picture by itself where
                                                                         no number would be left
    =========== ======================================================== ==============================================

    Args:
        data_dir: folder of the data set.
        layout: one of ``Layout``; ``auto`` goes by what lies there.
        modalities: channels of the images, in this order, or one alone; None means all. Where each has a file of its
            own, by name, and all means those that every case has; BraTS: t1, t1ce, t2, flair. MSD and nnU-Net: by
            number or by name in ``dataset.json``. Channels of one file without names: by number.
        mask_suffix: what the name of a picture's mask has after the stem of its picture.
        patient_pattern: regular expression, searched in the path of a case's first image relative to ``data_dir``; its
            first group is the patient, whatever else names one.
        fold_column: column of ``index.csv``, or key of an entry of ``dataset.json``, that holds the fold. None means
            the one column whose name holds ``fold``, or the key ``fold``, where there is one.
        image_pattern: template of the images' paths relative to ``data_dir``, such as
            ``{patient}/{case}_Scan_{modality}.nii.gz``, with the placeholders patient, case, modality, class and fold;
            ``*`` is any part of one name, ``**`` any number of folders. A case is then named ``<patient>/<case>``.
        label_pattern: template of the masks' paths; None with ``image_pattern`` means that there are no masks.
        on_error: one of ``OnError``: ``stop`` raises when a case cannot be used, ``skip`` leaves it out and notes it in
            ``problems``.

    Returns:
        cases sorted by name, each with ``Keys``: image (path, or one path per modality; the folder of a DICOM series),
        label (path, list of paths, or None without a mask), patient, case, class_name ("" without), fold ("" without),
        ``channels`` where some of a file are picked, and ``attributes`` where the data set gives any of the patient's
        sex, age, scanner and site (see ``attributes_of``). Either all cases have masks or none has, but for those whose
        class says that there is no tumor (see ``says_no_tumor``).

    Raises:
        FileNotFoundError: when the folder is missing.
        ValueError: when nothing is found, an argument is wrong, or, with ``on_error="stop"``, a case cannot be used: a
            file is missing or empty, a mask is missing, a case occurs twice, a path leads out of the data set, an age
            is negative.

    Example:
        >>> cases = find_cases("Task01_BrainTumour", modalities=["FLAIR"])
        >>> cases.layout, cases.modalities, len(cases)
        (Layout.MSD, ['FLAIR'], 484)
    """
    data_dir = Path(data_dir)
    check_choice("layout", layout, Layout)
    if not data_dir.is_dir():
        raise FileNotFoundError(f"data_dir must be a folder, got {data_dir}, which does not exist")
    asked = Layout(str(layout))
    _check_patterns(asked, image_pattern, label_pattern)
    problems = Problems(on_error)
    request = Request(
        data_dir,
        tuple(walk_files(data_dir, problems)),
        problems,
        None if modalities is None else name_list(modalities),
        mask_suffix,
        compile_pattern(patient_pattern),
        fold_column,
    )
    if image_pattern is not None:
        _refuse_fold_column(fold_column, "templates")
        found = template_cases(request, image_pattern, label_pattern, None if asked == Layout.AUTO else asked)
        sought = f"image_pattern {image_pattern}" + (f" and label_pattern {label_pattern}" if label_pattern else "")
    else:
        found = _by_layout(request, detect_layout(request) if asked == Layout.AUTO else asked)
        sought = SOUGHT[found.layout]
    logger.info("layout of %s: %s%s", data_dir, found.layout, " (detected)" if asked == Layout.AUTO else "")
    return _checked(replace(found, cases=_usable(found)), data_dir, sought)


def _check_patterns(layout: Layout, image_pattern: str | None, label_pattern: str | None) -> None:
    if label_pattern is not None and image_pattern is None:
        raise ValueError(f"label_pattern must come with image_pattern, got {label_pattern!r} alone")
    if image_pattern is not None and layout not in TEMPLATED:
        raise ValueError(f"image_pattern goes with layout {', '.join(TEMPLATED)}, got layout {layout}")


def _by_layout(request: Request, layout: Layout) -> DataList:
    has_index = layout == Layout.PICTURES and (request.data_dir / INDEX_FILE).is_file()
    if layout != Layout.MSD and not has_index:
        _refuse_fold_column(request.fold_column, layout)
    if layout == Layout.PICTURES:
        return index_cases(request) if has_index else picture_cases(request)
    return LISTERS[layout](request)


def _refuse_fold_column(fold_column: str | None, layout: str) -> None:
    if fold_column is not None:
        raise ValueError(f"fold_column goes with {MSD_FILE} or {INDEX_FILE}, got {fold_column!r} for layout {layout}")


def _usable(found: DataList) -> list[dict[str, Any]]:
    """Return the cases, sorted, that occur once and whose files are there; the others become problems."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for case in found.cases:
        by_name.setdefault(case[Keys.CASE], []).append(case)
    good: dict[str, dict[str, Any]] = {}
    for name, cases in by_name.items():
        case = cases[0]
        paths = [path for one in cases for path in (*listed(one[Keys.IMAGE]), *listed(one[Keys.LABEL]))]
        if len(cases) > 1:
            times = "twice" if len(cases) == 2 else f"{len(cases)} times"
            found.problems.add(name, dict.fromkeys(paths), f"every case must occur once, got {name!r} {times}")
            continue
        unwritable = _unwritable([*(case[key] for key in TEXTS), *paths])
        if unwritable is not None:
            found.problems.add(name, paths, f"names must be text that UTF-8 can write, got {unwritable}; rename it")
            continue
        troubles = [
            f"{key} of case {name} cannot be read: {trouble}"
            for key in (Keys.IMAGE, Keys.LABEL)
            for trouble in map(file_trouble, listed(case[key]))
            if trouble
        ]
        if troubles:
            found.problems.add(name, paths, "; ".join(troubles))
        else:
            good[name] = case
    return [good[name] for name in sorted(good)]


def _unwritable(names: Sequence[object]) -> str | None:
    """Return the first of ``names`` that is no text (a file's name may be any bytes) or holds a control character."""
    for text in map(str, names):
        if NO_TEXT.search(text):
            return ascii(text)
    return None


def _checked(found: DataList, data_dir: Path, sought: str) -> DataList:
    """Return what was found, or raise when a case cannot be used, there are none, or some have a class or a mask."""
    found.problems.settle()
    if not found.cases:
        first = next(iter(found.problems), None)
        why = f"; all {len(found.problems)} that were found have problems, the first: {first}" if first else ""
        raise ValueError(f"no case found in {data_dir} with layout {found.layout}: looked for {sought}{why}")
    classed = sum(bool(case[Keys.CLASS_NAME]) for case in found)
    if classed not in (0, len(found)):
        raise ValueError(
            f"either every case must have a class or none, got a class for {classed} of {len(found)} cases"
        )
    if all(case[Keys.LABEL] is None for case in found):
        logger.warning("no case of %s has a mask", data_dir)
    if len(found.problems):
        logger.warning(
            "%d cases of %s are left out, the first: %s", len(found.problems), data_dir, next(iter(found.problems))
        )
    if found.modalities:
        logger.info("modalities: %s", ", ".join(found.modalities))
    return found
