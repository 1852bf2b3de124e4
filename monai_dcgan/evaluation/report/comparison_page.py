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
"""What the comparison of several runs says, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from monai_dcgan.evaluation.report.blocks import Block, Bullets, Chart, Folded, Picture, Section, Table, Text
from monai_dcgan.evaluation.report.content import verdict_blocks
from monai_dcgan.evaluation.report.numbers import BETTER, conditions_section, grouped, ratio_mark, ratio_text
from monai_dcgan.evaluation.report.values import interval_text, number

__all__ = ["comparison_blocks"]

_CAPTION = (
    "Synthetic vs held-out, with the interval of each number and its ratio to real vs real. Intervals that overlap do "
    "not show that runs are equal, only that these numbers do not tell them apart; with many metrics one run is best "
    "in some by chance."
)
_CHART = "Ratio to real vs real of each run, on a logarithmic axis; the dashed line is 1. Bars as in the reports."
_SETS = ("synthetic", "synthetic_used", "heldout", "heldout_used", "heldout_patients")


def comparison_blocks(
    found: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]], pictures: Mapping[str, Sequence[Picture]]
) -> list[Block]:
    """Return the comparison.

    Args:
        found: what :func:`~monai_dcgan.evaluation.report.compare.compare_metrics` returned.
        reports: name of each run -> its numbers.
        pictures: name of a run -> its pictures.
    """
    runs = list(reports)
    warnings: list[Block] = [Text("These runs were measured under different conditions.", "warning")]
    warnings += [Bullets(found["warnings"])]
    blocks: list[Block] = [Text(f"{len(runs)} runs beside one another. Not for clinical use.")]
    blocks.append(
        Section("Conditions differ", warnings)
        if found["warnings"]
        else Section("Conditions", [Text("Held-out sets, sizes, seeds and extractors of all runs agree.")])
    )
    blocks.append(_numbers(found, reports))
    verdicts = [Section(name, verdict_blocks(own)) for name, own in found["verdicts"].items() if own]
    blocks += [Section("Verdicts", verdicts)] if verdicts else []
    blocks += _pictures(pictures)
    details = [Folded(name, conditions_section(metrics).blocks) for name, metrics in reports.items()]
    return [*blocks, Section("Conditions of each run", details)]


def _numbers(found: Mapping[str, Any], reports: Mapping[str, Mapping[str, Any]]) -> Section:
    runs = list(reports)
    counts = [(name, *(str(found["counts"][name].get(key, "-")) for key in _SETS)) for name in runs]
    metrics = found["metrics"]
    rows = [(title, [_row(metrics[key], runs) for key in keys]) for title, keys in grouped(metrics).items()]
    marks = [
        mark
        for key, row in metrics.items()
        for name in row["runs"]
        if (mark := ratio_mark(reports[name]["metrics"][key], f"{row['title']}: {name}")) is not None
    ]
    header = ("run", "synthetic", "used", "held-out", "used", "held-out patients")
    blocks: list[Block] = [
        Table("Slices of each run.", header, counts),
        Table(_CAPTION, ("metric", *runs, "what may be said"), groups=rows),
    ]
    blocks += [Folded("Ratios as a chart", [Chart(_CHART, marks, reference=1.0, log=True)])] if marks else []
    return Section("Numbers", blocks)


def _row(row: Mapping[str, Any], runs: Sequence[str]) -> tuple[str, ...]:
    cells = (_cell(row["runs"].get(name)) for name in runs)
    return (f"{row['title']}\n{BETTER.get(row['better'], row['better'])}", *cells, row["finding"])


def _cell(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "-"
    ratio = "" if entry["ratio"] is None else f"ratio {ratio_text(entry)}"
    note = f"too little data: {entry['note']}" if entry["note"] else ""
    return f"{number(entry['value'])}\n{interval_text(entry)}\n{ratio}\n{note}"


def _pictures(pictures: Mapping[str, Sequence[Picture]]) -> list[Block]:
    titles = dict.fromkeys(picture.title for own in pictures.values() for picture in own)
    sections: list[Block] = [
        Section(
            title,
            [
                replace(picture, title=f"{name}: {title}", alt=f"{name}: {picture.alt}")
                for name, own in pictures.items()
                for picture in own
                if picture.title == title
            ],
        )
        for title in titles
    ]
    return [Section("Pictures", sections)] if sections else []
