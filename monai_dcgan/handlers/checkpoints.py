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
"""Checkpoints of a training, and the generator that others load."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines.workflow import Workflow
from torch import nn

from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import write_tensors
from monai_dcgan.utils.weights import check_weights, read_checkpoint

__all__ = ["GeneratorSaver", "ResumeTraining", "TrainingCheckpoint", "latest_checkpoint"]

logger = logging.getLogger(__name__)


def latest_checkpoint(folder: str | Path) -> Path | None:
    """Return the newest training checkpoint in ``folder``, or ``None``."""
    return max(Path(folder).glob("epoch_*.pt"), default=None)


class TrainingCheckpoint:
    """Save everything that a training needs to go on, after epochs; each file is whole or absent.

    Stands last among the handlers: what it saves has passed the others' checks, and a training that goes on from it
    misses nothing that they do at the end of an epoch.

    Args:
        folder: where ``epoch_<number>.pt`` goes.
        objects: what to save, by name: networks, optimizers, average; the trainer and its scaler are added.
        every: epochs between two checkpoints; the last epoch is always saved.
        keep: checkpoints to keep.

    Raises:
        ValueError: when ``every`` or ``keep`` is no whole number of at least 1.
    """

    def __init__(self, folder: str | Path, objects: Mapping[str, Any], every: int = 1, keep: int = 2) -> None:
        check_positive_int("every", every)
        check_positive_int("keep", keep)
        self.folder = Path(folder)
        self.objects = dict(objects)
        self.every = every
        self.keep = keep

    def attach(self, engine: Workflow) -> None:
        """Save the training ``engine``."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Workflow) -> None:
        """Save the training as it is now, where the epoch is due."""
        if engine.state.epoch % self.every and engine.state.epoch != engine.state.max_epochs:
            return
        objects = {**self.objects, **_of_the_engine(engine)}
        path = self.folder / f"epoch_{engine.state.epoch:06d}.pt"
        write_tensors(path, {name: value.state_dict() for name, value in objects.items()})
        for old in sorted(self.folder.glob("epoch_*.pt"))[: -self.keep]:
            old.unlink()


class ResumeTraining:
    """Go on from the newest checkpoint in a folder when a training starts.

    Stands first among the handlers, so that the others see the state that the training goes on from.

    Args:
        folder: where :class:`TrainingCheckpoint` saves.
        objects: what to load, by the names under which it was saved.
        resume: whether to load at all.

    Raises:
        ValueError: at the start of a training, when the checkpoint is damaged or of other networks.
    """

    def __init__(self, folder: str | Path, objects: Mapping[str, Any], resume: bool = True) -> None:
        self.folder = Path(folder)
        self.objects = dict(objects)
        self.resume = resume

    def attach(self, engine: Workflow) -> None:
        """Load when ``engine`` starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Workflow) -> None:
        """Load the newest checkpoint, where there is one."""
        path = latest_checkpoint(self.folder) if self.resume else None
        if path is None:
            return
        states = read_checkpoint(path)
        objects = {**self.objects, **_of_the_engine(engine)}
        missing = sorted(set(objects) - set(states))
        if missing:
            raise ValueError(f"{path} must hold {', '.join(sorted(objects))}; {', '.join(missing)} is missing")
        for name, value in objects.items():
            if isinstance(value, nn.Module):
                check_weights(value, states[name], path)
        max_epochs = engine.state.max_epochs
        for name, value in objects.items():
            value.load_state_dict(states[name])
        if max_epochs < engine.state.epoch:
            raise ValueError(
                f"max_epochs must be at least the {engine.state.epoch} epochs of {path} to go on, got {max_epochs}"
            )
        engine.state.max_epochs = max_epochs
        logger.info("go on from %s: %d images shown", path, engine.state.images)


def _of_the_engine(engine: Workflow) -> dict[str, Any]:
    return {"trainer": engine, "scaler": engine.scaler}


class GeneratorSaver:
    """Save the weights of the generator alone, as a flat dictionary that MONAI's exports read.

    Args:
        generator: the network to save, usually the moving average.
        path: the file.

    """

    def __init__(self, generator: nn.Module, path: str | Path) -> None:
        self.generator = generator
        self.path = Path(path)

    def attach(self, engine: Workflow) -> None:
        """Save after every epoch of ``engine``."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Workflow | None = None) -> None:
        """Save the generator as it is now."""
        weights = {name: value.detach().cpu().contiguous() for name, value in self.generator.state_dict().items()}
        write_tensors(self.path, weights)
