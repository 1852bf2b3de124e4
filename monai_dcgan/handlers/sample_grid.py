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
"""Sample grids of a training, always from the same latents, and real slices to hold them against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ignite.distributed as idist
import numpy as np
import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.networks import eval_mode
from torch import nn

from monai_dcgan.handlers.real_slices import spread_positions, spread_slices
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.transforms import split_pair
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.pictures import grid, save_png

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["SampleGrid"]


class SampleGrid:
    """Save a grid of made slices with the contours of their masks before the first and after every epoch.

    With ``real``, a grid of as many real slices, of the same size and layout, is written once beside them as
    ``real.png``. They lie evenly from the first to the last slice of the data set, nothing is picked by hand;
    ``real.json`` names their positions in it, counted from 0.

    Where several processes train together, the first one draws.

    Args:
        generator: network that makes the slices.
        latent_sampler: gives the latents of the first ``number`` pictures.
        mask_channels: number of mask channels of the generator.
        folder: where ``images_<shown>.png`` goes.
        number: slices in the grid.
        every: epochs between two grids.
        writer: TensorBoard writer that gets the same grids.
        real: map-style data set of real slices, ``image`` (C, H, W) in [0, 1] and ``label`` (M, H, W) in {0, 1},
            without a random transform; none writes no real slices.

    Raises:
        ValueError: when ``number`` or ``every`` is no whole number of at least 1, or ``real`` has a transform.
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
        real: Any = None,
    ) -> None:
        check_positive_int("number", number)
        check_positive_int("every", every)
        self.generator = generator
        self.latents = latent_sampler.at(range(number))
        self.mask_channels = mask_channels
        self.folder = Path(folder)
        self.every = every
        self.writer = writer
        # Read now: what is wrong with the data set shows before the training starts.
        self._real = None if real is None else spread_slices(real, number)
        self._choice = {} if real is None else {"positions": spread_positions(real, number), "of": len(real)}

    def attach(self, engine: Workflow) -> None:
        """Save a grid when ``engine`` starts and after every ``every`` epochs."""
        if idist.get_rank() != 0:
            return
        engine.add_event_handler(Events.STARTED, self._draw_real)
        engine.add_event_handler(Events.STARTED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.every), self)

    def __call__(self, engine: Workflow) -> None:
        """Save the grid of the generator as it is now."""
        with eval_mode(self.generator):
            pair = self.generator(self.latents.to(engine.state.device))
        picture = self._picture(*split_pair(pair.float().cpu(), self.mask_channels))
        save_png(picture, self.folder / f"images_{engine.state.images:09d}.png")
        if self.writer is not None:
            self.writer.add_image("samples", picture, engine.state.images, dataformats="HWC")

    def _draw_real(self, engine: Workflow) -> None:
        if self._real is None:
            return
        picture = self._picture(*self._real)
        save_png(picture, self.folder / "real.png")
        write_json(self.folder / "real.json", self._choice)
        if self.writer is not None and engine.state.images == 0:
            self.writer.add_image("real", picture, 0, dataformats="HWC")

    def _picture(self, images: torch.Tensor, masks: torch.Tensor) -> np.ndarray:
        return grid(images, masks if self.mask_channels else None)
