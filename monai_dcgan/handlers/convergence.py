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
"""When the losses of a training have settled."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ignite.engine import Events
from monai.engines.workflow import Workflow

from monai_dcgan.handlers.events import TrainingEvents, training_log_of
from monai_dcgan.utils.checks import check_positive, check_positive_int

__all__ = ["LossConvergence", "trend_and_spread"]

logger = logging.getLogger(__name__)

LOSSES = ("d_loss", "g_loss")
MIN_LINES = 8
"""Lines of the log that a window holds at least: with fewer, trend and spread cannot be told apart."""


def trend_and_spread(images: Sequence[float], losses: Sequence[float]) -> tuple[float, float]:
    """Fit a line to a loss and return how far it goes and how far the values lie from it, both relative.

    Args:
        images: images shown, ascending, at least three.
        losses: the loss at each.

    Returns:
        the change of the fitted line from the first to the last value, and the standard deviation of the values about
        it, both divided by the mean of the absolute values; (0, 0) where all values are 0.

    Example:
        >>> trend, spread = trend_and_spread([0, 100, 200], [1.0, 2.0, 3.0])
        >>> round(trend, 6), round(spread, 6)
        (1.0, 0.0)
    """
    place = np.asarray(images, dtype=np.float64)
    values = np.asarray(losses, dtype=np.float64)
    level = float(np.abs(values).mean())
    if level == 0.0:
        return 0.0, 0.0
    place = (place - place.mean()) / np.ptp(place)
    slope = float((place * values).sum() / (place**2).sum())
    rest = values - values.mean() - slope * place
    return slope / level, float(rest.std()) / level


class LossConvergence:
    """Tell when both losses have settled: neither falls nor rises any more, nor swings widely.

    The lines of the log are cut into windows of ``window`` images. A window is steady when, for the loss of the
    discriminator and for that of the generator, a line fitted through it goes up or down by at most ``trend`` of the
    loss's level and the values scatter about that line by at most ``spread`` of it
    (:func:`trend_and_spread`). After ``patience`` steady windows in a row the losses have settled: one line goes to
    the program's log, ``losses_settled`` to the training's, and ``TrainingEvents.LOSSES_SETTLED`` is fired, once in a
    training.

    These limits are a convention: in two sound trainings of 300,000 images (TCGA-LGG, Figshare), whose slices went on
    getting better until the end, the losses did not settle by them. The losses of two networks that play against each
    other measure the balance between them and no quality: pictures go on getting better after the losses have
    settled, and losses that still wander are no fault. Choose by a validation metric which generator to keep; use
    this to see from where on it pays to compare. The losses are read with the log, so nothing is read from the device
    for this.

    Args:
        window: images of a window; one that holds fewer than 8 lines of the log goes on until it does.
        trend: largest change over a window, as a share of the loss's level.
        spread: largest standard deviation about the fitted line, as a share of the loss's level.
        patience: steady windows in a row.
        stop: whether the training ends with the epoch in which the losses settle.

    Attributes:
        settled_at: images shown when the losses had settled, None before.

    Raises:
        ValueError: when an argument is out of its range; when no ``TrainingLog`` stands before it among the handlers.
    """

    def __init__(
        self,
        window: int = 51_200,
        trend: float = 0.25,
        spread: float = 0.5,
        patience: int = 2,
        stop: bool = False,
    ) -> None:
        check_positive_int("window", window)
        check_positive("trend", trend)
        check_positive("spread", spread)
        check_positive_int("patience", patience)
        self.window = window
        self.trend = trend
        self.spread = spread
        self.patience = patience
        self.stop = stop
        self.settled_at: int | None = None
        self._lines: list[list[float]] = []
        self._window_start = 0
        self._steady = 0

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        self._log = training_log_of(engine, "LossConvergence")
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(TrainingEvents.LOG_WRITTEN, self._read)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._stop)

    def state_dict(self) -> dict[str, Any]:
        """Return the open window and what was found so far."""
        return {
            "settled_at": self.settled_at,
            "lines": [list(line) for line in self._lines],
            "window_start": self._window_start,
            "steady": self._steady,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.settled_at = state["settled_at"]
        self._lines = [list(line) for line in state["lines"]]
        self._window_start = state["window_start"]
        self._steady = state["steady"]

    def _started(self, engine: Workflow) -> None:
        # Between two epochs; a training that was stopped within one first ends it.
        if engine.state.iteration % engine.state.epoch_length == 0:
            self._stop(engine)

    def _read(self, engine: Workflow) -> None:
        record = self._log.record
        if self.settled_at is not None:
            return
        self._lines.append([record["images"], *(record[name] for name in LOSSES)])
        if record["images"] - self._window_start < self.window or len(self._lines) < MIN_LINES:
            return
        self._steady = self._steady + 1 if self._is_steady() else 0
        self._lines, self._window_start = [], record["images"]
        if self._steady == self.patience:
            self._settle(engine, record)

    def _is_steady(self) -> bool:
        images, *losses = zip(*self._lines)
        found = [trend_and_spread(images, values) for values in losses]
        return all(abs(trend) <= self.trend and spread <= self.spread for trend, spread in found)

    def _settle(self, engine: Workflow, record: Mapping[str, Any]) -> None:
        self.settled_at = engine.state.images
        levels = ", ".join(f"{name} {record[name]:.3g}" for name in LOSSES)
        end = "; the training ends with this epoch" if self.stop else ""
        logger.info("the losses have settled after %d images (%s)%s", self.settled_at, levels, end)
        self._log.write(engine, {"losses_settled": 1.0})
        engine.fire_event(TrainingEvents.LOSSES_SETTLED)

    def _stop(self, engine: Workflow) -> None:
        if self.stop and self.settled_at is not None:
            engine.terminate()
