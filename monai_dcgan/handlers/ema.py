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
"""Moving average of a generator's weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils.enums import AdversarialIterationEvents, AdversarialKeys
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn

from monai_dcgan.engines import DCGANTrainer
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.utils.checks import check_fraction, check_non_negative, check_positive_int

__all__ = ["EMA", "EMAHandler"]

CALIBRATION_SEED = 2**40
"""Seed of the latents for statistics, beyond those that people choose."""


class EMA:
    """Keep the exponential moving average of a generator's weights, its half-life counted in images.

    Weights a batch of ``B`` images old count ``0.5 ** (B / half_life)``, so that the average means the same at every
    batch size (Karras et al. 2020, https://arxiv.org/abs/1912.04958). In the first part of a training the half-life
    is shorter, so that the random weights of the start are soon forgotten.

    The averaged network has seen no batch of its own, so its batch normalization would work with statistics of other
    weights. :meth:`calibrate` measures them on fixed latents (:func:`torch.optim.swa_utils.update_bn`).

    Args:
        network: generator in training.
        latent_sampler: sampler of the training; the latents for the statistics have its sizes and a seed of their own.
        half_life: images after which a weight counts half; 0 follows the network without averaging.
        ramp_up: the half-life is at most this share of the images shown so far.
        calibration_images: latents for the statistics of batch normalization.
        batch_size: latents at once.

    Raises:
        ValueError: when an argument is out of its range.
    """

    def __init__(
        self,
        network: nn.Module,
        latent_sampler: LatentSampler,
        half_life: float = 10_000,
        ramp_up: float = 0.05,
        calibration_images: int = 1024,
        batch_size: int = 64,
    ) -> None:
        check_non_negative("half_life", half_life)
        check_fraction("ramp_up", ramp_up)
        check_positive_int("calibration_images", calibration_images)
        check_positive_int("batch_size", batch_size)
        self.source = network
        self.calibration_sampler = LatentSampler(
            latent_sampler.latent_size, latent_sampler.num_classes, seed=CALIBRATION_SEED
        )
        self.half_life = half_life
        self.ramp_up = ramp_up
        self.calibration_images = calibration_images
        self.batch_size = batch_size
        self._decay = 0.0
        self._averaged = AveragedModel(network, multi_avg_fn=self._blend)

    @property
    def network(self) -> nn.Module:
        """The averaged generator, in evaluation mode once calibrated."""
        return self._averaged.module

    def state_dict(self) -> dict[str, Any]:
        """Return the averaged weights and buffers."""
        return self._averaged.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._averaged.load_state_dict(state)

    def calibrate(self) -> None:
        """Measure the statistics of batch normalization on the fixed latents and switch to evaluation mode."""
        device = next(self.network.parameters()).device
        batches = [
            self.calibration_sampler.at(range(start, min(start + self.batch_size, self.calibration_images))).to(device)
            for start in range(0, self.calibration_images, self.batch_size)
        ]
        self.network.eval()
        update_bn(batches, self.network)

    def update(self, batch: int, images: int) -> None:
        """Take the network's weights into the average.

        Args:
            batch: images since the last update.
            images: images shown so far.
        """
        half_life = min(self.half_life, images * self.ramp_up)
        self._decay = 0.5 ** (batch / half_life) if half_life > 0 else 0.0
        self._averaged.update_parameters(self.source)

    def to(self, device: torch.device, memory_format: torch.memory_format) -> None:
        """Move the averaged network to ``device`` and lay it out as the network in training.

        The count of updates stays on the CPU: reading it from a GPU would make the host wait in every step.
        """
        self._averaged.module.to(device, memory_format=memory_format)  # type: ignore[call-overload]

    def _blend(self, averaged: Sequence[torch.Tensor], current: Sequence[torch.Tensor], _: Any) -> None:
        torch._foreach_lerp_(list(averaged), list(current), 1.0 - self._decay)


class EMAHandler:
    """Update an :class:`EMA` after every step of the generator, measure its statistics at the start and after epochs.

    Args:
        ema: the average.
    """

    def __init__(self, ema: EMA) -> None:
        self.ema = ema

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(AdversarialIterationEvents.GENERATOR_MODEL_COMPLETED, self._update)
        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda _: self.ema.calibrate())

    def _started(self, engine: DCGANTrainer) -> None:
        self.ema.to(engine.state.device, engine.memory_format)
        self.ema.calibrate()

    def _update(self, engine: Workflow) -> None:
        batch = len(engine.state.output[AdversarialKeys.REALS]) * idist.get_world_size()
        self.ema.update(batch, engine.state.images)
