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
"""Tests of learning curves."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from monai_dcgan.downstream import curves
from monai_dcgan.downstream.cells import Row
from monai_dcgan.downstream.comparison import ArmMean, compare
from monai_dcgan.downstream.crossed import Draws
from monai_dcgan.downstream.curves import draw_curves


def rows_of(metric="dice", numbers=(5, 20, 52), arms=("real", "both"), scale=1.0):
    random = np.random.RandomState(0)
    return [
        Row("seg", arm, number, seed, f"p{patient}", metric, scale * random.uniform(0.4, 0.9))
        for arm in arms
        for number in numbers
        for seed in range(3)
        for patient in range(6)
    ]


def means_of(rows):
    return compare(rows, "real", "dice", draws=Draws(num_samples=100)).means


@pytest.fixture
def drawn(monkeypatch):
    """Return the figures that are drawn."""
    figures = []

    class Kept(curves.Figure):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            figures.append(self)

    monkeypatch.setattr(curves, "Figure", Kept)
    return figures


def test_what_is_drawn(tmp_path, drawn):
    found = means_of(rows_of())
    path = draw_curves(found, "dice", tmp_path / "new" / "curves.png")
    (axes,) = drawn[0].axes
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["5", "20", "52"]
    assert axes.get_ylabel() == "Dice (points), higher is better"
    assert "6 held-out patients" in axes.get_title() and "95% interval" in axes.get_title()
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3 and line.get_linestyle() != "None"]
    means = {(mean.arm, mean.patients): mean for mean in found}
    for line, arm in zip(lines, ("real", "both"), strict=True):
        assert line.get_ydata() == pytest.approx([100 * means[arm, number].mean for number in (5, 20, 52)])
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert len(dots) == 6 and all(0 < line.get_alpha() < 0.5 and len(line.get_ydata()) == 3 for line in dots)
    assert dots[0].get_ydata() == pytest.approx([100 * value for value in means["real", 5].seeds.values()])
    ends = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 2]
    assert len(ends) == 6 and ends[0] == pytest.approx([100 * means["real", 5].low, 100 * means["real", 5].high])
    with Image.open(path) as image:
        seen = image.info["Description"]
    assert "real: " in seen and f"{100 * means['both', 52].mean:.1f} with 52" in seen


def test_labels_stand_apart_in_the_colors_of_their_lines(tmp_path, drawn):
    means = [ArmMean(f"arm{place}", 5, 0.5 + place / 1e4, 0.4, 0.6, {0: 0.5}, 6, 0) for place in range(7)]
    draw_curves(means, "dice", tmp_path / "a.png")
    (axes,) = drawn[0].axes
    low, high = axes.get_ylim()
    heights = [text.xyann[1] for text in axes.texts]
    assert np.diff(heights).min() >= 0.05 * (high - low)
    assert [text.get_text() for text in axes.texts] == [f"arm{place}" for place in range(7)]
    lines = {line.get_color() for line in axes.lines}
    assert len({text.get_color() for text in axes.texts}) == 7 and {text.get_color() for text in axes.texts} == lines


def test_lower_is_better_and_arms_without_numbers_are_left_out(tmp_path, drawn):
    means = [
        ArmMean("real", 5, 12.5, None, None, {0: 12.5, 1: None}, 1, 0),
        ArmMean("both", 5, None, None, None, {0: None}, 0, 3),
    ]
    draw_curves(means, "hd95", tmp_path / "a.png")
    (axes,) = drawn[0].axes
    assert axes.get_ylabel() == "HD95 (mm), lower is better"
    assert [text.get_text() for text in axes.texts] == ["real"]


def test_the_backend_is_left_alone(tmp_path):
    before = mpl.get_backend()
    draw_curves(means_of(rows_of(numbers=(5,))), "dice", tmp_path / "a.png")
    assert mpl.get_backend() == before and (tmp_path / "a.png").stat().st_size > 5000


@pytest.mark.parametrize(
    "metric, value, message",
    [
        ["dicee", 0.5, "metric must be one of dice, surface_dice"],
        ["hd95", math.nan, "means must hold at least one that is defined, got none of hd95; leave the picture out"],
    ],
)
def test_errors(tmp_path, metric, value, message):
    means = [ArmMean("real", 5, None if math.isnan(value) else value, None, None, {}, 1, 0)]
    with pytest.raises(ValueError, match=message):
        draw_curves(means, metric, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
