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
"""Find the head in a scan, so that intensities are scaled by tissue and not by air."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.transforms.utils import get_largest_connected_component_mask
from monai.utils import convert_to_numpy, optional_import
from scipy import ndimage

__all__ = ["HeadMask", "HeadMaskd"]

threshold_otsu, _ = optional_import("skimage.filters", name="threshold_otsu")

# A constant background fills nearly all that lies outside the head; noise leaves no value with such a share ...
EXACT_SHARE = 0.8
# ... and what differs from it is the head and hardly more.
EXACT_OVER_OTSU = 1.25
# Ringing, coils and single voxels would pull the threshold, so it is sought between these percentiles.
OTSU_PERCENTILES = (1.0, 99.0)
BINS = 256


class HeadMask(Transform):
    """Find the voxels of the head in each channel of a scan.

    Two kinds of background occur. A skull-stripped or masked scan repeats one value exactly: 0, or something else once
    the scan was z-scored. A raw scan has noise around the head; there Otsu's threshold (Otsu 1979,
    doi:10.1109/TSMC.1979.4310076) tells it from tissue. The threshold is sought on the square root of the intensities:
    on the intensities themselves it parts fat from brain in scans with bright fat. The first kind is taken when the
    value in the corners fills nearly all that lies outside the thresholded head. Of either, the largest connected part
    is kept and its holes are filled plane by plane along the last axis.

    Example:
        >>> HeadMask()(torch.rand(1, 64, 64, 20)).shape
        torch.Size([1, 64, 64, 20])
    """

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        """Find the head.

        Args:
            img: scan (C, X, Y) or (C, X, Y, Z), any finite intensities.

        Returns:
            bool tensor of the same shape: True inside the head. A channel with one value only has no head.
        """
        array = convert_to_numpy(img)
        return torch.from_numpy(np.stack([_head_of_channel(channel) for channel in array]))


class HeadMaskd(MapTransform):
    """Add the head mask of each image of ``keys`` to the item.

    Args:
        keys: keys of images (C, X, Y[, Z]).
        mask_key: key of the bool mask to add, same shape; with several keys it is ``<mask_key>_<key>``.
        allow_missing_keys: don't raise when a key is missing.
    """

    def __init__(self, keys: KeysCollection, mask_key: str = "head", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key
        self.head_mask = HeadMask()

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Add the mask to a copy of the item."""
        item = dict(data)
        for key in self.key_iterator(item):
            item[self.mask_key if len(self.keys) == 1 else f"{self.mask_key}_{key}"] = self.head_mask(item[key])
        return item


def _head_of_channel(array: np.ndarray) -> np.ndarray:
    """Return the head of one channel (X, Y[, Z]) as a bool array."""
    low, high = (float(value) for value in np.percentile(array, OTSU_PERCENTILES))
    if not high > low:
        return _solid(array != _corner_value(array))
    roots = np.sqrt(np.clip(array, low, high) - low)
    by_threshold = _solid(roots > threshold_otsu(roots.ravel(), nbins=BINS))
    constant = array == _corner_value(array)
    if constant[~by_threshold].sum() < EXACT_SHARE * (~by_threshold).sum():
        return by_threshold
    exact = _solid(~constant)
    return exact if exact.sum() <= EXACT_OVER_OTSU * by_threshold.sum() else by_threshold


def _corner_value(array: np.ndarray) -> float:
    """Return the most common value in the corners of ``array``."""
    corners = array[np.ix_(*[[0, -1]] * array.ndim)]
    values, counts = np.unique(corners, return_counts=True)
    return float(values[counts.argmax()])


def _solid(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part of ``mask`` with the holes in each plane of the last axis filled."""
    if not mask.any():
        return mask
    largest = np.asarray(get_largest_connected_component_mask(mask, connectivity=1), dtype=bool)
    in_plane = ndimage.generate_binary_structure(2, 1)
    if mask.ndim == 3:
        in_plane = np.pad(in_plane[..., None], ((0, 0), (0, 0), (1, 1)))
    # Background that touches the border of its plane is outside; what else is not head is a hole.
    regions, count = ndimage.label(~largest, structure=in_plane)
    outside = np.zeros(count + 1, dtype=bool)
    for face in (regions[0], regions[-1], regions[:, 0], regions[:, -1]):
        outside[np.unique(face)] = True
    outside[0] = False
    return ~outside[regions]
