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
"""The chain from a case's files to its slices."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged, Orientation, Transform

from monai_dcgan.transforms.grids import describe_grid, same_grid
from monai_dcgan.transforms.head import HeadMaskd
from monai_dcgan.transforms.intensity import ScaleIntensityInHeadd
from monai_dcgan.transforms.labels import MergeLabelsd
from monai_dcgan.transforms.slices import SelectSlicesd
from monai_dcgan.utils.enums import Axis, Fit, Keys, TumorPolicy

__all__ = ["CheckCased", "OrientCased", "case_to_slices", "load_case"]

ORIENTATION = "LPS"


class OrientCased(Transform):
    """Turn image and label of a case to LPS and note the voxel size.

    Pictures have no orientation and are left as they lie. The label is turned by its own header, as the image is, so
    that files saved in different orientations still meet; whether they do, ``CheckCased`` tells.

    Args:
        image_key: key of the image (C, X, Y[, Z]), a ``MetaTensor``.
        label_key: key of the label (K, X, Y[, Z]), a ``MetaTensor``.
        spacing_key: key of the voxel size (x, y[, z]) in mm to add; 1 for pictures.
    """

    def __init__(self, image_key: str = Keys.IMAGE, label_key: str = Keys.LABEL, spacing_key: str = "spacing") -> None:
        self.keys = (image_key, label_key)
        self.spacing_key = spacing_key
        self.orient = Orientation(axcodes=ORIENTATION, labels=(("L", "R"), ("P", "A"), ("I", "S")))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Turn image and label of a copy of the item."""
        item = dict(data)
        item[self.spacing_key] = (1.0,) * (item[self.keys[0]].ndim - 1)
        for key in reversed(self.keys):
            if item[key].ndim == 4:
                if not isinstance(item[key], MetaTensor):
                    raise TypeError(
                        f"{key} has no affine to orient it by; load it under monai.data.set_track_meta(True)"
                    )
                item[key] = self.orient(item[key])
        image = item[self.keys[0]]
        if image.ndim == 4:
            item[self.spacing_key] = tuple(float(value) for value in image.pixdim)
        return item


class CheckCased(Transform):
    """Raise ``ValueError`` unless image and label are finite, 2D or 3D, of one shape and on one voxel grid.

    The grids of volumes are compared by their affines, after ``OrientCased`` and where both are a ``MetaTensor``. The
    item gets plain tensors.

    Args:
        image_key: key of the image (C, X, Y[, Z]).
        label_key: key of the label (K, X, Y[, Z]).
    """

    def __init__(self, image_key: str = Keys.IMAGE, label_key: str = Keys.LABEL) -> None:
        self.image_key, self.label_key = image_key, label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check an item and return a copy."""
        item = dict(data)
        shapes = {key: tuple(item[key].shape[1:]) for key in (self.image_key, self.label_key)}
        if shapes[self.image_key] != shapes[self.label_key]:
            raise ValueError(
                f"image and label must have the same shape, got {shapes[self.image_key]} and {shapes[self.label_key]}; "
                "resample the label to the image"
            )
        if len(shapes[self.image_key]) not in (2, 3):
            raise ValueError(f"an image must be 2D or 3D with channels, got shape {tuple(item[self.image_key].shape)}")
        self._check_grids(item[self.image_key], item[self.label_key], shapes[self.image_key])
        for key in (self.image_key, self.label_key):
            item[key] = torch.as_tensor(np.asarray(item[key]))
        for key in (self.image_key, self.label_key):
            bad = int((~torch.isfinite(item[key])).sum())
            if bad:
                raise ValueError(f"{key} must be finite, got {bad} voxels that are NaN or infinite; replace them first")
        return item

    @staticmethod
    def _check_grids(image: Any, label: Any, shape: tuple[int, ...]) -> None:
        if len(shape) != 3 or not (isinstance(image, MetaTensor) and isinstance(label, MetaTensor)):
            return
        if not same_grid(image.affine.numpy(), label.affine.numpy(), shape):
            own = (describe_grid(np.asarray(each.meta.get("original_affine", each.affine))) for each in (image, label))
            raise ValueError(
                f"image and label must lie on the same voxel grid, got {' and '.join(own)}; correct the header that is "
                "wrong, or resample the label to the image"
            )


def load_case(image_key: str = Keys.IMAGE, label_key: str = Keys.LABEL) -> Compose:
    """Compose what reads a case: load with channels first, orient to LPS, check.

    Returns:
        a ``Compose`` from paths to float32 tensors: image (C, X, Y[, Z]), label (K, X, Y[, Z]); ``spacing`` in mm.
    """
    return Compose(
        [
            LoadImaged([image_key, label_key], ensure_channel_first=True, image_only=True),
            OrientCased(image_key, label_key),
            CheckCased(image_key, label_key),
        ]
    )


def case_to_slices(
    image_size: int = 64,
    axis: str = Axis.AXIAL,
    tumor: str = TumorPolicy.ANY,
    min_foreground: float = 0.1,
    min_tumor_area: float = 0.001,
    fit: str = Fit.RESIZE,
    crop_head: bool = True,
    lower: float = 0.5,
    upper: float = 99.5,
    tumor_labels: Sequence[int] | None = None,
) -> Compose:
    """Compose what makes slices of a loaded case: merge labels, find the head, scale, select and fit slices.

    The arguments are those of ``SelectSlicesd``, ``ScaleIntensityInHeadd`` and ``MergeLabelsd``.

    Returns:
        a ``Compose`` from the item of ``load_case`` to that of ``SelectSlicesd``.

    Raises:
        ValueError: when an argument is out of range.
    """
    return Compose(
        [
            MergeLabelsd(Keys.LABEL, tumor_labels),
            HeadMaskd(Keys.IMAGE),
            ScaleIntensityInHeadd(Keys.IMAGE, lower, upper),
            SelectSlicesd(image_size, axis, tumor, min_foreground, min_tumor_area, fit, crop_head),
        ]
    )
