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
"""Which channels and modalities to take, and which labels make a region."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.common import Request

__all__ = ["channel_numbers", "choose_modalities", "is_number", "label_names_of", "pick_images", "regions_of"]

logger = logging.getLogger(__name__)


def channel_numbers(modalities: Sequence[str | int] | None, names: Mapping[str, int]) -> list[int] | None:
    """Return channel numbers for numbers or names."""
    if modalities is None:
        return None
    known = {name.lower(): number for name, number in names.items()}
    numbers = []
    for wanted in modalities:
        if is_number(wanted):
            numbers.append(int(wanted))
        elif str(wanted).lower() in known:
            numbers.append(known[str(wanted).lower()])
        else:
            raise ValueError(
                f"modalities must be channel numbers{f' or among {sorted(names)}' if names else ''}, got {wanted!r}"
            )
    _refuse_twice(numbers, modalities)
    return numbers


def _refuse_twice(found: Sequence[object], modalities: Sequence[str | int]) -> None:
    if not found or len(set(found)) != len(found):
        raise ValueError(f"modalities must name at least one channel and none twice, got {list(modalities)}")


def choose_modalities(
    cases: Sequence[Mapping[str, Path]], wanted: Sequence[str | int] | None, order: Sequence[str] | None = None
) -> list[str]:
    """Return the names of the modalities to take of cases that have one file for each.

    Args:
        cases: files by modality.
        wanted: names of modalities in the order of the channels; None means all that every case has.
        order: modalities that there may be, in their order; None means those that are found, in the alphabet's.

    Returns:
        modalities as ``order`` or the files write them.

    Raises:
        ValueError: when one is wanted that no case can have, or none is there for every case.
    """
    known = sorted({name for files in cases for name in files}, key=str.lower) if order is None else list(order)
    if not known:
        return []
    if wanted is not None:
        spelled = {name.lower(): name for name in known}
        for name in wanted:
            if str(name).lower() not in spelled:
                raise ValueError(f"modalities must be one of {', '.join(known)}, got {name!r}")
        names = [spelled[str(name).lower()] for name in wanted]
        _refuse_twice(names, wanted)
        return names
    common = [name for name in known if all(name in files for files in cases)]
    if cases and not common:
        names = [name or "no name" for name in known]
        raise ValueError(f"no modality of {', '.join(names)} is there for every case; name the ones to use: modalities")
    for name in known:
        count = sum(name in files for files in cases)
        if 0 < count < len(cases):
            logger.warning(
                "modality %s is left out: %d of %d cases lack it; to use it and leave these out, name it in modalities",
                name,
                len(cases) - count,
                len(cases),
            )
    return common


def pick_images(request: Request, name: str, files: Mapping[str, Path], chosen: Sequence[str]) -> list[Path] | None:
    """Return the files of ``chosen`` in their order; a problem and None when one is missing."""
    missing = [kind for kind in chosen if kind not in files]
    if missing:
        reason = f"every case must have the modalities {', '.join(chosen)}, got no file for {', '.join(missing)}"
        request.problems.add(name, files.values(), reason)
        return None
    return [files[kind] for kind in chosen]


def label_names_of(labels: Mapping[str, Any]) -> dict[int, str]:
    """Return names by value of the section ``labels`` of ``dataset.json``: value to name (MSD) or the other way round.

    Args:
        labels: ``{"0": "background", ...}`` or nnU-Net's ``{"background": 0, ...}``, where lists are regions.

    Returns:
        names by value, 0 among them; empty for no labels.
    """
    named: dict[int, str] = {}
    for key, value in labels.items():
        if isinstance(value, int) and not isinstance(value, bool):
            named[value] = str(key)
        elif is_number(key) and isinstance(value, str):
            named[int(key)] = value
    for value, names in _listed_values(labels).items():
        named.setdefault(value, " + ".join(names))
    return dict(sorted({0: "background", **named}.items())) if labels else {}


def _listed_values(labels: Mapping[str, Any]) -> dict[int, list[str]]:
    """Return the regions of each value that a region lists."""
    listing: dict[int, list[str]] = {}
    for name, values in labels.items():
        for value in values if isinstance(values, list) else []:
            if isinstance(value, int) and not isinstance(value, bool):
                listing.setdefault(value, []).append(str(name))
    return listing


def is_number(text: object) -> bool:
    """Return whether ``text`` is a whole number of a channel or a label, written in digits."""
    return re.fullmatch("[0-9]{1,9}", str(text)) is not None


def regions_of(labels: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the label values of whole, core and enhancing tumor by the names in ``dataset.json``; empty if unclear.

    Args:
        labels: as for ``label_names_of``.
    """
    regions = {}
    for name, value in labels.items():
        region = _region(name)
        if isinstance(value, list) and region and all(isinstance(number, int) for number in value):
            regions[region] = tuple(sorted(value))
    names = {value: name.lower() for value, name in label_names_of(labels).items() if value and name != "ignore"}
    if regions:
        enhancing = tuple(value for value, name in names.items() if _region(name) == "enhancing")
        return {**({"enhancing": enhancing} if enhancing else {}), **regions}
    edema = {value for value, name in names.items() if "edema" in name}
    enhancing = tuple(value for value, name in names.items() if _region(name) == "enhancing")
    inner = {value for value, name in names.items() if "necro" in name or "non" in name or "core" in name}
    if not edema or not enhancing or edema | set(enhancing) | inner != set(names):
        return {}
    return {
        "whole": tuple(names),
        "core": tuple(value for value in names if value not in edema),
        "enhancing": enhancing,
    }


def _region(name: str) -> str | None:
    lower = name.lower()
    if "whole" in lower:
        return "whole"
    if "enhanc" in lower and "non" not in lower:
        return "enhancing"
    return "core" if "core" in lower else None
