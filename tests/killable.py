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
"""Trainings that write checkpoints and can be killed, stopped and gone on with, in this process or another."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from monai.data import DataLoader

from monai_dcgan.handlers import (
    ResumeTraining,
    StopOnSignal,
    TrainingCheckpoint,
    latest_checkpoint,
    leave_signals_to_the_training,
)
from monai_dcgan.utils.weights import read_checkpoint
from tests.dying import die_at
from tests.training import Squares, make_training, training_objects

EPOCHS, STEPS = 3, 6


class Draws:
    """Adds up what the generators of the process give: differs where one of them is not as it would have been."""

    def __init__(self) -> None:
        self.total = 0.0

    def attach(self, engine: Any) -> None:
        """Draw in every step."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._draw)

    def _draw(self) -> None:
        drawn = torch.rand(1, dtype=torch.float64).item() + np.random.random() + random.random()  # noqa: NPY002
        self.total = 0.9 * self.total + drawn

    def state_dict(self) -> dict[str, float]:
        """Return the sum."""
        return {"total": self.total}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Restore the sum."""
        self.total = state["total"]


class SignalAt:
    """Sends its own process SIGTERM at the start of the step that the environment names, if it does."""

    def attach(self, engine: Any) -> None:
        """Send it when ``engine`` gets there."""
        step = int(os.environ.get("SIGNAL_AT", "0"))
        if step:
            engine.add_event_handler(Events.ITERATION_STARTED, lambda: self._reached(engine, step))

    def _reached(self, engine: Any, step: int) -> None:
        if engine.state.iteration == step:
            os.kill(os.getpid(), signal.SIGTERM)


def make_run(
    folder: Path,
    resume: bool = False,
    epochs: int = EPOCHS,
    interval: int | None = 1,
    every: int = 1,
    keep: int = 2,
    num_workers: int = 0,
    resume_from: Path | None = None,
    **options: Any,
) -> Any:
    """Return a trainer of 6 steps an epoch that saves into ``folder``."""
    trainer = make_training(max_epochs=epochs, images_per_epoch=4 * STEPS, **options)
    if num_workers:
        trainer.data_loader = DataLoader(
            Squares(),
            batch_size=4,
            sampler=trainer.data_loader.sampler,
            num_workers=num_workers,
            # Workers see by their parent that the training is dead; a fork server would be one that lives on.
            multiprocessing_context="fork",
            worker_init_fn=leave_signals_to_the_training,
        )
    draws = Draws()
    objects = {**training_objects(trainer), "draws": draws}
    checkpoint = TrainingCheckpoint(folder, objects, every=every, interval=interval, keep=keep)
    for handler in (ResumeTraining(folder, objects, resume, resume_from), draws, checkpoint, StopOnSignal(checkpoint)):
        handler.attach(trainer)
    trainer.draws = draws
    return trainer


def end_of(folder: Path) -> dict[str, Any]:
    """Return the last checkpoint of a run that is complete."""
    path = latest_checkpoint(folder)
    assert path is not None and path.name == f"step_{EPOCHS * STEPS:09d}.pt", path
    return read_checkpoint(path)


def same(first: Any, second: Any) -> bool:
    """Return whether two contents of checkpoints agree to the bit."""
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[name], second[name]) for name in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(same(one, other) for one, other in zip(first, second))
    return bool(first == second)


def start(function: Any, *args: Any) -> tuple[BaseProcess, Connection]:
    """Start ``function(connection, *args)`` in a process; return it when it has said that it is ready."""
    # A process of its own imports torch once and forks others: this one may have threads, which forks do not survive.
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killable", "torch._dynamo", "functorch.compile"])
    ours, theirs = context.Pipe()
    process = context.Process(target=function, args=(theirs, *args))
    process.start()
    theirs.close()
    assert ours.poll(60)
    assert ours.recv() == "ready"
    return process, ours


def prepared(folder: Path, options: dict[str, Any]) -> Any:
    """Return a trainer in a process that has nothing left to load when the training starts."""
    torch.set_num_threads(1)
    make_training(max_epochs=1, images_per_epoch=4).run()
    return make_run(folder, **options)


def train_in_child(connection: Connection, folder: Path, options: dict[str, Any]) -> None:
    """Say ready, wait for the word to go, train, say done."""
    trainer = prepared(folder, options)
    connection.send("ready")
    connection.recv()
    trainer.run()
    connection.send("done")


def pause_in_child(connection: Connection, folder: Path, event: str, step: int, options: dict[str, Any]) -> None:
    """Train, but at an event of a step say so and wait for the word to go on."""
    trainer = prepared(folder, options)

    def pause() -> None:
        if trainer.state.iteration == step:
            connection.send("there")
            connection.recv()

    trainer.add_event_handler(Events[event], pause)
    connection.send("ready")
    connection.recv()
    os.setpgid(0, 0)
    trainer.run()


def die_in_child(connection: Connection, folder: Path, call: str, number: int, after: bool) -> None:
    """Train, but die at one call of ``os.<call>``: before it, or after."""
    trainer = prepared(folder, {})
    die_at(call, number, after)
    connection.send("ready")
    connection.recv()
    trainer.run()
