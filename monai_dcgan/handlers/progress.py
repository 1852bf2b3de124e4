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
"""How far a training is, how fast, and how long it will take."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import ignite.distributed as idist
from ignite.engine import Events
from monai.engines.workflow import Workflow
from tqdm import tqdm

from monai_dcgan.utils.checks import check_positive

__all__ = ["TrainingProgress"]

logger = logging.getLogger(__name__)


class TrainingProgress:
    """Show images shown, images a second, time left and the two losses of a training.

    On a terminal this is a bar. Elsewhere a line goes to the log every ``seconds``: its speed is that since the line
    before, its time left goes by the average since this process started, with validations and whatever else takes
    time. What was done before a training was resumed counts as done, and not as speed.

    The losses are those of the last line of a ``TrainingLog``, if one stands before it among the handlers: nothing is
    read from the device for this. Where several processes train together, the first one shows.

    Args:
        description: text before the numbers.
        seconds: time between two lines, where the output is no terminal.
        terminal: whether to draw a bar, by default where the standard error is a terminal.
        clock: gives seconds, always forward.

    Raises:
        ValueError: when ``seconds`` is not above 0.
    """

    def __init__(
        self,
        description: str = "train",
        seconds: float = 60.0,
        terminal: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_positive("seconds", seconds)
        self.description = description
        self.seconds = seconds
        self.terminal = sys.stderr.isatty() if terminal is None else terminal
        self.clock = clock
        self._bar: tqdm | None = None

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        if idist.get_rank() != 0:
            return
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._draw if self.terminal else self._tell)
        engine.add_event_handler(Events.COMPLETED, self._end)

    def _start(self, engine: Workflow) -> None:
        self._first_time = self._last_time = self.clock()
        self._first_images = self._last_images = engine.state.images
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, engine: Workflow) -> None:
        if self._bar is None:
            self._bar = tqdm(
                initial=self._first_images, total=_total(engine), desc=self.description, unit="img", mininterval=0.5
            )
        losses = _losses(engine)
        if losses:
            self._bar.set_postfix_str(losses, refresh=False)
        self._bar.total = _total(engine)
        self._bar.update(engine.state.images - self._bar.n)

    def _tell(self, engine: Workflow) -> None:
        now = self.clock()
        if now - self._last_time < self.seconds:
            return
        images, total = engine.state.images, _total(engine)
        speed = (images - self._last_images) / (now - self._last_time)
        average = (images - self._first_images) / (now - self._first_time)
        left = timedelta(seconds=round((total - images) / average))
        losses = _losses(engine)
        logger.info(
            "%s: %d of %d images (%.1f %%), %.1f images/s, %s left%s",
            self.description,
            images,
            total,
            100 * images / total,
            speed,
            left,
            f", {losses}" if losses else "",
        )
        self._last_time, self._last_images = now, images

    def _end(self, engine: Workflow) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            return
        taken = self.clock() - self._first_time
        logger.info(
            "%s: ended after %d images, %d of them in the last %s",
            self.description,
            engine.state.images,
            engine.state.images - self._first_images,
            timedelta(seconds=round(taken)),
        )


def _total(engine: Workflow) -> int:
    """Return the images of the whole training: those of an iteration so far, times all iterations."""
    state = engine.state
    return round(state.images / state.iteration * state.epoch_length * state.max_epochs)


def _losses(engine: Workflow) -> str:
    record = getattr(getattr(engine.state, "training_log", None), "record", {})
    return ", ".join(f"{name} {record[name]:.3g}" for name in ("d_loss", "g_loss") if name in record)
