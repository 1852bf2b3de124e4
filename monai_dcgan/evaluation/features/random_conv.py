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
"""Features of convolutions with random weights, the last resort."""

from __future__ import annotations

import hashlib
import logging

import torch
from torch.nn import functional

from monai_dcgan.evaluation.features.base import FeatureExtractor

__all__ = ["RandomConvExtractor"]

logger = logging.getLogger(__name__)


class RandomConvExtractor(FeatureExtractor):
    """Features of convolutions with random weights: the last resort where no trained network can be had.

    Four strided 3 x 3 convolutions; the features are the mean and the standard deviation of every map of every level,
    d = 2 * (16 + 32 + 64 + 128) = 480. They see differences of intensity and texture, but a distance in them compares
    only with others from the same seed.

    Args:
        seed: seed of the weights, which are the same on every device.
        device: where to run.
    """

    _widths = (16, 32, 64, 128)

    def __init__(self, seed: int = 0, device: str | torch.device = "cpu") -> None:
        generator = torch.Generator().manual_seed(seed)
        self.device = torch.device(device)
        self._kernels: list[torch.Tensor] = []
        digest = hashlib.sha256()
        for fan, width in zip((3, *self._widths), self._widths, strict=False):
            kernel = torch.randn(width, fan, 3, 3, generator=generator) * (2 / (fan * 9)) ** 0.5
            digest.update(kernel.numpy().tobytes())
            self._kernels.append(kernel.to(self.device))
        self.name = f"random-conv-seed{seed}"
        self.sha256 = digest.hexdigest()
        self.layer = "mean and standard deviation of the maps of four levels"
        self.preprocessing = "gray repeated to 3 channels, no resize, [0, 1] scaled to [-1, 1]"
        logger.warning(
            "features come from a network with random weights (seed %d): distances compare only with others of this "
            "seed and image size; give a trained TorchScript network for numbers that mean more",
            seed,
        )

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        levels, maps = [], images * 2 - 1
        for kernel in self._kernels:
            maps = functional.leaky_relu(functional.conv2d(maps, kernel, stride=2, padding=1), 0.2)
            levels += [maps.mean(dim=(2, 3)), maps.std(dim=(2, 3), correction=0)]
        return torch.cat(levels, dim=1)
