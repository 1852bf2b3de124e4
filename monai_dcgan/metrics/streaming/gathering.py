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
"""What all metrics of sets share: gathering over batches and processes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, cast

import ignite.distributed as idist
import torch
from ignite.exceptions import NotComputableError
from ignite.metrics import Metric
from ignite.metrics.metric import reinit__is_reduced

from monai_dcgan.utils.enums import EvaluationKeys

__all__ = ["SetMetric", "gathered", "real_and_synthetic_images", "real_and_synthetic_masks"]


def real_and_synthetic_images(output: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both sets of images of an output of :class:`~monai_dcgan.engines.DCGANEvaluator`."""
    return output[EvaluationKeys.REAL_IMAGE], output[EvaluationKeys.SYNTHETIC_IMAGE]


def real_and_synthetic_masks(output: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both sets of masks of an output of :class:`~monai_dcgan.engines.DCGANEvaluator`."""
    return output[EvaluationKeys.REAL_MASK], output[EvaluationKeys.SYNTHETIC_MASK]


class SetMetric(Metric):
    """Gathers what :meth:`_prepare` makes of real and synthetic slices, and gives both to :meth:`_value`."""

    def __init__(self, output_transform: Callable, device: str | torch.device) -> None:
        super().__init__(output_transform=output_transform, device=device)

    @reinit__is_reduced
    def reset(self) -> None:
        """Forget all batches."""
        self._real: list[torch.Tensor] = []
        self._synthetic: list[torch.Tensor] = []

    @reinit__is_reduced
    def update(self, output: tuple[torch.Tensor, torch.Tensor]) -> None:
        """Add a batch of real and one of synthetic slices ``(B, C, H, W)``."""
        for kept, slices in zip((self._real, self._synthetic), output, strict=True):
            kept.append(self._prepare(slices).detach().cpu())

    def compute(self) -> float:
        """Return the number over all batches of all processes.

        Raises:
            NotComputableError: when no batch was added.
        """
        if not self._real:
            raise NotComputableError(f"{type(self).__name__} needs at least one batch before it is computed")
        real, synthetic = (gathered(torch.cat(parts)) for parts in (self._real, self._synthetic))
        value = self._value(synthetic, real)
        return math.nan if value is None else float(value)

    def _prepare(self, slices: torch.Tensor) -> torch.Tensor:
        """Return what is kept of a batch."""
        return slices

    @abstractmethod
    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float | None:
        """Return the number of two whole sets."""


def gathered(own: torch.Tensor) -> torch.Tensor:
    """Return the rows of all processes, in their order; processes may have different numbers of rows."""
    if idist.get_world_size() == 1:
        return own
    own = own.to(idist.device())
    counts = cast(torch.Tensor, idist.all_gather(torch.tensor([len(own)], device=own.device))).tolist()
    shapes = [[count, *own.shape[1:]] for count in counts]
    return torch.cat(idist.all_gather_tensors_with_shapes(own, shapes)).cpu()
