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
"""Go on with a training from where it was saved."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Events
from monai.engines.workflow import Workflow
from torch import nn
from torch.optim import Optimizer

from monai_dcgan.handlers.checkpoints import RANDOM, checkpoints_in, engine_objects
from monai_dcgan.handlers.random_state import restore_random_state
from monai_dcgan.utils.weights import check_weights, read_checkpoint

__all__ = ["ResumeTraining", "latest_checkpoint"]

logger = logging.getLogger(__name__)


def latest_checkpoint(folder: str | Path) -> Path | None:
    """Return the newest training checkpoint in ``folder``, or ``None``."""
    return next(reversed(checkpoints_in(folder)), None)


class ResumeTraining:
    """Go on from the newest checkpoint in a folder when a training starts, in the middle of an epoch too.

    Stands first among the handlers, so that the others see the state that the training goes on from. A checkpoint that
    is damaged or of another training is an error that names the newest sound one; it is never passed over in silence.

    Args:
        folder: where :class:`~monai_dcgan.handlers.TrainingCheckpoint` saves.
        objects: what to load, by the names under which it was saved.
        resume: whether to load at all.
        resume_from: the checkpoint to go on from, instead of the newest. Those in ``folder`` that are newer are set
            aside under another name, so that they are not taken for what the training makes now.

    Raises:
        ValueError: when ``resume_from`` is given and ``resume`` is off; at the start of a training, when the checkpoint
            is damaged or of another training, or the training has gone further than ``max_epochs``.
        FileNotFoundError: at the start of a training, when ``resume_from`` is no file.
    """

    def __init__(
        self,
        folder: str | Path,
        objects: Mapping[str, Any],
        resume: bool = True,
        resume_from: str | Path | None = None,
    ) -> None:
        if resume_from is not None and not resume:
            raise ValueError(f"resume must be on where resume_from is given, got resume_from={str(resume_from)!r}")
        self.folder = Path(folder)
        self.objects = {name: value for name, value in objects.items() if value is not None}
        self.resume = resume
        self.resume_from = None if resume_from is None else Path(resume_from)

    def attach(self, engine: Workflow) -> None:
        """Load when ``engine`` starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Workflow) -> None:
        """Load the checkpoint, where there is one."""
        if not self.resume:
            return
        path = latest_checkpoint(self.folder) if self.resume_from is None else self.resume_from
        if path is None:
            logger.warning("no checkpoint in %s: the training starts from the beginning", self.folder)
            return
        # The number of epochs is what is asked for now, not what was asked for then.
        max_epochs = engine.state.max_epochs
        try:
            states = self._read(path, engine)
            self._load(states, path, engine)
        except ValueError as error:
            raise ValueError(f"{error}; {self._advice(path, engine)}") from error
        shown = -(-engine.state.iteration // engine.state.epoch_length)
        if max_epochs < shown:
            raise ValueError(f"max_epochs must be at least the {shown} epochs of {path} to go on, got {max_epochs}")
        engine.state.max_epochs = max_epochs
        # Every process must have found the file before the names of others change.
        idist.barrier()
        if self.resume_from is not None and idist.get_rank() == 0:
            self._set_aside_newer(engine.state.iteration)
        logger.info("go on from %s: %d images shown", path, engine.state.images)

    def _read(self, path: Path, engine: Workflow) -> dict[str, Any]:
        """Return the content of a checkpoint that fits the training."""
        states = read_checkpoint(path)
        objects = {**self.objects, **engine_objects(engine)}
        expected = {*objects, RANDOM}
        if set(states) != expected:
            raise ValueError(
                f"{path} must hold {', '.join(sorted(expected))}, got {', '.join(map(str, states)) or 'nothing'}"
            )
        for name, value in objects.items():
            if not isinstance(states[name], Mapping):
                raise ValueError(f"{path} must hold the state of {name} as a dictionary, got {type(states[name])}")
            if isinstance(value, nn.Module):
                check_weights(value, states[name], path)
            if isinstance(value, Optimizer) and _sizes(states[name]) != _sizes(value.state_dict()):
                raise ValueError(f"{path} must fit the training, {name} is of an optimizer of other parameters")
        length, expected_length = states["trainer"].get("epoch_length"), engine.state.epoch_length
        if length != expected_length:
            raise ValueError(
                f"{path} must be of a training with {expected_length} steps an epoch, got {length}; images_per_epoch, "
                "batch_size and the number of processes must be as they were"
            )
        return states

    def _advice(self, path: Path, engine: Workflow) -> str:
        """Return what to do when ``path`` cannot be used."""
        for other in reversed(checkpoints_in(self.folder)):
            older = other.name < path.name
            if older if self.resume_from is None else other != path:
                try:
                    self._read(other, engine)
                except ValueError:
                    continue
                return f"go on from the newest sound one: --set resume_from={other} (bundle: --resume_from {other})"
        return f"no other checkpoint in {self.folder} can be used either; start again in another folder"

    def _load(self, states: Mapping[str, Any], path: Path, engine: Workflow) -> None:
        for name, value in {**self.objects, **engine_objects(engine)}.items():
            try:
                value.load_state_dict(states[name])
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())
                raise ValueError(f"{path} must fit the training, {name} cannot be restored: {reason}") from error
        if engine.state.iteration % engine.state.epoch_length == 0:
            restore_random_state(states[RANDOM])
        else:
            # The loader draws when it starts, which the training that was not stopped did long before.
            _once(engine, Events.GET_BATCH_STARTED, lambda: restore_random_state(states[RANDOM]))

    def _set_aside_newer(self, iteration: int) -> None:
        for path in checkpoints_in(self.folder):
            if int(path.stem.removeprefix("step_")) > iteration:
                number = 1
                while (aside := path.with_name(f"{path.name}.aside{number}")).exists():
                    number += 1
                os.replace(path, aside)
                logger.warning("%s is newer than where the training goes on from: now %s", path, aside.name)


def _sizes(optimizer: Mapping[str, Any]) -> list[int]:
    """Return the number of parameters in every group of the state of an optimizer."""
    return [len(group["params"]) for group in optimizer.get("param_groups", [])]


def _once(engine: Workflow, event: Events, action: Any) -> None:
    def act() -> None:
        handle.remove()
        action()

    handle = engine.add_event_handler(event, act)
