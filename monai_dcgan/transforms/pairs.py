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
"""Image and mask as the channels of one tensor, and back."""

from __future__ import annotations

import torch

__all__ = ["split_pair", "to_pair"]


def to_pair(image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Join images and masks into what the networks see.

    Args:
        image: (..., C, H, W) in [0, 1].
        mask: (..., M, H, W) in {0, 1}; M may be 0.

    Returns:
        (..., C + M, H, W) in [-1, 1]: ``cat(2 * image - 1, 2 * mask - 1)``, in the dtype of ``image``.

    Raises:
        ValueError: when the shapes differ in anything but channels.

    Example:
        >>> to_pair(torch.zeros(8, 1, 64, 64), torch.ones(8, 1, 64, 64)).shape
        torch.Size([8, 2, 64, 64])
    """
    if image.ndim < 3 or image.shape[:-3] != mask.shape[:-3] or image.shape[-2:] != mask.shape[-2:]:
        raise ValueError(
            "image and mask must be (..., C, H, W) and (..., M, H, W) with the same batch and size, "
            f"got {tuple(image.shape)} and {tuple(mask.shape)}"
        )
    return torch.cat([image, mask.to(image.dtype)], dim=-3).mul(2).sub(1)


def split_pair(pair: torch.Tensor, mask_channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Take pairs apart.

    Args:
        pair: (..., C + M, H, W), nominally in [-1, 1].
        mask_channels: M, from 0.

    Returns:
        the image (..., C, H, W), clipped to [0, 1], and the mask (..., M, H, W) of the same dtype with values 0 and 1:
        1 where the pair's value is above 0, which is a probability above one half.

    Raises:
        ValueError: when ``pair`` has no more channels than ``mask_channels``.
    """
    channels = pair.shape[-3] if pair.ndim >= 3 else 0
    if not 0 <= mask_channels < channels:
        raise ValueError(
            "mask_channels must be from 0 to less than the channels of pair, "
            f"got {mask_channels} for {tuple(pair.shape)}"
        )
    image, mask = pair.split([channels - mask_channels, mask_channels], dim=-3)
    return image.add(1).div(2).clamp(0, 1), (mask > 0).to(pair.dtype)
