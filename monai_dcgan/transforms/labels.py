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
"""Merge the labels of an annotation into one binary mask of the whole tumor."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform

__all__ = ["MergeLabels", "MergeLabelsd"]


class MergeLabels(Transform):
    """Merge labels into a binary mask.

    Args:
        tumor_labels: labels that are tumor; None means every label above 0.

    Raises:
        ValueError: when ``tumor_labels`` is empty or holds anything but whole numbers above 0.

    Example:
        >>> MergeLabels([1, 4])(torch.tensor([[[0, 1], [2, 4]]]))
        tensor([[[0., 1.],
                 [0., 1.]]])
    """

    def __init__(self, tumor_labels: Sequence[int] | None = None) -> None:
        if tumor_labels is not None:
            whole = all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in tumor_labels)
            if not tumor_labels or not whole:
                raise ValueError(
                    f"tumor_labels must be whole numbers above 0, or None for every label above 0, got {tumor_labels!r}"
                )
        self.tumor_labels = tumor_labels

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        """Merge.

        Args:
            img: labels (K, X, Y[, Z]); several channels (a colored picture, one-hot labels) are merged.

        Returns:
            float32 mask (1, X, Y[, Z]) with values 0 and 1.

        Raises:
            ValueError: when labels are not whole numbers, as after a linear resampling.
        """
        labels = torch.as_tensor(img)
        if not torch.equal(labels, labels.round()):
            raise ValueError(
                "labels must be whole numbers; resample label files by nearest neighbor, or round them before use"
            )
        if self.tumor_labels is None:
            tumor = labels > 0
        else:
            tumor = torch.isin(labels, torch.tensor(self.tumor_labels, dtype=labels.dtype, device=labels.device))
        return tumor.any(dim=0, keepdim=True).float()


class MergeLabelsd(MapTransform):
    """Dictionary version of ``MergeLabels``.

    Args:
        keys: keys of labels (K, X, Y[, Z]).
        tumor_labels: labels that are tumor; None means every label above 0.
        allow_missing_keys: don't raise when a key is missing.
    """

    def __init__(
        self, keys: KeysCollection, tumor_labels: Sequence[int] | None = None, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.merger = MergeLabels(tumor_labels)

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Merge the labels of a copy of the item."""
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = self.merger(item[key])
        return item
