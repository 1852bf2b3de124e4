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
"""The part of a report on what experts said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_dcgan.evaluation.report.blocks import Block, Bullets, Section, Table, Text

__all__ = ["readers_section"]

_SHARES = ("accuracy", "sensitivity", "specificity", "auc")
_SCORES = (
    "Sensitivity: share of synthetic slices called synthetic. Specificity: share of real slices called real. AUC: 0.5 "
    "is guessing, 1 is telling all apart. Realism: synthetic minus real, of 5. Below: 95% intervals."
)
_AGREEMENT = "Agreement of a reader with themselves and of readers: kappa, 1 is full agreement, 0 what chance gives."


def readers_section(scores: Mapping[str, Any] | None) -> Section | None:
    """Return what :func:`monai_dcgan.evaluation.readers.score_readers` found, None without it."""
    if scores is None:
        return None
    counts = scores["counts"]
    told = (
        f"{counts['readers']} reader(s), {counts['slices']} slices ({counts['synthetic']} synthetic, the others of "
        f"{counts['real_patients']} patients), {counts['repeats']} of them shown twice."
    )
    sets = {**scores["readers"], "mean of readers": scores["mean"]}
    header = ("reader", "accuracy", "sensitivity", "specificity", "AUC", "realism", "answered", "s per slice")
    blocks: list[Block] = [
        Text(f"{scores['verdict'][0].upper()}{scores['verdict'][1:]}."),
        Text(told),
        Table(_SCORES, header, [_row(name, found) for name, found in sets.items()]),
        *([Bullets(scores["remarks"])] if scores["remarks"] else []),
    ]
    agreement = _agreement(scores)
    if agreement:
        blocks.append(Table(_AGREEMENT, ("readings", "answer", "kappa", "same answer", "pairs"), agreement))
    return Section("Readers", [*blocks, Text(scores["conditions"], "quiet")])


def _row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = found.get("seconds_per_slice")
    return (
        name,
        *(_share(found[key]) for key in _SHARES),
        _share(found["realism"]["difference"]),
        f"{found['answered']} of {found['slices']}" if "answered" in found else "",
        "" if seconds is None else f"{seconds:.0f}",
    )


def _share(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "-"
    ends = "" if found["low"] is None else f"\n{found['low']:.2f} to {found['high']:.2f}"
    return f"{found['value']:.2f}{ends}"


def _agreement(scores: Mapping[str, Any]) -> list[tuple[str, ...]]:
    readings = [(f"{name}, twice", found["within"]) for name, found in scores["readers"].items()]
    readings += [(" and ".join(pair["readers"]), pair) for pair in scores["agreement"]]
    return [
        (
            name,
            answer,
            "-" if found[answer]["kappa"] is None else f"{found[answer]['kappa']:.2f}",
            f"{found[answer]['same']:.0%}",
            str(found[answer]["n"]),
        )
        for name, found in readings
        for answer in ("verdict", "realism", "quality")
        if found[answer]["n"]
    ]
