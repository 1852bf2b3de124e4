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
"""Pieces that the generator and the discriminator share."""

from __future__ import annotations

import torch
from monai.networks.layers import SkipConnection
from torch import nn
from torch.nn import functional

__all__ = ["Blur", "MinibatchStdDev", "init_dcgan_weights", "level_channels", "residual_block"]

BOTTOM_SIZE = 4
"""Side in pixels of the smallest feature map of both networks."""


def level_channels(image_size: int, width: int, max_channels: int) -> list[int]:
    """Channels of the feature maps from the largest, ``image_size / 2`` pixels wide, to the smallest of 4 pixels.

    They double from level to level, as in Radford et al. 2016, figure 1.

    Args:
        image_size: side of the picture in pixels, a power of two.
        width: channels of the largest feature map.
        max_channels: channels are cut off at this number.

    Returns:
        one number of channels a level: for ``image_size=64, width=32`` it is ``[32, 64, 128, 256]``.
    """
    levels = (image_size // BOTTOM_SIZE).bit_length() - 1
    return [min(width * 2**level, max_channels) for level in range(levels)]


def init_dcgan_weights(network: nn.Module, std: float = 0.02) -> None:
    """Draw all weights from a normal distribution of mean 0, as Radford et al. 2016 (section 4) do.

    Scales of batch normalization are drawn around 1, biases are 0.

    Args:
        network: the network, changed in place.
        std: standard deviation of the weights.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)):
            nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and module.bias is not None:
            nn.init.zeros_(module.bias)


def residual_block(*layers: nn.Module) -> SkipConnection:
    """Return layers whose result is added to what goes in (He et al. 2016, https://arxiv.org/abs/1512.03385)."""
    return SkipConnection(nn.Sequential(*layers), mode="add")


class Blur(nn.Module):
    """Smooth feature maps by the binomial filter (1, 2, 1) before a strided convolution takes every second value.

    Zhang 2019, https://arxiv.org/abs/1904.11486. Strided layers confuse fine patterns with coarse ones; a discriminator
    made of them teaches its generator edges like strings of beads.

    Args:
        channels: channels of the feature maps.
    """

    kernel: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([0.25, 0.5, 0.25])
        self.channels = channels
        self.register_buffer("kernel", torch.outer(row, row).expand(channels, 1, 3, 3).contiguous(), persistent=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Smooth ``(B, C, H, W)``; beyond the edge lie zeros."""
        return functional.conv2d(hidden, self.kernel.to(hidden.dtype), padding=1, groups=self.channels)


class MinibatchStdDev(nn.Module):
    """Append a feature map that tells how much the pictures of a group differ.

    Karras et al. 2018, https://arxiv.org/abs/1710.10196, section 3: the standard deviation over a group of pictures,
    averaged over channels and places. A discriminator that sees it notices a generator that draws the same picture
    again and again, without batch normalization too.

    Args:
        group_size: pictures of a group; where it does not divide the batch, the next larger number that does.
    """

    def __init__(self, group_size: int) -> None:
        super().__init__()
        self.group_size = group_size

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return ``(B, C + 1, H, W)`` from ``(B, C, H, W)``."""
        batch, _, height, width = hidden.shape
        group = next(size for size in range(min(self.group_size, batch), batch + 1) if batch % size == 0)
        # Group g holds the pictures g, g + batch / group, ...
        parts = hidden.float().unflatten(0, (group, batch // group))
        spread = (parts.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        plane = spread.repeat(group).view(batch, 1, 1, 1).expand(batch, 1, height, width)
        return torch.cat([hidden, plane.to(hidden.dtype)], dim=1)
