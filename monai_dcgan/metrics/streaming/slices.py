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
"""Similarity, intensities, spectra and masks of slices as Ignite metrics."""

from __future__ import annotations

from collections.abc import Callable

import torch

from monai_dcgan.metrics.masks import MASK_PROPERTIES, mask_distance, mask_statistics
from monai_dcgan.metrics.spectra import BACKGROUND, intensity_distance, spectrum_distance
from monai_dcgan.metrics.ssim import best_match_ssim, random_pair_ssim
from monai_dcgan.metrics.streaming.gathering import SetMetric, real_and_synthetic_images, real_and_synthetic_masks
from monai_dcgan.utils.checks import check_choice, check_count, check_fraction

__all__ = ["IntensityDistance", "MaskDistance", "NearestSSIM", "RandomPairSSIM", "SpectrumDistance"]


class NearestSSIM(SetMetric):
    """Mean over synthetic images of the highest SSIM with a real one, see ``best_match_ssim``; higher is nearer.

    Args:
        levels: 1 for SSIM, more for MS-SSIM.
        output_transform: gives ``(real images, synthetic images)`` of the engine's output.
        device: of the metric, which computes on the CPU.
    """

    def __init__(
        self,
        levels: int = 1,
        output_transform: Callable = real_and_synthetic_images,
        device: str | torch.device = "cpu",
    ) -> None:
        self.levels = levels
        super().__init__(output_transform, device)

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float:
        return float(best_match_ssim(synthetic, real, levels=self.levels).mean())


class RandomPairSSIM(SetMetric):
    """Mean SSIM of random pairs of a synthetic and a real image, see ``random_pair_ssim``.

    Args:
        num_pairs: how many pairs to draw.
        seed: seed of the draw.
        levels: 1 for SSIM, more for MS-SSIM.
        output_transform: gives ``(real images, synthetic images)`` of the engine's output.
        device: of the metric, which computes on the CPU.
    """

    def __init__(
        self,
        num_pairs: int = 1000,
        seed: int = 0,
        levels: int = 1,
        output_transform: Callable = real_and_synthetic_images,
        device: str | torch.device = "cpu",
    ) -> None:
        self.num_pairs, self.seed, self.levels = num_pairs, seed, levels
        super().__init__(output_transform, device)

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float:
        return float(random_pair_ssim(synthetic, real, self.num_pairs, self.seed, levels=self.levels).mean())


class _ChannelMetric(SetMetric):
    def __init__(
        self,
        channel: int = 0,
        output_transform: Callable = real_and_synthetic_images,
        device: str | torch.device = "cpu",
    ) -> None:
        check_count("channel", channel)
        self.channel = channel
        super().__init__(output_transform, device)

    def _prepare(self, slices: torch.Tensor) -> torch.Tensor:
        if self.channel >= slices.shape[1]:
            raise ValueError(f"channel must be from 0 to {slices.shape[1] - 1}, got {self.channel}")
        return slices[:, self.channel : self.channel + 1]


class IntensityDistance(_ChannelMetric):
    """Distance between the intensities in the head of real and synthetic images, see ``intensity_distance``.

    Args:
        background: intensities up to this one are no head.
        channel: which channel of the images.
        output_transform: gives ``(real images, synthetic images)`` of the engine's output.
        device: of the metric, which computes on the CPU.
    """

    def __init__(
        self,
        background: float = BACKGROUND,
        channel: int = 0,
        output_transform: Callable = real_and_synthetic_images,
        device: str | torch.device = "cpu",
    ) -> None:
        check_fraction("background", background)
        self.background = background
        super().__init__(channel, output_transform, device)

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float | None:
        return intensity_distance(synthetic.numpy(), real.numpy(), self.background)[0]


class SpectrumDistance(_ChannelMetric):
    """Distance between the power spectra of real and synthetic images, see ``spectrum_distance``.

    Args:
        channel: which channel of the images.
        output_transform: gives ``(real images, synthetic images)`` of the engine's output.
        device: of the metric, which computes on the CPU.
    """

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float:
        return float(spectrum_distance(synthetic.numpy(), real.numpy())[0])


class MaskDistance(_ChannelMetric):
    """Distance between a property of the masks of real and synthetic slices, see ``mask_distance``.

    Args:
        quantity: ``area``, ``row``, ``column`` or ``parts``; NaN for the last three where all masks of a set are empty.
        channel: which mask channel.
        output_transform: gives ``(real masks, synthetic masks)``, {0, 1}, of the engine's output.
        device: of the metric, which computes on the CPU.
    """

    def __init__(
        self,
        quantity: str = "area",
        channel: int = 0,
        output_transform: Callable = real_and_synthetic_masks,
        device: str | torch.device = "cpu",
    ) -> None:
        check_choice("quantity", quantity, MASK_PROPERTIES)
        self.quantity = str(quantity)
        super().__init__(channel, output_transform, device)

    def _value(self, synthetic: torch.Tensor, real: torch.Tensor) -> float | None:
        made, held = (mask_statistics(masks.numpy()) for masks in (synthetic, real))
        return mask_distance(made, held)[self.quantity]
