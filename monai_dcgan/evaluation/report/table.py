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
"""The numbers of an evaluation as a table for the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_dcgan.evaluation.report.values import FOOTNOTE, interval_text, number, remarks, sizes, spread

__all__ = ["table"]

_HEADER = ("metric", "synthetic vs held-out", "interval", "at equal N", "real vs real", "ratio", "N", "better")


def table(metrics: Mapping[str, Any]) -> str:
    """Return the numbers as a plain-text table with a line per metric.

    Args:
        metrics: what :func:`monai_dcgan.evaluation.evaluate` returned.

    Returns:
        the table, what the ratio means, what to know of numbers that are missing or rest on little, and the verdict.
    """
    rows = [_HEADER, *map(_row, metrics["metrics"].values())]
    # Without any interval the column would be empty.
    kept = [column for column in range(len(_HEADER)) if column != 2 or any(row[2] != "-" for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in kept}
    lines = ["  ".join(row[column].ljust(widths[column]) for column in kept).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * widths[column] for column in kept))
    verdict = [metrics["verdict"]["text"]] if metrics.get("verdict") else []
    return "\n".join([*lines, FOOTNOTE, *remarks(metrics), *verdict])


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        entry["title"],
        number(entry["value"]),
        interval_text(entry) or "-",
        spread(entry["matched"], "+/-"),
        spread(entry["real_vs_real"], "+/-"),
        "-" if entry["ratio"] is None else f"{entry['ratio']:.2f}",
        sizes(entry),
        entry["better"],
    )
