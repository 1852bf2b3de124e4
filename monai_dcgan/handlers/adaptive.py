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
"""Augmentation of what the discriminator sees, as strong as it learns its training set by heart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.utils.enums import AdversarialKeys

from monai_dcgan.engines import TERMS, DCGANTrainer
from monai_dcgan.losses import BCEAdversarialLoss, HingeAdversarialLoss
from monai_dcgan.transforms import DifferentiableAugmentation
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["AdaptiveAugmentation"]

SIGN = "d_real_sign"
PROBABILITY = "augmentation_probability"


class AdaptiveAugmentation:
    """Steer the probability of an augmentation by how sure the discriminator is of real slices (ADA).

    Karras et al. 2020, https://arxiv.org/abs/2006.06676, section 3.1. A discriminator that learns its training set by
    heart gives all its reals logits above 0. The handler measures ``r_t = E[sign(D(real))]`` (equation 1), 0 for no
    overfitting and 1 for a discriminator that knows every real, and every ``interval`` iterations moves the probability
    up by ``shown / images`` where ``r_t`` lies above ``target``, and down by as much where it lies below; ``shown`` is
    the number of reals since the last move. It stays from 0 to 1.

    The logit must tell real from made at 0: binary cross-entropy or hinge. ``state.output["terms"]`` must hold
    ``d_real_sign``, the mean sign of the logits of the reals as the discriminator saw them; it gets
    ``augmentation_probability``, that of the iteration, for the log. So the handler stands before
    :class:`~monai_dcgan.handlers.TrainingLog` and before what saves checkpoints. The device is read once an interval;
    processes that train together share one ``r_t``. The probability starts at that of the augmentation; save both this
    handler and the augmentation with a checkpoint.

    Args:
        augmentation: what to steer.
        target: ``r_t`` to hold, between -1 and 1; the paper has 0.6.
        interval: iterations between two moves; the paper has 4.
        images: real slices in which the probability can go from 0 to 1; the paper has 500,000.

    Raises:
        ValueError: when an argument is out of its range, ``augmentation`` has no operation, or, at the start of a
            training, the adversarial loss does not tell at 0.
        FloatingPointError: in a training, when a logit is no longer finite.
    """

    def __init__(
        self, augmentation: DifferentiableAugmentation, target: float = 0.6, interval: int = 4, images: int = 500_000
    ) -> None:
        if isinstance(target, bool) or not isinstance(target, (int, float)) or not -1 < target < 1:
            raise ValueError(f"target must be a number between -1 and 1, got {target!r}")
        check_positive_int("interval", interval)
        check_positive_int("images", images)
        if not augmentation.has_operations:
            raise ValueError(
                "augmentation must have an operation to steer, got strengths of 0 alone; "
                "set its translation, rotation or another, or leave out the adaptive augmentation"
            )
        self.augmentation = augmentation
        self.target = target
        self.interval = interval
        self.images = images
        # Sum of signs, and how many.
        self._measured = torch.zeros(2)
        self._term = torch.tensor(augmentation.probability)
        self._term_of: tuple[float, torch.device] | None = None

    def attach(self, engine: DCGANTrainer) -> None:
        """Steer in the training ``engine``."""
        engine.add_event_handler(Events.STARTED, self._check)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def state_dict(self) -> dict[str, Any]:
        """Return what has been measured since the last move."""
        return {"measured": self._measured.cpu()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a measurement again.

        Raises:
            ValueError: when ``state`` is not that of such a handler.
        """
        if set(state) != {"measured"} or state["measured"].shape != (2,):
            raise ValueError(f"state must hold two measured numbers, got {dict(state)}")
        self._measured = state["measured"]

    def _check(self, engine: DCGANTrainer) -> None:
        loss = engine.d_loss.adversarial
        if not isinstance(loss, (BCEAdversarialLoss, HingeAdversarialLoss)):
            raise ValueError(
                "the adversarial loss must be bce or hinge for adaptive augmentation, "
                f"got {type(loss).__name__}, whose logits do not tell real from made at 0; "
                "change the loss, or set a fixed probability"
            )
        if self.augmentation not in engine.augmentation:
            raise ValueError("augmentation must be among those of the trainer, got another; give both the same object")

    def __call__(self, engine: DCGANTrainer) -> None:
        """Note an iteration, and move the probability where it is due."""
        output = engine.state.output
        terms = output[TERMS]
        sign = terms[SIGN].detach().float()
        reals = torch.full_like(sign, len(output[AdversarialKeys.REALS]))
        terms[PROBABILITY] = self._probability(sign.device)
        # Of all processes in every step, and not once an interval: a checkpoint of one process then holds all of it.
        step = idist.all_reduce(torch.stack([reals * sign, reals]))
        self._measured = self._measured.to(sign.device) + step
        if engine.state.iteration % self.interval == 0:
            self._move(engine)

    def _probability(self, device: torch.device) -> torch.Tensor:
        """Return the probability as a scalar on the device, filled there anew only where it has changed."""
        wanted = (self.augmentation.probability, device)
        if self._term_of != wanted:
            self._term, self._term_of = torch.full((), wanted[0], device=device), wanted
        return self._term

    def _move(self, engine: DCGANTrainer) -> None:
        total, shown = self._measured.tolist()
        if not math.isfinite(total):
            raise FloatingPointError(
                f"{SIGN} must stay finite, got {total / shown} at iteration {engine.state.iteration}; "
                "a checkpoint, where there is one, is from before; try a lower learning rate, or amp off"
            )
        heading = (total / shown > self.target) - (total / shown < self.target)
        moved = self.augmentation.probability + heading * shown / self.images
        self.augmentation.probability = min(max(moved, 0.0), 1.0)
        self._measured = torch.zeros_like(self._measured)
