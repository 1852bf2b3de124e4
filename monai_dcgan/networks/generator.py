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
"""Generator of a deep convolutional GAN."""

from __future__ import annotations

import torch
from monai.utils import StrEnum
from torch import nn

from monai_dcgan.networks.blocks import init_dcgan_weights, level_channels, residual_block
from monai_dcgan.utils.checks import check_choice, check_count, check_image_size, check_positive_int

__all__ = ["DCGANGenerator", "Upsampling"]


class Upsampling(StrEnum):
    """How a generator goes from one size to the next.

    Strided transposed convolutions leave a checkerboard that a discriminator sees at once (Odena et al. 2016,
    https://doi.org/10.23915/distill.00003); bilinear interpolation and a convolution do not, at more than twice the
    operations.
    """

    TRANSPOSED = "transposed"
    BILINEAR = "bilinear"


class DCGANGenerator(nn.Module):
    """Make an image and its mask from noise: strided transposed convolutions, batch normalization, ReLU, tanh.

    Follows Radford et al. 2016, "Unsupervised representation learning with deep convolutional generative adversarial
    networks", https://arxiv.org/abs/1511.06434. Image and mask are channels of one output, so that every picture
    comes with its annotation.

    A class is given as one-hot channels behind the latent: the first transposed convolution then holds one learned
    embedding a class, and the network keeps a single input, which exports and bundle checks need.

    Args:
        image_size: side of the picture in pixels, a power of two from 32 to 512.
        image_channels: number of image channels, one a modality.
        mask_channels: number of mask channels, 0 for none.
        latent_size: number of latent variables.
        width: channels of the largest feature map; they double towards the latent.
        max_channels: channels are cut off at this number.
        num_classes: number of classes, 0 for a network without.
        residual: whether a residual block, a 3x3 convolution, follows every level but the first and the last; not
            in the paper.
        upsampling: one of :class:`Upsampling`; ``transposed`` is that of the paper.
        head: channels of feature maps at full size behind the last level; 0, as in the paper, makes the picture from
            those of half the size. Without them nothing but a linear filter stands between features of half the size
            and the picture: sharp edges can then only be had from what interpolation leaves of them, as stripes.

    Raises:
        ValueError: when an argument is out of its range.

    Example::

        generator = DCGANGenerator(image_size=64, image_channels=1, mask_channels=1, latent_size=100, width=32)
        pair = generator(torch.randn(8, 100, 1, 1))  # (8, 2, 64, 64), values in [-1, 1]
    """

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 1,
        mask_channels: int = 1,
        latent_size: int = 100,
        width: int = 32,
        max_channels: int = 1024,
        num_classes: int = 0,
        residual: bool = False,
        upsampling: str = Upsampling.TRANSPOSED,
        head: int = 0,
    ) -> None:
        super().__init__()
        check_image_size(image_size)
        for name, value in {
            "image_channels": image_channels,
            "latent_size": latent_size,
            "width": width,
            "max_channels": max_channels,
        }.items():
            check_positive_int(name, value)
        check_count("mask_channels", mask_channels)
        check_count("num_classes", num_classes)
        check_choice("upsampling", upsampling, Upsampling)
        check_count("head", head)
        self.image_size = image_size
        self.image_channels = image_channels
        self.mask_channels = mask_channels
        self.latent_size = latent_size
        self.num_classes = num_classes

        channels = level_channels(image_size, width, max_channels)[::-1]
        pair_channels = image_channels + mask_channels
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent_size + num_classes, channels[0], kernel_size=4, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(inplace=True),
        ]
        for before, after in zip(channels[:-1], channels[1:]):
            layers += _level(upsampling, before, after)
            if residual:
                layers.append(_residual(after))
        if head:
            layers += _level(upsampling, channels[-1], head)
            layers.append(nn.Conv2d(head, pair_channels, kernel_size=3, padding=1))
        else:
            layers += _twice_as_large(upsampling, channels[-1], pair_channels, bias=True)
        self.layers = nn.Sequential(*layers, nn.Tanh())
        init_dcgan_weights(self)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Make pictures.

        Args:
            latent: ``(B, latent_size + num_classes, 1, 1)``: standard normal noise, then the one-hot class.

        Returns:
            ``(B, image_channels + mask_channels, image_size, image_size)``, values in [-1, 1].
        """
        return self.layers(latent)


def _twice_as_large(upsampling: str, before: int, after: int, bias: bool = False) -> list[nn.Module]:
    """Return layers from ``(B, before, H, W)`` to ``(B, after, 2 H, 2 W)``."""
    if upsampling == Upsampling.TRANSPOSED:
        return [nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=bias)]
    return [
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(before, after, kernel_size=3, padding=1, bias=bias),
    ]


def _level(upsampling: str, before: int, after: int) -> list[nn.Module]:
    return [*_twice_as_large(upsampling, before, after), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]


def _residual(channels: int) -> nn.Module:
    return residual_block(
        nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )
