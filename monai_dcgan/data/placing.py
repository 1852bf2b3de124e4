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
"""Put slices back where they were cut out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from monai_dcgan.data.store import SliceStore
from monai_dcgan.transforms import Frame, volume_of_slices
from monai_dcgan.utils.enums import Keys

__all__ = ["CaseVolume", "case_volume"]


@dataclass(frozen=True, eq=False)
class CaseVolume:
    """Slices of a case in their volume.

    Args:
        image: float32 (C, X, Y[, Z]) in LPS orientation, in [0, 1]; 0 where there is no slice.
        mask: uint8 (M, X, Y[, Z]) with values 0 and 1.
        filled: bool (N,): which of the N slices of the volume are there.
        affine: (4, 4) voxel -> mm in RAS+; None for a picture.
    """

    image: np.ndarray
    mask: np.ndarray
    filled: np.ndarray
    affine: np.ndarray | None


def case_volume(store: SliceStore, case: str, masks: Mapping[int, np.ndarray] | None = None) -> CaseVolume:
    """Put the slices of a case together.

    Where slices were not resized (``fit="pad"`` without ``pixel_spacing``) voxels are those of the volume under the
    scaling that the store documents; where they were, they are interpolated back.

    Args:
        store: a complete store.
        case: name of the case.
        masks: other masks (M, S, S) than those of the store, such as predictions, by index of the slice.

    Returns:
        the volume; masks of resized slices are cut at one half.

    Raises:
        ValueError: when the store has no slice of ``case``.

    Example:
        >>> volume = case_volume(store, "BRATS_001")
        >>> nibabel.save(nibabel.Nifti1Image(volume.mask[0], volume.affine), "mask.nii.gz")
    """
    indices = [index for index, name in enumerate(store.slices.columns[Keys.CASE]) if name == case]
    if not indices:
        raise ValueError(f"case must be one that has slices in {store.path}, got {case!r}")
    known = store.cases[case]
    frame = Frame.from_dict(known["frame"])
    columns = store.slices.columns
    axis = columns["axis"][indices[0]]
    places = [columns["slice_index"][index] for index in indices]
    pairs = [store.read(index) for index in indices]
    own_masks = [pair[1] if masks is None else masks[index] for index, pair in zip(indices, pairs)]
    channels = len(known["window"])
    # Of neighbors that are channels too, the middle one is the slice itself.
    first = (store.image_channels // channels // 2) * channels
    image = np.stack([pair[0][first : first + channels] for pair in pairs]).astype(np.float32)
    count = _count(known["shape"], axis)
    filled = np.zeros(count, dtype=bool)
    filled[places] = True
    if store.mask_channels:
        mask = _stack(frame, np.stack(own_masks).astype(np.float32), places, count, axis) >= 0.5
    else:
        mask = np.zeros((0, *known["shape"]))
    affine = None if known["affine"] is None else np.array(known["affine"])
    return CaseVolume(_stack(frame, image, places, count, axis), mask.astype(np.uint8), filled, affine)


def _count(shape: list[int], axis: str) -> int:
    return 1 if axis == "" else {"axial": shape[2], "coronal": shape[1], "sagittal": shape[0]}[axis]


def _stack(frame: Frame, squares: np.ndarray, places: list[int], count: int, axis: str) -> np.ndarray:
    """Return (C, X, Y[, Z]) of squares (N, C, S, S)."""
    channels = []
    for channel in range(squares.shape[1]):
        planes = np.zeros((count, *frame.plane), dtype=np.float32)
        planes[places] = frame.restore(squares[:, channel])
        channels.append(planes[0].T if axis == "" else volume_of_slices(planes, axis))
    return np.stack(channels)
