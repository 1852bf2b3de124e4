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
"""Scale intensities to [0, 1] by robust percentiles of the head."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

from monai_dcgan.transforms.head import find_head

__all__ = ["ScaleIntensityInHead", "ScaleIntensityInHeadd", "check_percentiles", "intensity_window", "scale_to_window"]


# Of windows whose width and whose inverse float32 holds with all its digits.
FLOAT32_RANGE = (1e-30, 1e30)
# float64 has no inverse of less; such windows hold one value for all that matters.
NARROWEST = 1e-300


def check_percentiles(lower: float, upper: float) -> None:
    """Raise ``ValueError`` unless 0 <= ``lower`` < ``upper`` <= 100."""
    if not 0 <= lower < upper <= 100:
        raise ValueError(f"lower and upper must be percentiles with 0 <= lower < upper <= 100, got {lower} and {upper}")


def intensity_window(tissue: np.ndarray, lower: float, upper: float) -> tuple[float, float]:
    """Return the percentiles ``lower`` and ``upper`` of intensities (1D) of the head."""
    low, high = np.percentile(tissue, (lower, upper))
    return float(low), float(high)


def scale_to_window(values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Return ``clip((values - low) / (high - low), 0, 1)`` as float32; 1 everywhere where low and high are the same."""
    low, high = window
    if high - low <= NARROWEST:
        return np.ones(values.shape, dtype=np.float32)
    # Whole numbers of 16 bits are exact in float32; what differs by less than its steps needs float64.
    narrow = np.can_cast(values.dtype, np.float32) and FLOAT32_RANGE[0] < high - low < FLOAT32_RANGE[1]
    kind = np.float32 if narrow else np.float64
    scaled: np.ndarray = values.astype(kind)
    np.subtract(scaled, kind(low), out=scaled)
    np.multiply(scaled, kind(1 / (high - low)), out=scaled)
    return np.clip(scaled, 0, 1, out=scaled).astype(np.float32, copy=False)


class ScaleIntensityInHead(Transform):
    """Scale each channel linearly so that two percentiles of the head become 0 and 1; clip; set the background to 0.

    MONAI's ``ScaleIntensityRangePercentiles`` takes its percentiles over the whole array, most of which is air, so that
    the result depends on how much air was scanned. The percentiles are those of the voxels on the coarse grid of
    ``find_head``, as in ``CutSlicesd``; of all voxels of the head where a mask is given.

    Args:
        lower: percentile of the head that becomes 0.
        upper: percentile of the head that becomes 1.

    Raises:
        ValueError: unless 0 <= lower < upper <= 100.

    Example:
        >>> ScaleIntensityInHead()(torch.rand(1, 64, 64, 20) * 4000).max()
        tensor(1.)
    """

    def __init__(self, lower: float = 0.5, upper: float = 99.5) -> None:
        check_percentiles(lower, upper)
        self.lower, self.upper = lower, upper

    def __call__(self, img: torch.Tensor, head: torch.Tensor | None = None) -> torch.Tensor:
        """Scale a scan.

        Args:
            img: scan (C, X, Y[, Z]), any finite intensities.
            head: bool mask of the same shape; found by ``HeadMask`` when absent.

        Returns:
            float32 tensor of the same shape in [0, 1]. A channel without a head is 0 everywhere, and one whose head
            has a single value is 1 inside it.
        """
        scaled = torch.zeros(tuple(img.shape))
        for number, values in enumerate(np.asarray(img)):
            if head is None:
                found = find_head(values)
                inside = found.mask(values, [np.arange(size) for size in values.shape])
                sample = found.tissue(values)
            else:
                inside = np.asarray(head[number]).astype(bool)
                sample = values[inside]
            if not inside.any():
                continue
            tissue = scale_to_window(values[inside], intensity_window(sample, self.lower, self.upper))
            scaled[number][torch.from_numpy(inside)] = torch.from_numpy(tissue)
        return scaled


class ScaleIntensityInHeadd(MapTransform):
    """Dictionary version of ``ScaleIntensityInHead``.

    Args:
        keys: keys of images (C, X, Y[, Z]).
        lower: percentile of the head that becomes 0.
        upper: percentile of the head that becomes 1.
        mask_key: key of a head mask as ``HeadMaskd`` adds it; where the item has none, it is found.
        allow_missing_keys: don't raise when a key is missing.
    """

    def __init__(
        self,
        keys: KeysCollection,
        lower: float = 0.5,
        upper: float = 99.5,
        mask_key: str = "head",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key
        self.scaler = ScaleIntensityInHead(lower, upper)

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Scale the images of a copy of the item."""
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = self.scaler(item[key], item.get(self.mask_key))
        return item
