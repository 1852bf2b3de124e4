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
"""Random transforms of whole batches of slices on their device."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch.nn import functional

from monai_dcgan.transforms.augment import BRIGHTEST, slice_augmentation
from monai_dcgan.transforms.geometry import change_some, like_layout, sampling_grid
from monai_dcgan.utils.randomness import StepRandom, Stream

__all__ = ["BatchAugmentation"]

# As in MONAI's AdjustContrast.
EPSILON = 1e-7


class _Parameters(NamedTuple):
    """What happens to each of B slices, ``(B,)`` each, on the CPU.

    Attributes:
        left_right: whether left and right change places.
        top_bottom: whether top and bottom change places.
        angle: radians, 0 for no rotation.
        gamma: exponent of the contrast, 1 for no change.
        factor: of the brightness, 1 for no change.
    """

    left_right: torch.Tensor
    top_bottom: torch.Tensor
    angle: torch.Tensor
    gamma: torch.Tensor
    factor: torch.Tensor


class BatchAugmentation:
    """Change a batch of slices as ``slice_augmentation`` changes single ones: the same rules and the same distribution.

    Flips, then a rotation about the center (image bilinear, mask nearest, what enters is 0), then contrast, then
    brightness. Image and mask move together; the mask stays binary, the image in [0, 1], and background at 0. A slice
    whose draw leaves a step out passes it to the bit. Works in float32, under ``autocast`` too; the host never waits
    for the device. What is drawn depends on the seed and the step, see
    :class:`~monai_dcgan.utils.randomness.StepRandom`.

    Args:
        horizontal_flip: probability of a flip of left and right.
        vertical_flip: probability of a flip of top and bottom; it changes what the generator learns to draw.
        rotation: probability of a rotation.
        max_degrees: largest angle of a rotation in degrees, either way.
        contrast: probability of a change of contrast, ``((image - min) / range) ** g * range + min`` with the slice's
            own least value and range, over its channels.
        gamma: range of ``g``.
        brightness: probability of a change of brightness, ``image * (1 + f)``, clipped to 1.
        max_brightness: largest ``f``, either way.
        seed: seed of the draws.

    Raises:
        ValueError: when a probability is not from 0 to 1, a range is not one, or ``seed`` is negative.

    Example:
        >>> augment = BatchAugmentation(rotation=0.5, contrast=0.3)
        >>> augment.set_step(1)
        >>> image, mask = augment(torch.rand(16, 1, 64, 64), torch.zeros(16, 1, 64, 64))
        >>> image.shape
        torch.Size([16, 1, 64, 64])
    """

    def __init__(
        self,
        horizontal_flip: float = 0.5,
        vertical_flip: float = 0.0,
        rotation: float = 0.0,
        max_degrees: float = 10.0,
        contrast: float = 0.0,
        gamma: tuple[float, float] = (0.8, 1.25),
        brightness: float = 0.0,
        max_brightness: float = 0.1,
        seed: int = 0,
    ) -> None:
        # The rules for the arguments stand there.
        slice_augmentation(
            horizontal_flip=horizontal_flip,
            vertical_flip=vertical_flip,
            rotation=rotation,
            max_degrees=max_degrees,
            contrast=contrast,
            gamma=gamma,
            brightness=brightness,
            max_brightness=max_brightness,
        )
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rotation, self.max_degrees = rotation, max_degrees
        self.contrast, self.gamma = contrast, (gamma[0], gamma[1])
        self.brightness, self.max_brightness = brightness, max_brightness
        self._random = StepRandom(seed, Stream.REAL_AUGMENTATION)

    @property
    def active(self) -> bool:
        """Whether anything is changed."""
        return max(self.horizontal_flip, self.vertical_flip, self.rotation, self.contrast, self.brightness) > 0

    def set_step(self, step: int) -> None:
        """Go to the draws of ``step``."""
        self._random.set_step(step)

    def __call__(self, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return changed slices.

        Args:
            image: ``(B, C, H, W)`` in [0, 1].
            mask: ``(B, M, H, W)`` in {0, 1}, M from 0.

        Returns:
            the same shapes in float32, on the same device and lying in memory as the arguments do; the arguments
            themselves where nothing is to be changed.
        """
        if not self.active:
            return image, mask
        drawn = self._draw(len(image))
        # One copy to the device for all.
        numbers = torch.stack([drawn.angle, drawn.gamma, drawn.factor]).to(image.device, non_blocking=True)
        angle, gamma, factor = numbers.unbind()
        changed = image.to(torch.float32, copy=True)
        moved = mask.to(torch.float32, copy=True)
        if self.horizontal_flip:
            changed, moved = (change_some(part, drawn.left_right, _left_right) for part in (changed, moved))
        if self.vertical_flip:
            changed, moved = (change_some(part, drawn.top_bottom, _top_bottom) for part in (changed, moved))
        if self.rotation:
            changed, moved = _rotated(changed, moved, drawn.angle != 0, angle)
        if self.contrast:
            changed = change_some(changed, drawn.gamma != 1, _with_gamma, gamma)
        if self.brightness:
            changed.mul_(factor[:, None, None, None]).clamp_(max=BRIGHTEST)
        return like_layout(changed, image), like_layout(moved, mask)

    def _draw(self, number: int) -> _Parameters:
        def some(probability: float, low: float, high: float, otherwise: float) -> torch.Tensor:
            chosen = self._random.chance(number, probability)
            return torch.where(chosen, self._random.uniform(number, low=low, high=high), otherwise)

        most = math.radians(self.max_degrees)
        return _Parameters(
            left_right=self._random.chance(number, self.horizontal_flip),
            top_bottom=self._random.chance(number, self.vertical_flip),
            angle=some(self.rotation, -most, most, otherwise=0.0),
            gamma=some(self.contrast, *self.gamma, otherwise=1.0),
            factor=some(self.brightness, 1 - self.max_brightness, 1 + self.max_brightness, otherwise=1.0),
        )


def _left_right(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.flip(3)


def _top_bottom(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.flip(2)


def _rotated(
    image: torch.Tensor, mask: torch.Tensor, chosen: torch.Tensor, angle: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn the chosen ones, image and mask by one grid."""
    places = chosen.nonzero()[:, 0].to(angle.device, non_blocking=True)
    angle = angle.index_select(0, places)
    grid = sampling_grid(angle.cos(), angle.sin(), torch.ones_like(angle), (image.shape[2], image.shape[3]))

    def turn_image(pictures: torch.Tensor) -> torch.Tensor:
        # The weights of the four neighbors may sum to a little more than 1.
        return functional.grid_sample(pictures, grid, mode="bilinear", align_corners=False).clamp_(0, 1)

    def turn_mask(pictures: torch.Tensor) -> torch.Tensor:
        return functional.grid_sample(pictures, grid, mode="nearest", align_corners=False)

    image = change_some(image, chosen, turn_image)
    return image, change_some(mask, chosen, turn_mask) if mask.shape[1] else mask


def _with_gamma(image: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    low, high = image.amin((1, 2, 3), keepdim=True), image.amax((1, 2, 3), keepdim=True)
    extent = high - low
    return ((image - low) / (extent + EPSILON)).pow(gamma[:, None, None, None]) * extent + low
