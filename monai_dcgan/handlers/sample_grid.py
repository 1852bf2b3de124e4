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
"""Sample grids of a training, always from the same latents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from torch import nn

from monai_dcgan.inferers import LatentSampler
from monai_dcgan.transforms import split_pair
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.pictures import grid, save_png

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["SampleGrid"]


class SampleGrid:
    """Save a grid of made slices with the contours of their masks before the first and after every epoch.

    Args:
        generator: network that makes the slices.
        latent_sampler: gives the latents of the first ``number`` pictures.
        mask_channels: number of mask channels of the generator.
        folder: where ``images_<shown>.png`` goes.
        number: slices in the grid.
        every: epochs between two grids.
        writer: TensorBoard writer that gets the same grids.

    Raises:
        ValueError: when ``number`` or ``every`` is no whole number of at least 1.
    """

    def __init__(
        self,
        generator: nn.Module,
        latent_sampler: LatentSampler,
        mask_channels: int,
        folder: str | Path,
        number: int = 32,
        every: int = 1,
        writer: SummaryWriter | None = None,
    ) -> None:
        check_positive_int("number", number)
        check_positive_int("every", every)
        self.generator = generator
        self.latents = latent_sampler.at(range(number))
        self.mask_channels = mask_channels
        self.folder = Path(folder)
        self.every = every
        self.writer = writer

    def attach(self, engine: Workflow) -> None:
        """Save a grid when ``engine`` starts and after every ``every`` epochs."""
        engine.add_event_handler(Events.STARTED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.every), self)

    @torch.no_grad()
    def __call__(self, engine: Workflow) -> None:
        """Save the grid of the generator as it is now."""
        was_training = self.generator.training
        self.generator.eval()
        pair = self.generator(self.latents.to(engine.state.device))
        self.generator.train(was_training)
        images, masks = split_pair(pair.float().cpu(), self.mask_channels)
        picture = grid(images, masks if self.mask_channels else None)
        save_png(picture, self.folder / f"images_{engine.state.images:09d}.png")
        if self.writer is not None:
            self.writer.add_image("samples", picture, engine.state.images, dataformats="HWC")
