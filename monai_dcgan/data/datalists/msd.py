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
"""Data sets with the ``dataset.json`` of the Medical Segmentation Decathlon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.data import load_decathlon_datalist

from monai_dcgan.data.datalists.brats import brats_patient
from monai_dcgan.data.datalists.common import (
    CHANNELS,
    channel_numbers,
    listed,
    make_case,
    match_patient,
    single,
    stem_of,
    warn_of_visits,
)
from monai_dcgan.utils.files import read_json

__all__ = ["MSD_FILE", "msd_cases"]

MSD_FILE = "dataset.json"


def msd_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None, fold_column: str | None
) -> list[dict[str, Any]]:
    """List cases of the MSD layout; see ``find_cases``."""
    file = data_dir / MSD_FILE
    content = read_json(file)
    names = {
        str(name): int(number) for number, name in (content.get("modality") or {}).items() if str(number).isdigit()
    }
    channels = channel_numbers(modalities, names)
    cases, guessed = [], []
    for entry in load_decathlon_datalist(str(file), is_segmentation=True, data_list_key="training"):
        if "label" not in entry:
            raise ValueError(f"{file} must give a label for every training image, got none for {entry.get('image')}")
        images = [Path(image) for image in listed(entry["image"])]
        name = stem_of(images[0])
        fold = entry.get(fold_column or "fold", "")
        if fold_column is not None and fold_column not in entry:
            raise ValueError(f"fold_column must be a key of every training entry of {file}, got {fold_column!r}")
        if pattern:
            patient = match_patient(pattern, images[0], data_dir)
        elif entry.get("patient"):
            patient = str(entry["patient"])
        else:
            patient = brats_patient(name)
            guessed.append(patient)
        label = [Path(item) for item in listed(entry["label"])]
        case = make_case(single(images), single(label), patient, name, str(entry.get("class_name", "")), str(fold))
        cases.append(case if channels is None else {**case, CHANNELS: channels})
    warn_of_visits(guessed)
    return cases
