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

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch.nn import functional

from monai_dcgan.transforms.geometry import change_some, like_layout, sampling_grid
from monai_dcgan.utils.checks import check_count, check_fraction
from monai_dcgan.utils.randomness import StepRandom, Stream

__all__ = ["DifferentiableAugmentation"]

BACKGROUND = -1.0
PROBABILITY = "probability"


class _Parameters(NamedTuple):
    """What happens to each of B pairs, ``(B,)`` each, float32.

    Attributes:
        offset: added to the image.
        contrast: what the image's distance from its mean grows by, as a share; 0 for no change.
        flip: 1 where left and right change places, else 0.
        angle: radians, 0 for no rotation.
        factor: by which the pair grows, 1 for no change.
        down: rows that it moves by.
        right: columns that it moves by.
        cut: 1 where a square is cut out, else 0.
        cut_row: row of the middle of that square.
        cut_column: column of it.
    """

    offset: torch.Tensor
    contrast: torch.Tensor
    flip: torch.Tensor
    angle: torch.Tensor
    factor: torch.Tensor
    down: torch.Tensor
    right: torch.Tensor
    cut: torch.Tensor
    cut_row: torch.Tensor
    cut_column: torch.Tensor


class DifferentiableAugmentation:
    """Change real and made pairs of image and mask alike before the discriminator sees them.

    So a discriminator cannot learn a small training set by heart, and the generator does not learn the changes, as it
    is judged through them. With ``probability`` 1 it is DiffAugment (Zhao et al. 2020, https://arxiv.org/abs/2006.10738);
    with a probability that :class:`~monai_dcgan.handlers.AdaptiveAugmentation` steers it is ADA (Karras et al. 2020,
    https://arxiv.org/abs/2006.06676). Each operation is applied to each pair with that chance, independently. Changes
    that are always applied and cannot be told apart from the data, flips above all, leak into what is made (Karras et
    al., section 2.2): with flips, ``probability`` 1 makes mirrored slices too.

    In this order: brightness and contrast change the image alone; flip, rotation and scale (one bilinear sampling for
    both), a shift by whole pixels and the cutout change image and mask together, and what enters is background.
    Computes in float32 at least and returns the dtype that came in. What is drawn depends on the seed and the step,
    see :class:`~monai_dcgan.utils.randomness.StepRandom`; each call of a step draws its own. The host never waits for
    the device. On CUDA the gradient of the sampling adds up in no fixed order, so two runs with rotation or scale
    differ in the last bits; and it has no second derivative: take gradient penalties at the changed pairs.

    Args:
        mask_channels: number of mask channels, the last ones.
        brightness: largest offset either way, as a share of the range; DiffAugment has 0.25.
        contrast: largest change of contrast either way, as a share; DiffAugment has 0.5.
        translation: largest shift either way, as a share of the side; DiffAugment has 0.125.
        cutout: side of the square that becomes background, as a share of the side; DiffAugment has 0.5. Its middle lies
            anywhere in the picture, so that a part of it may lie outside.
        rotation: largest angle either way in degrees, up to 180.
        scale: largest change of size either way, as the logarithm to base 2 of the factor (0.2: from 0.87 to 1.15), up
            to 1.
        horizontal_flip: chance that left and right change places where that operation is applied; ADA has 0.5.
        probability: chance of each operation for each pair.
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
        cutout: float = 0.0,
        rotation: float = 0.0,
        scale: float = 0.0,
        horizontal_flip: float = 0.0,
        probability: float = 1.0,
        seed: int = 0,
    ) -> None:
        check_count("mask_channels", mask_channels)
        shares = {"brightness": brightness, "contrast": contrast, "translation": translation, "cutout": cutout}
        for name, value in {**shares, "scale": scale, "horizontal_flip": horizontal_flip}.items():
            check_fraction(name, value)
        if isinstance(rotation, bool) or not isinstance(rotation, (int, float)) or not 0 <= rotation <= 180:
            raise ValueError(f"rotation must be a number of degrees from 0 to 180, got {rotation!r}")
        self.mask_channels = mask_channels
        self.brightness, self.contrast, self.translation = brightness, contrast, translation
        self.cutout, self.rotation, self.scale, self.horizontal_flip = cutout, rotation, scale, horizontal_flip
        self.probability = probability
        self._random = StepRandom(seed, Stream.AUGMENTATION)

    @property
    def probability(self) -> float:
        """Chance of each operation for each pair, from 0 to 1."""
        return self._probability

    @probability.setter
    def probability(self, value: float) -> None:
        check_fraction(PROBABILITY, value)
        self._probability = float(value)

    @property
    def has_operations(self) -> bool:
        """Whether there is anything to apply."""
        strengths = (self.brightness, self.contrast, self.translation, self.cutout)
        return max(*strengths, self.rotation, self.scale, self.horizontal_flip) > 0

    @property
    def active(self) -> bool:
        """Whether anything is changed."""
        return self.has_operations and self.probability > 0

    def set_step(self, step: int) -> None:
        """Go to the draws of ``step``."""
        self._random.set_step(step)

    def state_dict(self) -> dict[str, Any]:
        """Return what changes in a training: the probability."""
        return {PROBABILITY: self.probability}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a probability again.

        Raises:
            ValueError: when ``state`` is not that of such an augmentation.
        """
        if set(state) != {PROBABILITY}:
            raise ValueError(f"state must hold {PROBABILITY} alone, got {', '.join(sorted(state)) or 'nothing'}")
        self.probability = state[PROBABILITY]

    def __call__(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return changed pairs.

        Args:
            pairs: ``(B, C + M, H, W)``, values in [-1, 1], background -1.

        Returns:
            the same shape, dtype and layout in memory; the image may leave [-1, 1], the mask may take values between
            with rotation or scale. ``pairs`` itself where nothing is to be changed.
        """
        if not self.active:
            return pairs
        host = self._draw(len(pairs), (pairs.shape[2], pairs.shape[3]))
        # One copy to the device for all.
        device = _Parameters(*torch.stack(host, dim=1).to(pairs.device, non_blocking=True).unbind(1))
        changed = pairs.to(torch.promote_types(pairs.dtype, torch.float32))
        if self.brightness or self.contrast:
            changed = self._colored(changed, device)
        if self.horizontal_flip:
            changed = torch.where(device.flip[:, None, None, None] > 0, changed.flip(3), changed)
        if self.rotation or self.scale:
            moved = (host.angle != 0) | (host.factor != 1)
            changed = change_some(changed.clone(), moved, _sampled, device.angle, device.factor)
        if self.translation:
            changed = _shifted(changed, device)
        if self.cutout:
            changed = _cut(changed, device, self.cutout)
        return like_layout(changed.to(pairs.dtype), pairs)

    def _draw(self, number: int, size: tuple[int, int]) -> _Parameters:
        def applied() -> torch.Tensor:
            return self._random.chance(number, self.probability).float()

        def even(most: float) -> torch.Tensor:
            return self._random.uniform(number, low=-most, high=most)

        def pixels(low: int, high: int) -> torch.Tensor:
            return self._random.integers(number, low=low, high=high).float()

        shift, cut = applied(), applied()
        most = [int(self.translation * side) for side in size]
        # The middles of DiffAugment: a square of an even side may begin half its side outside, and end so.
        middles = [side + 1 - _cut_side(self.cutout, side) % 2 for side in size]
        return _Parameters(
            # The range is 2 wide.
            offset=applied() * even(2 * self.brightness),
            contrast=applied() * even(self.contrast),
            flip=applied() * self._random.chance(number, self.horizontal_flip),
            angle=applied() * even(math.radians(self.rotation)),
            factor=torch.exp2(applied() * even(self.scale)),
            down=shift * pixels(-most[0], most[0] + 1),
            right=shift * pixels(-most[1], most[1] + 1),
            cut=cut,
            cut_row=pixels(0, middles[0]),
            cut_column=pixels(0, middles[1]),
        )

    def _colored(self, pairs: torch.Tensor, drawn: _Parameters) -> torch.Tensor:
        image, mask = pairs.split([pairs.shape[1] - self.mask_channels, self.mask_channels], dim=1)
        if self.brightness:
            image = image + drawn.offset[:, None, None, None]
        if self.contrast:
            # As a change and not as a factor: nothing is rounded where there is none.
            distance = image - image.mean(dim=(1, 2, 3), keepdim=True)
            image = image + distance * drawn.contrast[:, None, None, None]
        return torch.cat([image, mask], dim=1)


def _sampled(pairs: torch.Tensor, angle: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Turn and scale each pair about its center."""
    angle, factor = angle.to(pairs.dtype), factor.to(pairs.dtype)
    grid = sampling_grid(angle.cos(), angle.sin(), factor, (pairs.shape[2], pairs.shape[3]))
    # What lies outside is read as 0.
    return functional.grid_sample(pairs - BACKGROUND, grid, mode="bilinear", align_corners=False) + BACKGROUND


def _shifted(pairs: torch.Tensor, drawn: _Parameters) -> torch.Tensor:
    """Move each pair down and right by whole pixels."""
    sides = (pairs.shape[2], pairs.shape[3])
    rows, columns = (
        torch.arange(side, device=pairs.device)[None] - steps.long()[:, None]
        for side, steps in zip(sides, (drawn.down, drawn.right))
    )
    inside = ((rows >= 0) & (rows < sides[0]))[:, :, None] & ((columns >= 0) & (columns < sides[1]))[:, None]
    # One gather of whole planes: its way back is much faster than that of indices for each axis.
    places = rows.clamp(0, sides[0] - 1)[:, :, None] * sides[1] + columns.clamp(0, sides[1] - 1)[:, None]
    planes = pairs.flatten(2)
    moved = planes.gather(2, places.flatten(1)[:, None].expand_as(planes)).view(pairs.shape)
    return torch.where(inside[:, None], moved, BACKGROUND)


def _cut(pairs: torch.Tensor, drawn: _Parameters, share: float) -> torch.Tensor:
    """Make a square of each chosen pair background."""
    inside = []
    for side, middle in ((pairs.shape[2], drawn.cut_row), (pairs.shape[3], drawn.cut_column)):
        cut = _cut_side(share, side)
        start = middle[:, None] - cut // 2
        places = torch.arange(side, device=pairs.device)[None]
        inside.append((places >= start) & (places < start + cut))
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :] & (drawn.cut[:, None, None, None] > 0)
    return pairs.masked_fill(square, BACKGROUND)


def _cut_side(share: float, side: int) -> int:
    """Return the side of the square in pixels, as DiffAugment rounds it."""
    return int(side * share + 0.5)
