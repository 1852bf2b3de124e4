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
"""What a training writes down as it goes: one line of JSON an interval, and TensorBoard."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow

from monai_dcgan.engines import TERMS
from monai_dcgan.handlers.events import TrainingEvents, register_training_events
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.distributed import mean_over_processes
from monai_dcgan.utils.files import read_json_lines, write_text

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["TrainingLog"]


class TrainingLog:
    """Write the mean of every named term to ``metrics.jsonl`` and to TensorBoard.

    A line holds ``epoch``, ``iteration``, ``images`` (real slices shown so far), ``images_per_second`` and the means
    since the line before; a term that only some steps have counts as 0 in the others, so that the terms of a loss add
    up to it. The terms are read from the device once an interval, not in every step; then
    ``TrainingEvents.LOG_WRITTEN`` is fired, and other handlers find the line in :attr:`record`. Metrics of a
    validation that ran in an epoch stand in a line of their own with ``val_`` before their names.

    The speed is that of the training: validations and whatever else is done between epochs do not count.

    Where several processes train together, the means are those over all of them, and the first one writes.

    Args:
        path: the file; a resumed training drops the lines behind the state that it goes on from.
        interval: iterations between two lines.
        writer: TensorBoard writer; none writes nothing there.
        validator: evaluator that runs in the course of the training.

    Attributes:
        record: the last line with means of terms, empty before the first one.
        line: the last line of any kind.

    Raises:
        ValueError: when ``interval`` is no whole number of at least 1.
        FloatingPointError: in a training, when a term is no longer finite.
    """

    def __init__(
        self,
        path: str | Path,
        interval: int = 50,
        writer: SummaryWriter | None = None,
        validator: Workflow | None = None,
    ) -> None:
        check_positive_int("interval", interval)
        self.path = Path(path)
        self.interval = interval
        self.writer = writer
        self.validator = validator
        self.record: dict[str, Any] = {}
        self.line: dict[str, Any] = {}
        self._sums: dict[str, torch.Tensor] = {}
        self._steps = 0

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        register_training_events(engine)
        engine.state.training_log = self
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(Events.EPOCH_STARTED, self._start_clock)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.interval), self._write_terms)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write_terms)
        if self.validator is not None:
            self.validator.add_event_handler(Events.COMPLETED, self._write_validation, engine)

    def synchronize(self) -> None:
        """Replace the sums since the last line by their means over all processes, before the first one saves them."""
        if self._sums and idist.get_world_size() > 1:
            means = mean_over_processes(torch.stack(list(self._sums.values())))
            self._sums = {name: mean.clone() for name, mean in zip(self._sums, means)}

    def state_dict(self) -> dict[str, Any]:
        """Return the sums since the last line, so that a training that stops between two lines loses none."""
        return {"sums": {name: value.to("cpu", copy=True) for name, value in self._sums.items()}, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._sums, self._steps = dict(state["sums"]), state["steps"]

    def write(self, engine: Workflow, values: Mapping[str, float]) -> None:
        """Write a line with ``values`` beside where ``engine`` is, on the first process only.

        Args:
            engine: the training.
            values: numbers by name.
        """
        if idist.get_rank() != 0:
            return
        self.line = {**_place(engine), **values}
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(self.line) + "\n")
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, engine.state.images)
            self.writer.flush()
        engine.fire_event(TrainingEvents.LINE_WRITTEN)

    def _started(self, engine: Workflow) -> None:
        if idist.get_rank() == 0:
            records = read_json_lines(self.path) if self.path.exists() else []
            kept = [record for record in records if record["images"] <= engine.state.images]
            write_text(self.path, "".join(json.dumps(record) + "\n" for record in kept))
        self._sums = {name: value.to(engine.state.device) for name, value in self._sums.items()}

    def _start_clock(self, engine: Workflow) -> None:
        self._since, self._images = time.perf_counter(), engine.state.images

    def _add(self, engine: Workflow) -> None:
        terms = engine.state.output[TERMS]
        known = [name for name in terms if name in self._sums]
        if known:
            torch._foreach_add_([self._sums[name] for name in known], [terms[name] for name in known])
        for name in terms:
            if name not in self._sums:
                # A copy: the next step adds to it in place.
                self._sums[name] = torch.as_tensor(terms[name]).to(engine.state.device, torch.float32, copy=True)
        self._steps += 1

    def _write_terms(self, engine: Workflow) -> None:
        if not self._sums:
            return
        sums = mean_over_processes(torch.stack(list(self._sums.values()))).tolist()
        means = {name: value / self._steps for name, value in zip(self._sums, sums)}
        self._sums, self._steps = {}, 0
        speed = (engine.state.images - self._images) / (time.perf_counter() - self._since)
        self._start_clock(engine)
        bad = [name for name, value in means.items() if not math.isfinite(value)]
        if bad:
            raise FloatingPointError(
                f"{', '.join(bad)} must stay finite, got {means[bad[0]]} at iteration {engine.state.iteration}; "
                "a checkpoint, where there is one, is from before; try a lower learning rate, amp off, or a gradient "
                "penalty on the discriminator"
            )
        values = {**means, "images_per_second": speed}
        self.record = {**_place(engine), **values}
        self.write(engine, values)
        engine.fire_event(TrainingEvents.LOG_WRITTEN)

    def _write_validation(self, evaluator: Workflow, trainer: Workflow) -> None:
        self.write(trainer, {f"val_{name}": float(value) for name, value in evaluator.state.metrics.items()})


def _place(engine: Workflow) -> dict[str, int]:
    """Return where a training is."""
    return {"epoch": engine.state.epoch, "iteration": engine.state.iteration, "images": engine.state.images}
