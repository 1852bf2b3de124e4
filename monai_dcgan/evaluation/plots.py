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
"""Pictures of a run and of a synthetic set: loss curves, sample grids, real beside synthetic."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.metrics import best_match
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import atomic_path, read_json_lines
from monai_dcgan.utils.pictures import grid

__all__ = ["plot_loss_curves", "plot_real_beside_synthetic", "plot_sample_grid"]

logger = logging.getLogger(__name__)

_DPI = 110
_PROBABILITIES = ("d_real", "d_fake")
_LABELS = {"d_real": "D(real)", "d_fake": "D(fake)", "d_loss": "D loss", "g_loss": "G loss"}
_MAX_REAL = 500


def plot_loss_curves(metrics_jsonl_path: str | Path, out_png: str | Path) -> None:
    """Plot the losses above D(real) and D(fake), against the images shown to the discriminator.

    Numbers under ``d_loss``, ``g_loss`` and any other key that starts with ``d_`` or ``g_`` are losses; ``d_real`` and
    ``d_fake`` are mean probabilities. Where lines carry no ``images``, ``epoch`` or the line number takes its place.

    Args:
        metrics_jsonl_path: a run's ``metrics.jsonl``.
        out_png: file to write.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when a line is no JSON object, or no line holds a loss.
    """
    records = read_json_lines(metrics_jsonl_path)
    if not records:
        raise ValueError(f"{metrics_jsonl_path} must hold at least one line, got none; the run has not logged yet")
    keys = sorted(
        {key for record in records for key in record if key.startswith(("d_", "g_")) and _number(record[key])}
    )
    losses = [key for key in keys if key not in _PROBABILITIES]
    if not losses:
        raise ValueError(
            f"{metrics_jsonl_path} must hold numbers under d_loss and g_loss, got keys {sorted(records[0])}"
        )
    losses.sort(key=lambda key: (key not in ("d_loss", "g_loss"), key))
    axis = next((key for key in ("images", "epoch") if all(_number(record.get(key)) for record in records)), None)
    label = {"images": "images shown to the discriminator", "epoch": "epoch", None: "line"}[axis]

    figure = Figure(figsize=(9, 6.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for key in losses:
        main = key in ("d_loss", "g_loss")
        name = _LABELS.get(key, f"{key[2:].replace('_', ' ')} ({key[0].upper()})")
        _curve(top, records, axis, key, name, linewidth=2.0 if main else 1.1, linestyle="-" if main else "--")
    top.set_ylabel("loss")
    top.set_title("Losses and what the discriminator believes")
    for key in _PROBABILITIES:
        _curve(bottom, records, axis, key, _LABELS[key])
    bottom.axhline(0.5, color="gray", linewidth=0.8, linestyle=":", label="cannot tell")
    bottom.set_ylim(-0.02, 1.02)
    bottom.set_ylabel("mean probability of real")
    bottom.set_xlabel(label)
    for axes in (top, bottom):
        axes.grid(alpha=0.25)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    _save(figure, out_png)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _curve(axes: Axes, records: Sequence[dict[str, Any]], axis: str | None, key: str, name: str, **style: Any) -> None:
    """Draw ``key`` of the records that hold it: lines of a validation stand between those of the training."""
    points = [
        (record[axis] if axis else n, record[key]) for n, record in enumerate(records, 1) if _number(record.get(key))
    ]
    if points:
        axes.plot(*zip(*points), label=name, marker="o" if len(points) < 3 else None, **style)


def plot_sample_grid(
    synthetic: LabeledSlices,
    out_png: str | Path,
    columns: int = 8,
    max_slices: int = 64,
    title: str = "Synthetic slices",
) -> None:
    """Draw the first slices of a set with their mask contours.

    Args:
        synthetic: the set.
        out_png: file to write.
        columns: slices in a row.
        max_slices: how many to draw.
        title: what to write above.
    """
    check_positive_int("max_slices", max_slices)
    shown = synthetic.take(np.arange(min(max_slices, len(synthetic))))
    picture = _picture(shown, columns)
    figure = Figure(figsize=(9, 9 * picture.shape[0] / picture.shape[1] + 0.5), layout="constrained")
    _show(figure.subplots(), picture, f"{title}: the first {len(shown)} of {len(synthetic)}, outlines are masks")
    _save(figure, out_png)


def plot_real_beside_synthetic(
    synthetic: LabeledSlices,
    heldout: LabeledSlices,
    out_png: str | Path,
    seed: int = 0,
    rows: int = 5,
    columns: int = 5,
    pairs: int = 8,
) -> None:
    """Draw random real slices beside random synthetic ones, and below synthetic slices above their nearest real ones.

    Args:
        synthetic: the synthetic set.
        heldout: the real set.
        out_png: file to write.
        seed: seed of the draws: nothing is picked by hand.
        rows: rows of each panel.
        columns: columns of each panel.
        pairs: synthetic slices to show with their nearest real slice (highest SSIM among at most 500).
    """
    for name, number in (("rows", rows), ("columns", columns), ("pairs", pairs)):
        check_positive_int(name, number)
    count = rows * columns
    left, right = _picture(heldout.sample(count, seed), columns), _picture(synthetic.sample(count, seed), columns)
    some, candidates = synthetic.sample(pairs, seed + 1), heldout.sample(_MAX_REAL, seed)
    values, indices = best_match(some.images, candidates.images)
    nearest = candidates.take(indices)
    both = LabeledSlices(np.concatenate([some.images, nearest.images]), np.concatenate([some.masks, nearest.masks]))
    below = _picture(both, len(some))

    width = 11.0
    heights = (width / 2 * max(p.shape[0] / p.shape[1] for p in (left, right)), width * below.shape[0] / below.shape[1])
    figure = Figure(figsize=(width, sum(heights) + 0.9), layout="constrained")
    axes = figure.subplot_mosaic([["real", "synthetic"], ["pairs", "pairs"]], height_ratios=heights)
    _show(axes["real"], left, f"Real, held-out (random {min(count, len(heldout))} of {len(heldout)})")
    _show(axes["synthetic"], right, f"Synthetic (random {min(count, len(synthetic))} of {len(synthetic)})")
    numbers = ", ".join(f"{value:.2f}" for value in values)
    _show(
        axes["pairs"],
        below,
        f"Above: random synthetic slices. Below each: its nearest of {len(candidates)} held-out slices\nSSIM {numbers}",
    )
    _save(figure, out_png)


def _picture(slices: LabeledSlices, columns: int) -> np.ndarray:
    scale = max(1, round(128 / slices.images.shape[-1]))
    return grid(slices.images, slices.masks, columns=columns, scale=scale)


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    axes.imshow(picture, interpolation="lanczos")
    axes.set_title(title, fontsize=11)
    axes.set_axis_off()


def _save(figure: Figure, path: str | Path) -> None:
    """Write ``figure`` as PNG with the Agg canvas, whatever backend the process uses."""
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI)
