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

from torch import nn

__all__ = ["init_dcgan_weights", "level_channels"]

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
