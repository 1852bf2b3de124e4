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

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, ScaleIntensityRange, Transform
from monai.transforms.utils_pytorch_numpy_unification import percentile

from monai_dcgan.transforms.head import HeadMask

__all__ = ["ScaleIntensityInHead", "ScaleIntensityInHeadd", "check_percentiles"]


def check_percentiles(lower: float, upper: float) -> None:
    """Raise ``ValueError`` unless 0 <= ``lower`` < ``upper`` <= 100."""
    if not 0 <= lower < upper <= 100:
        raise ValueError(f"lower and upper must be percentiles with 0 <= lower < upper <= 100, got {lower} and {upper}")


class ScaleIntensityInHead(Transform):
    """Scale each channel linearly so that two percentiles of the head become 0 and 1; clip; set the background to 0.

    MONAI's ``ScaleIntensityRangePercentiles`` takes its percentiles over the whole array, most of which is air, so that
    the result depends on how much air was scanned.

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
        self.head_mask = HeadMask()

    def __call__(self, img: torch.Tensor, head: torch.Tensor | None = None) -> torch.Tensor:
        """Scale a scan.

        Args:
            img: scan (C, X, Y[, Z]), any finite intensities.
            head: bool mask of the same shape; found by ``HeadMask`` when absent.

        Returns:
            float32 tensor of the same shape in [0, 1]. A channel without a head is 0 everywhere, and one whose head
            has a single value is 1 inside it.
        """
        head = self.head_mask(img) if head is None else head
        scaled = torch.zeros_like(img, dtype=torch.float32)
        for channel, (values, inside) in enumerate(zip(img, head.bool())):
            if inside.any():
                tissue = values[inside].float()
                low, high = (float(percentile(tissue, q)) for q in (self.lower, self.upper))
                if high > low:
                    tissue = ScaleIntensityRange(a_min=low, a_max=high, b_min=0.0, b_max=1.0, clip=True)(tissue)
                else:
                    tissue = torch.ones_like(tissue)
                scaled[channel][inside] = tissue
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
