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
"""Distances as Ignite metrics, for validation while a network trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from ignite.exceptions import NotComputableError
from ignite.metrics import Metric
from ignite.metrics.metric import reinit__is_reduced

from monai_dcgan.metrics.frechet import frechet_distance
from monai_dcgan.utils.enums import EvaluationKeys

__all__ = ["FrechetDistance"]


def _images(output: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    return output[EvaluationKeys.REAL_IMAGE], output[EvaluationKeys.SYNTHETIC_IMAGE]


class FrechetDistance(Metric):
    """Fréchet distance between the features of real and synthetic images, gathered over the batches.

    Args:
        extractor: maps images ``(B, C, H, W)`` in [0, 1] to features ``(B, d)``.
        output_transform: gives ``(real images, synthetic images)`` of the engine's output; by default those of
            :class:`~monai_dcgan.engines.DCGANEvaluator`.
        device: device of the metric, which computes on the CPU.
    """

    def __init__(
        self,
        extractor: Callable[[torch.Tensor], torch.Tensor],
        output_transform: Callable = _images,
        device: str | torch.device = "cpu",
    ) -> None:
        self.extractor = extractor
        super().__init__(output_transform=output_transform, device=device)

    @reinit__is_reduced
    def reset(self) -> None:
        """Forget all batches."""
        self._real: list[np.ndarray] = []
        self._synthetic: list[np.ndarray] = []

    @reinit__is_reduced
    def update(self, output: tuple[torch.Tensor, torch.Tensor]) -> None:
        """Add a batch of real and one of synthetic images."""
        real, synthetic = output
        self._real.append(self.extractor(real).cpu().numpy())
        self._synthetic.append(self.extractor(synthetic).cpu().numpy())

    def compute(self) -> float:
        """Return the distance, at least 0.

        Raises:
            NotComputableError: when no batch was added.
        """
        if not self._real:
            raise NotComputableError("FrechetDistance needs at least one batch before it is computed")
        return frechet_distance(np.concatenate(self._synthetic), np.concatenate(self._real))
