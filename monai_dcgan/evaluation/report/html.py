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
"""Blocks of a report as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from monai_dcgan.evaluation.report.blocks import (
    Block,
    Bullets,
    Chart,
    Folded,
    Picture,
    Points,
    Table,
    Text,
)
from monai_dcgan.evaluation.report.chart import chart_rows
from monai_dcgan.evaluation.report.markup import Markup, tag
from monai_dcgan.evaluation.report.pictures import data_uri, size_of

__all__ = ["render_blocks", "slug"]

_WORDS = {"good": "\u2713 good", "fair": "~ fair", "bad": "\u2717 bad", "unknown": "? unknown"}


def render_blocks(blocks: Sequence[Block], level: int = 2) -> Markup:
    """Return blocks as HTML; sections start with a heading of ``level``."""
    return Markup("\n".join(_block(block, level) for block in blocks))


def slug(title: str) -> str:
    """Return the anchor of a section."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


def _block(block: Block, level: int) -> Markup:
    if isinstance(block, Text):
        return tag("p", block.text, class_=None if block.kind == "plain" else block.kind)
    if isinstance(block, Bullets):
        return tag("ul", *(tag("li", item) for item in block.items))
    if isinstance(block, Points):
        return _points(block)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Chart):
        return _chart(block)
    if isinstance(block, Picture):
        return _picture(block)
    if isinstance(block, Folded):
        return tag("details", tag("summary", block.title), render_blocks(block.blocks, level))
    heading = tag(f"h{min(level, 6)}", block.title)
    anchor = slug(block.title) if level == 2 else None
    return tag("section", heading, render_blocks(block.blocks, level + 1), id=anchor)


def _points(block: Points) -> Markup:
    rows = [
        tag(
            "li",
            tag("span", _WORDS.get(point.level, point.level), class_=f"level {slug(point.level)}"),
            tag("strong", point.topic),
            tag("span", point.text),
        )
        for point in block.points
    ]
    return tag("ul", *rows, class_="points")


def _table(block: Table) -> Markup:
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in block.header)))
    bodies = [tag("tbody", *map(_row, block.rows))] if block.rows else []
    for name, rows in block.groups:
        title = tag("tr", tag("th", tag("span", name), colspan=len(block.header), scope="rowgroup"), class_="group")
        bodies.append(tag("tbody", title, *map(_row, rows)))
    content = tag("table", tag("caption", tag("span", block.caption)), head, *bodies)
    return _scrolling(content, block.caption)


def _row(cells: Sequence[str]) -> Markup:
    first, *others = map(_lines, cells)
    return tag("tr", tag("th", *first, scope="row"), *(tag("td", *cell) for cell in others))


def _lines(cell: str) -> list[Markup | str]:
    """Return the first line as it is and the others as details."""
    first, *details = cell.split("\n")
    return [first, *(tag("span", line, class_="detail") for line in details if line)]


def _scrolling(content: Markup, name: str, **attributes: Any) -> Markup:
    """Return a box that scrolls sideways by itself, also by keyboard."""
    return tag("div", content, **{"class_": "scroll", **attributes}, tabindex=0, role="region", aria_label=name)


def _chart(block: Chart) -> Markup:
    rows, axis = chart_rows(block)
    items = [
        tag("li", tag("span", mark.label, class_="name"), tag("span", mark.text, class_="number"), drawing)
        for mark, drawing in zip(block.marks, rows, strict=True)
    ]
    return tag("figure", tag("figcaption", block.caption), tag("ul", *items, class_="chart"), axis)


def _picture(block: Picture) -> Markup:
    width, height = size_of(block.path)
    image = tag("img", src=data_uri(block.path), alt=block.alt, width=width, height=height)
    # Small pictures fit a phone; in wide ones slices would be too small to see.
    box = _scrolling(image, block.title, class_="scroll wide" if width > 500 else "scroll")
    return tag("figure", tag("figcaption", block.title), box)
