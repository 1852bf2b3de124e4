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
"""Pair images with masks by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_dcgan.data.datalists.common import Request, stem_of
from monai_dcgan.data.datalists.names import ParsedName, parse_name

__all__ = ["Pair", "pair_by_name"]

CHANNEL_NUMBER = re.compile(r"(.*)_(\d{4})")


@dataclass(frozen=True)
class Pair:
    """A mask with its images.

    Args:
        name: what the names have in common, may be "".
        images: path by modality, which is "" where the name says none.
        mask: path of the mask.
    """

    name: str
    images: dict[str, Path]
    mask: Path


def pair_by_name(
    request: Request, images: Sequence[Path], masks: Sequence[Path], ending: str = "", alone: bool = False
) -> list[Pair]:
    """Pair images and masks of one place whose names are equal but for words such as scan, mask, seg and modalities.

    The one mask of a name goes with all images of that name, one per modality; several masks of a name go with the
    image of the same modality each. Images ``<name>_0000``, ``<name>_0001`` are channels of the mask ``<name>``.

    Args:
        request: takes the problems.
        images: files or folders.
        masks: files or folders.
        ending: ending of the masks' names that does not count.
        alone: one mask goes with the images of one name though the names differ.

    Returns:
        the pairs; everything else became a problem.
    """
    named = {mask: parse_name(stem_of(mask).removesuffix(ending) if ending else stem_of(mask)) for mask in masks}
    by_key: dict[str, dict[Path, ParsedName]] = {}
    for mask, name in named.items():
        by_key.setdefault(name.reduced, {})[mask] = name
    groups: dict[str, dict[Path, ParsedName]] = {}
    for image in images:
        name = parse_name(stem_of(image))
        key, number = name.reduced, CHANNEL_NUMBER.fullmatch(name.reduced)
        if key not in by_key and number and number[1] in by_key:
            key, name = number[1], ParsedName(name.full, number[1], number[2], name.case, name.case_with_modality)
        groups.setdefault(key, {})[image] = name
    if alone and len(named) == len(groups) == 1 and set(groups) != set(by_key):
        groups = {next(iter(by_key)): next(iter(groups.values()))}
    pairs: list[Pair] = []
    for key in sorted({*by_key, *groups}):
        pairs += _pair_group(request, groups.get(key, {}), by_key.get(key, {}))
    return pairs


def _pair_group(request: Request, images: dict[Path, ParsedName], masks: dict[Path, ParsedName]) -> list[Pair]:
    """Pair images and masks that have the same name without modality."""
    if len(masks) == 1 and images:
        (mask, name), *_ = masks.items()
        by_modality = {parsed.modality.lower(): image for image, parsed in images.items()}
        if len(images) == 1 or (len(by_modality) == len(images) and "" not in by_modality):
            return [Pair(name.case, {parsed.modality: image for image, parsed in images.items()}, mask)]
        reason = (
            f"a mask must have one image per modality, got {len(images)} images whose names do not tell them apart for "
            f"{mask.name}; give image_pattern and label_pattern"
        )
        request.problems.add(request.name(mask), [*images, mask], reason)
        return []
    pairs = []
    rest = dict(images)
    for mask, name in masks.items():
        same = [image for image, parsed in rest.items() if parsed.full == name.full]
        if len(same) == 1 and sum(other.full == name.full for other in masks.values()) == 1:
            pairs.append(Pair(name.case_with_modality, {images[same[0]].modality: same[0]}, mask))
            del rest[same[0]]
        else:
            reason = f"every mask must have an image of the same name, got {len(same)} for {mask.name}"
            request.problems.add(request.name(mask), [mask, *same], reason)
    for image in rest:
        reason = f"every image must have a mask of the same name, got none for {image.name}"
        request.problems.add(request.name(image), [image], reason)
    return pairs
