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
"""Raw data sets of nnU-Net, version 1 and 2."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.channels import channel_numbers, label_names_of, pick_images, regions_of
from monai_dcgan.data.datalists.common import DataList, Request, listed, make_case, single, stem_of
from monai_dcgan.data.datalists.msd import MSD_FILE, channel_names, read_dataset_json
from monai_dcgan.data.datalists.patients import brats_patient, warn_of_visits
from monai_dcgan.utils.enums import Keys, Layout

__all__ = ["is_nnunet", "nnunet_cases"]

IMAGES, LABELS = "imagesTr", "labelsTr"
CHANNEL = re.compile(r"(?P<case>.+)_(?P<number>\d{4})")


def is_nnunet(data_dir: Path, content: Mapping[str, Any]) -> bool:
    """Return whether ``dataset.json`` is nnU-Net's.

    Version 1 has the list ``training`` of the MSD, but of images without their number: ``case.nii.gz`` stands for
    ``case_0000.nii.gz``.
    """
    entries = content.get("training")
    if not isinstance(entries, list):
        return any(name in content for name in ("channel_names", "modality", "numTraining"))
    first = entries[0].get("image") if entries and isinstance(entries[0], dict) else None
    # os.path takes names that no file can have; pathlib raises.
    if not isinstance(first, str) or os.path.exists(data_dir / first):
        return False
    file = data_dir / first
    return os.path.exists(file.parent / f"{stem_of(file)}_0000{file.name[len(stem_of(file)) :]}")


def nnunet_cases(request: Request) -> DataList:
    """List cases of an nnU-Net raw data set; see ``find_cases``."""
    content = read_dataset_json(request.data_dir)
    named = channel_names(content)
    if not named:
        raise ValueError(f"{request.data_dir / MSD_FILE} must name channels in channel_names or modality, got none")
    numbers = channel_numbers(request.modalities, {name: number for number, name in named.items()})
    chosen = list(named) if numbers is None else numbers
    unknown = [number for number in chosen if number not in named]
    if unknown:
        raise ValueError(f"modalities must be channel numbers among {list(named)}, got {unknown}")
    images, labels = _listed_files(request, content) if content.get("dataset") else _found_files(request, content)
    for name in sorted(set(images) - set(labels)):
        reason = f"every image must have a mask {LABELS}/{name}, got none"
        request.problems.add(name, images[name].values(), reason)
    cases = []
    for name, label in sorted(labels.items()):
        files = pick_images(request, name, images.get(name, {}), [f"{number:04d}" for number in chosen])
        patient = files and request.patient(brats_patient(name), name, files[0])
        if files and patient:
            cases.append(make_case(single(files), label, patient, name))
    if request.pattern is None:
        warn_of_visits(case[Keys.PATIENT] for case in cases)
    sections = content.get("labels") or {}
    names = [named[number] for number in chosen]
    return DataList(
        cases, Layout.NNUNET, names, label_names_of(sections), regions_of(sections), problems=request.problems
    )


def _found_files(request: Request, content: Mapping[str, Any]) -> tuple[dict[str, dict[str, Path]], dict[str, Path]]:
    """Return images by case and number, and masks by case, of the folders."""
    ending = str(content.get("file_ending") or ".nii.gz")
    images: dict[str, dict[str, Path]] = {}
    labels: dict[str, Path] = {}
    for path in request.files:
        if not path.name.endswith(ending):
            continue
        stem = path.name[: -len(ending)]
        match = CHANNEL.fullmatch(stem)
        if path.parent == request.data_dir / IMAGES and match:
            images.setdefault(match["case"], {})[match["number"]] = path
        elif path.parent == request.data_dir / LABELS:
            labels[stem] = path
    return images, labels


def _listed_files(request: Request, content: Mapping[str, Any]) -> tuple[dict[str, dict[str, Path]], dict[str, Path]]:
    """Return images by case and number, and masks by case, of the section ``dataset`` (nnU-Net 2.1)."""
    images: dict[str, dict[str, Path]] = {}
    labels: dict[str, Path] = {}
    for name, entry in content["dataset"].items():
        if not isinstance(entry, dict) or not entry.get("images") or not entry.get("label"):
            raise ValueError(
                f"{request.data_dir / MSD_FILE} must give images and label in every entry of dataset, got {entry!r} "
                f"for {name}"
            )
        found = [request.inside(str(text), name) for text in listed(entry["images"])]
        label = request.inside(str(entry["label"]), name)
        if label and all(found):
            images[name] = {f"{number:04d}": path for number, path in enumerate(found) if path}
            labels[name] = label
    return images, labels
