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
"""Tests of the pictures."""

from __future__ import annotations

import json
import logging

import matplotlib
import numpy as np
import pytest
from ignite.engine import Engine, Events
from PIL import Image

from monai_dcgan.evaluation import (
    LabeledSlices,
    LossCurves,
    plot_loss_curves,
    plot_real_beside_synthetic,
    plot_sample_grid,
    plot_suspicious_pairs,
)
from monai_dcgan.evaluation.report.pictures import load_picture, part_of
from monai_dcgan.utils.files import read_json_lines

LINES = [
    {"epoch": e, "images": 100 * e, "d_loss": 1.0 / e, "g_loss": 1.0 * e, "g_l1": 0.2, "d_real": 0.7, "d_fake": 0.3}
    for e in range(1, 9)
]


def _write(path, lines, end="\n"):
    path.write_text("\n".join(json.dumps(line) for line in lines) + end)
    return path


def _pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize(
    "lines",
    [
        LINES,
        LINES[:1],
        [{"d_loss": 1.0, "g_loss": float("nan")}, {"d_loss": 2.0, "g_loss": 1.0}],
        [{"epoch": 1, "d_loss": 1.0, "g_extra_loss": 3.0, "note": "text"}, {"epoch": 2, "g_extra_loss": 2.0}],
    ],
)
def test_loss_curves(tmp_path, lines):
    backend = matplotlib.get_backend()
    plot_loss_curves(_write(tmp_path / "metrics.jsonl", lines), tmp_path / "plots" / "loss.png")
    picture = _pixels(tmp_path / "plots" / "loss.png")
    assert picture.shape[1] > 800
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert matplotlib.get_backend() == backend
    assert len(list((tmp_path / "plots").iterdir())) == 1


def test_each_loss_has_a_curve(tmp_path):
    pictures = []
    for number, lines in enumerate([LINES, [line | {"g_feature_matching": 0.5} for line in LINES]]):
        plot_loss_curves(_write(tmp_path / f"{number}.jsonl", lines), tmp_path / f"{number}.png")
        pictures.append(_pixels(tmp_path / f"{number}.png"))
    red = [((p[..., 0] > 180) & (p[..., 1] < 80) & (p[..., 2] < 80)).sum() for p in pictures]
    assert red[1] > red[0] + 100


def test_lines_of_a_validation_stand_below_the_curves(tmp_path):
    mixed = [line for pair in zip(LINES, [{"epoch": 1, "images": 150, "val_frechet": 3.0}] * 8) for line in pair]
    seen = {}
    for name, lines in (("plain", LINES), ("mixed", mixed)):
        plot_loss_curves(_write(tmp_path / f"{name}.jsonl", lines), tmp_path / f"{name}.png")
        seen[name] = load_picture(name, tmp_path / f"{name}.png").alt.split(": ", 1)[1].rstrip(".")
    assert seen["mixed"] == seen["plain"] + "; val_frechet from 3 to 3"
    assert _pixels(tmp_path / "mixed.png").shape[0] > _pixels(tmp_path / "plain.png").shape[0] + 100


def test_marks_of_the_best_generator_and_of_settled_losses(tmp_path):
    settled = {"epoch": 5, "images": 500, "losses_settled": 1.0}
    path = _write(tmp_path / "metrics.jsonl", [*LINES[:5], settled, *LINES[5:]])
    best = {"metric": "frechet_distance", "value": 0.25, "images": 600}
    for folder in ("elsewhere", "beside"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "best.json").write_text(json.dumps(best))
    plot_loss_curves(path, tmp_path / "none.png")
    plot_loss_curves(path, tmp_path / "given.png", tmp_path / "elsewhere" / "best.json")
    path = path.rename(tmp_path / "beside" / "metrics.jsonl")
    plot_loss_curves(path, tmp_path / "beside.png")
    seen = {name: load_picture(name, tmp_path / f"{name}.png").alt for name in ("none", "given", "beside")}
    assert seen["none"].endswith(". Losses settled at 500 images.")
    assert seen["given"].endswith(". Best frechet distance 0.25 at 600 images. Losses settled at 500 images.")
    assert seen["beside"] == seen["given"]
    assert (_pixels(tmp_path / "none.png") != _pixels(tmp_path / "beside.png")).any()
    with pytest.raises(FileNotFoundError, match=r"no such file: .*best\.json"):
        plot_loss_curves(path, tmp_path / "other.png", tmp_path / "best.json")


def test_the_only_term_of_a_loss_has_no_curve_of_its_own(tmp_path):
    twice = [line | {"d_adversarial": line["d_loss"], "d_real_sign": 0.5} for line in LINES]
    for name, lines in (("once", LINES), ("twice", twice)):
        plot_loss_curves(_write(tmp_path / f"{name}.jsonl", lines), tmp_path / f"{name}.png")
    np.testing.assert_array_equal(_pixels(tmp_path / "once.png"), _pixels(tmp_path / "twice.png"))


def test_samples_of_a_guard_have_a_panel(tmp_path):
    lines = [*LINES, {"epoch": 8, "images": 800, "sample_diversity": 0.9, "empty_masks": 0.25}]
    plot_loss_curves(_write(tmp_path / "metrics.jsonl", lines), tmp_path / "loss.png")
    alt = load_picture("loss", tmp_path / "loss.png").alt
    assert alt.endswith("diversity (real slices: 1) from 0.9 to 0.9; empty masks from 0.25 to 0.25.")


def test_curves_are_drawn_in_the_course_of_a_training(tmp_path):
    engine = Engine(lambda engine, batch: None)
    log = _write(tmp_path / "metrics.jsonl", LINES[:1])
    LossCurves(log, tmp_path / "loss.png", every=2).attach(engine)
    drawn = []
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: drawn.append((tmp_path / "loss.png").exists()))
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: _write(log, LINES[: engine.state.epoch + 1]))
    engine.run([0], max_epochs=4)
    assert drawn == [False, True, True, True]
    assert "4 lines of the log" in load_picture("loss", tmp_path / "loss.png").alt
    with pytest.raises(ValueError, match="every must be a whole number of at least 1, got 0"):
        LossCurves(log, tmp_path / "loss.png", every=0)


def test_cut_off_line_is_left_out(tmp_path, caplog):
    path = _write(tmp_path / "metrics.jsonl", LINES, end='\n{"epoch": 9, "d_lo')
    with caplog.at_level(logging.WARNING):
        assert read_json_lines(path) == LINES
    assert "the last line is cut off" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"d_loss": 1}\n{"d_lo\n{"d_loss": 2}\n', r"metrics\.jsonl line 2 must be a JSON object"),
        ("[1, 2]\n", r"metrics\.jsonl line 1 must be a JSON object, got '\[1, 2\]'"),
        ("", r"metrics\.jsonl must hold at least one line, got none"),
        ('{"epoch": 1, "d_real": 0.5}\n', "must hold numbers under d_loss and g_loss"),
    ],
)
def test_loss_curve_errors(tmp_path, text, message):
    path = tmp_path / "metrics.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        plot_loss_curves(path, tmp_path / "loss.png")
    assert not (tmp_path / "loss.png").exists()


def test_loss_curves_without_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file: .*metrics\.jsonl"):
        plot_loss_curves(tmp_path / "metrics.jsonl", tmp_path / "loss.png")


@pytest.mark.parametrize("count", [1, 3, 24])
def test_sample_grid(tmp_path, make_slices, count):
    plot_sample_grid(make_slices().take(np.arange(count)), tmp_path / "samples.png")
    picture = _pixels(tmp_path / "samples.png").astype(int)
    assert (picture[..., 0] - picture[..., 1] > 80).any(), "the contour of the masks is red"


@pytest.mark.parametrize("count", [1, 24])
def test_real_beside_synthetic(tmp_path, make_slices, count):
    made = make_slices(seed=1).take(np.arange(count))
    for name in ("a.png", "b.png"):
        plot_real_beside_synthetic(LabeledSlices(made.images, made.masks), make_slices(), tmp_path / name, seed=3)
    picture = _pixels(tmp_path / "a.png")
    assert min(picture.shape[:2]) > 500
    np.testing.assert_array_equal(picture, _pixels(tmp_path / "b.png"))


def _pair(synthetic=0, training=0, flip="none", **more):
    return {"synthetic": synthetic, "training": training, "flip": flip, "space": "pixels", "distance": 0.03125} | {
        "heldout_share": 0.0,
        "patient": "SECRET",
        **more,
    }


@pytest.mark.parametrize(("flip", "axes"), [("none", ()), ("left-right", (3,)), ("up-down", (2,)), ("both", (2, 3))])
def test_pairs_are_turned_back(make_slices, flip, axes):
    """What stands left is the copy as the training slice lies, so both tiles are the same."""
    from monai_dcgan.evaluation.report.plots import _side_by_side

    training = make_slices()
    copies = LabeledSlices(np.flip(training.images, axes), np.flip(training.masks, axes))
    both = _side_by_side(copies, training, _pair(3, 3, flip))
    np.testing.assert_array_equal(both.images[0], training.images[3])
    np.testing.assert_array_equal(both.images[0], both.images[1])
    np.testing.assert_array_equal(both.masks[0], both.masks[1])


@pytest.mark.parametrize("count", [1, 6, 30])
def test_suspicious_pairs(tmp_path, make_slices, count):
    made, training = make_slices(seed=1), make_slices(seed=2)
    pairs = [_pair(n % 24, n % 7, "left-right") for n in range(count)]
    plot_suspicious_pairs(LabeledSlices(made.images, made.masks), training, pairs, tmp_path / "pairs.png")
    picture = load_picture("Pairs", tmp_path / "pairs.png")
    assert picture.alt.startswith(f"{min(count, 20)} synthetic slices, each left of the training slice")
    assert "synthetic slice 0 beside training slice 0, at a distance of 0.0312 in pixels" in picture.alt
    assert part_of(picture) == "privacy"
    assert b"SECRET" not in picture.path.read_bytes()
    pixels = _pixels(picture.path).astype(int)
    assert (pixels[..., 0] - pixels[..., 1] > 80).any(), "the contour of the masks is red"


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "pairs must hold at least one pair, got none"),
        (
            [_pair(24)],
            "pairs must name positions from 0 to 23 under synthetic, got 24; give the sets",
        ),
        ([_pair(0, -1)], "pairs must name positions from 0 to 23 under training, got -1"),
    ],
)
def test_suspicious_pair_errors(tmp_path, make_slices, pairs, message):
    with pytest.raises(ValueError, match=message):
        plot_suspicious_pairs(make_slices(), make_slices(), pairs, tmp_path / "pairs.png")
    assert not list(tmp_path.iterdir())


def test_suspicious_pairs_of_other_sizes(tmp_path, make_slices):
    small = LabeledSlices(make_slices().images[..., :16], make_slices().masks[..., :16])
    with pytest.raises(ValueError, match=r"must have one shape \(C, H, W\), got \(1, 32, 16\) and \(1, 32, 32\)"):
        plot_suspicious_pairs(small, make_slices(), [_pair()], tmp_path / "pairs.png")


def test_pictures_say_what_is_seen(tmp_path, make_slices):
    plot_loss_curves(_write(tmp_path / "metrics.jsonl", LINES), tmp_path / "loss.png")
    curves = load_picture("Loss curves", tmp_path / "loss.png")
    assert curves.alt.startswith("Curves against images shown to the discriminator, 8 lines of the log: ")
    assert "D loss from 1 to 0.125" in curves.alt and "D(real) from 0.7 to 0.7" in curves.alt
    assert part_of(curves) == "training"
    plot_sample_grid(make_slices(), tmp_path / "samples.png", max_slices=9)
    grid = load_picture("Samples", tmp_path / "samples.png")
    assert grid.alt == "Synthetic slices: the first 9 of 24, outlines are masks. 9 of them have a mask."
    assert part_of(grid) == "pictures"
    plot_real_beside_synthetic(make_slices(seed=1), make_slices(), tmp_path / "both.png", pairs=3)
    both = load_picture("Both", tmp_path / "both.png")
    assert "Below, 3 synthetic slices, each above its nearest held-out slice; SSIM 0." in both.alt
