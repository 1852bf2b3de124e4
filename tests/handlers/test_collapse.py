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
"""Tests of the early signs that a training goes wrong."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from monai_dcgan.handlers import CollapseGuard, TrainingEvents, TrainingLog
from monai_dcgan.handlers.collapse import nearest_distance
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.utils.files import read_json_lines
from tests.training import Squares, make_training

SIZE = 32


class Made(nn.Module):
    """Makes pictures of its own choice: ``twins`` alike each, the first ``alike`` one, ``lost`` of the masks empty."""

    def __init__(self, twins: int = 1, lost: float = 0.0, alike: int = 1) -> None:
        super().__init__()
        self.twins, self.lost, self.alike = twins, lost, alike

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Return pairs (B, 2, 32, 32); the batch goes on where the last one ended."""
        pairs = []
        for latent in latents[:, 0, 0, 0]:
            number = int(latent)
            mask = -torch.ones(SIZE, SIZE)
            if (number * 7 % 24) / 24 >= self.lost:
                mask[4:8, 4:8] = 1
            place = max(number, self.alike - 1) // self.twins
            image = -torch.ones(SIZE, SIZE)
            image[place % 16 : place % 16 + 8, place // 16 * 8 : place // 16 * 8 + 8] = 0.8
            pairs.append(torch.stack([image, mask]))
        return torch.stack(pairs)


class Numbers(LatentSampler):
    """Latents that are the numbers of their pictures."""

    def at(self, indices, labels=None):
        """Return the numbers (N, 1, 1, 1)."""
        return torch.tensor(list(indices), dtype=torch.float32).reshape(-1, 1, 1, 1)


def play(tmp_path, make_course, run_course, generator=None, terms=None, epochs=6, **settings):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=1)
    generator = Made() if generator is None else generator
    settings = {"number": 24, "grace": 3000, "patience": 2000, **settings}
    guard = CollapseGuard(generator, Numbers(1), 1, Squares(), **settings)
    engine = make_course(terms or (lambda i: {"d_real": 0.8, "d_fake": 0.2}), [log, guard])
    fired = []
    engine.add_event_handler(TrainingEvents.COLLAPSE_SUSPECTED, lambda: fired.append(engine.state.images))
    run_course(engine, epochs=epochs)
    assert fired == list(guard.causes.values())
    return guard


def test_nearest_distance_sees_twins_among_unlike_pictures():
    torch.manual_seed(0)
    few = torch.rand(4, 1, SIZE, SIZE).repeat(8, 1, 1, 1)
    assert nearest_distance(few) == 0.0
    # Noise on a repeated picture is no variety.
    noisy = few + 0.1 * torch.randn(32, 1, SIZE, SIZE)
    many = torch.rand(32, 1, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert nearest_distance(noisy) < 0.35 * nearest_distance(many)
    by_hand = torch.zeros(3, 1, 16, 16)
    by_hand[1] += 1
    by_hand[2] += 3
    assert nearest_distance(by_hand) == pytest.approx((16 + 16 + 32) / 3)
    with pytest.raises(
        ValueError, match=r"images must be \(N, C, H, W\) with at least two pictures, got \(1, 1, 8, 8\)"
    ):
        nearest_distance(torch.zeros(1, 1, 8, 8))


def test_a_sound_training_is_quiet(tmp_path, make_course, run_course, caplog):
    with caplog.at_level(logging.WARNING):
        guard = play(tmp_path, make_course, run_course)
    assert guard.causes == {} and not caplog.records
    lines = [line for line in read_json_lines(tmp_path / "metrics.jsonl") if "sample_diversity" in line]
    assert [line["images"] for line in lines] == [1000, 2000, 3000, 4000, 5000, 6000]
    assert lines[0]["sample_diversity"] > 0.5 and lines[0]["empty_masks"] == 0


def test_few_pictures_again_and_again(tmp_path, make_course, run_course, caplog):
    with caplog.at_level(logging.WARNING):
        guard = play(tmp_path, make_course, run_course, Made(twins=6))
    assert guard.causes == {"diversity": 3000}
    assert len(caplog.records) == 1
    assert "made slices differ by 0% of what real ones do" in caplog.text and "sample grids" in caplog.text


def test_diversity_that_is_lost(tmp_path, make_course, run_course):
    generator = Made()

    def terms(iteration):
        # From the fifth epoch on 14 of the 24 pictures are one: far more than the limit, less than half of the best.
        generator.alike = 1 if iteration < 45 else 14
        return {"d_real": 0.8, "d_fake": 0.2}

    assert play(tmp_path, make_course, run_course, generator, terms).causes == {"diversity": 5000}
    shown = [line["sample_diversity"] for line in read_json_lines(tmp_path / "metrics.jsonl") if len(line) == 5]
    assert 0.15 < shown[4] < 0.5 * shown[3]


@pytest.mark.parametrize(("lost", "causes"), [(0.4, {}), (0.6, {"masks": 3000})])
def test_masks_that_vanish(tmp_path, make_course, run_course, caplog, lost, causes):
    assert play(tmp_path, make_course, run_course, Made(lost=lost)).causes == causes
    assert ("of the made masks in channel 0 are empty, 0% of the real ones" in caplog.text) == bool(causes)


def test_masks_that_real_slices_lack_are_not_missed(tmp_path, make_course, run_course):
    real = Squares()
    for item in real.items[6:]:
        item["label"] = torch.zeros(1, SIZE, SIZE)
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=10)
    guard = CollapseGuard(Made(lost=0.8), Numbers(1), 1, real, number=24, grace=0)
    run_course(make_course(lambda i: {"d_real": 0.8, "d_fake": 0.2}, [log, guard]))
    assert guard.causes == {}


WON = {"d_real": 0.9995, "d_fake": 0.0001}
EVEN = {"d_real": 0.5, "d_fake": 0.49}
COURSES = [
    (lambda i: WON, {"discriminator_wins": 2000}),
    (lambda i: WON if i > 15 else {"d_real": 0.9, "d_fake": 0.1}, {"discriminator_wins": 3500}),
    (lambda i: {"d_real": 0.9, "d_fake": 0.1} if i % 15 == 0 else WON, {}),
    (lambda i: {"d_real": 0.99, "d_fake": 0.01}, {}),
    (lambda i: EVEN, {"discriminator_idle": 3000}),
    # Balance that was reached after the discriminator had been ahead is what both play for.
    (lambda i: EVEN if i > 10 else {"d_real": 0.8, "d_fake": 0.2}, {}),
]


@pytest.mark.parametrize(("terms", "causes"), COURSES)
def test_discriminator(tmp_path, make_course, run_course, terms, causes):
    assert play(tmp_path, make_course, run_course, terms=terms).causes == causes


@pytest.mark.parametrize("stop_after", [5, 17, 20, 34, 36])
def test_stopped_and_resumed(tmp_path, make_course, run_course, stop_after):
    def terms(iteration):
        return WON if iteration > 15 else {"d_real": 0.9, "d_fake": 0.1}

    def make():
        log = TrainingLog(tmp_path / "metrics.jsonl", interval=1)
        return log, CollapseGuard(Made(twins=6), Numbers(1), 1, Squares(), number=24, grace=3000, patience=2000)

    log, guard = make()
    first = run_course(make_course(terms, [log, guard]), epochs=6, stop_after=stop_after)
    log, resumed = make()
    resumed.load_state_dict(json.loads(json.dumps(guard.state_dict())))
    second = make_course(terms, [log, resumed])
    second.load_state_dict(first.state_dict())
    fired = []
    second.add_event_handler(TrainingEvents.COLLAPSE_SUSPECTED, lambda: fired.append(second.state.images))
    run_course(second, epochs=6)
    assert resumed.causes == {"diversity": 3000, "discriminator_wins": 3500}
    assert fired == [images for images in (3000, 3500) if images > 100 * stop_after]


@pytest.mark.parametrize("name", ["tcga_lgg", "figshare"])
def test_recorded_sound_trainings_are_quiet(tmp_path, make_course, run_course, name):
    """The losses' course of two trainings on real data that gave good slices."""
    records = json.loads((Path(__file__).parent / "sound_trainings.json").read_text())[name]
    guard = play(
        tmp_path,
        make_course,
        run_course,
        terms=lambda i: dict(zip(("d_real", "d_fake"), records[(i - 1) % len(records)])),
        epochs=12,
        patience=200,
    )
    assert guard.causes == {}


def test_in_a_training(tmp_path):
    trainer = make_training(max_epochs=2)
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=2)
    guard = CollapseGuard(trainer.ema.network, LatentSampler(8), 1, Squares(), number=8, grace=0)
    for handler in (log, guard):
        handler.attach(trainer)
    trainer.run()
    assert not trainer.ema.network.training
    with torch.no_grad():
        images = trainer.ema.network(LatentSampler(8).at(range(8)))[:, :1].add(1).div(2).clamp(0, 1)
    real = torch.stack([item["image"] for item in Squares().items])[[0, 3, 7, 10, 13, 16, 20, 23]]
    lines = [line for line in read_json_lines(log.path) if "sample_diversity" in line]
    assert len(lines) == 2
    assert lines[1]["sample_diversity"] == pytest.approx(nearest_distance(images) / nearest_distance(real))


def test_errors(tmp_path, make_course):
    guard = CollapseGuard(Made(), Numbers(1), 1, Squares(), number=8)
    with pytest.raises(ValueError, match="must hold a TrainingLog before CollapseGuard"):
        make_course(lambda i: {}, [guard])
    with pytest.raises(ValueError, match="max_separation must be a number from 0 to 1, got 2"):
        CollapseGuard(Made(), Numbers(1), 1, Squares(), max_separation=2)
    alike = Squares()
    alike.items = alike.items[:1] * 8
    with pytest.raises(ValueError, match="real must hold slices that differ, the 8 looked at all have a twin"):
        CollapseGuard(Made(), Numbers(1), 1, alike)
    alike.transform = torch.nn.Identity()
    with pytest.raises(
        ValueError, match="real must give slices as they are, got a data set with the transform Identity"
    ):
        CollapseGuard(Made(), Numbers(1), 1, alike)
