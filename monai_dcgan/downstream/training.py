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
"""Train one network of an experiment with MONAI's trainer."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from monai.handlers import LrScheduleHandler
from monai.utils import StrEnum
from torch import nn

from monai_dcgan.utils.checks import check_choice, check_positive, check_positive_int

__all__ = ["Keep", "Recipe", "Trained", "train_network"]


class Keep(StrEnum):
    """Which weights of a training are kept: the last ones, or those that were best on the validation patients."""

    LAST = "last"
    BEST = "best"


@dataclass(frozen=True)
class Recipe:
    """How the networks of all arms are trained: the same number of steps, the same batches.

    AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101), its learning rate falling along a cosine.

    Args:
        steps: optimizer steps.
        batch_size: slices in a batch.
        learning_rate: learning rate at the start.
        weight_decay: weight decay.
        validations: how often the network is measured on the validation patients, evenly over the steps.
        keep: one of :class:`Keep`.

    Raises:
        ValueError: when an argument is out of its range.
    """

    steps: int = 2000
    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    validations: int = 10
    keep: str = Keep.BEST

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "validations"):
            check_positive_int(name, getattr(self, name))
        check_positive("learning_rate", self.learning_rate)
        check_choice("keep", self.keep, Keep)
        if self.validations > self.steps:
            raise ValueError(f"validations must be at most the {self.steps} steps, got {self.validations}")


@dataclass
class Trained:
    """A trained network.

    Attributes:
        network: with the weights that are kept, in evaluation mode.
        step: after how many steps they were reached.
        score: their score on the validation patients, the greater the better.
        course: step -> score at every validation.
    """

    network: nn.Module
    step: int
    score: float
    course: dict[int, float] = field(default_factory=dict)


def train_network(
    network: nn.Module,
    batches: Iterable[dict[str, Any]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    target: str,
    recipe: Recipe,
    validate: Callable[[nn.Module], float],
    device: torch.device,
) -> Trained:
    """Train a network.

    Args:
        network: takes ``image`` (B, C, H, W).
        batches: ``recipe.steps`` batches.
        loss: of the network's output and ``batch[target]``.
        target: key of what the network shall find.
        recipe: steps, optimizer and which weights to keep.
        validate: score of a network in evaluation mode on the validation patients, the greater the better.
        device: device.

    Raises:
        ValueError: when the loss is not finite at a validation, or the validation gives no score; nothing is kept then.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps)
    falling = LrScheduleHandler(scheduler, print_lr=False, epoch_level=False)  # type: ignore[arg-type]
    trainer = SupervisedTrainer(
        device=device,
        max_epochs=1,
        epoch_length=recipe.steps,
        train_data_loader=batches,  # type: ignore[arg-type]
        network=network.to(device),
        optimizer=optimizer,
        loss_function=loss,
        prepare_batch=lambda batch, *_, **__: (batch["image"].to(device), batch[target].to(device)),
        train_handlers=[falling],
        decollate=False,
        optim_set_to_none=True,
    )
    found = Trained(network, 0, -math.inf)
    weights: dict[str, Any] = {}

    def step_done(engine: Engine) -> None:
        if engine.state.iteration in _validated(recipe):
            _check_finite(engine)
            network.eval()
            score = validate(network)
            if math.isnan(score):
                raise ValueError(
                    "validation patients must show what a network is measured by, got no score; see the split"
                )
            found.course[engine.state.iteration] = score
            if str(recipe.keep) == str(Keep.LAST) or score > found.score:
                found.step, found.score = engine.state.iteration, score
                weights.update(copy.deepcopy(network.state_dict()))

    trainer.add_event_handler(Events.ITERATION_COMPLETED, step_done)
    trainer.run()
    network.load_state_dict(weights)
    network.eval()
    return found


def _validated(recipe: Recipe) -> Sequence[int]:
    """Return the steps after which the network is measured; the last one is always among them."""
    return [round(recipe.steps * (number + 1) / recipe.validations) for number in range(recipe.validations)]


def _check_finite(engine: Engine) -> None:
    value = engine.state.output["loss"].item()  # type: ignore[index, call-overload]
    if not math.isfinite(value):
        raise ValueError(
            f"the loss must stay finite, got {value} in step {engine.state.iteration}; lower learning_rate"
        )
