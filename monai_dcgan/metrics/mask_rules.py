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
"""Rules that tell plausible masks from implausible ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_dcgan.metrics.masks import mask_statistics
from monai_dcgan.utils.checks import check_count, check_fraction, check_positive_int

__all__ = ["MaskRules"]


class MaskRules:
    """Say of each slice whether its mask is of a plausible size and in few enough parts.

    A generator whose training slices all show a tumor still makes some slices with no mask, with specks, or with one
    that covers most of the head. The mask channels of a slice count together: a pixel is in the mask where it is in any
    of them. An empty mask has 0 parts, so that ``min_mask_area`` alone rejects it.

    Args:
        min_mask_area: least share of the slice's pixels, in [0, 1]; 0 is no rule.
        max_mask_area: greatest share of the slice's pixels, in [0, 1]; 1 is no rule.
        max_mask_parts: greatest number of connected parts, from 1 (pixels that touch at a corner are connected); None
            is no rule.
        mask_channels: number of mask channels of the generator.

    Raises:
        ValueError: when an argument is out of its range, or there are rules and no mask channels.

    Example:
        >>> MaskRules(min_mask_area=0.01).broken(np.zeros((1, 1, 64, 64)))
        ['min_mask_area']
    """

    def __init__(
        self,
        min_mask_area: float = 0,
        max_mask_area: float = 1,
        max_mask_parts: int | None = None,
        mask_channels: int = 1,
    ) -> None:
        check_fraction("min_mask_area", min_mask_area)
        check_fraction("max_mask_area", max_mask_area)
        if min_mask_area > max_mask_area:
            raise ValueError(
                f"min_mask_area must be at most max_mask_area, got {min_mask_area} and {max_mask_area}; "
                "no slice could meet both"
            )
        if max_mask_parts is not None:
            check_positive_int("max_mask_parts", max_mask_parts)
        check_count("mask_channels", mask_channels)
        self.min_mask_area = min_mask_area
        self.max_mask_area = max_mask_area
        self.max_mask_parts = max_mask_parts
        if self.active and not mask_channels:
            rules = ", ".join(f"{name}={value}" for name, value in self.active.items())
            raise ValueError(f"mask_channels must be at least 1 for rules on masks, got 0 with {rules}; leave them out")

    @property
    def active(self) -> dict[str, Any]:
        """The rules that can reject a slice: name and value."""
        off = {"min_mask_area": 0, "max_mask_area": 1, "max_mask_parts": None}
        return {name: getattr(self, name) for name, value in off.items() if getattr(self, name) != value}

    def broken(self, masks: Any) -> list[str | None]:
        """Return for each slice the first rule that it breaks, in the order of the arguments, or None.

        Args:
            masks: (N, M, H, W) with values {0, 1}.

        Raises:
            ValueError: when ``masks`` has another shape, or the greatest value of a pixel is neither 0 nor 1.
        """
        if not self.active:
            return [None] * len(masks)
        statistics = mask_statistics(np.asarray(masks).max(axis=1, keepdims=True))
        area, parts = statistics.area[:, 0], statistics.parts[:, 0]
        most = np.inf if self.max_mask_parts is None else self.max_mask_parts
        breaks = {
            "min_mask_area": area < self.min_mask_area,
            "max_mask_area": area > self.max_mask_area,
            "max_mask_parts": parts > most,
        }
        return [next((name for name, slices in breaks.items() if slices[row]), None) for row in range(len(area))]
