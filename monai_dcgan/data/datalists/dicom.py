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
"""Folders with DICOM series and their masks."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

from monai_dcgan.data.datalists.common import VOLUME_SUFFIXES, DataList, Request, has_suffix, stem_of
from monai_dcgan.data.datalists.folders import cases_of_pairs, place_name
from monai_dcgan.data.datalists.names import is_image_folder, is_mask_name, parse_name
from monai_dcgan.data.datalists.pairing import Pair, pair_by_name
from monai_dcgan.utils.enums import Keys, Layout

__all__ = ["dicom_cases", "is_dicom", "is_dicom_file"]

logger = logging.getLogger(__name__)

# DICOM PS3.10, section 7.1: 128 bytes of preamble, then the prefix.
PREAMBLE, PREFIX = 128, b"DICM"
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
# Names that are a number or an UID look as if they had a suffix.
NO_SUFFIX = re.compile(r"(?:\.\d*)?")


def is_dicom_file(path: Path) -> bool:
    """Return whether ``path`` is DICOM by its suffix, or without one by its first bytes; a DICOMDIR is none."""
    if path.name.upper() == "DICOMDIR":
        return False
    if has_suffix(path, DICOM_SUFFIXES):
        return True
    if not NO_SUFFIX.fullmatch(path.suffix):
        return False
    try:
        with open(path, "rb") as stream:
            return stream.read(PREAMBLE + len(PREFIX))[PREAMBLE:] == PREFIX
    except OSError:
        # A file that cannot be read is found out where its case is checked.
        return False


def is_dicom(files: Iterable[Path]) -> bool:
    """Return whether one of ``files`` is DICOM."""
    return any(is_dicom_file(path) for path in files)


def dicom_cases(request: Request) -> DataList:
    """List cases of DICOM series; see ``find_cases``."""
    series, masks = _series_and_masks(request)
    bases: dict[Path, list[Path]] = {}
    for mask in masks:
        bases.setdefault(_base(request, mask), []).append(mask)
    images: dict[Path, list[Path]] = {base: [] for base in bases}
    for folder in series:
        base = next((above for above in (folder, *folder.parents) if above in bases), None)
        if base is None or not base.is_relative_to(request.data_dir):
            reason = (
                "every series must have a mask under the same parent folder, got no file or folder named mask or seg"
            )
            request.problems.add(request.name(folder), [folder], reason)
        else:
            images[base].append(folder)
    pairs: list[tuple[tuple[str, ...], Pair]] = []
    for base, own in sorted(bases.items()):
        place = request.parts(base)
        alone = base != request.data_dir or images[base] == [base]
        if alone and len(own) == 1 and len(images[base]) == 1:
            pairs.append((place, Pair("", {parse_name(images[base][0].name).modality: images[base][0]}, own[0])))
        else:
            pairs += [(place, pair) for pair in pair_by_name(request, images[base], own, alone=alone)]
    found = cases_of_pairs(request, pairs, Layout.DICOM)
    return found if request.pattern else _patients_below(request, found)


def _series_and_masks(request: Request) -> tuple[list[Path], list[Path]]:
    """Return folders with series, and masks: volumes, DICOM SEG files and folders with series of masks."""
    folders: dict[Path, list[Path]] = {}
    masks = []
    for path in request.files:
        in_mask_folder = any(is_mask_name(name) for name in request.parts(path)[:-1])
        if has_suffix(path, VOLUME_SUFFIXES):
            if in_mask_folder or is_mask_name(stem_of(path)):
                masks.append(path)
        elif is_dicom_file(path):
            if not in_mask_folder and is_mask_name(stem_of(path)):
                masks.append(path)
            else:
                folders.setdefault(path.parent, []).append(path)
    series = []
    for folder, files in folders.items():
        if any(is_mask_name(name) for name in request.parts(folder)):
            # One file is a DICOM SEG; several are a series.
            masks.append(files[0] if len(files) == 1 else folder)
        else:
            series.append(folder)
    return series, masks


def _base(request: Request, mask: Path) -> Path:
    """Return the innermost folder around a mask that holds not only masks."""
    folder = mask.parent
    while folder != request.data_dir and any(is_mask_name(name) for name in request.parts(folder)):
        folder = folder.parent
    return folder


def _patients_below(request: Request, found: DataList) -> DataList:
    """Take the first folder below the data set that is not named images or the like as the patient."""
    for case in found.cases:
        image = case[Keys.IMAGE]
        parts = request.parts(image[0] if isinstance(image, list) else image)
        names = [name for name in parts if not is_image_folder(name)]
        case[str(Keys.PATIENT)] = place_name(names[:1], "", request.data_dir.resolve().name)
    if len(found) > 1 and len({case[Keys.PATIENT] for case in found}) == 1:
        logger.warning(
            "all %d cases of %s count as one patient, %r, the first folder below it; if there are more, give the "
            "folder that holds the patients' folders, or patient_pattern",
            len(found),
            request.data_dir,
            found[0][Keys.PATIENT],
        )
    return found
