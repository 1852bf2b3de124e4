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
"""The patient of a case, by the names of files and folders."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from monai_dcgan.data.datalists.names import is_class_folder, is_image_folder, is_mask_folder

__all__ = [
    "brats_patient",
    "compile_pattern",
    "match_patient",
    "patient_by_place",
    "visit_groups",
    "warn_of_visits",
    "without_date",
]

logger = logging.getLogger(__name__)

# Names that end in the number of a visit, so that several cases are one patient.
BRATS_PATIENT = re.compile(
    r"(BraTS(?:-[A-Za-z]+)+-\d+)-\d+|(brats_(?:2013|tcia)_pat\d+)_\d+|(BraTS1[789]_\w+_\w+)_\d+", re.IGNORECASE
)
# What may follow the visit in the name of a file: a modality, or nnU-Net's number of a channel.
MODALITY_TOKEN = re.compile(r"[_-](?:flair|t1w|t2w|t1ce|t1gd|t1c|t1n|t2f|0000)$", re.IGNORECASE)
VISIT = (
    r"(?:(?:visit|timepoint|time|tp|scan|followup|fu|day|week|month|date|v|t)[_-]?\d+[a-z]?"
    r"|ses(?:sion)?[_-]?[a-z0-9]+|pre|post|baseline|followup"
    r"|(?:19|20)\d{6}|(?:19|20)\d\d[_-]\d\d[_-]\d\d|\d\d[_-]\d\d[_-](?:19|20)\d\d)"
)
VISIT_TOKEN = re.compile(rf"[_-]{VISIT}$", re.IGNORECASE)
VISIT_FOLDER = re.compile(VISIT, re.IGNORECASE)
# A bare number is a visit only after what is a patient's number itself; otherwise it is the patient (TCGA_CS_4941).
NUMBER_TOKEN = re.compile(r"[_-]\d{1,3}$")
PATIENT_NUMBER = re.compile(
    r"(?:^|[_-])(?!(?:19|20)\d\d$)(?:pat|patient|sub|subject|subj|p|case|id)?\d+$", re.IGNORECASE
)
# Folders that hold a part of the data or a kind of scan, not a patient.
GENERIC_FOLDER = re.compile(
    r"(?:train|training|val|valid|validation|test|testing|data|dataset|raw|anat|mri?|dicom|dcm|nifti|nii|png|tiff?|jpe?g"
    r"|t1\w*|t2\w*|flair|series|study)",
    re.IGNORECASE,
)


def brats_patient(name: str) -> str:
    """Return the patient of a case that is named as in a BraTS challenge; any other name as it is."""
    match = BRATS_PATIENT.fullmatch(name)
    return next(group for group in match.groups() if group) if match else name


def compile_pattern(patient_pattern: str | None) -> re.Pattern[str] | None:
    """Compile ``patient_pattern``; raise ``ValueError`` when it is none or has no group."""
    if patient_pattern is None:
        return None
    try:
        pattern = re.compile(patient_pattern)
    except re.error as error:
        raise ValueError(f"patient_pattern must be a regular expression, got {patient_pattern!r}: {error}") from error
    if pattern.groups < 1:
        raise ValueError(f"patient_pattern must have a group that holds the patient, got {patient_pattern!r}")
    return pattern


def match_patient(pattern: re.Pattern[str], path: Path, data_dir: Path) -> str:
    """Return the first group of ``pattern`` in the path relative to ``data_dir``; ``ValueError`` without a match."""
    name = path.relative_to(data_dir).as_posix() if path.is_relative_to(data_dir) else path.as_posix()
    match = pattern.search(name)
    if match is None or not match.group(1):
        raise ValueError(f"patient_pattern must match every file, got no match of {pattern.pattern!r} in {name}")
    return match.group(1)


def patient_by_place(folders: Sequence[str]) -> str | None:
    """Return the innermost folder that may be a patient's, without the visit or date at its end; None without one.

    Args:
        folders: names of the folders from the data set to the file.
    """
    for name in reversed(folders):
        other = is_image_folder(name) or is_mask_folder(name) or is_class_folder(name)
        if not other and not GENERIC_FOLDER.fullmatch(name) and not VISIT_FOLDER.fullmatch(name):
            return without_date(name)
    return None


def without_date(name: str) -> str:
    """Return ``name`` without a visit, session or date at its end, where what is left holds a number or is BraTS'."""
    bare = MODALITY_TOKEN.sub("", name)
    shorter = VISIT_TOKEN.sub("", bare)
    # Without a number left, as in brain_scan_1, what was cut off is the patient.
    return shorter if shorter != bare and any(sign.isdigit() for sign in shorter) else brats_patient(name)


def warn_of_visits(names: Iterable[str]) -> None:
    """Warn when names that count as patients differ only by what looks like a visit, a session, a date or a time.

    Args:
        names: patients that were taken from the names of files or folders.
    """
    visits = visit_groups(names)
    if visits:
        logger.warning(
            "%s and %s count as different patients, though their names differ only by what looks like a visit, session "
            "or date (%d such groups); if they are one patient, it may end up in training and test: give "
            "patient_pattern, a regular expression whose first group is the patient, such as '([^/]+)_[^/]*$' for all "
            "before the last underscore of a name",
            *visits[0][:2],
            len(visits),
        )


def visit_groups(names: Iterable[str]) -> list[list[str]]:
    """Return groups of names that differ only by what looks like a visit, a session, a date or a time; each sorted."""
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(_without_visit(name), set()).add(name)
    return [sorted(group) for _, group in sorted(groups.items()) if len(group) > 1]


def _without_visit(name: str) -> str:
    """Return ``name`` without a visit at its end; as it is when it ends otherwise."""
    bare = MODALITY_TOKEN.sub("", name)
    shorter = VISIT_TOKEN.sub("", bare)
    if shorter == bare:
        shorter = NUMBER_TOKEN.sub("", bare)
        if not PATIENT_NUMBER.search(shorter):
            return bare
    return shorter or bare
