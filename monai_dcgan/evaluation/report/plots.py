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
"""Pictures of slices: sample grids, real beside synthetic, synthetic slices beside those they may be copies of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monai_dcgan.evaluation.report.figures import save_figure
from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.metrics import best_match
from monai_dcgan.metrics.matching import FLIP_NAMES
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.pictures import grid

__all__ = ["plot_real_beside_synthetic", "plot_sample_grid", "plot_suspicious_pairs"]

_MAX_REAL = 500


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
    words = f"{title}: the first {len(shown)} of {len(synthetic)}, outlines are masks"
    _show(figure.subplots(), picture, words)
    save_figure(figure, out_png, f"{words}. {_with_masks(shown)} of them have a mask.")


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
    save_figure(
        figure,
        out_png,
        f"Left {min(count, len(heldout))} random real slices, right {min(count, len(synthetic))} random synthetic "
        f"ones, masks as outlines. Below, {len(some)} synthetic slices, each above its nearest held-out slice; SSIM "
        f"{numbers}.",
    )


def plot_suspicious_pairs(
    synthetic: LabeledSlices,
    training: LabeledSlices,
    pairs: Sequence[Mapping[str, Any]],
    out_png: str | Path,
    columns: int = 4,
    max_pairs: int = 20,
) -> None:
    """Draw synthetic slices beside the training slices that they may be copies of.

    The synthetic slice stands left, turned as its training slice lies; shifts are not undone. No patient is named.

    Args:
        synthetic: the synthetic set.
        training: the training slices, in the order in which :func:`~monai_dcgan.evaluation.privacy.memorization` had
            them.
        pairs: what it returned under ``pairs``.
        out_png: file to write.
        columns: pairs in a row.
        max_pairs: how many pairs to draw, from the first on.

    Raises:
        ValueError: when there is no pair, a position is not in its set, or slices differ in shape.
    """
    check_positive_int("columns", columns)
    check_positive_int("max_pairs", max_pairs)
    shown = list(pairs[:max_pairs])
    if not shown:
        raise ValueError("pairs must hold at least one pair, got none; leave this picture out")
    if synthetic.images.shape[1:] != training.images.shape[1:]:
        raise ValueError(
            f"images of synthetic and training must have one shape (C, H, W), got {synthetic.images.shape[1:]} and "
            f"{training.images.shape[1:]}; prepare them alike"
        )
    for pair in shown:
        for name, slices in (("synthetic", synthetic), ("training", training)):
            if not 0 <= pair[name] < len(slices):
                raise ValueError(
                    f"pairs must name positions from 0 to {len(slices) - 1} under {name}, got {pair[name]}; give the "
                    "sets that were compared"
                )
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(2.75 * columns, 1.75 * rows + 0.5), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, pair in zip(places, shown):
        turned = "" if pair["flip"] == "none" else f", turned {pair['flip']}"
        title = f"{pair['synthetic']} | training {pair['training']}\n{pair['distance']:.3g} in {pair['space']}{turned}"
        _show(axes, _picture(_side_by_side(synthetic, training, pair), 2), title, size=9.5)
    for axes in places[len(shown) :]:
        axes.set_axis_off()
    figure.suptitle("Left synthetic, right the training slice it lies nearest to; above, their distance", fontsize=11)
    least = min(shown, key=lambda pair: pair["heldout_share"])
    seen = (
        f"{len(shown)} synthetic slices, each left of the training slice it lies nearest to, masks as outlines. The "
        f"first is synthetic slice {shown[0]['synthetic']} beside training slice {shown[0]['training']}, at a distance "
        f"of {shown[0]['distance']:.3g} in {shown[0]['space']}; at the least {least['heldout_share']:.1%} of held-out "
        "slices come as near."
    )
    save_figure(figure, out_png, seen, "privacy")


def _side_by_side(synthetic: LabeledSlices, training: LabeledSlices, pair: Mapping[str, Any]) -> LabeledSlices:
    """Return the synthetic slice of a pair, turned as the training slice lies, and the training slice."""
    (axes,) = (axes for axes, name in FLIP_NAMES.items() if name == pair["flip"])
    made, real = synthetic.take(np.array([pair["synthetic"]])), training.take(np.array([pair["training"]]))
    images = np.concatenate([np.flip(made.images, axes), real.images])
    return LabeledSlices(images, np.concatenate([np.flip(made.masks, axes), real.masks]))


def _with_masks(slices: LabeledSlices) -> int:
    return int(slices.masks.any(axis=(1, 2, 3)).sum())


def _picture(slices: LabeledSlices, columns: int) -> np.ndarray:
    scale = max(1, round(128 / slices.images.shape[-1]))
    return grid(slices.images, slices.masks, columns=columns, scale=scale)


def _show(axes: Axes, picture: np.ndarray, title: str, size: float = 11) -> None:
    axes.imshow(picture, interpolation="lanczos")
    axes.set_title(title, fontsize=size)
    axes.set_axis_off()
