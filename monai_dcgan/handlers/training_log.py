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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow

from monai_dcgan.engines import TERMS
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import read_json_lines, write_text

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["TrainingLog"]


class TrainingLog:
    """Write the mean of every named term to ``metrics.jsonl`` and to TensorBoard.

    A line holds ``epoch``, ``iteration``, ``images`` (real slices shown so far), ``images_per_second`` and the means
    since the line before. The terms are read from the device once an interval, not in every step. Metrics of a
    validation that ran in an epoch stand in a line of their own with ``val_`` before their names.

    Args:
        path: the file; a resumed training drops the lines behind the state that it goes on from.
        interval: iterations between two lines.
        writer: TensorBoard writer; none writes nothing there.
        validator: evaluator that runs in the course of the training.

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
        self._reset()

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.interval), self._write_terms)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write_terms)
        if self.validator is not None:
            self.validator.add_event_handler(Events.COMPLETED, self._write_validation, engine)

    def _reset(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._steps = 0
        self._images = 0
        self._since = time.perf_counter()

    def _started(self, engine: Workflow) -> None:
        records = read_json_lines(self.path) if self.path.exists() else []
        kept = [record for record in records if record["images"] <= engine.state.images]
        write_text(self.path, "".join(json.dumps(record) + "\n" for record in kept))
        self._reset()
        self._images = engine.state.images

    def _add(self, engine: Workflow) -> None:
        for name, value in engine.state.output[TERMS].items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._steps += 1

    def _write_terms(self, engine: Workflow) -> None:
        if self._steps == 0:
            return
        names = list(self._sums)
        values = (torch.stack([self._sums[name].float() for name in names]) / self._steps).tolist()
        means = dict(zip(names, values))
        bad = [name for name, value in means.items() if not math.isfinite(value)]
        speed = (engine.state.images - self._images) / (time.perf_counter() - self._since)
        self._reset()
        self._images = engine.state.images
        if bad:
            raise FloatingPointError(
                f"{', '.join(bad)} must stay finite, got {means[bad[0]]} at iteration {engine.state.iteration}; "
                "a checkpoint, where there is one, is from before; try a lower learning rate, or amp off"
            )
        self._write_line(engine, {**means, "images_per_second": speed})

    def _write_validation(self, evaluator: Workflow, trainer: Workflow) -> None:
        metrics = evaluator.state.metrics
        self._write_line(trainer, {f"val_{name}": float(value) for name, value in metrics.items()})

    def _write_line(self, engine: Workflow, values: dict[str, Any]) -> None:
        state = {"epoch": engine.state.epoch, "iteration": engine.state.iteration, "images": engine.state.images}
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({**state, **values}) + "\n")
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, engine.state.images)
            self.writer.flush()
