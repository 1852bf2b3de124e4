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
"""The part of a report on subgroups: whether quality and masks differ between kinds of patients or tumors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_dcgan.evaluation.report.blocks import Block, Bullets, Chart, Folded, Mark, Section, Table
from monai_dcgan.evaluation.report.values import number, range_of

__all__ = ["subgroups_section"]

_SETS = {"heldout": "Held-out slices", "synthetic": "Synthetic slices"}


def subgroups_section(metrics: Mapping[str, Any]) -> Section | None:
    """Return tables and charts of every grouping of both sets, None without any."""
    blocks: list[Block] = []
    for name, groupings in (metrics.get("subgroups") or {}).items():
        own: list[Block] = [
            Section(f"By {grouping}", _grouping(measures)) for grouping, measures in groupings.items() if measures
        ]
        if own:
            blocks.append(Section(_SETS.get(name, name), own))
    return Section("Subgroups", blocks) if blocks else None


def _grouping(measures: Mapping[str, Any]) -> list[Block]:
    groups = list(dict.fromkeys(row["group"] for found in measures.values() for row in found["rows"]))
    counts: dict[str, str] = {}
    cells: dict[str, dict[str, str]] = {}
    for measure, found in measures.items():
        for row in found["rows"]:
            patients = "" if row["patients"] is None else f"\n{row['patients']} patients"
            counts.setdefault(row["group"], f"{row['n']} slices{patients}")
            cells.setdefault(row["group"], {})[measure] = f"{number(row['mean'])}\n{_range(row)}"
    rows = [(group, counts[group], *(cells[group].get(measure, "-") for measure in measures)) for group in groups]
    caption = "Mean of each measure in each subgroup, with its 95% interval over patients."
    gaps = [_gap(measure, found["gap"]) for measure, found in measures.items() if found["gap"] is not None]
    charts = [_chart(measure, found) for measure, found in measures.items() if len(found["rows"]) > 1]
    return [
        Table(caption, ("subgroup", "size", *measures), rows),
        *([Bullets(gaps)] if gaps else []),
        *([Folded("Charts of these measures", charts)] if charts else []),
    ]


def _range(row: Mapping[str, Any]) -> str:
    ends = range_of(row["interval"]) or "no interval"
    return ends if row["reliable"] else f"{ends}, few patients"


def _gap(measure: str, gap: Mapping[str, Any]) -> str:
    ends = f" (95%: {range_of(gap['interval'])})" if gap["interval"] is not None else ""
    doubt = "" if gap["reliable"] else "; this rests on few patients"
    return (
        f"{measure}: widest gap {number(gap['value'])}{ends}, from {gap['groups'][1]} to {gap['groups'][0]}, "
        f"p = {gap['p_value']:.3g} for any such gap by chance{doubt}"
    )


def _chart(measure: str, found: Mapping[str, Any]) -> Chart:
    marks = []
    for row in found["rows"]:
        low, high = row["interval"] or (None, None)
        marks.append(Mark(f"{row['group']} ({row['n']})", number(row["mean"]), row["mean"], low, high))
    return Chart(f"{measure}: mean and 95% interval by subgroup, with the number of slices.", marks)
