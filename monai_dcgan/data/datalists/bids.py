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
"""Data sets in the Brain Imaging Data Structure (BIDS 1.10, bids-specification.readthedocs.io)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from monai_dcgan.data.datalists.channels import choose_modalities, pick_images
from monai_dcgan.data.datalists.common import DataList, Request, has_suffix, make_case, single, stem_of
from monai_dcgan.data.datalists.participants import Participants
from monai_dcgan.utils.enums import Layout

__all__ = ["bids_cases", "is_bids"]

NAME = re.compile(r"sub-[^_]+(?:_[A-Za-z]+-[^_]+)*_(?P<suffix>[A-Za-z0-9]+)")
MASK_SUFFIXES = ("mask", "dseg", "lesion", "roi")
DERIVATIVES = "derivatives"
# Values of label and desc by which a mask is of something else than a tumor.
OTHER_TISSUE = re.compile(r"brain.*|skull.*|head|bet|synthstrip|hdbet|csf|gm|wm|aseg|aparc.*", re.IGNORECASE)
# Entities that make no other modality: who, when, and what a mask is of.
NOT_MODALITY = ("sub", "ses", "space", "desc", "label", "res", "den")


def _anatomy(data_dir: Path, files: Iterable[Path]) -> list[tuple[Path, dict[str, str], str, bool]]:
    """Return file, entities, suffix and whether it is a mask, of the files in folders ``anat``."""
    found = []
    for path in files:
        match = NAME.fullmatch(stem_of(path)) if has_suffix(path, (".nii", ".nii.gz")) else None
        folders = path.relative_to(data_dir).parts[:-1]
        if match is None or not folders or folders[-1] != "anat":
            continue
        if not any(name.startswith("sub-") for name in (*folders, data_dir.name)):
            continue
        pairs = (word.partition("-") for word in stem_of(path).split("_")[:-1])
        mask = match["suffix"] in MASK_SUFFIXES
        if mask or DERIVATIVES not in folders:
            found.append((path, {key: value for key, _, value in pairs}, match["suffix"], mask))
    return found


def is_bids(data_dir: Path, files: Iterable[Path]) -> bool:
    """Return whether there is an image ``sub-*/[ses-*/]anat/sub-*_<suffix>.nii[.gz]``."""
    return any(not mask for _, _, _, mask in _anatomy(data_dir, files))


def bids_cases(request: Request) -> DataList:
    """List cases of the BIDS layout, one per session; see ``find_cases``."""
    images: dict[str, dict[str, list[tuple[Path, str]]]] = {}
    masks: dict[str, list[Path]] = {}
    patients: dict[str, str] = {}
    for path, entities, suffix, is_mask in _anatomy(request.data_dir, request.files):
        name = "_".join(f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities)
        patients[name] = f"sub-{entities['sub']}"
        if not is_mask:
            modality = f"{suffix}_ce" if "ce" in entities else suffix
            more = "_".join(f"{key}-{value}" for key, value in entities.items() if key not in (*NOT_MODALITY, "ce"))
            images.setdefault(name, {}).setdefault(modality, []).append((path, f"{modality}_{more}".rstrip("_")))
        elif not any(OTHER_TISSUE.fullmatch(entities.get(key, "")) for key in ("label", "desc")):
            masks.setdefault(name, []).append(path)
    sessions = _one_mask(request, images, masks)
    # Runs and acquisitions become modalities of their own only where a session has several of one kind.
    several = any(len(files) > 1 for name in sessions for files in images[name].values())
    by_modality = {
        name: {
            (long if several else modality): path for modality, files in images[name].items() for path, long in files
        }
        for name in sessions
    }
    chosen = choose_modalities(list(by_modality.values()), request.modalities)
    participants = Participants(request)
    cases = []
    for name, files in by_modality.items():
        picked = pick_images(request, name, files, chosen)
        patient = picked and request.patient(patients[name], name, picked[0])
        case = picked and patient and make_case(single(picked), masks[name][0], patient, name)
        case = case and participants.add(case, patients[name].removeprefix("sub-"))
        if case:
            cases.append(case)
    return DataList(cases, Layout.BIDS, chosen, problems=request.problems)


def _one_mask(
    request: Request,
    images: dict[str, dict[str, list[tuple[Path, str]]]],
    masks: dict[str, list[Path]],
) -> list[str]:
    """Return the sessions that have images and just one mask; the others become problems."""
    good = []
    for name in sorted({*images, *masks}):
        own = masks.get(name, [])
        files = [path for of_kind in images.get(name, {}).values() for path, _ in of_kind]
        if len(own) == 1 and files:
            good.append(name)
        elif not files:
            request.problems.add(name, own, "every mask must have images in sub-*/[ses-*/]anat, got none")
        elif not own:
            reason = f"every session must have a mask (suffix {', '.join(MASK_SUFFIXES)}) in anat or {DERIVATIVES}/**"
            request.problems.add(name, files, f"{reason}, got none")
        else:
            reason = f"every session must have one mask, got {len(own)}; give image_pattern and label_pattern"
            request.problems.add(name, own, reason)
    return good
