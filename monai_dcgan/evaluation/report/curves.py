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
"""Loss curves of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monai_dcgan.evaluation.report.figures import save_figure
from monai_dcgan.utils.files import read_json_lines

__all__ = ["plot_loss_curves"]

_PROBABILITIES = ("d_real", "d_fake")
_LABELS = {"d_real": "D(real)", "d_fake": "D(fake)", "d_loss": "D loss", "g_loss": "G loss"}


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
    save_figure(figure, out_png, _seen(records, losses, label), "training")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _curve(axes: Axes, records: Sequence[dict[str, Any]], axis: str | None, key: str, name: str, **style: Any) -> None:
    """Draw ``key`` of the records that hold it: lines of a validation stand between those of the training."""
    points = [
        (record[axis] if axis else n, record[key]) for n, record in enumerate(records, 1) if _number(record.get(key))
    ]
    if points:
        axes.plot(*zip(*points), label=name, marker="o" if len(points) < 3 else None, **style)


def _seen(records: Sequence[dict[str, Any]], losses: Sequence[str], label: str) -> str:
    """Return what the curves show, in words."""
    ends = []
    for key in (*losses, *_PROBABILITIES):
        values = [record[key] for record in records if _number(record.get(key))]
        if values:
            ends.append(f"{_LABELS.get(key, key)} from {values[0]:.3g} to {values[-1]:.3g}")
    return f"Curves against {label}, {len(records)} lines of the log: {'; '.join(ends)}."
