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
"""Tests of the log of a training."""

from __future__ import annotations

import io

import ignite.distributed as idist
import pytest
import torch
from ignite.engine import Engine, Events

from monai_dcgan.handlers import (
    CollapseGuard,
    LossConvergence,
    ResumeTraining,
    TrainingCheckpoint,
    TrainingEvents,
    TrainingLog,
    latest_checkpoint,
    training_log,
)
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.utils.files import read_json_lines
from tests.training import Squares, make_training, training_objects


def terms(iteration):
    found = {"d_loss": 0.1 * iteration, "g_loss": 1.0 / iteration}
    return {**found, "augmentation_probability": 0.5} if iteration > 4 else found


def through_a_file(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


def without_speed(path):
    return [
        {name: value for name, value in line.items() if name != "images_per_second"} for line in read_json_lines(path)
    ]


def test_a_term_of_some_steps_counts_as_0_in_the_others(tmp_path, make_course, run_course):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=6)
    run_course(make_course(terms, [log]), epochs=1, length=10)
    first, second = read_json_lines(log.path)
    assert first["d_loss"] == pytest.approx(0.35)
    assert first["augmentation_probability"] == pytest.approx(0.5 * 2 / 6)
    assert (second["iteration"], second["images"]) == (10, 1000)
    assert second["d_loss"] == pytest.approx(0.85)
    assert log.record == second


def test_a_checkpoint_holds_the_means_of_all_processes(tmp_path, make_course, run_course, monkeypatch):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=100)
    engine = make_course(terms, [log])
    # The other process has seen terms three times as large.
    monkeypatch.setattr(training_log, "mean_over_processes", lambda own: 2 * own)
    monkeypatch.setattr(idist, "get_world_size", lambda: 2)
    engine.add_event_handler(Events.ITERATION_COMPLETED(once=2), log.synchronize)
    engine.add_event_handler(Events.ITERATION_COMPLETED(once=2), lambda: saved.update(log.state_dict()["sums"]))
    saved: dict[str, torch.Tensor] = {}
    run_course(engine, epochs=1, length=4)
    assert saved["d_loss"].item() == pytest.approx(2 * (0.1 + 0.2))


def test_terms_are_left_as_they_are(tmp_path, make_course, run_course):
    seen = []
    engine = make_course(terms, [TrainingLog(tmp_path / "metrics.jsonl", interval=10)])
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: seen.append(engine.state.output["terms"]["d_loss"]))
    run_course(engine)
    assert [round(float(value), 4) for value in seen] == [round(0.1 * i, 4) for i in range(1, 11)]


def test_terms_are_read_once_an_interval(tmp_path, make_course, run_course, monkeypatch):
    reads = []
    for name in ("item", "tolist", "cpu", "numpy", "__float__", "__bool__"):
        original = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor,
            name,
            lambda self, *args, original=original, **kw: reads.append(1) or original(self, *args, **kw),
        )
    engine = make_course(terms, [TrainingLog(tmp_path / "metrics.jsonl", interval=5)])
    run_course(engine, epochs=2, length=10)
    assert len(reads) == 4


@pytest.mark.parametrize("stop_after", [1, 5, 7, 13])
def test_a_training_stopped_between_two_lines_loses_nothing(tmp_path, make_course, run_course, stop_after):
    whole = TrainingLog(tmp_path / "whole.jsonl", interval=3)
    run_course(make_course(terms, [whole]), epochs=2)
    broken = TrainingLog(tmp_path / "broken.jsonl", interval=3)
    engine = run_course(make_course(terms, [broken]), epochs=2, stop_after=stop_after)
    state, saved = engine.state_dict(), through_a_file(broken.state_dict())

    resumed = TrainingLog(tmp_path / "broken.jsonl", interval=3)
    resumed.load_state_dict(saved)
    engine = make_course(terms, [resumed])
    engine.load_state_dict(state)
    run_course(engine, epochs=2)
    assert without_speed(resumed.path) == without_speed(whole.path)


def test_speed_is_that_of_the_training_alone(tmp_path, make_course, run_course, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("monai_dcgan.handlers.training_log.time.perf_counter", lambda: now[0])
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=5)

    def pass_time(seconds):
        now[0] += seconds

    engine = make_course(terms)
    engine.add_event_handler(Events.ITERATION_COMPLETED, pass_time, 2.0)
    log.attach(engine)
    engine.add_event_handler(Events.EPOCH_COMPLETED, pass_time, 1000.0)
    run_course(engine, epochs=2)
    assert [line["images_per_second"] for line in read_json_lines(log.path)] == [50.0] * 4


def test_events_and_lines_of_a_validation(tmp_path, make_course, run_course):
    validator = Engine(lambda engine, batch: None)
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=5, validator=validator)
    engine = make_course(terms, [log])
    fired = []
    engine.add_event_handler(TrainingEvents.LOG_WRITTEN, lambda: fired.append(("terms", log.record["iteration"])))
    engine.add_event_handler(TrainingEvents.LINE_WRITTEN, lambda: fired.append(("line", sorted(log.line)[-1])))

    validator.add_event_handler(Events.STARTED, lambda: validator.state.metrics.update(kid=0.25))
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: validator.run([0]))
    run_course(engine)
    assert fired == [("line", "iteration"), ("terms", 5), ("line", "iteration"), ("terms", 10), ("line", "val_kid")]
    assert read_json_lines(log.path)[-1] == {"epoch": 1, "iteration": 10, "images": 1000, "val_kid": 0.25}


def test_what_is_not_finite_ends_the_training(tmp_path, make_course, run_course):
    engine = make_course(
        lambda i: {"d_loss": float("inf") if i == 7 else 1.0}, [TrainingLog(tmp_path / "m", interval=2)]
    )
    with pytest.raises(
        FloatingPointError, match=r"d_loss must stay finite, got inf at iteration 8; .*gradient penalty"
    ):
        run_course(engine)
    assert [line["iteration"] for line in read_json_lines(tmp_path / "m")] == [2, 4, 6]


def test_all_that_follow_a_broken_training_go_on(tmp_path):
    """A training that stops in an epoch and between two lines ends with the log of a whole one."""

    def train(folder, stop_after=None, resume=False):
        trainer = make_training(max_epochs=4, images_per_epoch=20)
        log = TrainingLog(folder / "metrics.jsonl", interval=3)
        convergence = LossConvergence(window=32, patience=1, trend=9, spread=9)
        guard = CollapseGuard(trainer.ema.network, LatentSampler(8), 1, Squares(), number=8, grace=0)
        followers = {"training_log": log, "loss_convergence": convergence, "collapse_guard": guard}
        objects = {**training_objects(trainer), **followers}
        checkpoint = TrainingCheckpoint(folder / "checkpoints", objects, interval=4)
        resuming = ResumeTraining(folder / "checkpoints", objects, resume)
        for handler in (resuming, *followers.values(), checkpoint):
            handler.attach(trainer)
        if stop_after is not None:
            trainer.add_event_handler(Events.ITERATION_COMPLETED(once=stop_after), lambda: trainer.terminate())
        trainer.run()
        return without_speed(log.path), convergence.state_dict(), guard.state_dict()

    whole = train(tmp_path / "whole")
    train(tmp_path / "broken", stop_after=9)
    assert latest_checkpoint(tmp_path / "broken" / "checkpoints").name == "step_000000008.pt"
    assert train(tmp_path / "broken", resume=True) == whole
    assert whole[1]["settled_at"] is not None
