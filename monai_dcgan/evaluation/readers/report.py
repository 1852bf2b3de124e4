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
"""Scores of a reader study as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.utils.files import write_json, write_text

__all__ = ["readers_markdown", "write_scores"]

_HEADER = (
    "reader",
    "answered",
    "accuracy",
    "sensitivity",
    "specificity",
    "AUC",
    "realism synthetic - real",
    "s per slice",
)
_EXPLAIN = (
    "Sensitivity: share of synthetic slices called synthetic. Specificity: share of real slices called real. AUC: 0.5 "
    "is guessing, 1 is telling all apart. In brackets: 95% intervals. Kappa: 1 is full agreement, 0 what chance gives."
)


def write_scores(scores: Mapping[str, Any], out_dir: str | Path) -> Path:
    """Write ``readers.json`` and ``readers.md`` into a folder.

    Args:
        scores: what ``score_readers`` returned.
        out_dir: folder to write to; it is made.

    Returns:
        the path of ``readers.md``.
    """
    folder = Path(out_dir)
    write_json(folder / "readers.json", scores)
    write_text(folder / "readers.md", readers_markdown(scores))
    return folder / "readers.md"


def readers_markdown(scores: Mapping[str, Any]) -> str:
    """Return the scores as a page of Markdown."""
    counts = scores["counts"]
    lines = [
        "# Reader study",
        "",
        f"{scores['verdict'][0].upper()}{scores['verdict'][1:]}.",
        "",
        f"{counts['readers']} reader(s), {counts['slices']} slices ({counts['synthetic']} synthetic, the others of "
        f"{counts['real_patients']} patients), {counts['repeats']} of them shown twice. Not for clinical use.",
        "",
        *_table(_HEADER, _rows(scores)),
        "",
        _EXPLAIN,
        "",
        *(f"- {remark[0].upper()}{remark[1:]}" for remark in scores["remarks"]),
        "",
        "## Ratings, 1 to 5",
        "",
        *_table(("reader", "rating", "real", "synthetic", "difference"), _rating_rows(scores)),
        "",
        "## Agreement",
        "",
        *_table(("readings", "answer", "kappa", "same answer", "pairs"), _agreement_rows(scores)),
        "",
        *_class_lines(scores),
        "## Conditions",
        "",
        scores["conditions"],
    ]
    return "\n".join(lines) + "\n"


def _rows(scores: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for name, found in scores["readers"].items():
        seconds = found["seconds_per_slice"]
        rows.append(
            (
                _cell(name),
                f"{found['answered']} of {found['slices']}",
                *(_interval(found[key]) for key in ("accuracy", "sensitivity", "specificity", "auc")),
                _interval(found["realism"]["difference"]),
                "-" if seconds is None else f"{seconds:.0f}",
            )
        )
    mean = scores["mean"]
    shares = (_interval(mean[key]) for key in ("accuracy", "sensitivity", "specificity", "auc"))
    return [*rows, ("mean of readers", "", *shares, _interval(mean["realism"]["difference"]), "")]


def _rating_rows(scores: Mapping[str, Any]) -> list[tuple[str, ...]]:
    sets = {**{_cell(name): found for name, found in scores["readers"].items()}, "mean of readers": scores["mean"]}
    return [
        (
            name,
            rating,
            _number(found[rating]["real"]),
            _number(found[rating]["synthetic"]),
            _interval(found[rating]["difference"]),
        )
        for name, found in sets.items()
        for rating in ("realism", "quality")
    ]


def _agreement_rows(scores: Mapping[str, Any]) -> list[tuple[str, ...]]:
    readings = [(f"{_cell(name)}, twice", found["within"]) for name, found in scores["readers"].items()]
    readings += [(" and ".join(map(_cell, pair["readers"])), pair) for pair in scores["agreement"]]
    return [
        (name, answer, _number(found[answer]["kappa"]), _percent(found[answer]["same"]), str(found[answer]["n"]))
        for name, found in readings
        for answer in ("verdict", "realism", "quality")
        if found[answer]["n"]
    ]


def _class_lines(scores: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            _cell(name),
            _cell(label),
            *(_interval(found[key]) for key in ("accuracy", "sensitivity", "specificity")),
            _number(found["realism_real"]),
            _number(found["realism_synthetic"]),
        )
        for name, reader in scores["readers"].items()
        for label, found in reader["classes"].items()
    ]
    if not rows:
        return []
    header = ("reader", "class", "accuracy", "sensitivity", "specificity", "realism, real", "realism, synthetic")
    return ["## Classes", "", *_table(header, rows), ""]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def _cell(text: str) -> str:
    """Return a text that a reader typed so that it cannot end a cell or start markup."""
    return "".join(f"\\{letter}" if letter in "\\|`*_[]<>#" else letter for letter in " ".join(text.split()))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _interval(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "-"
    if found["low"] is None:
        return f"{found['value']:.2f}"
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"
