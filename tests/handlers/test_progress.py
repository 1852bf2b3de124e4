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
"""Tests of how a training shows how far it is."""

from __future__ import annotations

import logging

import pytest
from ignite.engine import Events

from monai_dcgan.handlers import TrainingLog, TrainingProgress


def terms(iteration):
    return {"d_loss": 0.5, "g_loss": 2.0}


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def follow(make_course, run_course, caplog, seconds=60.0, images=0, handlers=(), pause=0.0, **run):
    """Run a course of 10 seconds an iteration of 100 images and return the lines."""
    clock = Clock()
    engine = make_course(terms, handlers, images=images)

    def tick(by):
        clock.now += by

    engine.add_event_handler(Events.ITERATION_COMPLETED, tick, 10.0)
    engine.add_event_handler(Events.EPOCH_STARTED(event_filter=lambda _, epoch: epoch > 1), tick, pause)
    TrainingProgress(seconds=seconds, terminal=False, clock=clock).attach(engine)
    if images:
        state = engine.state_dict() | {
            "iteration": images // 100,
            "epoch_length": 10,
            "max_epochs": 4,
            "images": images,
        }
        engine.load_state_dict(state)
    with caplog.at_level(logging.INFO, logger="monai_dcgan.handlers.progress"):
        run_course(engine, **{"epochs": 4, "length": 10, **run})
    return [record.getMessage() for record in caplog.records if record.name == "monai_dcgan.handlers.progress"]


def test_a_line_a_minute(make_course, run_course, caplog):
    lines = follow(make_course, run_course, caplog)
    assert len(lines) == 40 // 6 + 1
    assert lines[0] == "train: 600 of 4000 images (15.0 %), 10.0 images/s, 0:05:40 left"
    assert lines[-1] == "train: ended after 4000 images, 4000 of them in the last 0:06:40"


def test_a_resumed_training_is_not_faster(make_course, run_course, caplog):
    lines = follow(make_course, run_course, caplog, images=2500)
    assert lines[0] == "train: 3100 of 4000 images (77.5 %), 10.0 images/s, 0:01:30 left"
    assert lines[-1] == "train: ended after 4000 images, 1500 of them in the last 0:02:30"


def test_time_left_counts_pauses_between_epochs(make_course, run_course, caplog):
    lines = follow(make_course, run_course, caplog, pause=100.0)
    # 1,100 images in 11 steps of 10 s and a pause of 100 s.
    assert lines[1] == "train: 1100 of 4000 images (27.5 %), 3.3 images/s, 0:09:14 left"


def test_losses_of_the_log(tmp_path, make_course, run_course, caplog):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=3)
    lines = follow(make_course, run_course, caplog, handlers=[log])
    assert lines[0].endswith("left, d_loss 0.5, g_loss 2")


def test_bar(tmp_path, make_course, run_course, capsys):
    engine = make_course(terms, [TrainingLog(tmp_path / "m", interval=3), TrainingProgress(terminal=True)])
    run_course(engine, epochs=2)
    assert "train: 100%" in (shown := capsys.readouterr().err)
    assert "2000/2000" in shown and "d_loss 0.5, g_loss 2" in shown


def test_bar_of_a_resumed_training(make_course, run_course, capsys):
    engine = make_course(terms, [TrainingProgress(terminal=True)])
    run_course(engine, epochs=4, stop_after=25)
    capsys.readouterr()
    second = make_course(terms, [TrainingProgress(terminal=True)])
    second.load_state_dict(engine.state_dict())
    run_course(second, epochs=4)
    shown = capsys.readouterr().err
    assert "2500/4000" in shown and "4000/4000" in shown and "/0" not in shown.replace("00:00", "")


def test_only_the_first_process_shows(make_course, run_course, caplog, monkeypatch):
    monkeypatch.setattr("ignite.distributed.get_rank", lambda: 1)
    assert follow(make_course, run_course, caplog) == []


def test_bad_arguments():
    with pytest.raises(ValueError, match="seconds must be a number above 0, got 0"):
        TrainingProgress(seconds=0)
