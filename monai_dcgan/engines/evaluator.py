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
"""Made slices beside real ones that the training has not seen."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines import Evaluator
from monai.inferers import Inferer, SimpleInferer
from torch import nn
from torch.utils.data import DataLoader

from monai_dcgan.engines.trainer import prepare_pair_batch
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.transforms import split_pair
from monai_dcgan.utils.enums import EvaluationKeys, Keys

__all__ = ["DCGANEvaluator"]


class DCGANEvaluator(Evaluator):
    """Make as many slices as there are real ones and hand both to metrics and handlers.

    The latents are those of the pictures 0 to N - 1 of the sampler's seed, so that every validation of a training
    looks at the same pictures; of several processes each makes those that go with its share of the real slices
    (:class:`~monai_dcgan.data.ProcessShare`).

    ``engine.state.output`` holds, under ``EvaluationKeys``, real and synthetic images
    ``(B, C, H, W)`` in [0, 1] and masks ``(B, M, H, W)`` in {0, 1}, float32, and the real slices' patients.

    Args:
        device: device to run on.
        val_data_loader: gives batches of real slices.
        generator: network that makes slices, used in evaluation mode.
        latent_sampler: gives the latents.
        mask_channels: number of mask channels of the generator.
        inferer: how the generator is called, ``SimpleInferer`` by default.
        prepare_batch: makes ``(pairs, class indices)`` of a batch.
        key_val_metric: see MONAI's ``Evaluator``.
        additional_metrics: see MONAI's ``Evaluator``.
        metric_cmp_fn: see MONAI's ``Evaluator``; by default the smaller key metric is the better one.
        val_handlers: handlers with ``attach``.
    """

    def __init__(
        self,
        device: str | torch.device,
        val_data_loader: Iterable | DataLoader,
        generator: nn.Module,
        latent_sampler: LatentSampler,
        mask_channels: int,
        inferer: Inferer | None = None,
        prepare_batch: Callable = prepare_pair_batch,
        key_val_metric: dict | None = None,
        additional_metrics: dict | None = None,
        metric_cmp_fn: Callable[[float, float], bool] = operator.lt,
        val_handlers: Sequence | None = None,
    ) -> None:
        super().__init__(
            device=device,
            val_data_loader=val_data_loader,
            prepare_batch=prepare_batch,
            key_val_metric=key_val_metric,
            additional_metrics=additional_metrics,
            metric_cmp_fn=metric_cmp_fn,
            val_handlers=val_handlers,
            decollate=False,
        )
        self.generator = generator.to(device)
        self.latent_sampler = latent_sampler
        self.mask_channels = mask_channels
        self.inferer = SimpleInferer() if inferer is None else inferer
        self.add_event_handler(Events.STARTED, self._restart)

    def _restart(self) -> None:
        self._made = 0

    def _iteration(self, engine: DCGANEvaluator, batchdata: dict[str, Any]) -> dict[str, Any]:
        real, class_index = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)
        labels = class_index.tolist() if self.latent_sampler.num_classes else None
        rank, world_size = idist.get_rank(), idist.get_world_size()
        numbers = [rank + (self._made + row) * world_size for row in range(len(real))]
        latents = self.latent_sampler.at(numbers, labels).to(self.state.device)
        self._made += len(real)
        self.generator.eval()
        with torch.no_grad():
            synthetic = self.inferer(inputs=latents, network=self.generator).float()
        real_image, real_mask = split_pair(real, self.mask_channels)
        synthetic_image, synthetic_mask = split_pair(synthetic, self.mask_channels)
        return {
            EvaluationKeys.REAL_IMAGE: real_image,
            EvaluationKeys.REAL_MASK: real_mask,
            EvaluationKeys.SYNTHETIC_IMAGE: synthetic_image,
            EvaluationKeys.SYNTHETIC_MASK: synthetic_mask,
            EvaluationKeys.PATIENT: list(batchdata[Keys.PATIENT]),
        }
