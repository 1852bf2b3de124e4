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
"""Charts as rows of small SVG drawings that keep their size of type on a phone and on a desk."""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.ticker import MaxNLocator

from monai_dcgan.evaluation.report.blocks import Chart, Mark
from monai_dcgan.evaluation.report.markup import Markup, tag

__all__ = ["chart_rows"]

_MARGIN = 5.0
_HEIGHT = 22
_MOST_TICKS = 6


def chart_rows(chart: Chart) -> tuple[list[Markup], Markup]:
    """Draw a chart.

    Places are percentages of the width and colors are those of the text, so one drawing serves any screen and theme.

    Args:
        chart: the numbers.

    Returns:
        one drawing per mark (empty where it cannot stand on the axis), and the axis.
    """
    ends = [end for mark in chart.marks for end in (mark.value, mark.low, mark.high) if end is not None]
    ends += [] if chart.reference is None else [chart.reference]
    drawn = [end for end in ends if not chart.log or end > 0]
    if not drawn:
        return [Markup("") for _ in chart.marks], Markup("")
    low, high = min(drawn), max(drawn)
    if chart.log:
        low, high = low / 1.1, high * 1.1
    elif low == high:
        low, high = low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2
    place = _places(low, high, chart.log)
    rows = [_drawing(mark, chart, place) for mark in chart.marks]
    return rows, _axis(_log_ticks(low, high) if chart.log else _ticks(low, high), place)


def _places(low: float, high: float, log: bool) -> Callable[[float], float]:
    """Return what maps numbers to percent of the width; what lies outside stands at the edge."""

    def place(value: float) -> float:
        inside = min(max(value, low), high)
        share = math.log(inside / low) / math.log(high / low) if log else (inside - low) / (high - low)
        return _MARGIN + (100 - 2 * _MARGIN) * share

    return place


def _drawing(mark: Mark, chart: Chart, place: Callable[[float], float]) -> Markup:
    middle = _HEIGHT / 2
    parts = []
    if chart.reference is not None:
        where = f"{place(chart.reference):.2f}%"
        parts.append(tag("line", x1=where, x2=where, y1=0, y2=_HEIGHT, class_="reference"))
    if not chart.log or mark.value > 0:
        if mark.low is not None and mark.high is not None:
            ends = [f"{place(end):.2f}%" for end in (mark.low, mark.high)]
            parts.append(tag("line", x1=ends[0], x2=ends[1], y1=middle, y2=middle, class_="range"))
            parts += [tag("line", x1=end, x2=end, y1=middle - 4, y2=middle + 4, class_="range") for end in ends]
        parts.append(tag("circle", cx=f"{place(mark.value):.2f}%", cy=middle, r=5, class_="dot"))
    return tag("svg", *parts, width="100%", height=_HEIGHT, aria_hidden="true", focusable="false")


def _axis(ticks: list[float], place: Callable[[float], float]) -> Markup:
    parts = [tag("line", x1="0%", x2="100%", y1=1, y2=1, class_="axis")]
    for tick in ticks:
        where = f"{place(tick):.2f}%"
        parts.append(tag("line", x1=where, x2=where, y1=1, y2=6, class_="axis"))
        parts.append(tag("text", f"{tick:g}", x=where, y=20, text_anchor="middle"))
    drawing = tag("svg", *parts, width="100%", height=24, aria_hidden="true", focusable="false")
    return tag("div", drawing, class_="axis-row")


def _ticks(low: float, high: float) -> list[float]:
    return [float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]


def _log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade, or fewer of them where there are many decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        every = [factor * 10.0**decade for decade in decades for factor in factors]
        ticks = [tick for tick in every if low <= tick <= high]
        if len(ticks) <= _MOST_TICKS:
            return ticks
    return ticks[:: math.ceil(len(ticks) / _MOST_TICKS)]
