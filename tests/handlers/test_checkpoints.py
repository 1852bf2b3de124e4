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
"""Checkpoints: what is refused and by what name, what is kept, and the best generator."""

from __future__ import annotations

import logging
import os
import signal
import threading

import pytest
import torch
from ignite.engine import Engine, Events

from monai_dcgan.cli import commands, main
from monai_dcgan.handlers import (
    BestGenerator,
    GeneratorSaver,
    ResumeTraining,
    TrainingCheckpoint,
    TrainingStopped,
    latest_checkpoint,
)
from monai_dcgan.networks import DCGANGenerator
from monai_dcgan.utils.files import read_json, write_tensors
from monai_dcgan.utils.weights import load_weights, read_checkpoint
from tests.killable import STEPS, end_of, make_run, same
from tests.training import make_training

LAST = "step_000000018.pt"


@pytest.fixture
def done(tmp_path):
    """Folder with the checkpoints of steps 12 and 18."""
    make_run(tmp_path, interval=None).run()
    assert sorted(os.listdir(tmp_path)) == ["step_000000012.pt", LAST]
    return tmp_path


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def change(path, **states):
    write_tensors(path, {**read_checkpoint(path), **states})


def narrow(path):
    generator = read_checkpoint(path)["generator"]
    change(path, generator={**generator, "layers.0.weight": torch.zeros(3)})


def drop(path):
    states = read_checkpoint(path)
    del states["ema"]
    write_tensors(path, states)


DAMAGES = [
    [cut, "must be a whole checkpoint"],
    [flip, "another checksum than when it was written"],
    [lambda path: path.write_bytes(b""), "must be a whole checkpoint"],
    [narrow, r"'layers.0.weight' must have the shape \(8, 16, 4, 4\), got \(3,\)"],
    [drop, "must hold d_optimizer, discriminator, draws, ema, .*, got .*"],
    [lambda path: change(path, more={}), "must hold d_optimizer, .*, got .*more"],
    [lambda path: change(path, ema=7), "must hold the state of ema as a dictionary"],
    [
        lambda path: change(path, g_optimizer={"state": {}, "param_groups": []}),
        "g_optimizer is of an optimizer of other parameters",
    ],
    [lambda path: change(path, trainer={"iteration": 18, "epoch_length": 9}), "with 6 steps an epoch, got 9"],
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_damaged_or_foreign_checkpoint_is_refused(done, damage, message):
    damage(done / LAST)
    advice = rf"{LAST}.*{message}.*the newest sound one: --set resume_from={done}/step_000000012.pt \(bundle"
    with pytest.raises(ValueError, match=advice):
        make_run(done, resume=True).run()
    assert sorted(os.listdir(done)) == ["step_000000012.pt", LAST], "nothing is deleted or renamed"
    damage(done / "step_000000012.pt")
    with pytest.raises(ValueError, match="no other checkpoint in .* can be used either"):
        make_run(done, resume=True).run()


def test_every_flipped_bit_is_noticed_or_changes_nothing(tmp_path):
    path = tmp_path / "weights.pt"
    write_tensors(path, {"a": torch.arange(300.0), "b": {"x": 1}})
    content, expected = path.read_bytes(), read_checkpoint(path)
    refused = 0
    for place in range(0, len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        try:
            assert same(read_checkpoint(path), expected), place
        except ValueError:
            refused += 1
    assert refused > len(content) / 6


def test_go_on_from_an_older_checkpoint(done, caplog):
    whole = end_of(done)
    flip(done / LAST)
    damaged = (done / LAST).read_bytes()
    make_run(done, resume=True, resume_from=done / "step_000000012.pt").run()
    assert same(end_of(done), whole)
    assert (done / f"{LAST}.aside1").read_bytes() == damaged
    assert f"now {LAST}.aside1" in caplog.text


def test_resume_arguments(tmp_path, done):
    with pytest.raises(ValueError, match="resume must be on where resume_from is given, got resume_from='a.pt'"):
        ResumeTraining(tmp_path, {}, resume=False, resume_from="a.pt")
    with pytest.raises(FileNotFoundError, match="no checkpoint at .*none.pt"):
        make_run(done, resume=True, resume_from=done / "none.pt").run()
    with pytest.raises(ValueError, match=f"max_epochs must be at least the 3 epochs of .*{LAST} to go on, got 2"):
        make_run(done, resume=True, epochs=2).run()
    for name in ("every", "interval", "keep"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
            TrainingCheckpoint(tmp_path, {}, **{name: 0})


def test_resume_without_a_checkpoint_says_so(tmp_path, caplog):
    make_run(tmp_path, resume=True, epochs=1).run()
    assert "the training starts from the beginning" in caplog.text


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"interval": None, "every": 2, "keep": 9}, [12, 18]),
        ({"interval": 4, "keep": 9}, [4, 6, 8, 12, 16, 18]),
        ({"interval": 6, "every": 9, "keep": 9}, [6, 12, 18]),
        ({"interval": 1, "keep": 3}, [16, 17, 18]),
    ],
)
def test_what_is_saved_and_kept(tmp_path, options, steps):
    tmp_path.joinpath(".left.tmp.pt").write_bytes(b"half")
    make_run(tmp_path, **options).run()
    assert sorted(os.listdir(tmp_path)) == [f"step_{step:09d}.pt" for step in steps]


def test_terminated_training_is_saved(tmp_path):
    trainer = make_run(tmp_path, interval=None, every=9)
    # Put before the checkpoint, as a handler that ends a training is.
    trainer._event_handlers[Events.EPOCH_COMPLETED].insert(0, (trainer.terminate, (), {}))
    trainer.run()
    assert latest_checkpoint(tmp_path).name == f"step_{STEPS:09d}.pt"


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    trainer = make_run(tmp_path)

    def spoil(engine):
        if engine.state.iteration == 4:
            with torch.no_grad():
                trainer.g_network.layers[0].weight.fill_(float("inf"))

    trainer.add_event_handler(Events.ITERATION_STARTED, spoil)
    with pytest.raises(FloatingPointError, match="the state of generator must stay finite to be saved.* after step 4"):
        trainer.run()
    assert latest_checkpoint(tmp_path).name == "step_000000003.pt"


def test_full_disk_keeps_what_is_there(done, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        make_run(done, resume=True, epochs=4).run()
    assert sorted(os.listdir(done)) == ["step_000000012.pt", LAST]


def judged(folder, values, mode="min", keep="last", metric=None):
    """Return a training whose validation gives ``values``, and what keeps the best."""
    trainer = make_training(max_epochs=len(values))
    validator = Engine(lambda engine, batch: None)
    validator.state.key_metric_name = "distance"
    best = BestGenerator(trainer.ema.network, folder / "best.pt", validator, metric, mode)
    best.attach(trainer)
    seen = []

    def validate(engine):
        seen.append({name: value.clone() for name, value in trainer.ema.network.state_dict().items()})
        validator.state.metrics = {"distance": values[engine.state.epoch - 1]}
        validator.fire_event(Events.COMPLETED)

    trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
    GeneratorSaver(trainer.ema.network, folder / "model.pt", keep, best).attach(trainer)
    return trainer, best, seen


@pytest.mark.parametrize(("mode", "epoch"), [("min", 2), ("max", 4)])
@pytest.mark.parametrize("keep", ["best", "last"])
def test_best_generator(tmp_path, mode, epoch, keep):
    trainer, _, seen = judged(tmp_path, [3.0, 1.0, float("nan"), 9.0, 1.0], mode, keep)
    trainer.run()
    record = read_json(tmp_path / "best.json")
    assert (record["epoch"], record["images"], record["metric"]) == (epoch, 16 * epoch, "distance")
    assert same(read_checkpoint(tmp_path / "best.pt"), seen[epoch - 1])
    assert same(read_checkpoint(tmp_path / "model.pt"), seen[epoch - 1 if keep == "best" else -1])
    load_weights(DCGANGenerator(image_size=32, latent_size=8, width=4), tmp_path / "best.pt")


def test_best_generator_is_not_forgotten(tmp_path):
    trainer, best, seen = judged(tmp_path, [1.0, 5.0])
    trainer.run()
    write_tensors(tmp_path / "state.pt", best.state_dict())
    (tmp_path / "best.pt").unlink()
    trainer, again, _ = judged(tmp_path, [2.0, 3.0], keep="best")
    again.load_state_dict(read_checkpoint(tmp_path / "state.pt"))
    trainer.run()
    assert read_json(tmp_path / "best.json")["value"] == 1.0
    for name in ("best.pt", "model.pt"):
        assert same(read_checkpoint(tmp_path / name), seen[0]), name


def test_best_of_a_course_that_was_given_up_is_not_left(tmp_path):
    judged(tmp_path, [1.0])[0].run()
    trainer, _, _ = judged(tmp_path, [5.0])
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda: left.extend(path.name for path in tmp_path.glob("best.*")))
    left: list[str] = []
    trainer.run()
    assert left == []
    assert read_json(tmp_path / "best.json")["value"] == 5.0


def test_best_generator_arguments(tmp_path):
    with pytest.raises(ValueError, match="mode must be one of min, max, got 'lower'"):
        judged(tmp_path, [1.0], mode="lower")
    with pytest.raises(ValueError, match="keep must be one of best, last, got 'first'"):
        judged(tmp_path, [1.0], keep="first")
    with pytest.raises(ValueError, match="best must be a BestGenerator where keep is 'best', got None"):
        GeneratorSaver(torch.nn.Identity(), "model.pt", keep="best")
    with pytest.raises(ValueError, match="metric must be one of the validator's, distance, got 'recall'"):
        judged(tmp_path, [1.0], metric="recall")[0].run()


@pytest.mark.parametrize("fails", [False, True])
def test_signals_are_given_back(tmp_path, fails):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    trainer = make_run(tmp_path, epochs=1)

    def during(engine):
        assert signal.getsignal(signal.SIGTERM) not in before
        if fails:
            raise ArithmeticError("made up")

    trainer.add_event_handler(Events.ITERATION_COMPLETED, during)
    if fails:
        with pytest.raises(ArithmeticError):
            trainer.run()
    else:
        trainer.run()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_signals_outside_the_main_thread(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    trainer = make_run(tmp_path, epochs=1)
    thread = threading.Thread(target=trainer.run)
    thread.start()
    thread.join()
    assert trainer.state.epoch == 1
    assert "does not run in the main thread" in caplog.text


def test_exit_code_of_the_command_line(tmp_path, monkeypatch, capsys):
    def stopped(args):
        raise TrainingStopped(signal.SIGTERM, 24, tmp_path / LAST)

    monkeypatch.setattr(commands, "train", stopped)
    assert main(["train", "data", "--out", "run"]) == 143
    text = capsys.readouterr().err
    assert f"train: stopped by SIGTERM after 24 images, saved as {tmp_path / LAST}; the same training with" in text
    assert TrainingStopped(signal.SIGINT, 24, tmp_path).code == 130
