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
"""What makes the edge between real and made pairs less sharp: noise on both, and soft edges of real masks."""

from __future__ import annotations

import ignite.distributed as idist
import torch
from monai.networks.layers import GaussianFilter

from monai_dcgan.utils.checks import check_count, check_non_negative, check_positive_int
from monai_dcgan.utils.randomness import Stream, philox

__all__ = ["InstanceNoise", "MaskBlur"]


class InstanceNoise:
    """Add normal noise to real and made pairs, less and less in the course of a training.

    Sønderby et al. 2017, https://arxiv.org/abs/1610.04490, section 3.2: with noise the two kinds overlap from the
    start, so that the discriminator cannot tell them apart with certainty.

    Args:
        std: standard deviation at the start, in units of the pairs, whose range [-1, 1] is 2 wide; 0 adds nothing.
        images: real slices after which the noise, which falls along a line, is gone.
        seed: seed of the noise; every process has its own.

    Raises:
        ValueError: when an argument is out of its range.
    """

    def __init__(self, std: float = 0.0, images: int = 200_000, seed: int = 0) -> None:
        check_non_negative("std", std)
        check_positive_int("images", images)
        check_count("seed", seed)
        self.std, self.images, self.seed = std, images, seed
        self.set_step(0)

    def set_step(self, step: int) -> None:
        """Go to the noise of ``step``."""
        self.step = step
        self._generator: torch.Generator | None = None

    def __call__(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return pairs ``(B, C, H, W)`` with noise; every call in a step draws anew."""
        shown = self.step * len(pairs) * idist.get_world_size()
        std = self.std * max(0.0, 1.0 - shown / self.images)
        if std == 0:
            return pairs
        if self._generator is None:
            seed = philox(self.seed, Stream.NOISE, self.step).integers(2**62) + idist.get_rank()
            self._generator = torch.Generator(pairs.device).manual_seed(int(seed))
        noise = torch.empty_like(pairs).normal_(generator=self._generator)
        return torch.add(pairs, noise, alpha=std)


class MaskBlur:
    """Soften the edges of real masks.

    A made mask comes out of a tanh and is never quite 0 or 1; a discriminator that finds real ones by that alone has
    learned nothing about tumors. The threshold at one half cuts a straight edge where the sharp one was; corners are
    lost, and so are tumors about as wide as ``sigma``.

    Args:
        sigma: standard deviation of the Gaussian in pixels; 0 leaves masks as they are.

    Raises:
        ValueError: when ``sigma`` is negative.
    """

    def __init__(self, sigma: float = 0.0) -> None:
        check_non_negative("sigma", sigma)
        self.filter = GaussianFilter(spatial_dims=2, sigma=sigma, requires_grad=False) if sigma else None

    def __call__(self, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the image as it is and the mask ``(B, M, H, W)`` with values in [0, 1]."""
        if self.filter is None or mask.shape[1] == 0:
            return image, mask
        return image, self.filter.to(mask.device)(mask).clamp(0, 1)
