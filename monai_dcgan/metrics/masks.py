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
"""Size, place and number of parts of the masks of a set of slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.stats import wasserstein_distance

__all__ = ["MASK_PROPERTIES", "MaskStatistics", "mask_distance", "mask_statistics", "mask_summary"]

MASK_PROPERTIES = ("area", "row", "column", "parts")


@dataclass(frozen=True)
class MaskStatistics:
    """Properties of the masks of N slices with M mask channels, each array (N, M).

    Attributes:
        area: share of the slice's pixels that the mask covers, in [0, 1].
        row: row of the centroid as a share of the height, in (0, 1): 0 is the top edge; NaN for an empty mask.
        column: column of the centroid as a share of the width, in (0, 1): 0 is the left edge; NaN for an empty mask.
        parts: number of connected parts (pixels that touch at a corner are connected).
        empty: whether the mask has no pixel.
    """

    area: np.ndarray
    row: np.ndarray
    column: np.ndarray
    parts: np.ndarray
    empty: np.ndarray

    def values(self, name: str, channel: int = 0) -> np.ndarray:
        """Return the property ``name`` of one mask channel: of all slices for the area, else of those not empty."""
        if name not in MASK_PROPERTIES:
            raise ValueError(f"name must be one of {', '.join(MASK_PROPERTIES)}, got {name!r}")
        column = np.asarray(getattr(self, name)[:, channel], dtype=np.float64)
        return column if name == "area" else column[~self.empty[:, channel]]

    def take(self, index: Any) -> MaskStatistics:
        """Return the statistics of the slices that ``index`` picks."""
        return MaskStatistics(*(getattr(self, name)[index] for name in (*MASK_PROPERTIES, "empty")))


def mask_statistics(masks: Any) -> MaskStatistics:
    """Measure every mask of a set of slices.

    Args:
        masks: (N, M, H, W) with values {0, 1}.

    Raises:
        ValueError: when ``masks`` has another shape or other values.
    """
    array = np.asarray(masks)
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(f"masks must have the shape (N, M, H, W) with no empty side, got {array.shape}")
    regions = array == 1
    if not np.all(regions | (array == 0)):
        raise ValueError(f"masks must hold only 0 and 1, got {array.min()} to {array.max()}; threshold them first")
    height, width = regions.shape[2:]
    pixels = regions.sum(axis=(2, 3))
    empty = pixels == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        row = (regions.sum(axis=3) * (np.arange(height) + 0.5)).sum(axis=2) / pixels / height
        column = (regions.sum(axis=2) * (np.arange(width) + 0.5)).sum(axis=2) / pixels / width
    parts = np.zeros(pixels.shape, dtype=np.int64)
    for index in map(tuple, np.argwhere(~empty)):
        parts[index] = ndimage.label(regions[index], structure=np.ones((3, 3)))[1]
    return MaskStatistics(pixels / (height * width), row, column, parts, empty)


def mask_summary(statistics: MaskStatistics, channel: int = 0) -> dict[str, Any]:
    """Summarize one mask channel.

    Args:
        statistics: what :func:`mask_statistics` returned.
        channel: which mask channel.

    Returns:
        ``n``, ``n_empty``, ``share_empty``, and under each of :data:`MASK_PROPERTIES` ``mean``, ``median`` and ``std``:
        over all slices for the area, over those whose mask is not empty for the others, None where there are none.
    """
    empty = statistics.empty[:, channel]
    summary: dict[str, Any] = {
        "n": len(empty),
        "n_empty": int(empty.sum()),
        "share_empty": float(empty.mean()),
    }
    for name in MASK_PROPERTIES:
        values = statistics.values(name, channel)
        present = len(values) > 0
        summary[name] = {
            "mean": float(values.mean()) if present else None,
            "median": float(np.median(values)) if present else None,
            "std": float(values.std()) if present else None,
        }
    return summary


def mask_distance(a: MaskStatistics, b: MaskStatistics, channel: int = 0) -> dict[str, float | None]:
    """Wasserstein-1 distance between two sets, for each property of one mask channel.

    Args:
        a: statistics of one set.
        b: statistics of the other set.
        channel: which mask channel.

    Returns:
        for each of :data:`MASK_PROPERTIES` the distance in the unit of that property, over all slices for the area and
        over those whose mask is not empty for the others; None where a set has no such mask.
    """
    distances: dict[str, float | None] = {}
    for name in MASK_PROPERTIES:
        first, second = a.values(name, channel), b.values(name, channel)
        distances[name] = float(wasserstein_distance(first, second)) if len(first) and len(second) else None
    return distances
