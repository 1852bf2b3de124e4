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
"""Volumes with their masks in a sibling folder or beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from monai_dcgan.data.datalists.channels import channel_numbers, choose_modalities, pick_images
from monai_dcgan.data.datalists.common import (
    CHANNELS,
    VOLUME_SUFFIXES,
    DataList,
    Request,
    has_suffix,
    make_case,
    single,
    stem_of,
)
from monai_dcgan.data.datalists.names import is_image_folder, is_mask_folder, is_mask_name
from monai_dcgan.data.datalists.pairing import Pair, pair_by_name
from monai_dcgan.data.datalists.patients import patient_by_place, warn_of_visits, without_date
from monai_dcgan.utils.enums import Keys, Layout

__all__ = ["cases_of_pairs", "folder_cases", "place_name", "sibling_places"]

# Names of the folders without the one of images or masks.
Place = tuple[str, ...]


def sibling_places(
    request: Request, files: Iterable[Path]
) -> tuple[dict[Place, tuple[list[Path], list[Path]]], list[Path]]:
    """Sort files into images and masks by the innermost folder above them that is named images, masks or the like.

    Args:
        request: knows ``data_dir``.
        files: images and masks.

    Returns:
        images and masks by place, of parents that have folders of both; and all other files.
    """
    sorted_out: dict[Place, dict[Place, tuple[list[Path], list[Path]]]] = {}
    rest = []
    for path in files:
        folders = request.parts(path)[:-1]
        places = [at for at, name in enumerate(folders) if is_image_folder(name) or is_mask_folder(name)]
        if not places:
            rest.append(path)
            continue
        parent, nested = folders[: places[-1]], folders[places[-1] + 1 :]
        both = sorted_out.setdefault(parent, {}).setdefault((*parent, *nested), ([], []))
        both[is_mask_folder(folders[places[-1]])].append(path)
    found: dict[Place, tuple[list[Path], list[Path]]] = {}
    for places_of_parent in sorted_out.values():
        if all(any(both[kind] for both in places_of_parent.values()) for kind in (0, 1)):
            for place, both in places_of_parent.items():
                images, masks = found.setdefault(place, ([], []))
                images.extend(both[0])
                masks.extend(both[1])
        else:
            rest += [path for both in places_of_parent.values() for kind in both for path in kind]
    return found, sorted(rest)


def place_name(place: Sequence[str], name: str, default: str) -> str:
    """Return the name of a case at ``place``."""
    return "/".join([*place, name] if name else place) or default


def folder_cases(request: Request) -> DataList:
    """List volumes by the names of files and folders; see ``find_cases``."""
    volumes = [path for path in request.files if has_suffix(path, VOLUME_SUFFIXES)]
    siblings, rest = sibling_places(request, volumes)
    pairs: list[tuple[Place, Pair]] = []
    for place, (images, masks) in sorted(siblings.items()):
        pairs += [(place, pair) for pair in pair_by_name(request, images, masks)]
    beside: dict[Place, list[Path]] = {}
    for path in rest:
        beside.setdefault(request.parts(path)[:-1], []).append(path)
    masks_in_rest = {path for path in rest if is_mask_name(stem_of(path))}
    if volumes and not pairs and not masks_in_rest and not len(request.problems):
        raise ValueError(
            f"no mask found for the {len(volumes)} volumes of {request.data_dir}: looked for names with mask, seg, "
            "label or roi beside them and for folders images and labels; give image_pattern and label_pattern"
        )
    for place, paths in sorted(beside.items()):
        masks = [path for path in paths if path in masks_in_rest]
        images = [path for path in paths if path not in masks_in_rest]
        pairs += [(place, pair) for pair in pair_by_name(request, images, masks, alone=bool(place))]
    return cases_of_pairs(request, pairs, Layout.FOLDERS)


def cases_of_pairs(request: Request, pairs: Sequence[tuple[Place, Pair]], layout: Layout) -> DataList:
    """Return the cases of pairs of volumes; the patient is the innermost folder that may be one, or the name."""
    pairs = _spelled_alike(pairs)
    several = any(len(pair.images) > 1 for _, pair in pairs)
    names = {name for _, pair in pairs for name in pair.images}
    numbers = all(str(name).isdigit() for name in request.modalities or [""])
    # Names of modalities count where a case has several images, all have the same one, or one is asked for by name.
    by_name = several or (names != {""} and (len(names) == 1 or (request.modalities is not None and not numbers)))
    chosen = choose_modalities([pair.images for _, pair in pairs], request.modalities) if by_name else []
    channels = None if by_name else channel_numbers(request.modalities, {})
    cases = []
    for place, pair in pairs:
        name = place_name(place, pair.name, stem_of(next(iter(pair.images.values()))))
        images = pick_images(request, name, pair.images, chosen) if by_name else list(pair.images.values())
        guess = patient_by_place(place) or without_date(pair.name or name)
        patient = images and request.patient(guess, name, images[0])
        if images and patient:
            case = make_case(single(images), pair.mask, patient, name)
            cases.append(case if channels is None else {**case, CHANNELS: channels})
    if request.pattern is None:
        warn_of_visits({case[Keys.PATIENT] for case in cases})
    return DataList(cases, layout, chosen, problems=request.problems)


def _spelled_alike(pairs: Sequence[tuple[Place, Pair]]) -> list[tuple[Place, Pair]]:
    """Write each modality as it is written first: ``t1`` of one patient is ``T1`` of another."""
    spelled: dict[str, str] = {}
    return [
        (
            place,
            replace(pair, images={spelled.setdefault(name.lower(), name): path for name, path in pair.images.items()}),
        )
        for place, pair in pairs
    ]
