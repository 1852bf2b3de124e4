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
"""Blocks of a report as Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

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

__all__ = ["render_markdown"]


def render_markdown(title: str, blocks: Sequence[Block], folder: Path) -> str:
    """Return a document.

    Args:
        title: its heading.
        blocks: what stands below.
        folder: where the document will lie; links to pictures start there.
    """
    lines = [f"# {_plain(title)}", ""]
    for block in blocks:
        lines += _lines(block, 2, folder)
    return "\n".join(lines).rstrip("\n") + "\n"


def _lines(block: Block, level: int, folder: Path) -> list[str]:
    if isinstance(block, Text):
        return [f"**{_plain(block.text)}**" if block.kind == "lead" else _plain(block.text), ""]
    if isinstance(block, Bullets):
        return [*(f"- {_plain(item)}" for item in block.items), ""]
    if isinstance(block, Points):
        return [*(f"- {_plain(p.topic)}: **{_plain(p.level)}**. {_plain(p.text)}" for p in block.points), ""]
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Picture):
        relative = Path(os.path.relpath(block.path, folder)).as_posix()
        return [f"![{_plain(block.title)}](<{relative}>)" if " " in relative else _image(block.title, relative), ""]
    if isinstance(block, Chart):
        return []
    if isinstance(block, Folded):
        return [f"**{_plain(block.title)}**", "", *(line for b in block.blocks for line in _lines(b, level, folder))]
    inner = [line for own in block.blocks for line in _lines(own, level + 1, folder)]
    # A section of charts alone, which text has none of, would be a heading of nothing.
    return [f"{'#' * level} {_plain(block.title)}", "", *inner] if inner else []


def _image(title: str, relative: str) -> str:
    return f"![{_plain(title)}]({relative})"


def _table(block: Table) -> list[str]:
    rows = [*block.rows]
    for name, own in block.groups:
        rows += [(name, *[""] * (len(block.header) - 1)), *own]
    lines = [f"| {' | '.join(map(_plain, row))} |" for row in rows]
    head = [f"| {' | '.join(map(_plain, block.header))} |", f"| {' | '.join('---' for _ in block.header)} |"]
    return [_plain(block.caption), "", *head, *lines, ""]


def _plain(text: str) -> str:
    """Return ``text`` in one line, so that none of it starts markup or ends a cell; lines become parts with commas."""
    joined = ", ".join(" ".join(line.split()) for line in str(text).split("\n") if line.strip())
    return "".join(f"\\{letter}" if letter in "\\|`*_[]<>#" else letter for letter in joined)
