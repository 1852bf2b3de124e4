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

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_numpy, optional_import
from scipy import ndimage

__all__ = ["Head", "HeadMask", "HeadMaskd", "find_head"]

threshold_otsu, _ = optional_import("skimage.filters", name="threshold_otsu")

# A constant background fills nearly all that lies outside the head; noise leaves no value with such a share ...
EXACT_SHARE = 0.8
# ... and what differs from it is the head and hardly more.
EXACT_OVER_OTSU = 1.25
# Ringing, coils and single voxels would pull the threshold, so it is sought between these percentiles.
OTSU_PERCENTILES = (1.0, 99.0)
BINS = 256
# The head is sought on every k-th voxel of an axis, so that at least so many are left of it in 2D and 3D.
COARSE_SIDE = {2: 256, 3: 48}
# Range of intensities, as a share of the largest and by itself, below which they count as one value.
NOISE, NARROWEST = 1e-12, 1e-30
OUTSIDE, RIM, INSIDE = 0, 1, 2


@dataclass(frozen=True)
class Head:
    """The head of one scan: known on a coarse grid, and for single voxels near its border by their intensity.

    Args:
        coarse: on every k-th voxel of each axis, uint8: 0 outside, 1 at the border, 2 inside.
        steps: k for each axis.
        shape: voxels of the scan.
        background: intensity of a constant background, None where there is noise.
        threshold: intensity above which a voxel at the border is head, where there is noise.
    """

    coarse: np.ndarray
    steps: tuple[int, ...]
    shape: tuple[int, ...]
    background: float | None = None
    threshold: float = 0.0

    def is_empty(self) -> bool:
        """Return whether there is no head."""
        return not self.coarse.any()

    def tissue(self, scan: np.ndarray) -> np.ndarray:
        """Return the intensities inside the head on the coarse grid (1D)."""
        sample = scan[tuple(slice(None, None, step) for step in self.steps)]
        return sample[(self.coarse + self._differs(sample)) >= INSIDE]

    def mask(self, values: np.ndarray, indices: Sequence[np.ndarray], order: Sequence[int] = ()) -> np.ndarray:
        """Return which voxels of a part of the scan are head.

        Args:
            values: intensities of the part, its axes in ``order``.
            indices: for each axis of ``values``, the voxels of the scan along it.
            order: axes of the scan in the order of ``values``; as they are when empty.

        Returns:
            bool array of the shape of ``values``.
        """
        order = tuple(order) or tuple(range(len(self.shape)))
        code = self.coarse.transpose(order)
        # From the last axis to the first: the big copies are then of whole rows.
        for axis in reversed(range(len(order))):
            step, size = self.steps[order[axis]], self.coarse.shape[order[axis]]
            nearest = np.minimum((np.asarray(indices[axis]) + step // 2) // step, size - 1)
            code = code.take(nearest, axis=axis)
        return (code + self._differs(values)) >= INSIDE

    def _differs(self, values: np.ndarray) -> np.ndarray:
        return values > self.threshold if self.background is None else values != self.background


def find_head(scan: np.ndarray) -> Head:
    """Find the head in one channel of a scan.

    Two kinds of background occur. A skull-stripped or masked scan repeats one value exactly: 0, or something else once
    the scan was z-scored. A raw scan has noise around the head; there Otsu's threshold (Otsu 1979,
    doi:10.1109/TSMC.1979.4310076) tells it from tissue. The threshold is sought on the square root of the intensities:
    on the intensities themselves it parts fat from brain in scans with bright fat. The first kind is taken when the
    value in the corners fills nearly all that lies outside the thresholded head. Of either, the largest connected part
    is kept and its holes are filled plane by plane along the last axis.

    All this happens on a coarse grid, at least 48 voxels wide (256 in 2D), which takes a tenth of the time. At full
    resolution the voxels next to its border are told apart by their own intensity.

    Args:
        scan: (X, Y) or (X, Y, Z), any finite intensities.

    Returns:
        the head; empty when the scan has one value only.
    """
    side = COARSE_SIDE[scan.ndim]
    steps = tuple(max(1, size // side) for size in scan.shape)
    coarse = scan[tuple(slice(None, None, step) for step in steps)].copy(order="K")
    mask, background, threshold = _head_of(coarse)
    # Only along axes that are sampled is a neighbor of the head's border in doubt.
    sampled = [axis for axis, step in enumerate(steps) if step > 1]
    reaching, inside = _grown(mask, sampled), ~_grown(~mask, sampled)
    return Head(reaching.astype(np.uint8) + inside, steps, scan.shape, background, threshold)


class HeadMask(Transform):
    """Find the voxels of the head in each channel of a scan, as ``find_head`` does.

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
        channels = convert_to_numpy(img)
        everything = [np.arange(size) for size in channels.shape[1:]]
        return torch.from_numpy(np.stack([find_head(channel).mask(channel, everything) for channel in channels]))


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


def _head_of(array: np.ndarray) -> tuple[np.ndarray, float | None, float]:
    """Return the head (bool, X, Y[, Z]), the constant background if there is one, and the threshold if not."""
    low, high = (float(value) for value in np.percentile(array, OTSU_PERCENTILES))
    corner = _corner_value(array)
    # Where values differ by less than rounding does there is nothing for a histogram to tell apart.
    if high - low <= max(NOISE * max(abs(low), abs(high)), NARROWEST):
        return _solid(array != corner), corner, 0.0
    roots = np.sqrt(np.clip(array, low, high) - low)
    threshold = float(threshold_otsu(roots.ravel(), nbins=BINS))
    by_threshold = _solid(roots > threshold)
    constant = array == corner
    outside = ~by_threshold
    if (constant & outside).sum() >= EXACT_SHARE * outside.sum():
        exact = _solid(~constant)
        if exact.sum() <= EXACT_OVER_OTSU * by_threshold.sum():
            return exact, corner, 0.0
    return by_threshold, None, low + threshold**2


def _grown(mask: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Return ``mask`` with the neighbors of its voxels along ``axes``; the edge of the array adds none."""
    for axis in axes:
        rows = np.moveaxis(mask, axis, 0)
        grown = rows.copy()
        grown[1:] |= rows[:-1]
        grown[:-1] |= rows[1:]
        mask = np.moveaxis(grown, 0, axis)
    return mask


def _corner_value(array: np.ndarray) -> float:
    """Return the most common value in the corners of ``array``."""
    corners = array[np.ix_(*[[0, -1]] * array.ndim)]
    values, counts = np.unique(corners, return_counts=True)
    return float(values[counts.argmax()])


def _solid(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part of ``mask`` with the holes in each plane of the last axis filled."""
    if not mask.any():
        return mask
    regions, _ = ndimage.label(mask)
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    largest = regions == sizes.argmax()
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
