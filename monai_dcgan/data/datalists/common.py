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
"""What the layouts share: a case, its patient, its channels."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.utils.enums import Keys

__all__ = [
    "CHANNELS",
    "channel_numbers",
    "compile_pattern",
    "listed",
    "make_case",
    "match_patient",
    "name_list",
    "single",
    "stem_of",
    "warn_of_visits",
]

logger = logging.getLogger(__name__)

CHANNELS = "channels"
# What may follow the visit in the name of a file: a modality, or nnU-Net's number of a channel.
MODALITY_TOKEN = re.compile(r"[_-](?:flair|t1w|t2w|t1ce|t1gd|t1c|t1n|t2f|0000)$", re.IGNORECASE)
VISIT_TOKEN = re.compile(
    r"[_-](?:(?:visit|timepoint|time|tp|scan|followup|fu|day|week|month|date|v|t)[_-]?\d+[a-z]?"
    r"|ses(?:sion)?[_-]?[a-z0-9]+|pre|post|baseline|followup"
    r"|(?:19|20)\d{6}|(?:19|20)\d\d[_-]\d\d[_-]\d\d|\d\d[_-]\d\d[_-](?:19|20)\d\d)$",
    re.IGNORECASE,
)
# A bare number is a visit only after what is a patient's number itself; otherwise it is the patient (TCGA_CS_4941).
NUMBER_TOKEN = re.compile(r"[_-]\d{1,3}$")
PATIENT_NUMBER = re.compile(
    r"(?:^|[_-])(?!(?:19|20)\d\d$)(?:pat|patient|sub|subject|subj|p|case|id)?\d+$", re.IGNORECASE
)


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
    if match is None or match.group(1) is None:
        raise ValueError(f"patient_pattern must match every file, got no match of {pattern.pattern!r} in {name}")
    return match.group(1)


def warn_of_visits(names: Iterable[str]) -> None:
    """Warn when names that count as patients differ only by what looks like a visit, a session, a date or a time.

    Args:
        names: patients that were taken from the names of files or folders.
    """
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(_without_visit(name), set()).add(name)
    visits = [sorted(group) for _, group in sorted(groups.items()) if len(group) > 1]
    if visits:
        logger.warning(
            "%s and %s count as different patients, though their names differ only by what looks like a visit, session "
            "or date (%d such groups); if they are one patient, it may end up in training and test: give "
            "patient_pattern, a regular expression whose first group is the patient, such as '([^/]+)_[^/]*$' for all "
            "before the last underscore of a name",
            *visits[0][:2],
            len(visits),
        )


def _without_visit(name: str) -> str:
    """Return ``name`` without a visit at its end; as it is when it ends otherwise."""
    bare = MODALITY_TOKEN.sub("", name)
    shorter = VISIT_TOKEN.sub("", bare)
    if shorter == bare:
        shorter = NUMBER_TOKEN.sub("", bare)
        if not PATIENT_NUMBER.search(shorter):
            return bare
    return shorter or bare


def stem_of(path: Path) -> str:
    """Return the name of a file without its suffixes (``.nii.gz``)."""
    return path.name[: -len(".nii.gz")] if path.name.lower().endswith(".nii.gz") else path.stem


def make_case(image: Any, label: Any, patient: str, name: str, class_name: str = "", fold: str = "") -> dict[str, Any]:
    """Return a case as ``find_cases`` does."""
    return {
        str(Keys.IMAGE): image,
        str(Keys.LABEL): label,
        str(Keys.PATIENT): patient,
        str(Keys.CASE): name,
        str(Keys.CLASS_NAME): class_name,
        str(Keys.FOLD): fold,
    }


def channel_numbers(modalities: Sequence[str | int] | None, names: dict[str, int]) -> list[int] | None:
    """Return channel numbers for numbers or names."""
    if modalities is None:
        return None
    known = {name.lower(): number for name, number in names.items()}
    numbers = []
    for wanted in modalities:
        if str(wanted).isdigit():
            numbers.append(int(wanted))
        elif str(wanted).lower() in known:
            numbers.append(known[str(wanted).lower()])
        else:
            raise ValueError(
                f"modalities must be channel numbers{f' or among {sorted(names)}' if names else ''}, got {wanted!r}"
            )
    if not numbers or len(set(numbers)) != len(numbers):
        raise ValueError(f"modalities must name at least one channel and none twice, got {list(modalities)}")
    return numbers


def listed(value: Any) -> list[Any]:
    """Return a list of one or many."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def name_list(modalities: Sequence[str | int] | str | int) -> list[str | int]:
    """Return the modalities as a list; one alone needs none."""
    return [modalities] if isinstance(modalities, (str, int)) else list(modalities)


def single(paths: list[Path]) -> Path | list[Path]:
    """Return the path when there is one, else the list."""
    return paths[0] if len(paths) == 1 else paths
