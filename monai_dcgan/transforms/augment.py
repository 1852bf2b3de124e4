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
"""Random transforms of slices, composed of MONAI's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandScaleIntensityd,
    ThresholdIntensityd,
    Transform,
)

from monai_dcgan.transforms.meta import tracking_meta
from monai_dcgan.utils.checks import check_fraction, check_non_negative
from monai_dcgan.utils.enums import Keys

__all__ = ["SliceAugmentation", "slice_augmentation"]

BRIGHTEST = 1.0


class SliceAugmentation(Compose):
    """A ``Compose`` that runs without tracking metadata: slices have none, and it is about three times as fast."""

    def __call__(self, input_: Mapping[Any, Any], *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Transform an item."""
        with tracking_meta(False):
            return super().__call__(input_, *args, **kwargs)


def slice_augmentation(
    horizontal_flip: float = 0.5,
    vertical_flip: float = 0.0,
    rotation: float = 0.0,
    max_degrees: float = 10.0,
    contrast: float = 0.0,
    gamma: tuple[float, float] = (0.8, 1.25),
    brightness: float = 0.0,
    max_brightness: float = 0.1,
    image_key: str = Keys.IMAGE,
    label_key: str = Keys.LABEL,
) -> SliceAugmentation:
    """Compose the random transforms of a slice item: image (C, H, W) in [0, 1] and mask (M, H, W) in {0, 1}.

    Image and mask move together; the mask stays binary, the image in [0, 1], and background at 0. Brightness multiplies
    (``RandScaleIntensityd``) because an added offset would lift the background off 0. A step with probability 0 is left
    out. Turning a slice upside down changes what the generator learns to draw: ``vertical_flip`` is off by default.

    Args:
        horizontal_flip: probability of a flip of left and right.
        vertical_flip: probability of a flip of top and bottom.
        rotation: probability of a rotation.
        max_degrees: largest angle of a rotation in degrees, either way.
        contrast: probability of a change of contrast as of ``RandAdjustContrast``,
            ``((image - min) / range) ** g * range + min`` with the slice's own least value and range.
        gamma: range of ``g``.
        brightness: probability of a change of brightness, ``image * (1 + f)``, clipped to 1.
        max_brightness: largest ``f``, either way.
        image_key: key of the image.
        label_key: key of the mask.

    Returns:
        a transform to seed with ``set_random_state``.

    Raises:
        ValueError: when a probability is not from 0 to 1, or a range is not one.

    Example:
        >>> slice_augmentation(rotation=0.5, contrast=0.3).set_random_state(0)(item)["image"].shape
        torch.Size([1, 64, 64])
    """
    probabilities = {
        "horizontal_flip": horizontal_flip,
        "vertical_flip": vertical_flip,
        "rotation": rotation,
        "contrast": contrast,
        "brightness": brightness,
    }
    for name, value in probabilities.items():
        check_fraction(name, value)
    check_non_negative("max_degrees", max_degrees)
    check_fraction("max_brightness", max_brightness)
    if len(gamma) != 2 or not 0 < gamma[0] <= gamma[1]:
        raise ValueError(f"gamma must be a range of two numbers above 0, the smaller first, got {gamma!r}")
    both = [image_key, label_key]
    steps: dict[str, list[Transform]] = {
        "horizontal_flip": [RandFlipd(both, prob=horizontal_flip, spatial_axis=1)],
        "vertical_flip": [RandFlipd(both, prob=vertical_flip, spatial_axis=0)],
        "rotation": [
            RandAffined(
                both,
                prob=rotation,
                rotate_range=math.radians(max_degrees),
                mode=["bilinear", "nearest"],
                padding_mode="zeros",
            )
        ],
        "contrast": [RandAdjustContrastd(image_key, prob=contrast, gamma=(gamma[0], gamma[1]))],
        "brightness": [
            RandScaleIntensityd(image_key, factors=max_brightness, prob=brightness),
            ThresholdIntensityd(image_key, threshold=BRIGHTEST, above=False, cval=BRIGHTEST),
        ],
    }
    return SliceAugmentation([step for name, chain in steps.items() if probabilities[name] > 0 for step in chain])
