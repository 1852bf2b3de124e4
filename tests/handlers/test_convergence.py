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
"""Tests of when losses have settled."""

from __future__ import annotations

import json
import logging
import math

import pytest
from ignite.engine import Events

from monai_dcgan.handlers import LossConvergence, TrainingEvents, TrainingLog
from monai_dcgan.handlers.convergence import trend_and_spread


def falling_then_flat(iteration):
    """Losses that fall until iteration 40."""
    high = max(0.0, 1 - iteration / 40)
    return {"d_loss": 0.2 + high + 0.02 * math.sin(iteration), "g_loss": 2.0 + 5 * high + 0.1 * math.cos(iteration)}


def follow(tmp_path, name="metrics.jsonl", **settings):
    log = TrainingLog(tmp_path / name, interval=1)
    return log, LossConvergence(**{"window": 1000, "patience": 2, **settings})


TRENDS = [
    ([1.0, 1.0, 1.0, 1.0], (0.0, 0.0)),
    ([0.0, 0.0, 0.0], (0.0, 0.0)),
    ([1.0, 2.0, 3.0, 4.0], (3 / 2.5, 0.0)),
    ([-4.0, -3.0, -2.0, -1.0], (3 / 2.5, 0.0)),
    ([1.0, -1.0, -1.0, 1.0], (0.0, 1.0)),
]


@pytest.mark.parametrize(("losses", "expected"), TRENDS)
def test_trend_and_spread(losses, expected):
    assert trend_and_spread(range(0, 100 * len(losses), 100), losses) == pytest.approx(expected)


def test_settles_once_after_two_steady_windows(tmp_path, make_course, run_course, caplog):
    log, convergence = follow(tmp_path)
    engine = make_course(falling_then_flat, [log, convergence])
    fired = []
    engine.add_event_handler(TrainingEvents.LOSSES_SETTLED, lambda: fired.append(engine.state.images))
    with caplog.at_level(logging.INFO):
        run_course(engine, epochs=10)
    # Flat from 4,000 images on: the windows up to 5,000 and 6,000 are steady.
    assert fired == [6000] and convergence.settled_at == 6000
    assert caplog.text.count("the losses have settled after 6000 images (d_loss 0.19") == 1
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line["images"] for line in lines if "losses_settled" in line] == [6000]
    assert engine.state.epoch == 10


@pytest.mark.parametrize("loss", ["d_loss", "g_loss"])
@pytest.mark.parametrize("course", [lambda i: 1.05**i, lambda i: 1 + 0.9 * (-1) ** i])
def test_one_loss_that_drifts_or_swings_is_enough(tmp_path, make_course, run_course, loss, course):
    log, convergence = follow(tmp_path)
    run_course(make_course(lambda i: {"d_loss": 0.2, "g_loss": 2.0, loss: course(i)}, [log, convergence]), epochs=5)
    assert convergence.settled_at is None


def test_windows_have_enough_lines(tmp_path, make_course, run_course):
    log, convergence = follow(tmp_path, window=200, patience=1)
    run_course(make_course(lambda i: {"d_loss": 1.0, "g_loss": 1.0}, [log, convergence]), epochs=1, length=10)
    assert convergence.settled_at == 800


@pytest.mark.parametrize("stop_after", [33, 55, 58, 60, 65])
def test_stopped_and_resumed(tmp_path, make_course, run_course, stop_after):
    """The course is broken before the losses settle, within the epoch in which they do, and behind it."""
    log, convergence = follow(tmp_path, stop=True)
    whole = run_course(make_course(falling_then_flat, [log, convergence]), epochs=10, length=20)
    assert (whole.state.epoch, whole.state.iteration, convergence.settled_at) == (3, 60, 6000)

    log, convergence = follow(tmp_path, "broken.jsonl", stop=True)
    first = make_course(falling_then_flat, [log, convergence])
    run_course(first, epochs=10, length=20, stop_after=stop_after)
    saved, state = convergence.state_dict(), first.state_dict()
    log, resumed = follow(tmp_path, "broken.jsonl", stop=True)
    resumed.load_state_dict(json.loads(json.dumps(saved)))
    second = make_course(falling_then_flat, [log, resumed])
    second.load_state_dict(state)
    epochs = []
    second.add_event_handler(Events.EPOCH_COMPLETED, lambda: epochs.append(second.state.epoch))
    run_course(second, epochs=10, length=20)
    assert (second.state.iteration, resumed.settled_at) == (60, 6000)
    assert epochs == ([2, 3] if stop_after == 33 else [3] if stop_after < 60 else [])


def test_needs_a_log_before_it(tmp_path, make_course):
    log, convergence = follow(tmp_path)
    with pytest.raises(ValueError, match="must hold a TrainingLog before LossConvergence, got none; put one before it"):
        make_course(falling_then_flat, [convergence, log])


@pytest.mark.parametrize("name", ["window", "trend", "spread", "patience"])
def test_bad_arguments(name):
    with pytest.raises(ValueError, match=f"{name} must be .*, got 0"):
        LossConvergence(**{name: 0})
