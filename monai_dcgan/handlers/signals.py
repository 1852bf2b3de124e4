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
"""Leave a training in good order when the system or the user asks for it."""

from __future__ import annotations

import functools
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import ignite.distributed as idist
from ignite.engine import Events
from monai.data.utils import worker_init_fn
from monai.engines.workflow import Workflow

from monai_dcgan.handlers.checkpoints import TrainingCheckpoint

__all__ = ["StopOnSignal", "TrainingStopped", "leave_signals_to_the_training"]

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
REPEATED = 5.0
"""Seconds in which a further signal counts as the same one: a scheduler and torchrun both send it to every process."""
AGREE_EVERY = 10
"""Steps after which several processes ask one another whether a signal came; asking makes the host wait for the GPU."""


class TrainingStopped(SystemExit):
    """A training was saved and left because of a signal.

    As a ``SystemExit`` it passes the command line and MONAI's ``run`` command, whose exit code it sets to 128 and the
    number of the signal: 143 for SIGTERM, 130 for SIGINT.

    Args:
        number: number of the signal.
        images: real slices shown.
        checkpoint: what the training can go on from.
    """

    def __init__(self, number: int, images: int, checkpoint: Path) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)
        self.images = images
        self.checkpoint = checkpoint

    def __str__(self) -> str:
        return f"stopped by {self.signal.name} after {self.images} images, saved as {self.checkpoint}"


def leave_signals_to_the_training(worker_id: int) -> None:
    """Make a worker of a data loader live on when a signal goes to all processes at once; its ``worker_init_fn``.

    Ctrl-C in a terminal and many a job scheduler reach the workers too; a training whose workers are gone cannot finish
    its step. The worker ends with the training all the same. Seeds transforms as MONAI's ``DataLoader`` does by
    default.

    Args:
        worker_id: number of the worker.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    worker_init_fn(worker_id)


class StopOnSignal:
    """On SIGTERM or SIGINT finish the running step, save a checkpoint, and leave with exit code 128 + signal number.

    A signal at the end of an epoch waits until its handlers are done, such as the validation; after the last epoch the
    training ends as it would have. A second signal leaves at once. Several processes leave together: those that got no
    signal hear of it within ``10`` steps.

    While the training runs the signals are taken, afterwards they do again what they did before. Python lets only the
    main thread take signals; elsewhere the log says that they are not taken. Stands last among the handlers.

    Args:
        checkpoint: saves the training.

    Raises:
        TrainingStopped: in a training, after a signal.
    """

    def __init__(self, checkpoint: TrainingCheckpoint) -> None:
        self.checkpoint = checkpoint
        self._received: int = 0
        self._since = 0.0
        self._previous: dict[int, Any] = {}

    def attach(self, engine: Workflow) -> None:
        """Take the signals while ``engine`` runs."""
        run = engine.run

        # Ignite tells only the first handler that raises of an error, so no event comes at every end of a run.
        @functools.wraps(run)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with self._taken():
                return run(*args, **kwargs)

        engine.run = guarded  # type: ignore[method-assign]
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._step_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch_completed)

    @contextmanager
    def _taken(self) -> Iterator[None]:
        self._received = 0
        if threading.current_thread() is not threading.main_thread():
            logger.warning("the training does not run in the main thread: a signal stops it without a checkpoint")
            yield
            return
        self._previous = {number: signal.signal(number, self._receive) for number in SIGNALS}
        try:
            yield
        finally:
            self._restore()

    def _restore(self) -> None:
        for number, previous in self._previous.items():
            # None stands for a handler that was not set from Python and cannot be set again from here.
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        self._previous = {}

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received and idist.get_world_size() > 1 and time.monotonic() - self._since < REPEATED:
            return
        if self._received:
            self._restore()
            signal.raise_signal(number)
            return
        self._received, self._since = number, time.monotonic()

    def _step_completed(self, engine: Workflow) -> None:
        iteration = engine.state.iteration
        alone = idist.get_world_size() == 1
        # The last step of an epoch is saved when the handlers have done what they do at the end of an epoch.
        if iteration % engine.state.epoch_length and (alone or iteration % AGREE_EVERY == 0):
            self._stop_if_asked(engine)

    def _epoch_completed(self, engine: Workflow) -> None:
        if engine.state.epoch < engine.state.max_epochs:
            self._stop_if_asked(engine)

    def _stop_if_asked(self, engine: Workflow) -> None:
        number = int(idist.all_reduce(self._received, op="MAX"))
        if number:
            raise TrainingStopped(number, engine.state.images, self.checkpoint.save(engine))
