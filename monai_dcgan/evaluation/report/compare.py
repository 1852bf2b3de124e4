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
"""Evaluations of several runs beside one another, and whether they may be compared at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.evaluation.report.comparison_page import comparison_blocks
from monai_dcgan.evaluation.report.content import check_metrics
from monai_dcgan.evaluation.report.markdown import render_markdown
from monai_dcgan.evaluation.report.page import render_page
from monai_dcgan.evaluation.report.pictures import load_picture
from monai_dcgan.evaluation.report.write import NUMBERS, read_metrics
from monai_dcgan.utils.files import write_json, write_text

__all__ = ["compare_metrics", "read_report", "write_comparison"]

TITLE = "Comparison of runs"
_COUNTS = {
    "heldout": "number of held-out slices",
    "heldout_used": "number of held-out slices used",
    "heldout_patients": "number of held-out patients",
    "synthetic_used": "number of synthetic slices used",
}
_KEPT = ("value", "interval", "matched", "real_vs_real", "ratio", "n_synthetic", "n_real", "reason", "note")
# A release of features that differs in one of these is another measure.
_SAME = ("extractor", "sha256", "layer", "preprocessing", "heldout", "image_size", "seed")


def read_report(path: str | Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Read an evaluation.

    Args:
        path: a ``metrics.json``, a folder that holds one, or the folder of a run with ``evaluation/metrics.json``.

    Returns:
        the numbers, and title and path of each picture.

    Raises:
        FileNotFoundError: when there is none.
        ValueError: when the file is not that of an evaluation.
    """
    path = Path(path)
    places = [path] if path.is_file() else [path / NUMBERS, path / "evaluation" / NUMBERS]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"no evaluation in {path}: there is no {places[-1]}; run monai-dcgan evaluate first")
    metrics = read_metrics(found)
    return metrics, {title: found.parent / name for title, name in metrics.get("pictures", {}).items()}


def write_comparison(
    reports: Mapping[str, Mapping[str, Any]],
    out_dir: str | Path,
    pictures: Mapping[str, Mapping[str, str | Path]] | None = None,
    *,
    title: str = TITLE,
) -> Path:
    """Write ``comparison.html``, ``comparison.md`` and ``comparison.json`` into a folder.

    Args:
        reports: name of each run -> what :func:`monai_dcgan.evaluation.evaluate` returned for it.
        out_dir: folder to write to; it is made.
        pictures: name of a run -> title and path of its pictures; those of one title stand together.
        title: heading of the page.

    Returns:
        the path of ``comparison.html``.

    Raises:
        FileNotFoundError: when a picture does not exist.
        ValueError: when fewer than two runs are given, numbers are not those of an evaluation, or pictures are given
            for another run.
    """
    found = compare_metrics(reports)
    folder = Path(out_dir)
    unknown = sorted(set(pictures or {}) - set(reports))
    if unknown:
        raise ValueError(f"pictures must be of runs among {', '.join(reports)}, got {unknown[0]!r}")
    shown = {name: [load_picture(title, path) for title, path in own.items()] for name, own in (pictures or {}).items()}
    blocks = comparison_blocks(found, reports, shown)
    texts = {
        "comparison.html": render_page(title, blocks),
        "comparison.md": render_markdown(title, blocks, folder),
    }
    write_json(folder / "comparison.json", found)
    for name, text in texts.items():
        write_text(folder / name, text)
    return folder / "comparison.html"


def compare_metrics(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Put the metrics of several evaluations beside one another.

    Args:
        reports: name of each run -> what :func:`monai_dcgan.evaluation.evaluate` returned for it.

    Returns:
        a dictionary that JSON can hold: ``runs``, their names; ``counts`` and ``verdicts`` by name; ``warnings``, how
        their conditions differ; ``metrics``: key -> ``title``, ``group``, ``better``, ``comparable``, ``finding`` (what
        may be said, in words) and ``runs``: name -> the numbers.

    Raises:
        ValueError: when fewer than two runs are given, or numbers are not those of an evaluation.
    """
    if len(reports) < 2:
        raise ValueError(f"reports must hold at least 2 runs, got {len(reports)}; name another run")
    for name, metrics in reports.items():
        check_metrics(metrics, f"reports of {name!r}")
    differing = _differing_counts(reports)
    keys = list(dict.fromkeys(key for metrics in reports.values() for key in metrics["metrics"]))
    rows = {}
    for key in keys:
        entries = {name: metrics["metrics"][key] for name, metrics in reports.items() if key in metrics["metrics"]}
        rows[key] = _row(entries, differing)
    return {
        "format": 1,
        "runs": list(reports),
        "counts": {name: dict(metrics["counts"]) for name, metrics in reports.items()},
        "verdicts": {name: metrics.get("verdict") for name, metrics in reports.items()},
        "warnings": [*differing, *_differing_conditions(rows)],
        "metrics": rows,
    }


def _differing_counts(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what differs in the sets that were compared."""
    found = []
    splits = {name: metrics.get("heldout_split") for name, metrics in reports.items()}
    if len(set(splits.values())) > 1:
        found.append(f"held-out split differs: {_listed(splits)}")
    for key, words in _COUNTS.items():
        counts = {name: metrics["counts"].get(key) for name, metrics in reports.items()}
        if len(set(counts.values())) > 1:
            found.append(f"{words} differs: {_listed(counts)}")
    return found


def _row(entries: Mapping[str, Mapping[str, Any]], differing: Sequence[str]) -> dict[str, Any]:
    first = next(iter(entries.values()))
    changed = [
        f"{name} differs: {_listed({run: entry['conditions'].get(name) for run, entry in entries.items()})}"
        for name in _SAME
        if len({str(entry["conditions"].get(name)) for entry in entries.values()}) > 1
    ]
    return {
        "title": first["title"],
        "group": first.get("group"),
        "better": first["better"],
        "comparable": not changed and not differing,
        "differences": changed,
        "finding": _finding(entries, first["better"], [*changed, *differing]),
        "runs": {run: {key: entry.get(key) for key in _KEPT} for run, entry in entries.items()},
    }


def _finding(entries: Mapping[str, Mapping[str, Any]], better: str, changed: Sequence[str]) -> str:
    """Return what may be said of one metric: which run is best, and whether its interval keeps apart from the others'.

    Intervals that overlap do not show that runs are equal, only that these numbers do not tell them apart.
    """
    if changed:
        return f"not comparable: {changed[0].split(':')[0]}"
    badness = {run: _badness(entry, better) for run, entry in entries.items()}
    known = {run: value for run, value in badness.items() if value is not None}
    if len(known) < 2:
        return "fewer than two runs have this number"
    ordered = sorted(known, key=lambda run: known[run])
    best, second = ordered[:2]
    if known[best] == known[second]:
        return f"{best} and {second} are equal"
    intervals = [interval for run in ordered if (interval := entries[run].get("interval")) is not None]
    if better == "near real" or len(intervals) < len(ordered):
        return f"{best} is best; no intervals to compare"
    own = intervals[0]
    apart = all(other["low"] > own["high"] or other["high"] < own["low"] for other in intervals[1:])
    return f"{best} is best, its interval lies apart" if apart else f"{best} is best, but intervals overlap"


def _badness(entry: Mapping[str, Any], better: str) -> float | None:
    """Return a number that is lower for a better run, None where there is none."""
    if better == "near real":
        ratio = entry["ratio"]
        return None if ratio is None or ratio <= 0 else abs(math.log(ratio))
    if entry["value"] is None:
        return None
    return entry["value"] if better == "lower" else -entry["value"]


def _differing_conditions(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return each difference of conditions once, with the metrics it concerns."""
    found: dict[str, list[str]] = {}
    for row in rows.values():
        for difference in row["differences"]:
            found.setdefault(difference, []).append(row["title"])
    return [f"{difference} ({'; '.join(titles)})" for difference, titles in found.items()]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{value} in {name}" for name, value in values.items())
