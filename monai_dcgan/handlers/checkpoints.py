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
"""Checkpoints of a training, and the generator that others load.

MONAI's ``CheckpointSaver`` is not used for them: it writes over the name that counts, so that a process that is killed
meanwhile leaves half a file, keeps no state of the random numbers, and knows only metrics of which more is better.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils import StrEnum
from torch import nn
from torch.optim import Optimizer

from monai_dcgan.handlers.best import BestGenerator, flat_weights
from monai_dcgan.handlers.random_state import random_states
from monai_dcgan.utils.checks import check_choice, check_positive_int
from monai_dcgan.utils.files import write_tensors

__all__ = ["RANDOM", "GeneratorSaver", "Keep", "TrainingCheckpoint", "checkpoints_in", "engine_objects"]

logger = logging.getLogger(__name__)

RANDOM = "random"
"""Name of the state of the process's random number generators in a checkpoint."""


class Keep(StrEnum):
    """Which weights a training hands on."""

    BEST = "best"
    LAST = "last"


def checkpoints_in(folder: str | Path) -> list[Path]:
    """Return the training checkpoints in ``folder``, the newest last."""
    return sorted(path for path in Path(folder).glob("step_*.pt") if re.fullmatch(r"step_\d{9,}\.pt", path.name))


def engine_objects(engine: Workflow) -> dict[str, Any]:
    """Return what a checkpoint holds of the engine itself: the count of steps and images, and the scaler."""
    return {"trainer": engine, "scaler": engine.scaler}


class TrainingCheckpoint:
    """Save everything that a training needs to go on to the same bits; each file is whole or absent.

    A checkpoint holds the state of ``objects``, the number of the step and of the images shown, the scaler of mixed
    precision, and the random number generators of the process. Its name has the step: ``step_000012800.pt``.

    Stands last among the handlers, before :class:`~monai_dcgan.handlers.StopOnSignal`: what it saves has passed the
    others' checks, and a training that goes on from it misses nothing that they do at the end of an epoch. Only the
    first of several processes writes.

    Args:
        folder: where the files go.
        objects: what to save, by name: networks, optimizers, average, and whatever else has ``state_dict`` and
            ``load_state_dict`` and changes in the course of the training; ``None`` is left out. What differs between
            processes has ``synchronize``, which all of them call before the first one saves.
        every: epochs between two checkpoints; the last epoch is always saved.
        interval: also save after every so many steps; ``None`` saves at the end of epochs only. It costs the time of
            writing and changes no number.
        keep: checkpoints to keep.

    Raises:
        ValueError: when ``every``, ``interval`` or ``keep`` is no whole number of at least 1.
        FloatingPointError: in a training, when weights are no longer finite; such a checkpoint is not written.
        OSError: in a training, when the file cannot be written; the checkpoints before it stay.
    """

    def __init__(
        self,
        folder: str | Path,
        objects: Mapping[str, Any],
        every: int = 1,
        interval: int | None = None,
        keep: int = 2,
    ) -> None:
        check_positive_int("every", every)
        check_positive_int("keep", keep)
        if interval is not None:
            check_positive_int("interval", interval)
        self.folder = Path(folder)
        self.objects = {name: value for name, value in objects.items() if value is not None}
        self.every = every
        self.interval = interval
        self.keep = keep

    def attach(self, engine: Workflow) -> None:
        """Save the training ``engine``."""
        engine.add_event_handler(Events.STARTED, self._delete_unfinished)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch_completed)
        if self.interval is not None:
            engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.interval), self._within_epoch)

    def save(self, engine: Workflow) -> Path:
        """Save the training as it is now, at the end of a step; return the file.

        Under several processes all of them must call it at the same time; it returns once the file is there.
        """
        path = self.folder / f"step_{engine.state.iteration:09d}.pt"
        random = random_states()
        for value in self.objects.values():
            if hasattr(value, "synchronize"):
                value.synchronize()
        if idist.get_rank() == 0:
            objects = {**self.objects, **engine_objects(engine)}
            states = {name: value.state_dict() for name, value in objects.items()}
            for name, value in objects.items():
                if isinstance(value, (nn.Module, Optimizer)):
                    _check_finite(name, states[name], engine.state.iteration)
            write_tensors(path, {**states, RANDOM: random})
            for old in checkpoints_in(self.folder)[: -self.keep]:
                old.unlink()
        idist.barrier()
        return path

    def _within_epoch(self, engine: Workflow) -> None:
        # The last step of an epoch is saved when the handlers have done what they do at the end of an epoch.
        if engine.state.iteration % engine.state.epoch_length:
            self.save(engine)

    def _epoch_completed(self, engine: Workflow) -> None:
        state = engine.state
        last = state.epoch == state.max_epochs or engine.should_terminate
        by_steps = self.interval is not None and state.iteration % self.interval == 0
        if last or by_steps or state.epoch % self.every == 0:
            self.save(engine)

    def _delete_unfinished(self, engine: Workflow) -> None:
        """Delete what a process that was killed in the middle of writing has left behind."""
        if idist.get_rank() == 0:
            for path in self.folder.glob(".*.tmp.pt"):
                path.unlink(missing_ok=True)


class GeneratorSaver:
    """Save the weights of the generator alone, as a flat dictionary that MONAI's exports read.

    Stands behind the validation, so that it knows whether this epoch's generator is the best.

    Args:
        generator: the network to save, usually the moving average.
        path: the file.
        keep: ``last`` saves the generator as it is, ``best`` that with the best metric so far (until there is a
            metric, as it is).
        best: what keeps the best generator.

    Raises:
        ValueError: when ``keep`` is neither, or ``best`` without what keeps it.
    """

    def __init__(
        self, generator: nn.Module, path: str | Path, keep: str = Keep.LAST, best: BestGenerator | None = None
    ) -> None:
        check_choice("keep", keep, Keep)
        if keep == Keep.BEST and best is None:
            raise ValueError("best must be a BestGenerator where keep is 'best', got None; give one, or keep='last'")
        self.generator = generator
        self.path = Path(path)
        self.best = best if keep == Keep.BEST else None

    def attach(self, engine: Workflow) -> None:
        """Save after every epoch of ``engine``."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Workflow | None = None) -> None:
        """Save the generator that is to be kept."""
        if idist.get_rank() == 0:
            best = None if self.best is None else self.best.weights
            write_tensors(self.path, flat_weights(self.generator) if best is None else best)


def _check_finite(name: str, state: Any, iteration: int) -> None:
    for tensor in _tensors(state):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise FloatingPointError(
                f"the state of {name} must stay finite to be saved, it is not after step {iteration}; the checkpoint "
                "before, where there is one, is sound; try a lower learning rate, or amp off"
            )


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _tensors(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _tensors(entry)
