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
"""Data sets of the Medical Segmentation Decathlon, and others with its ``dataset.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.attributes import AttributeReader
from monai_dcgan.data.datalists.channels import channel_numbers, is_number, label_names_of, regions_of
from monai_dcgan.data.datalists.common import CHANNELS, DataList, Request, listed, make_case, single, stem_of
from monai_dcgan.data.datalists.patients import brats_patient, warn_of_visits
from monai_dcgan.utils.enums import Layout
from monai_dcgan.utils.files import read_json

__all__ = ["MSD_FILE", "channel_names", "msd_cases", "read_dataset_json"]

MSD_FILE = "dataset.json"


def read_dataset_json(data_dir: Path) -> dict[str, Any]:
    """Return the content of ``dataset.json``; ``ValueError`` when it holds something else than an object."""
    content = read_json(data_dir / MSD_FILE)
    if not isinstance(content, dict):
        raise ValueError(f"{data_dir / MSD_FILE} must be a JSON object, got {type(content).__name__}")
    for name in ("labels", "modality", "channel_names", "dataset"):
        if not isinstance(content.get(name) or {}, dict):
            raise ValueError(f"{name} of {data_dir / MSD_FILE} must be a JSON object, got {content[name]!r}")
    return content


def channel_names(content: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of the channels by number."""
    named = content.get("channel_names") or content.get("modality") or {}
    return dict(sorted((int(number), str(name)) for number, name in named.items() if is_number(number)))


def msd_cases(request: Request) -> DataList:
    """List cases of the MSD layout; see ``find_cases``."""
    file = request.data_dir / MSD_FILE
    content = read_dataset_json(request.data_dir)
    entries = content.get("training")
    if not isinstance(entries, list):
        raise ValueError(f"{file} must have a list 'training', got the sections {', '.join(content) or 'none'}")
    names = channel_names(content)
    channels = channel_numbers(request.modalities, {name: number for number, name in names.items()})
    # A data set without any mask is one; a mask that is missing among others is an error.
    masked = any(isinstance(entry, dict) and entry.get("label") for entry in entries)
    attributes = AttributeReader(file, request.problems)
    cases, guessed = [], []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry.get("image"):
            raise ValueError(f"{file} must give an object with 'image' for every training entry, got {entry!r}")
        case = _case(request, entry, number, masked)
        case = case and attributes.add(case, entry)
        if case is not None:
            guessed += [case["patient"]] if not entry.get("patient") else []
            cases.append(case if channels is None else {**case, CHANNELS: channels})
    if request.pattern is None:
        warn_of_visits(guessed)
    kept = list(names) if channels is None else channels
    return DataList(
        cases,
        Layout.MSD,
        [names[number] for number in kept if number in names] if names else [],
        label_names_of(content.get("labels") or {}),
        regions_of(content.get("labels") or {}),
        request.problems,
    )


def _case(request: Request, entry: Mapping[str, Any], number: int, masked: bool) -> dict[str, Any] | None:
    """Return the case of an entry of ``training``; None when it became a problem."""
    texts = [str(text) for text in listed(entry["image"])]
    name = stem_of(Path(texts[0])) or f"training {number}"
    if request.fold_column is not None and request.fold_column not in entry:
        raise ValueError(
            f"fold_column must be a key of every training entry of {request.data_dir / MSD_FILE}, got "
            f"{request.fold_column!r}"
        )
    if masked and not entry.get("label"):
        request.problems.add(name, texts, "every training image must have a label where others do, got none")
        return None
    images = [request.inside(text, name) for text in texts]
    labels = [request.inside(str(text), name) for text in listed(entry.get("label") or None)]
    found, masks = [path for path in images if path], [path for path in labels if path]
    if len(found) < len(images) or len(masks) < len(labels):
        return None
    patient = request.patient(str(entry.get("patient") or brats_patient(name)), name, found[0])
    fold = str(entry.get(request.fold_column or "fold", ""))
    label = single(masks) if masks else None
    return patient and make_case(single(found), label, patient, name, str(entry.get("class_name", "")), fold)  # type: ignore[return-value]
