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
"""Pictures with masks beside them, in a sibling folder, or in folders of classes without masks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from monai_dcgan.data.datalists.channels import channel_numbers
from monai_dcgan.data.datalists.common import CHANNELS, PICTURE_SUFFIXES, DataList, Request, has_suffix, make_case
from monai_dcgan.data.datalists.folders import place_name, sibling_places
from monai_dcgan.data.datalists.names import (
    is_class_folder,
    is_image_folder,
    is_mask_folder,
    is_mask_name,
    says_no_tumor,
)
from monai_dcgan.data.datalists.pairing import pair_by_name
from monai_dcgan.data.datalists.patients import patient_by_place, warn_of_visits
from monai_dcgan.utils.enums import Layout

__all__ = ["PatientByPlace", "picture_cases"]

logger = logging.getLogger(__name__)

# A picture with its mask and the name of the case.
Found = tuple[str, Path, Path | None]


def picture_cases(request: Request) -> DataList:
    """List pictures by the names of files and folders; see ``find_cases``."""
    if not request.mask_suffix:
        raise ValueError("mask_suffix must not be empty: it tells masks from pictures")
    files = [path for path in request.files if has_suffix(path, PICTURE_SUFFIXES)]
    siblings, _ = sibling_places(request, files)
    beside = any(path.stem.endswith(request.mask_suffix) and path.stem != request.mask_suffix for path in files)
    if siblings:
        found = _in_siblings(request, files)
    elif beside:
        found = _beside(request, files)
    else:
        found = _without_masks(request, files)
    classes, told = _classes(request, found)
    by_place = PatientByPlace(request, told)
    channels = channel_numbers(request.modalities, {})
    cases = []
    for name, image, mask in found:
        patient = request.patient("" if request.pattern else by_place(image), name, image)
        if patient:
            case = make_case(image, mask, patient, name, classes.get(image, ""))
            cases.append(case if channels is None else {**case, CHANNELS: channels})
    if request.pattern is None:
        warn_of_visits({case["patient"] for case in cases})
    return DataList(cases, Layout.PICTURES, problems=request.problems)


def _beside(request: Request, files: Sequence[Path]) -> list[Found]:
    """Pair ``<stem>.<any>`` with ``<stem><mask_suffix>.<any>`` of the same folder."""
    ending = request.mask_suffix
    masks: dict[Path, Path] = {}
    images = []
    unclear = set()
    for path in files:
        if not path.stem.endswith(ending) or path.stem == ending:
            images.append(path)
            continue
        if masks.setdefault(path.with_name(path.stem.removesuffix(ending)), path) != path:
            reason = f"every picture must have one mask {ending}, got another one"
            request.problems.add(request.name(path), [path], reason)
            unclear.add(path.with_name(path.stem.removesuffix(ending)))
    found: list[Found] = []
    for image in images:
        if image.with_name(image.stem) in unclear:
            masks.pop(image.with_name(image.stem), None)
            continue
        mask = masks.pop(image.with_name(image.stem), None)
        if mask is not None or _no_tumor(image):
            found.append((request.name(image), image, mask))
        else:
            reason = f"every picture must have a mask <stem>{ending} beside it, got none"
            request.problems.add(request.name(image), [image], reason)
    for mask in masks.values():
        request.problems.add(request.name(mask), [mask], "every mask must have a picture beside it, got none")
    return found


def _in_siblings(request: Request, files: Sequence[Path]) -> list[Found]:
    """Pair pictures and masks of equal names in sibling folders such as ``images`` and ``masks``."""
    places, rest = sibling_places(request, files)
    found: list[Found] = []
    for place, (images, masks) in sorted(places.items()):
        if not masks and place and says_no_tumor(place[-1]):
            found += [(place_name(place, image.stem, ""), image, None) for image in images]
            continue
        for pair in pair_by_name(request, images, masks, request.mask_suffix):
            image = next(iter(pair.images.values()))
            if len(pair.images) == 1:
                found.append((place_name(place, image.stem, ""), image, pair.mask))
            else:
                reason = f"a mask must have one picture, got {len(pair.images)}; give image_pattern with {{modality}}"
                request.problems.add(request.name(pair.mask), [*pair.images.values(), pair.mask], reason)
    for path in rest:
        reason = "every picture must lie in the folder of images or of masks where there are such, got one elsewhere"
        request.problems.add(request.name(path), [path], reason)
    return found


def _without_masks(request: Request, files: Sequence[Path]) -> list[Found]:
    """Take pictures of at least two folders of classes; an error when these are no classes or look like masks."""
    folders = {path.parent for path in files}
    named = [path for path in files if is_mask_name(path.stem) or is_mask_name(path.parent.name)]
    known = any(is_class_folder(folder.name) for folder in folders)
    if files and (named or not known or len(folders) < 2 or request.data_dir in folders):
        hint = f", but {named[0]} looks like one" if named else ""
        raise ValueError(
            f"no case found in {request.data_dir} with layout pictures: looked for masks <stem>{request.mask_suffix}, "
            f"for folders images and masks, and for folders of classes such as glioma and no_tumor{hint}; give "
            "mask_suffix or image_pattern with label_pattern"
        )
    if files:
        logger.warning("no picture of %s has a mask: there are only classes", request.data_dir)
    return [(request.name(path), path, None) for path in files]


def _no_tumor(image: Path) -> bool:
    return says_no_tumor(image.parent.name)


def _classes(request: Request, found: Sequence[Found]) -> tuple[dict[Path, str], bool]:
    """Return the classes by folder, where every picture lies in one of at least two, and whether their names tell."""
    folders = {
        image: [name for name in request.parts(image)[:-1] if not (is_image_folder(name) or is_mask_folder(name))]
        for _, image, _ in found
    }
    known = {image: next(filter(is_class_folder, reversed(names)), "") for image, names in folders.items()}
    if all(known.values()):
        return (known if len(set(known.values())) > 1 else {}), True
    if any(mask is not None for _, _, mask in found):
        return {}, True
    return {image: names[-1] for image, names in folders.items()}, False


class PatientByPlace:
    """Guess the patient from where a picture lies, and say once what was taken.

    Args:
        request: knows ``data_dir``.
        by_folder: a folder may be a patient's.
    """

    def __init__(self, request: Request, by_folder: bool = True) -> None:
        self.request = request
        self.by_folder = by_folder
        self.said: set[str] = set()

    def __call__(self, image: Path) -> str:
        """Return the patient of ``image``."""
        folders = self.request.parts(image)[:-1]
        patient = patient_by_place(folders) if self.by_folder else None
        shorter = image.stem.rstrip("0123456789").rstrip("_- ")
        if patient is not None:
            what = "the folder of a picture"
        elif not self.by_folder or any(is_class_folder(name) for name in folders):
            # Of Tr-gl_0010 only the kind would be left, and each class were one patient.
            numbered = any(sign.isdigit() for sign in shorter)
            patient = shorter if numbered else self.request.name(image)
            what = "the name of a picture without its trailing number" if numbered else "each picture by itself"
        else:
            patient = shorter or image.stem
            what = "the name of a picture without its trailing number"
        if what not in self.said:
            logger.warning(
                "nothing says which patient a picture of %s is of: %s is taken as the patient (%r for %s); if that is "
                "wrong, splits are not by patient: give patient_pattern",
                self.request.data_dir,
                what,
                patient,
                image.name,
            )
            self.said.add(what)
        return patient
