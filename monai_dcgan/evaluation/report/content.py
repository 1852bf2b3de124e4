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
"""What the report of one evaluation says, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai_dcgan.evaluation.report.blocks import Block, Bullets, Picture, Point, Points, Section, Text
from monai_dcgan.evaluation.report.numbers import (
    classes_section,
    conditions_section,
    masks_section,
    numbers_section,
)
from monai_dcgan.evaluation.report.pictures import part_of
from monai_dcgan.evaluation.report.privacy_part import privacy_section
from monai_dcgan.evaluation.report.readers_part import readers_section
from monai_dcgan.evaluation.report.subgroups_part import subgroups_section
from monai_dcgan.evaluation.report.values import counts_text

__all__ = ["TITLE", "check_metrics", "report_blocks", "verdict_blocks"]

TITLE = "Evaluation of synthetic slices"
_NEWEST_FORMAT = 2


def check_metrics(metrics: Any, name: str = "metrics") -> Mapping[str, Any]:
    """Return ``metrics`` after checking that they are those of an evaluation that this version understands.

    Raises:
        ValueError: when they are not.
    """
    if not isinstance(metrics, Mapping) or not isinstance(metrics.get("metrics"), Mapping) or "counts" not in metrics:
        raise ValueError(f"{name} must be what evaluate() returned, got no counts and metrics; evaluate the run again")
    if metrics.get("format", 1) not in range(1, _NEWEST_FORMAT + 1):
        raise ValueError(
            f"{name} must have a format up to {_NEWEST_FORMAT}, got {metrics['format']!r}; read it with the version "
            "of monai_dcgan that wrote it"
        )
    return metrics


def report_blocks(metrics: Mapping[str, Any], pictures: Sequence[Picture]) -> list[Block]:
    """Return the report, the verdict first.

    Args:
        metrics: what :func:`monai_dcgan.evaluation.evaluate` returned.
        pictures: what to show; each says which part it belongs to.
    """
    parts: dict[str, list[Picture]] = {"training": [], "pictures": [], "privacy": []}
    for picture in pictures:
        parts.setdefault(part_of(picture), parts["pictures"]).append(picture)
    sections: list[Block | None] = [
        Section("Verdict", verdict_blocks(metrics["verdict"])) if metrics.get("verdict") else None,
        numbers_section(metrics),
        Section("Pictures", parts["pictures"]) if parts["pictures"] else None,
        Section("Training", parts["training"]) if parts["training"] else None,
        privacy_section(metrics, parts["privacy"]),
        classes_section(metrics),
        subgroups_section(metrics),
        masks_section(metrics),
        readers_section(metrics.get("readers")),
        conditions_section(metrics),
    ]
    return [Text(counts_text(metrics)), *(section for section in sections if section is not None)]


def verdict_blocks(verdict: Mapping[str, Any]) -> list[Block]:
    """Return the sentence of a verdict and its points."""
    points = [Point(point["topic"], point["level"], point["text"]) for point in verdict.get("points", ())]
    blocks: list[Block] = [Text(verdict["text"], "lead")]
    blocks += [Points(points)] if points else []
    return blocks + ([Bullets(verdict["remarks"])] if verdict.get("remarks") else [])
