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
"""Learning curves: a metric against the number of training patients, one line an arm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from monai_dcgan.downstream.comparison import ArmMean
from monai_dcgan.downstream.metrics import Metric, metric_of
from monai_dcgan.utils.files import atomic_path

__all__ = ["draw_curves"]

# Okabe and Ito 2008, "Color Universal Design": told apart by the color blind; markers tell arms apart without color.
_COLORS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_MARKERS = "osD^vPX"
_DPI = 110
# Arms stand beside each other at a number of patients, this far apart (factor on the logarithmic axis).
_STEP = 1.035
_LABEL_GAP = 0.055


def draw_curves(means: Sequence[ArmMean], metric: str, path_png: str | Path, level: float = 0.95) -> Path:
    """Draw arms by themselves: mean and interval at each number of training patients, single seeds as faint dots.

    The intervals are those of each arm and not of differences: arms are measured on the same patients, so their
    intervals may overlap where the difference is clear. What is seen is also written into the PNG as its description.

    Args:
        means: arms at numbers of training patients.
        metric: key of ``METRICS``.
        path_png: file to write.
        level: level of the intervals, for the title.

    Returns:
        the path of the picture.

    Raises:
        ValueError: when ``metric`` is unknown or no mean is defined.
    """
    said = metric_of(metric)
    shown = [mean for mean in means if mean.mean is not None]
    if not shown:
        raise ValueError(f"means must hold at least one that is defined, got none of {metric}; leave the picture out")
    arms = list(dict.fromkeys(mean.arm for mean in shown))
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for place, arm in enumerate(arms):
        _draw_arm(axes, [mean for mean in shown if mean.arm == arm], said, place, len(arms))
    numbers = sorted({mean.patients for mean in shown})
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(numbers))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([str(number) for number in numbers])
    axes.set_xlim(numbers[0] / 1.25, numbers[-1] * 1.25)
    axes.set_xlabel("training patients")
    axes.set_ylabel(f"{said.title} ({said.unit}), {'higher' if said.higher_is_better else 'lower'} is better")
    patients = sorted({mean.num_patients for mean in shown})
    axes.set_title(
        f"{said.title} on {' to '.join(str(number) for number in dict.fromkeys((patients[0], patients[-1])))} held-out "
        f"patients: mean, {100 * level:g}% interval, single seeds"
    )
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    _label_ends(axes, arms, shown, said)
    FigureCanvasAgg(figure)
    with atomic_path(path_png) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, metadata={"Description": _seen(arms, shown, said)})
    return Path(path_png)


def _draw_arm(axes: Axes, means: Sequence[ArmMean], said: Metric, place: int, count: int) -> None:
    """Draw one arm, beside the others."""
    factor = _beside(place, count)
    color, marker = _COLORS[place % len(_COLORS)], _MARKERS[place % len(_MARKERS)]
    means = sorted(means, key=lambda mean: mean.patients)
    x = [mean.patients * factor for mean in means]
    # Drawn over each other, an arm whose color comes again is told apart by its dashes.
    dashes = "-" if place < len(_COLORS) else "--"
    axes.plot(x, [said.scale * float(mean.mean or 0) for mean in means], color=color, marker=marker, ls=dashes, lw=1.8)
    for at, mean in zip(x, means):
        if mean.low is not None and mean.high is not None:
            ends = [said.scale * mean.low, said.scale * mean.high]
            axes.plot([at, at], ends, color=color, linewidth=1.4, alpha=0.8)
        seeds = [said.scale * number for number in mean.seeds.values() if number is not None]
        axes.plot([at * _STEP**0.35] * len(seeds), seeds, "o", color=color, markersize=4, alpha=0.35, markeredgewidth=0)


def _label_ends(axes: Axes, arms: Sequence[str], shown: Sequence[ArmMean], said: Metric) -> None:
    """Write the name of each arm beside the end of its line, names apart from each other."""
    ends = {arm: max((mean for mean in shown if mean.arm == arm), key=lambda mean: mean.patients) for arm in arms}
    heights = np.array([said.scale * float(ends[arm].mean or 0) for arm in arms])
    low, high = axes.get_ylim()
    gap = _LABEL_GAP * (high - low)
    order = np.argsort(heights, kind="stable")
    placed = heights[order]
    for above in range(1, len(placed)):
        placed[above] = max(placed[above], placed[above - 1] + gap)
    # Names that were pushed up go down together, so that they stand around the ends of their lines.
    placed -= np.mean(placed - heights[order])
    for position, place in enumerate(order):
        color, factor = _COLORS[place % len(_COLORS)], _beside(int(place), len(arms))
        axes.annotate(
            arms[place],
            (ends[arms[place]].patients * factor, heights[place]),
            xytext=(1.03, placed[position]),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            color=color,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.7,
                "alpha": 0.6,
                "relpos": (0, 0.5),
                "shrinkB": 4,
            },
        )


def _beside(place: int, count: int) -> float:
    """Return the factor by which an arm stands beside the number of patients."""
    return _STEP ** (place - (count - 1) / 2)


def _seen(arms: Sequence[str], shown: Sequence[ArmMean], said: Metric) -> str:
    """Return what the curves show, in words."""
    texts = []
    for arm in arms:
        own = [f"{said.number(mean.mean or 0)} with {mean.patients}" for mean in shown if mean.arm == arm]
        texts.append(f"{arm}: {', '.join(own)}")
    return f"{said.title} ({said.unit}) against the number of training patients. {'; '.join(texts)}."
