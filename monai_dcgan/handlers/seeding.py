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
"""One seed an epoch, so that a resumed training goes on with the same random numbers."""

from __future__ import annotations

from typing import Any

from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.transforms import Randomizable
from monai.utils import set_determinism

from monai_dcgan.inferers import LatentSampler
from monai_dcgan.utils.checks import check_count

__all__ = ["EpochSeeder"]


class EpochSeeder:
    """At the start of every epoch set all random numbers from the seed and the number of the epoch.

    Args:
        seed: seed of the run.
        latent_sampler: sampler of the latents.
        batch_sampler: sampler of the slices with ``set_epoch``.
        transform: random transform of the training slices, if any.
        augmentation: augmentation of what the discriminator sees, with ``set_epoch``, if any.

    Raises:
        ValueError: when ``seed`` is negative.
    """

    def __init__(
        self,
        seed: int,
        latent_sampler: LatentSampler,
        batch_sampler: Any,
        transform: Randomizable | None = None,
        augmentation: Any | None = None,
    ) -> None:
        check_count("seed", seed)
        self.seed = seed
        self.latent_sampler = latent_sampler
        self.batch_sampler = batch_sampler
        self.transform = transform
        self.augmentation = augmentation

    def attach(self, engine: Workflow) -> None:
        """Set the random numbers when an epoch of ``engine`` starts."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Workflow) -> None:
        """Set the random numbers of the epoch that ``engine`` is in."""
        epoch = engine.state.epoch
        epoch_seed = (self.seed * 1_000_003 + epoch) % 2**32
        set_determinism(seed=epoch_seed)
        self.latent_sampler.set_epoch(epoch)
        self.batch_sampler.set_epoch(epoch)
        if self.transform is not None:
            self.transform.set_random_state(seed=epoch_seed)
        if self.augmentation is not None:
            self.augmentation.set_epoch(epoch)
