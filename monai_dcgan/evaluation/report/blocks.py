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
"""What a report is made of, apart from how it looks: each block can be shown as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

__all__ = ["Block", "Bullets", "Chart", "Folded", "Mark", "Picture", "Point", "Points", "Section", "Table", "Text"]


@dataclass(frozen=True)
class Text:
    """A paragraph; ``kind`` is "plain", "lead" (what to read first), "quiet" or "warning"."""

    text: str
    kind: str = "plain"


@dataclass(frozen=True)
class Bullets:
    """A list of texts."""

    items: Sequence[str]


@dataclass(frozen=True)
class Point:
    """One point of a verdict; ``level`` is "good", "fair", "bad" or "unknown"."""

    topic: str
    level: str
    text: str


@dataclass(frozen=True)
class Points:
    """The points of a verdict."""

    points: Sequence[Point]


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        caption: what the table holds.
        header: the names of the columns.
        rows: cells; lines of a cell after its first are details.
        groups: name of a group of rows -> its rows, after ``rows``.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]] = ()
    groups: Sequence[tuple[str, Sequence[Sequence[str]]]] = ()


@dataclass(frozen=True)
class Mark:
    """A number in a chart, with its text and the ends of its bar where there are any."""

    label: str
    text: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Chart:
    """Numbers below one another on one axis. Markdown leaves it out: a table holds the same numbers.

    Attributes:
        caption: what the chart shows.
        marks: the numbers; on a logarithmic axis those above 0 are drawn.
        reference: where a line stands, or None.
        log: whether the axis is logarithmic.
    """

    caption: str
    marks: Sequence[Mark]
    reference: float | None = None
    log: bool = False


@dataclass(frozen=True)
class Picture:
    """A PNG or JPEG file; ``alt`` says what is seen."""

    title: str
    path: Path
    alt: str


@dataclass(frozen=True)
class Folded:
    """Blocks below a line that opens them."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Section:
    """Blocks below a heading; sections within it have headings one level deeper."""

    title: str
    blocks: Sequence[Block] = field(default_factory=list)


Block: TypeAlias = Text | Bullets | Points | Table | Chart | Picture | Folded | Section
