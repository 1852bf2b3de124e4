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

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monai_dcgan.evaluation.report.figures import save_figure
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import read_json, read_json_lines

__all__ = ["LossCurves", "plot_loss_curves"]

_PROBABILITIES = ("d_real", "d_fake")
_SAMPLES = ("sample_diversity", "empty_masks")
_LABELS = {
    "d_real": "D(real)",
    "d_fake": "D(fake)",
    "d_loss": "D loss",
    "g_loss": "G loss",
    "sample_diversity": "diversity\n(real slices: 1)",
    "empty_masks": "empty masks",
}
_NO_LOSSES = (*_PROBABILITIES, "d_real_sign")
_MAX_METRICS = 3


class LossCurves:
    """Draw the loss curves anew after epochs of a training, see :func:`plot_loss_curves`.

    Stands behind the validation among the handlers, so that its metrics are in the picture. Where several processes
    train together, the first one draws.

    Args:
        log: the training's ``metrics.jsonl``.
        out_png: file to write.
        every: epochs between two drawings.

    Raises:
        ValueError: when ``every`` is no whole number of at least 1.
    """

    def __init__(self, log: str | Path, out_png: str | Path, every: int = 1) -> None:
        check_positive_int("every", every)
        self.log = log
        self.out_png = out_png
        self.every = every

    def attach(self, engine: Engine) -> None:
        """Follow the training ``engine``."""
        if idist.get_rank() == 0:
            engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.every), self)

    def __call__(self, engine: Engine) -> None:
        """Draw the curves as they are now."""
        plot_loss_curves(self.log, self.out_png)


def plot_loss_curves(metrics_jsonl_path: str | Path, out_png: str | Path, best: str | Path | None = None) -> None:
    """Plot the losses above D(real) and D(fake), against the images shown to the discriminator.

    Numbers under ``d_loss``, ``g_loss`` and any other key that starts with ``d_`` or ``g_`` are losses; ``d_real`` and
    ``d_fake`` are mean probabilities. Where lines carry no ``images``, ``epoch`` or the line number takes its place.
    Below stand what a ``CollapseGuard`` has measured on samples and the first three metrics of the validations, where
    there are any. Upright lines mark the best generator and where the losses settled.

    Args:
        metrics_jsonl_path: a run's ``metrics.jsonl``.
        out_png: file to write.
        best: JSON file of the best generator with ``metric``, ``value`` and ``images``, as ``BestGenerator`` writes it;
            by default ``best.json`` beside the log, where there is one.

    Raises:
        FileNotFoundError: when there is no such log, or no file at ``best``.
        ValueError: when a line is no JSON object, or no line holds a loss.
    """
    records = read_json_lines(metrics_jsonl_path)
    if not records:
        raise ValueError(f"{metrics_jsonl_path} must hold at least one line, got none; the run has not logged yet")
    keys = sorted({key for record in records for key in record if _number(record[key])})
    losses = [key for key in keys if key.startswith(("d_", "g_")) and key not in _NO_LOSSES]
    if not losses:
        raise ValueError(
            f"{metrics_jsonl_path} must hold numbers under d_loss and g_loss, got keys {sorted(records[0])}"
        )
    losses = [key for key in losses if not _repeats_the_sum(records, key)]
    losses.sort(key=lambda key: (key not in ("d_loss", "g_loss"), key))
    # In the order of the lines: the metric by which the best is chosen comes first.
    validation = list(dict.fromkeys(key for record in records for key in record if key.startswith("val_")))
    validation = [key for key in validation if key in keys][:_MAX_METRICS]
    samples = [key for key in _SAMPLES if key in keys]
    axis = next((key for key in ("images", "epoch") if all(_number(record.get(key)) for record in records)), None)
    label = {"images": "images shown to the discriminator", "epoch": "epoch", None: "line"}[axis]
    marks = _marks(records, _best_of(metrics_jsonl_path, best)) if axis == "images" else {}

    heights = [3.0, 2.0, *[1.2] * bool(samples), *[1.2] * len(validation)]
    figure = Figure(figsize=(9, 1.3 * sum(heights)), layout="constrained")
    panels = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    _draw_losses(panels[0], records, axis, losses)
    _draw_probabilities(panels[1], records, axis)
    if samples:
        for key in samples:
            _curve(panels[2], records, axis, key, _LABELS[key], marker="o", markersize=3)
        panels[2].set_ylabel("samples")
        panels[2].set_ylim(bottom=0)
    for axes, key in zip(panels[len(panels) - len(validation) :], validation):
        _curve(axes, records, axis, key, key[4:].replace("_", " "), marker="o", markersize=4)
        axes.set_ylabel("validation")
    panels[-1].set_xlabel(label)
    for axes in panels:
        for (name, place), color in zip(marks.items(), ("black", "gray")):
            axes.axvline(place, color=color, linewidth=1.2, linestyle="-.", label=name if axes is panels[0] else None)
        axes.grid(alpha=0.25)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    save_figure(
        figure, out_png, _seen(records, [*losses, *_PROBABILITIES, *samples, *validation], label, marks), "training"
    )


def _repeats_the_sum(records: Sequence[Mapping[str, Any]], key: str) -> bool:
    """Return whether ``key`` is the only term of a loss, whose curve would lie on that of the sum."""
    total = f"{key[:2]}loss"
    return key != total and all(record[key] == record.get(total) for record in records if key in record)


def _best_of(log: str | Path, best: str | Path | None) -> Mapping[str, Any] | None:
    beside = Path(log).with_name("best.json")
    if best is None and not beside.is_file():
        return None
    return read_json(beside if best is None else best)


def _marks(records: Sequence[Mapping[str, Any]], best: Mapping[str, Any] | None) -> dict[str, float]:
    """Return what to mark by an upright line: name -> images."""
    marks = {}
    if best is not None:
        marks[f"best {best['metric'].replace('_', ' ')}\n{best['value']:.3g}"] = best["images"]
    settled = [record["images"] for record in records if "losses_settled" in record]
    if settled:
        marks["losses settled"] = settled[0]
    return marks


def _draw_losses(axes: Axes, records: Sequence[dict[str, Any]], axis: str | None, losses: Sequence[str]) -> None:
    for key in losses:
        main = key in ("d_loss", "g_loss")
        name = _LABELS.get(key, f"{key[2:].replace('_', ' ')} ({key[0].upper()})")
        _curve(axes, records, axis, key, name, linewidth=2.0 if main else 1.1, linestyle="-" if main else "--")
    axes.set_ylabel("loss")
    axes.set_title("Losses and what the discriminator believes")


def _draw_probabilities(axes: Axes, records: Sequence[dict[str, Any]], axis: str | None) -> None:
    for key in _PROBABILITIES:
        _curve(axes, records, axis, key, _LABELS[key])
    axes.axhline(0.5, color="gray", linewidth=0.8, linestyle=":", label="cannot tell")
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("mean probability of real")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _curve(axes: Axes, records: Sequence[dict[str, Any]], axis: str | None, key: str, name: str, **style: Any) -> None:
    """Draw ``key`` of the records that hold it: lines of a validation stand between those of the training."""
    points = [
        (record[axis] if axis else n, record[key]) for n, record in enumerate(records, 1) if _number(record.get(key))
    ]
    if points:
        axes.plot(*zip(*points), label=name, **{"marker": "o" if len(points) < 3 else None, **style})


def _seen(records: Sequence[dict[str, Any]], keys: Sequence[str], label: str, marks: Mapping[str, float]) -> str:
    """Return what the curves show, in words."""
    ends = []
    for key in keys:
        values = [record[key] for record in records if _number(record.get(key))]
        if values:
            name = _LABELS.get(key, key).replace("\n", " ")
            ends.append(f"{name} from {values[0]:.3g} to {values[-1]:.3g}")
    marked = "".join(f" {name.replace(chr(10), ' ').capitalize()} at {place} images." for name, place in marks.items())
    return f"Curves against {label}, {len(records)} lines of the log: {'; '.join(ends)}.{marked}"
