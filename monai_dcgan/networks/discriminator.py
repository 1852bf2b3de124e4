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
"""Discriminator of a deep convolutional GAN."""

from __future__ import annotations

import math

import torch
from monai.networks.layers import get_norm_layer
from monai.utils import StrEnum
from torch import nn

from monai_dcgan.networks.blocks import (
    BOTTOM_SIZE,
    Blur,
    MinibatchStdDev,
    init_dcgan_weights,
    level_channels,
    residual_block,
)
from monai_dcgan.utils.checks import check_choice, check_count, check_image_size, check_positive_int

__all__ = ["DCGANDiscriminator", "DiscriminatorNorm"]

GROUPS = 8


class DiscriminatorNorm(StrEnum):
    """What stands behind the convolutions of a discriminator, but for the first."""

    BATCH = "batch"
    GROUP = "group"
    INSTANCE = "instance"
    NONE = "none"


class DCGANDiscriminator(nn.Module):
    """Tell real pairs of image and mask from made ones: strided convolutions, batch normalization, LeakyReLU(0.2).

    Follows Radford et al. 2016, https://arxiv.org/abs/1511.06434: no batch normalization behind the first
    convolution. The output is a logit; :meth:`probability` gives the sigmoid that the paper ends with. Losses work on
    logits, because that is the same loss and does not saturate.

    Batch normalization lets the discriminator look at the batch as a whole, and the pictures of a batch depend on each
    other; ``norm="group"`` (Wu and He 2018, https://arxiv.org/abs/1803.08494, 8 groups) and ``"instance"`` look at each
    picture alone, as gradient penalties and several processes ask for. With ``"none"``, and in front of the first
    normalization where there is a stem, weights are drawn for LeakyReLU (He et al. 2015,
    https://arxiv.org/abs/1502.01852), as those of the paper would let the signal die away.

    Classes enter by projection (Miyato and Koyama 2018, https://arxiv.org/abs/1802.05637, equation 4).

    Args:
        image_size: side of the picture in pixels, a power of two from 32 to 512.
        image_channels: number of image channels, one a modality.
        mask_channels: number of mask channels, 0 for none.
        width: channels of the largest feature map; they double with every level.
        max_channels: channels are cut off at this number.
        num_classes: number of classes, 0 for a network without.
        norm: one of :class:`DiscriminatorNorm`; ``batch`` is that of the paper.
        residual: whether a residual block, a 3x3 convolution without normalization, follows every level.
        stem: channels of a 3x3 convolution at full size before the first level, 0 for none.
        blur: whether feature maps are smoothed before each strided convolution (:class:`Blur`), but for the picture
            itself.
        spectral_norm: whether the weights of all convolutions are divided by their largest singular value (Miyato et
            al. 2018, https://arxiv.org/abs/1802.05957).
        minibatch_std: pictures of a group whose spread the last layer sees (:class:`MinibatchStdDev`), 0 for none.

    Raises:
        ValueError: when an argument is out of its range.

    Example::

        discriminator = DCGANDiscriminator(image_size=64, image_channels=1, mask_channels=1, width=32)
        logits = discriminator(torch.randn(8, 2, 64, 64))  # (8, 1)
        probability = discriminator.probability(torch.randn(8, 2, 64, 64))  # (8, 1), values in [0, 1]
    """

    def __init__(
        self,
        image_size: int = 64,
        image_channels: int = 1,
        mask_channels: int = 1,
        width: int = 32,
        max_channels: int = 1024,
        num_classes: int = 0,
        norm: str = DiscriminatorNorm.BATCH,
        residual: bool = False,
        stem: int = 0,
        blur: bool = False,
        spectral_norm: bool = False,
        minibatch_std: int = 0,
    ) -> None:
        super().__init__()
        check_image_size(image_size)
        for name, value in {"image_channels": image_channels, "width": width, "max_channels": max_channels}.items():
            check_positive_int(name, value)
        check_count("mask_channels", mask_channels)
        check_count("num_classes", num_classes)
        check_choice("norm", norm, DiscriminatorNorm)
        check_count("stem", stem)
        check_count("minibatch_std", minibatch_std)
        self.image_size = image_size
        self.image_channels = image_channels
        self.mask_channels = mask_channels
        self.num_classes = num_classes

        channels = level_channels(image_size, width, max_channels)
        pair_channels = image_channels + mask_channels
        self.stem: nn.Module = nn.Identity()
        if stem:
            self.stem = nn.Sequential(nn.Conv2d(pair_channels, stem, 3, padding=1), nn.LeakyReLU(0.2, inplace=True))
        levels = []
        for number, (before, after) in enumerate(zip([stem or pair_channels, *channels[:-1]], channels)):
            first = number == 0
            convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=first or norm == DiscriminatorNorm.NONE)
            layers = [convolution, *([] if first else _normalization(norm, after)), nn.LeakyReLU(0.2, inplace=True)]
            smooth = [Blur(before)] if blur and (stem or not first) else []
            levels.append(nn.Sequential(*smooth, *layers, *([_residual(after)] if residual else [])))
        self.levels = nn.ModuleList(levels)
        self.minibatch_std = MinibatchStdDev(minibatch_std) if minibatch_std else nn.Identity()
        self.head = nn.Conv2d(channels[-1] + (minibatch_std > 0), 1, kernel_size=BOTTOM_SIZE)
        self.class_embedding = nn.Embedding(num_classes, channels[-1]) if num_classes else None
        init_dcgan_weights(self)
        unnormalized = [self.stem, self.levels if norm == DiscriminatorNorm.NONE else self.levels[0]]
        if norm == DiscriminatorNorm.NONE or stem:
            for convolution in _convolutions(*unnormalized):
                nn.init.kaiming_normal_(convolution.weight, a=0.2)
        if spectral_norm:
            for convolution in _convolutions(self.stem, self.levels, self.head):
                nn.utils.parametrizations.spectral_norm(convolution)

    def forward_features(
        self, pair: torch.Tensor, labels: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Judge pictures and show the feature maps on the way.

        Args:
            pair: ``(B, image_channels + mask_channels, image_size, image_size)``, values in [-1, 1].
            labels: ``(B,)`` class indices, exactly when the network has classes.

        Returns:
            logits ``(B, 1)`` and one feature map a level, ``(B, width * 2**i, image_size / 2**(i+1), ...)``.

        Raises:
            ValueError: when labels are given to a network without classes or are missing for one with classes.
        """
        if (labels is None) != (self.class_embedding is None):
            raise ValueError(
                "labels must be given exactly when num_classes > 0, "
                f"got labels {'missing' if labels is None else 'given'} with num_classes={self.num_classes}"
            )
        features = []
        hidden = self.stem(pair)
        for level in self.levels:
            hidden = level(hidden)
            features.append(hidden)
        logits = self.head(self.minibatch_std(hidden)).flatten(1)
        if self.class_embedding is not None:
            pooled = hidden.sum(dim=(2, 3))
            logits = logits + (self.class_embedding(labels) * pooled).sum(dim=1, keepdim=True)
        return logits, features

    def forward(self, pair: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits ``(B, 1)`` of ``pair``; see :meth:`forward_features`."""
        return self.forward_features(pair, labels)[0]

    def probability(self, pair: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """Return the probability ``(B, 1)`` in [0, 1] that ``pair`` is real; see :meth:`forward_features`."""
        return torch.sigmoid(self.forward(pair, labels))


def _normalization(norm: str, channels: int) -> list[nn.Module]:
    """Return the layer behind a convolution, or nothing."""
    if norm == DiscriminatorNorm.NONE:
        return []
    # Fewer groups where the channels cannot be divided into 8.
    options = {"batch": {}, "group": {"num_groups": math.gcd(GROUPS, channels)}, "instance": {"affine": True}}
    return [get_norm_layer((str(norm), options[str(norm)]), spatial_dims=2, channels=channels)]


def _convolutions(*modules: nn.Module) -> list[nn.Conv2d]:
    return [layer for module in modules for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _residual(channels: int) -> nn.Module:
    return residual_block(nn.Conv2d(channels, channels, kernel_size=3, padding=1), nn.LeakyReLU(0.2, inplace=True))
