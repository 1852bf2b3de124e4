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
"""Augmentation of what the discriminator sees, real and made alike, on the device and with gradient."""

from __future__ import annotations

from typing import NamedTuple

import torch

from monai_dcgan.utils.checks import check_count, check_fraction

__all__ = ["DifferentiableAugmentation"]

BACKGROUND = -1.0


class _Parameters(NamedTuple):
    """What happens to each of B pairs.

    Attributes:
        offset: (B, 1, 1, 1) added to the image.
        contrast: (B, 1, 1, 1) factor of the image about its mean.
        shift: (B, 2) pixels down and right, int64.
    """

    offset: torch.Tensor
    contrast: torch.Tensor
    shift: torch.Tensor


class DifferentiableAugmentation:
    """Change real and made pairs of image and mask alike before the discriminator sees them.

    DiffAugment of Zhao et al. 2020, https://arxiv.org/abs/2006.10738. Brightness and contrast change the image alone; a
    shift moves image and mask together, and what enters is background. So a discriminator cannot learn a small training
    set by heart, and the generator does not learn the changes, as it is judged through them. Draws come from the seed
    and the epoch, so a resumed training goes on with the same ones.

    Args:
        mask_channels: number of mask channels, the last ones.
        brightness: largest offset either way, as a share of the range; the paper has 0.25.
        contrast: largest change of contrast either way, as a share; the paper has 0.5.
        translation: largest shift either way, as a share of the side; the paper has 0.125.
        seed: seed of the draws.

    Raises:
        ValueError: when an argument is out of its range.

    Example:
        >>> augment = DifferentiableAugmentation(mask_channels=1, translation=0.125)
        >>> augment(torch.rand(8, 2, 64, 64) * 2 - 1).shape
        torch.Size([8, 2, 64, 64])
    """

    def __init__(
        self,
        mask_channels: int,
        brightness: float = 0.0,
        contrast: float = 0.0,
        translation: float = 0.0,
        seed: int = 0,
    ) -> None:
        check_count("mask_channels", mask_channels)
        check_count("seed", seed)
        for name, value in (("brightness", brightness), ("contrast", contrast), ("translation", translation)):
            check_fraction(name, value)
        self.mask_channels, self.seed = mask_channels, seed
        self.brightness, self.contrast, self.translation = brightness, contrast, translation
        self._generator = torch.Generator()
        self.set_epoch(0)

    @property
    def active(self) -> bool:
        """Whether anything is changed."""
        return max(self.brightness, self.contrast, self.translation) > 0

    def set_epoch(self, epoch: int) -> None:
        """Restart the draws at those of ``epoch``."""
        self._generator.manual_seed((self.seed * 1_000_003 + epoch) % 2**63)

    def __call__(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return changed pairs.

        Args:
            pairs: ``(B, C + M, H, W)``, values in [-1, 1], background -1.

        Returns:
            the same shape; the image may leave [-1, 1]. ``pairs`` itself where nothing is to be changed.
        """
        if not self.active:
            return pairs
        drawn = _Parameters(*(part.to(pairs.device) for part in self._draw(len(pairs), pairs.shape[2:])))
        image, mask = pairs.split([pairs.shape[1] - self.mask_channels, self.mask_channels], dim=1)
        # A factor of 1 would still round.
        if self.brightness:
            image = image + drawn.offset.to(image.dtype)
        if self.contrast:
            mean = image.mean(dim=(1, 2, 3), keepdim=True)
            image = (image - mean) * drawn.contrast.to(image.dtype) + mean
        changed = torch.cat([image, mask], dim=1)
        return _shifted(changed, drawn.shift) if self.translation else changed

    def _draw(self, number: int, size: torch.Size) -> _Parameters:
        def uniform() -> torch.Tensor:
            return torch.rand(number, 1, 1, 1, generator=self._generator) * 2 - 1

        shift = [
            torch.randint(-most, most + 1, (number,), generator=self._generator)
            for most in (int(self.translation * side) for side in size)
        ]
        # The range is 2 wide.
        return _Parameters(2 * self.brightness * uniform(), 1 + self.contrast * uniform(), torch.stack(shift, dim=1))


def _shifted(pairs: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Move each pair down and right by whole pixels."""
    batch, channels, height, width = pairs.shape
    # One row and column of background around: whatever lies outside is taken from there.
    padded = torch.nn.functional.pad(pairs, (1, 1, 1, 1), value=BACKGROUND)
    rows, columns = (
        (torch.arange(side, device=pairs.device)[None] - steps[:, None] + 1).clamp(0, side + 1)
        for side, steps in ((height, shift[:, 0]), (width, shift[:, 1]))
    )
    items = torch.arange(batch, device=pairs.device)[:, None, None, None]
    planes = torch.arange(channels, device=pairs.device)[None, :, None, None]
    return padded[items, planes, rows[:, None, :, None], columns[:, None, None, :]]
