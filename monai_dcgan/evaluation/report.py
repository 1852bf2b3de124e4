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
"""The numbers of an evaluation as a table for the screen, and as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.utils.files import write_json, write_text

__all__ = ["table", "write_report"]

_HEADER = ("metric", "synthetic vs held-out", "at equal N", "real vs real", "ratio", "N", "better")
_ARROWS = {"lower": "\u2193 lower", "higher": "\u2191 higher", "near real": "\u2192 near real"}
FEW_PATIENTS = 6
_FOOTNOTE = "ratio = at equal N / real vs real; at 1, synthetic slices are as near to unseen patients as others are"
_EXPLAIN = (
    "'synthetic vs held-out' compares all slices. 'at equal N' and 'real vs real' compare n synthetic slices, and n "
    "slices of one half of the held-out patients, with the same n slices of the other half: mean +/- standard "
    f"deviation over random halves. {_FOOTNOTE}. Better: 'lower' goes down to ratio 1, 'higher' goes up to ratio 1, "
    "'near real' is best at ratio 1. The row 'within one set' compares pairs inside the synthetic set, and pairs of "
    "different patients inside the real set: mean +/- standard deviation over pairs; above real, the synthetic slices "
    "resemble each other too much. A Frechet distance is called FID only with the features of Inception 2015-12-05: "
    "none here is, so do not set these values beside published ones."
)


def _rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for entry in metrics["metrics"].values():
        matched, real = entry["matched"], entry["real_vs_real"]
        size = f"{entry['n_synthetic']} vs {entry['n_real']}"
        if real is not None and real["num_splits"]:
            size += f"; {real['n']} vs {real['n']}"
        rows.append(
            (
                entry["title"],
                _number(entry["value"]),
                _spread(matched),
                _spread(real),
                "-" if entry["ratio"] is None else f"{entry['ratio']:.2f}",
                size,
                entry["better"],
            )
        )
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _spread(found: Mapping[str, Any] | None) -> str:
    return "-" if found is None else f"{found['value']:.4g} +/- {found['std']:.2g}"


def _reasons(metrics: Mapping[str, Any]) -> list[str]:
    """Return one line per reason for a missing number, with the metrics that it concerns."""
    found: dict[str, list[str]] = {}
    for entry in metrics["metrics"].values():
        if entry["reason"] is not None:
            found.setdefault(entry["reason"], []).append(entry["title"])
    return [f"{'; '.join(titles)}: {reason}" for reason, titles in found.items()]


def _remarks(metrics: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know before reading the numbers, one line each."""
    remarks = [f"no number: {reason}" for reason in _reasons(metrics)]
    patients = metrics["counts"]["heldout_patients"]
    if patients < FEW_PATIENTS:
        remarks.append(
            f"{patients} held-out patients are few: 'real vs real' compares one or two people with others, so a ratio, "
            "even one better than 1, says little"
        )
    return remarks


def table(metrics: Mapping[str, Any]) -> str:
    """Return the numbers as a plain-text table (ASCII) with a line per metric.

    Args:
        metrics: what :func:`monai_dcgan.evaluation.evaluate` returned.

    Returns:
        the table, what the ratio means, and what to know of numbers that are missing or rest on few patients.
    """
    rows = [_HEADER, *_rows(metrics)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, _FOOTNOTE, *_remarks(metrics)])


def write_report(
    metrics: Mapping[str, Any], out_dir: str | Path, pictures: Mapping[str, str | Path] | None = None
) -> Path:
    """Write ``metrics.json`` and ``report.md`` into a folder.

    Args:
        metrics: what :func:`monai_dcgan.evaluation.evaluate` returned; a text under ``heldout_split``, where added, is
            named in the report.
        out_dir: folder to write to; it is made.
        pictures: title and path of each picture to show in the report.

    Returns:
        the path of ``report.md``.

    Raises:
        FileNotFoundError: when a picture does not exist.
    """
    folder = Path(out_dir)
    shown = {title: Path(path) for title, path in (pictures or {}).items()}
    for path in shown.values():
        if not path.is_file():
            raise FileNotFoundError(f"no such picture: {path}; draw it before the report is written")
    write_json(folder / "metrics.json", metrics)
    write_text(folder / "report.md", _markdown(metrics, folder, shown))
    return folder / "report.md"


def _markdown(metrics: Mapping[str, Any], folder: Path, pictures: Mapping[str, Path]) -> str:
    counts = metrics["counts"]
    split = f" (split: {metrics['heldout_split']})" if "heldout_split" in metrics else ""
    lines = [
        "# Evaluation of synthetic slices",
        "",
        f"{counts['synthetic_used']} of {counts['synthetic']} synthetic slices against {counts['heldout_used']} of "
        f"{counts['heldout']} slices of {counts['heldout_patients']} held-out patients{split}. Not for clinical use.",
        "",
        *_markdown_table(_HEADER, [(*row[:-1], _ARROWS[row[-1]]) for row in _rows(metrics)]),
        "",
        _EXPLAIN,
        "",
        *(f"- {remark[0].upper()}{remark[1:]}" for remark in _remarks(metrics)),
        "",
        "## Masks",
        "",
        *_mask_table(metrics["masks"]),
        "",
    ]
    for title, path in pictures.items():
        relative = Path(os.path.relpath(path, folder)).as_posix()
        lines += [f"## {title}", "", f"![{title}]({relative})", ""]
    lines += ["## Conditions", "", *_condition_lines(metrics["metrics"])]
    return "\n".join(lines) + "\n"


def _markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, tuple("---" for _ in header), *rows)]


def _mask_table(masks: Mapping[str, Any]) -> list[str]:
    header = ("set", "mask", "slices", "empty", "area", "row", "column", "parts")
    rows = []
    for name, summaries in masks.items():
        for channel, summary in enumerate(summaries):
            spreads = ("-" if summary[key]["mean"] is None else _spread(_as_spread(summary[key])) for key in header[4:])
            rows.append((name, str(channel), str(summary["n"]), f"{summary['share_empty']:.0%}", *spreads))
    caption = (
        "Mean +/- standard deviation. Area is the share of the slice; row and column are the centroid as shares of "
        "height and width, from the top left; place and parts are over masks that are not empty."
    )
    return [*_markdown_table(header, rows), "", caption]


def _as_spread(summary: Mapping[str, float]) -> dict[str, float]:
    return {"value": summary["mean"], "std": summary["std"]}


def _condition_lines(entries: Mapping[str, Any]) -> list[str]:
    """Return each set of conditions once, with the metrics that it holds for."""
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for entry in entries.values():
        for conditions, titles in groups:
            if conditions == entry["conditions"]:
                titles.append(entry["title"])
                break
        else:
            groups.append((entry["conditions"], [entry["title"]]))
    lines = []
    for conditions, titles in groups:
        lines += [f"**{'; '.join(titles)}**", ""]
        lines += [f"- {key}: {value}" for key, value in conditions.items() if value is not None]
        lines.append("")
    return lines
