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
"""Data sets with the file names of the BraTS challenges."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.common import make_case, match_patient, single, warn_of_visits
from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import Keys

__all__ = ["brats_cases", "brats_files", "brats_patient"]

logger = logging.getLogger(__name__)

# Endings of BraTS files up to 2021, and of those since 2023 under the same names.
BRATS_MODALITIES = ("t1", "t1ce", "t2", "flair")
BRATS_2023 = {"t1n": "t1", "t1c": "t1ce", "t2w": "t2", "t2f": "flair"}
BRATS_FILE = re.compile(r"(?P<case>.+)[_-](?P<what>t1|t1ce|t2|flair|seg|t1n|t1c|t2w|t2f)\.nii(\.gz)?", re.IGNORECASE)
# Names that end in the number of a visit, so that several cases are one patient.
BRATS_PATIENT = re.compile(
    r"(BraTS(?:-[A-Za-z]+)+-\d+)-\d+|(brats_2013_pat\d+)_\d+|(BraTS1[789]_\w+_\w+)_\d+", re.IGNORECASE
)


def brats_files(data_dir: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield file, case and kind (a modality, or ``seg``) of every file named after BraTS."""
    for path in data_dir.rglob("*.nii*"):
        match = BRATS_FILE.fullmatch(path.name)
        if match and not path.name.startswith("."):
            kind = match["what"].lower()
            yield path, match["case"], BRATS_2023.get(kind, kind)


def brats_patient(name: str) -> str:
    """Return the patient of a case that is named as in a BraTS challenge; any other name as it is."""
    match = BRATS_PATIENT.fullmatch(name)
    return next(group for group in match.groups() if group) if match else name


def brats_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None
) -> list[dict[str, Any]]:
    """List cases of the BraTS layout; see ``find_cases``."""
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    for path, name, kind in sorted(brats_files(data_dir)):
        found.setdefault((path.parent, name), {})[kind] = path
    labeled = {key: files for key, files in found.items() if "seg" in files}
    if len(labeled) < len(found):
        logger.warning("%d cases of %s have no _seg file and are left out", len(found) - len(labeled), data_dir)
    chosen = _brats_modalities(list(labeled.values()), modalities)
    cases = []
    for (_, name), files in labeled.items():
        missing = [kind for kind in chosen if kind not in files]
        if missing:
            raise FileNotFoundError(f"case {name} must have the modalities {chosen}, got no file for {missing}")
        images = [files[kind] for kind in chosen]
        patient = match_patient(pattern, images[0], data_dir) if pattern else brats_patient(name)
        cases.append(make_case(single(images), files["seg"], patient, name))
    if pattern is None:
        warn_of_visits(case[Keys.PATIENT] for case in cases)
    if labeled:
        logger.info("modalities: %s", ", ".join(chosen))
    return cases


def _brats_modalities(cases: list[dict[str, Path]], wanted: Sequence[str | int] | None) -> list[str]:
    if wanted is not None:
        kinds = [BRATS_2023.get(str(kind).lower(), str(kind).lower()) for kind in wanted]
        if not kinds or len(set(kinds)) != len(kinds):
            raise ValueError(
                f"modalities must name at least one of {BRATS_MODALITIES} and none twice, got {list(wanted)}"
            )
        for kind in kinds:
            check_choice("modalities", kind, BRATS_MODALITIES)
        return kinds
    common = [kind for kind in BRATS_MODALITIES if all(kind in files for files in cases)]
    if cases and not common:
        raise ValueError("no modality is there for every case; name the ones to use with modalities")
    return common
