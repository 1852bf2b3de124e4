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

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_numpy

__all__ = ["MergeLabels", "MergeLabelsd", "check_tumor_labels", "tumor_of"]


def check_tumor_labels(tumor_labels: Sequence[int] | None) -> None:
    """Raise ``ValueError`` unless ``tumor_labels`` is None or holds whole numbers above 0."""
    if tumor_labels is not None:
        whole = all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in tumor_labels)
        if not tumor_labels or not whole:
            raise ValueError(
                f"tumor_labels must be whole numbers above 0, or None for every label above 0, got {tumor_labels!r}"
            )


def tumor_of(channels: Sequence[np.ndarray], tumor_labels: Sequence[int] | None) -> np.ndarray:
    """Return where any channel of a label has a label that is tumor.

    Args:
        channels: labels, each (X, Y[, Z]); several (a colored picture, one-hot labels) are merged.
        tumor_labels: labels that are tumor; None means every label above 0.

    Returns:
        bool array (X, Y[, Z]).

    Raises:
        ValueError: when labels are not whole numbers, as after a linear resampling.
    """
    merged: np.ndarray | None = None
    for labels in channels:
        if labels.dtype.kind == "f" and not np.array_equal(labels, np.rint(labels)):
            odd = labels[labels != np.rint(labels)]
            raise ValueError(
                f"labels must be whole numbers, got {odd[0]:g} and {odd.size - 1} more that are not; resample label "
                "files by nearest neighbor, or round them before use"
            )
        tumor = labels > 0 if tumor_labels is None else np.isin(labels, tumor_labels)
        merged = tumor if merged is None else merged | tumor
    if merged is None:
        raise ValueError("a label must have at least one channel, got none")
    return merged


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
        check_tumor_labels(tumor_labels)
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
        tumor = tumor_of(list(convert_to_numpy(img)), self.tumor_labels)
        return torch.from_numpy(tumor[None].astype(np.float32))


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
