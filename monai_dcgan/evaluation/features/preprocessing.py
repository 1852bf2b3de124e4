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
"""What happens to slices before a network: resize, range of values, mean and standard deviation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from monai_dcgan.utils.checks import check_choice, check_positive_int

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Preprocessing", "resize"]

# Per channel, of ImageNet's training images in [0, 1]; torchvision and DINOv2 (data/transforms.py) use these.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def resize(images: torch.Tensor, size: int, mode: str = "bilinear") -> torch.Tensor:
    """Resize as Pillow does: the kernel widens when it shrinks a picture (Parmar et al. 2022, section 3).

    Torch's kernels with ``antialias`` are those of Pillow, also the bicubic one (a = -0.5), enlarging too; without it
    they are not. Bicubic values are clamped to [0, 1], as Pillow's are.

    Args:
        images: (B, C, H, W) in [0, 1].
        size: side length in pixels of the result.
        mode: ``bilinear`` or ``bicubic``.

    Returns:
        (B, C, size, size) in [0, 1].

    Raises:
        ValueError: when ``mode`` is another one, or ``size`` is not a whole number above 0.
    """
    check_choice("mode", mode, ("bilinear", "bicubic"))
    check_positive_int("size", size)
    if images.shape[2:] == (size, size):
        return images
    resized = functional.interpolate(images, (size, size), mode=mode, align_corners=False, antialias=True)
    return resized.clamp(0, 1) if mode == "bicubic" else resized


@dataclass(frozen=True)
class Preprocessing:
    """Resize and affine map of the values.

    Args:
        size: side length in pixels that the network takes.
        mode: ``bilinear`` or ``bicubic``, antialiased.
        mean: subtracted from the values in [0, 1], per channel.
        std: divided by afterwards, per channel.
    """

    size: int
    mode: str = "bilinear"
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return ``images`` (B, 3, H, W) in [0, 1] as the network takes them (B, 3, size, size)."""
        shape = (1, -1, 1, 1)
        mean, std = (images.new_tensor(values).view(shape) for values in (self.mean, self.std))
        return (resize(images, self.size, self.mode) - mean) / std

    def __str__(self) -> str:
        def words(values: tuple[float, ...]) -> str:
            return " ".join(f"{value:g}" for value in values)

        return (
            f"gray repeated to 3 channels, antialiased {self.mode} resize to {self.size}x{self.size}, "
            f"[0, 1] less mean ({words(self.mean)}) over ({words(self.std)})"
        )
