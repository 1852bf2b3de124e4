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
"""The parts of a report with the numbers: all metrics, classes, masks, conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from monai_dcgan.evaluation.report.blocks import Block, Bullets, Chart, Folded, Mark, Section, Table, Text
from monai_dcgan.evaluation.report.values import (
    condition_groups,
    explanation,
    interval_text,
    missing,
    number,
    remarks,
    sizes,
    spread,
)

__all__ = [
    "GROUPS",
    "classes_section",
    "conditions_section",
    "grouped",
    "masks_section",
    "numbers_section",
    "ratio_mark",
    "ratio_text",
]

GROUPS = {
    "features": "Distances between features",
    "ssim": "Structural similarity (SSIM)",
    "images": "Intensities and spectrum",
    "masks": "Masks",
}
BETTER = {"lower": "\u2193 lower", "higher": "\u2191 higher", "near real": "\u2192 near real"}
_HEADER = ("metric", "synthetic vs held-out", "ratio", "at equal N", "real vs real", "N", "better")
_RATIO_CHART = (
    "Ratio of each metric to real vs real, on a logarithmic axis. The dashed line is 1: as near to unseen patients as "
    "other patients are. Bars: one standard deviation over random halves of the patients, where there are any; they "
    "are no confidence intervals."
)
_MASK_COLUMNS = ("area", "row", "column", "parts")
_MASK_CAPTION = (
    "Masks: mean \u00b1 standard deviation. Area is the share of the slice; row and column are the centroid as shares "
    "of height and width, from the top left; place and parts are over masks that are not empty."
)


def grouped(entries: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the keys of the metrics by the title of their group, groups in a fixed order."""
    titles = {entry.get("group"): GROUPS.get(entry.get("group"), "Numbers") for entry in entries.values()}
    order = [group for group in GROUPS if group in titles] + [group for group in titles if group not in GROUPS]
    return {titles[group]: [key for key, entry in entries.items() if entry.get("group") == group] for group in order}


def numbers_section(metrics: Mapping[str, Any]) -> Section:
    """Return the table of all metrics, what to know of them, and the chart of their ratios."""
    entries = metrics["metrics"]
    rows = [(title, [_row(entries[key]) for key in keys]) for title, keys in grouped(entries).items()]
    blocks: list[Block] = [
        Table("Synthetic slices beside those of patients that the generator has not seen.", _HEADER, groups=rows)
    ]
    said = [f"{remark[0].upper()}{remark[1:]}" for remark in remarks(metrics)]
    blocks += [Bullets(said)] if said else []
    blocks.append(Folded("How to read this table", [Text(explanation(metrics), "quiet")]))
    marks = [mark for entry in entries.values() if (mark := ratio_mark(entry)) is not None]
    if marks:
        blocks.append(Section("Ratios", [Chart(_RATIO_CHART, marks, reference=1.0, log=True)]))
    return Section("Numbers", blocks)


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    title = f"{entry['title']}\ntoo little data: {entry['note']}" if entry.get("note") else entry["title"]
    return (
        title,
        f"{number(entry['value'])}\n{interval_text(entry)}\n{_std(entry)}",
        ratio_text(entry),
        spread(entry["matched"]),
        spread(entry["real_vs_real"]),
        sizes(entry).replace("; ", "\n"),
        BETTER.get(entry["better"], entry["better"]),
    )


def _std(entry: Mapping[str, Any]) -> str:
    return "" if entry.get("std") is None else f"\u00b1 {entry['std']:.2g} over {entry['std_over']}"


def ratio_text(entry: Mapping[str, Any]) -> str:
    """Return the ratio of an entry with two decimals."""
    return "-" if entry["ratio"] is None else f"{entry['ratio']:.2f}"


def ratio_mark(entry: Mapping[str, Any], label: str | None = None) -> Mark | None:
    """Return the ratio of an entry for a chart, None without one.

    The bar is one standard deviation over random halves to either side, by the propagation of errors for a quotient of
    independent numbers; there is none where only one half was drawn.
    """
    ratio, matched, real = entry["ratio"], entry["matched"], entry["real_vs_real"]
    if ratio is None:
        return None
    label = entry["title"] if label is None else label
    better = "best near 1" if entry["better"] == "near real" else f"{entry['better']} is better"
    if min(matched["num_splits"], real["num_splits"]) < 2:
        return Mark(label, f"{ratio:.2f}, {better}", ratio)
    std = math.hypot(matched["std"], ratio * real["std"]) / real["value"]
    return Mark(label, f"{ratio:.2f}, {better}", ratio, ratio - std, ratio + std)


def classes_section(metrics: Mapping[str, Any]) -> Section | None:
    """Return the metrics of each class beside one another."""
    classes = metrics.get("classes")
    if not classes:
        return None
    counts = [
        (name, *(str(own["counts"].get(key, "-")) for key in ("synthetic", "heldout", "heldout_patients")))
        for name, own in classes.items()
    ]
    keys = list(dict.fromkeys(key for own in classes.values() for key in own["metrics"]))
    rows = []
    for key in keys:
        entries = [own["metrics"].get(key) for own in classes.values()]
        title = next(entry["title"] for entry in entries if entry is not None)
        rows.append((title, *(_class_cell(entry) for entry in entries)))
    said = [f"{name}: {text}" for name, own in classes.items() for text in missing(own["metrics"])]
    blocks: list[Block] = [
        Table("Slices of each class.", ("class", "synthetic", "held-out", "held-out patients"), counts),
        Table("Metrics within each class: synthetic vs held-out.", ("metric", *classes), rows),
    ]
    return Section("Classes", [*blocks, *([Bullets(said)] if said else [])])


def _class_cell(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "-"
    ratio = "" if entry["ratio"] is None else f"ratio {entry['ratio']:.2f}"
    note = f"too little data: {entry['note']}" if entry.get("note") else ""
    return f"{number(entry['value'])}\n{interval_text(entry)}\n{ratio}\n{note}"


def masks_section(metrics: Mapping[str, Any]) -> Section | None:
    """Return the summaries of the masks of both sets."""
    if not any(metrics.get("masks", {}).values()):
        return None
    rows = []
    for name, summaries in metrics["masks"].items():
        for channel, summary in enumerate(summaries):
            spreads = [summary[key] for key in _MASK_COLUMNS]
            cells = (spread(None if s["mean"] is None else {"value": s["mean"], "std": s["std"]}) for s in spreads)
            rows.append((name, str(channel), str(summary["n"]), f"{summary['share_empty']:.0%}", *cells))
    return Section("Masks", [Table(_MASK_CAPTION, ("set", "mask", "slices", "empty", *_MASK_COLUMNS), rows)])


def conditions_section(metrics: Mapping[str, Any]) -> Section:
    """Return what each number was made with; equal conditions stand once."""
    groups = [
        Folded("; ".join(titles), [Bullets([f"{key}: {value}" for key, value in own.items() if value is not None])])
        for own, titles in condition_groups(metrics["metrics"])
    ]
    return Section("Conditions", groups)
