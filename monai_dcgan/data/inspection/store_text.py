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
"""What ``inspect_store`` found, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monai_dcgan.data.inspection.attributes_text import attribute_rows
from monai_dcgan.data.inspection.tally import PICTURE
from monai_dcgan.utils.text import aligned, count_of, human_bytes, percent

__all__ = ["inspection_text"]

MOST = 10


def inspection_text(found: Mapping[str, Any]) -> str:
    """Return what ``inspect_store`` found as lines for a terminal."""
    state = "complete" if found["complete"] else "NOT complete; run prepare again to go on"
    blocks = [f"{found['path']}: slice store, {state}", aligned(_rows(found))]
    left_out = [f"{one['case']}: {one['reason']}" for one in found["left_out"]]
    blocks += _listed(f"{count_of(len(left_out), 'case')} left out:", left_out)
    empty = [f"{one['case']}: {_rules(one['dropped'])}" for one in found["cases_without_slices"]]
    blocks += _listed(f"{count_of(len(empty), 'case')} without a slice:", empty)
    blocks += _listed("DAMAGED, delete the folder and prepare it again:", found["damage"])
    return "\n".join(blocks)


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    more = [f"  and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return ["\n".join([title, *(f"  {line}" for line in lines[:MOST]), *more])]


def _rules(dropped: Mapping[str, int]) -> str:
    return "; ".join(f"{count_of(count, 'slice')}: {rule}" for rule, count in dropped.items()) or "no rule removed any"


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str | Sequence[str]]]:
    slices, with_tumor = found["slices"], found["slices_with_tumor"]
    cases = found["cases"] - len(found["cases_without_slices"])
    yield "slices", f"{slices} of {count_of(cases, 'case')} of {count_of(found['patients'], 'patient')}"
    if found["slices_per_patient"]:
        least, middle, most = found["slices_per_patient"]
        yield "per patient", f"{middle:g} slices (median; from {least:g} to {most:g})"
    if found["image_shape"]:
        image, mask = (" x ".join(map(str, found[key])) for key in ("image_shape", "mask_shape"))
        yield "image", f"{image} (channels, rows, columns), 0 to 1"
        yield "mask", f"{mask}, 0 or 1" if found["mask_shape"][0] else "none"
    yield "planes", _counted(found["axes"])
    yield "classes", _counted(found["classes"])
    yield from attribute_rows(found["attributes"])
    if slices:
        yield "tumor", f"in {with_tumor} slices ({percent(with_tumor / slices)})"
    if found["tumor_area"]:
        least, low, middle, high, most = found["tumor_area"]
        # Nothing tells the size of a picture's pixel.
        unit = "pixels" if set(found["axes"]) == {PICTURE} else "mm2"
        yield "tumor area", f"{middle:g} {unit} (median; half are {low:g} to {high:g}, all {least:g} to {most:g})"
    yield "scaling", [_scaling(number, window) for number, window in enumerate(found["scaling"])]
    yield "not taken", [f"{count_of(count, 'slice')}: {rule}" for rule, count in found["dropped"].items()]
    yield "made with", _settings(found["settings"])
    yield "files", _files(found)
    yield "checked", _checked(found)
    if found["duplicates"]:
        yield "look-alikes", found["duplicates"]["text"]


def _counted(counts: Mapping[str, int]) -> str | Sequence[str]:
    return ", ".join(f"{name} ({count})" for name, count in counts.items()) if counts else ()


def _scaling(number: int, window: Mapping[str, Sequence[float]]) -> str:
    low, high = (" to ".join(f"{end:.4g}" for end in dict.fromkeys(window[key])) for key in ("low", "high"))
    return f"channel {number}: 0 is an intensity of {low}, 1 is {high}"


def _settings(settings: Mapping[str, Any]) -> Sequence[str]:
    told = [f"{name}={value}" for name, value in settings.items() if name != "files" and value is not None]
    # Some to a line.
    return [", ".join(told[start : start + 6]) for start in range(0, len(told), 6)]


def _files(found: Mapping[str, Any]) -> str:
    there, expected = found["shards"], found["shards_expected"]
    shards = count_of(there, "shard") if there == expected else f"{there} of {count_of(expected, 'shard')}"
    packed = f", slices packed {found['compression']:.1f} times smaller" if found["compression"] else ""
    return f"{shards}, {human_bytes(found['bytes'])}{packed}"


def _checked(found: Mapping[str, Any]) -> str | Sequence[str]:
    if found["verified"] is None and not found["damage"]:
        return ()
    if found["verified"]:
        return "every file is as it was written"
    return f"{count_of(len(found['damage']), 'file')} DAMAGED, named below"
