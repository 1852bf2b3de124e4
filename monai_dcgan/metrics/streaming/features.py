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
"""Distances between features as Ignite metrics; one pass of the extractor serves all of them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

import torch

from monai_dcgan.metrics.frechet import frechet_distance
from monai_dcgan.metrics.kid import kernel_distance
from monai_dcgan.metrics.prdc import prdc
from monai_dcgan.metrics.streaming.gathering import SetMetric, real_and_synthetic_images
from monai_dcgan.utils.checks import check_choice, check_positive_int

__all__ = ["FrechetDistance", "KernelDistanceMetric", "PrecisionRecall", "SharedFeatures"]

Extractor = Callable[[torch.Tensor], torch.Tensor]
PRDC_VALUES = ("precision", "recall", "density", "coverage")


class SharedFeatures:
    """Let metrics share the passes of an extractor: features of the batches seen last are kept.

    Give one instance to all metrics of an engine: they ask for the same batches in an iteration, and every validation
    of a training asks for the same real ones again. A batch is known by what is in it.

    Args:
        extractor: maps images ``(B, C, H, W)`` in [0, 1] to features ``(B, d)``.
        keep: features of how many batches to keep.

    Example:
        >>> shared = SharedFeatures(lambda images: images.flatten(1))
        >>> images = torch.rand(2, 1, 4, 4)
        >>> shared(images) is shared(images.clone())
        True
    """

    def __init__(self, extractor: Extractor, keep: int = 256) -> None:
        check_positive_int("keep", keep)
        self.extractor, self.keep = extractor, keep
        self._kept: OrderedDict[tuple, torch.Tensor] = OrderedDict()

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features ``(B, d)`` of ``images``, computed once."""
        values = images.detach().cpu().contiguous().numpy()
        key = (values.shape, str(values.dtype), hashlib.sha256(values.data).digest())
        if key not in self._kept:
            self._kept[key] = self.extractor(images)
        self._kept.move_to_end(key)
        while len(self._kept) > self.keep:
            self._kept.popitem(last=False)
        return self._kept[key]


class _FeatureMetric(SetMetric):
    def __init__(self, extractor: Extractor, output_transform: Callable, device: str | torch.device) -> None:
        self.extractor = extractor
        super().__init__(output_transform, device)

    def _prepare(self, slices: torch.Tensor) -> torch.Tensor:
        return self.extractor(slices)


class FrechetDistance(_FeatureMetric):
    """Fréchet distance between the features of real and synthetic images, see ``frechet_distance``; at least 0.

    Args:
        extractor: maps images ``(B, C, H, W)`` in [0, 1] to features ``(B, d)``; :class:`SharedFeatures` where several
            metrics use it.
        output_transform: gives ``(real images, synthetic images)`` of the engine's output; by default those of
            :class:`~monai_dcgan.engines.DCGANEvaluator`.
        device: device of the metric, which computes on the CPU.
    """

    def __init__(
        self,
        extractor: Extractor,
        output_transform: Callable = real_and_synthetic_images,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(extractor, output_transform, device)

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float:
        return frechet_distance(synthetic.numpy(), real.numpy())


class KernelDistanceMetric(_FeatureMetric):
    """Kernel distance between the features of real and synthetic images, see ``kernel_distance``.

    Args:
        extractor: see :class:`FrechetDistance`.
        subset_size: samples of a subset.
        num_subsets: how many subsets to draw.
        seed: seed of the draws; over several processes slices come in another order, and so other subsets.
        output_transform: see :class:`FrechetDistance`.
        device: the same.
    """

    def __init__(
        self,
        extractor: Extractor,
        subset_size: int = 100,
        num_subsets: int = 100,
        seed: int = 0,
        output_transform: Callable = real_and_synthetic_images,
        device: str | torch.device = "cpu",
    ) -> None:
        self.subset_size, self.num_subsets, self.seed = subset_size, num_subsets, seed
        super().__init__(extractor, output_transform, device)

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float:
        return kernel_distance(synthetic.numpy(), real.numpy(), self.subset_size, self.num_subsets, self.seed).value


class PrecisionRecall(_FeatureMetric):
    """Precision, recall, density or coverage of the features, see ``prdc``; higher is better.

    Args:
        extractor: see :class:`FrechetDistance`.
        quantity: which of the four.
        k: the neighbor that sets the radius of a ball; each set needs more slices than that.
        output_transform: see :class:`FrechetDistance`.
        device: the same.
    """

    def __init__(
        self,
        extractor: Extractor,
        quantity: str = "precision",
        k: int = 5,
        output_transform: Callable = real_and_synthetic_images,
        device: str | torch.device = "cpu",
    ) -> None:
        check_choice("quantity", quantity, PRDC_VALUES)
        self.quantity, self.k = str(quantity), k
        super().__init__(extractor, output_transform, device)

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float:
        return float(getattr(prdc(real.numpy(), synthetic.numpy(), self.k), self.quantity))
