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
"""Events of a training beyond those of Ignite and MONAI, and how handlers find its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ignite.engine import EventEnum
from monai.engines.workflow import Workflow

if TYPE_CHECKING:
    from monai_dcgan.handlers.training_log import TrainingLog

__all__ = ["TrainingEvents", "register_training_events", "training_log_of"]


class TrainingEvents(EventEnum):
    """What can happen in the course of a training.

    - ``LOG_WRITTEN``: a :class:`~monai_dcgan.handlers.TrainingLog` has read the terms of an interval from the device;
      they stand in its ``record``. Who listens here needs no reading of its own.
    - ``LINE_WRITTEN``: it has written a line of any kind, which stands in its ``line``; on the first process only.
    - ``LOSSES_SETTLED``: see :class:`~monai_dcgan.handlers.LossConvergence`.
    - ``COLLAPSE_SUSPECTED``: see :class:`~monai_dcgan.handlers.CollapseGuard`.

    Example::

        trainer.add_event_handler(TrainingEvents.LOSSES_SETTLED, lambda engine: engine.terminate())
    """

    LOG_WRITTEN = "log_written"
    LINE_WRITTEN = "line_written"
    LOSSES_SETTLED = "losses_settled"
    COLLAPSE_SUSPECTED = "collapse_suspected"


def register_training_events(engine: Workflow) -> None:
    """Let ``engine`` fire :class:`TrainingEvents`; may be called more than once."""
    engine.register_events(*(event for event in TrainingEvents if not engine.has_registered_events(event)))


def training_log_of(engine: Workflow, needed_by: str) -> TrainingLog:
    """Return the log that follows ``engine``, for a handler that is attached behind it.

    Args:
        engine: the training.
        needed_by: who asks, named in the error.

    Raises:
        ValueError: when no log follows ``engine`` yet.
    """
    log = getattr(engine.state, "training_log", None)
    if log is None:
        raise ValueError(f"train_handlers must hold a TrainingLog before {needed_by}, got none; put one before it")
    return log
