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
"""From an oriented volume to square slices in display orientation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from monai.transforms import ResizeWithPadOrCrop, Transform
from monai.transforms.utils import generate_spatial_bounding_box
from monai.utils import convert_to_tensor

from monai_dcgan.utils.checks import check_choice, check_fraction, check_image_size
from monai_dcgan.utils.enums import Axis, Fit, Keys, TumorPolicy

__all__ = ["SelectSlicesd", "fit_slices", "head_box", "plane_spacing", "slices_of_volume"]

# Spatial axes (x to the left, y to the back, z up) of a slice's index, rows and columns, and whether rows are flipped:
# coronal and sagittal slices show the top of the head in row 0.
PLANES: dict[str, tuple[int, int, int, bool]] = {
    Axis.AXIAL: (2, 1, 0, False),
    Axis.CORONAL: (1, 2, 0, True),
    Axis.SAGITTAL: (0, 2, 1, True),
}
MARGIN = 0.02  # of the longer side of the head, on each side of its box


def slices_of_volume(volume: torch.Tensor, axis: str = Axis.AXIAL) -> torch.Tensor:
    """Cut a volume into slices in display orientation.

    Args:
        volume: (C, X, Y, Z) oriented to LPS: x runs to the patient's left, y to the back, z up. A picture (C, X, Y) is
            one slice, whatever the axis.
        axis: plane of the slices. Axial: row 0 is anterior, column 0 the patient's right. Coronal: row 0 is superior,
            column 0 the patient's right. Sagittal: row 0 is superior, column 0 anterior.

    Returns:
        (N, C, H, W), a view of ``volume`` where rows are not flipped; slice 0 is the most inferior, anterior or right.

    Raises:
        ValueError: when ``axis`` or the number of dimensions is wrong.

    Example:
        >>> slices_of_volume(torch.zeros(2, 240, 200, 155)).shape
        torch.Size([155, 2, 200, 240])
    """
    check_choice("axis", axis, Axis)
    if volume.ndim == 3:
        return volume.transpose(1, 2).unsqueeze(0)
    if volume.ndim != 4:
        raise ValueError(f"volume must be (C, X, Y, Z) or a picture (C, X, Y), got shape {tuple(volume.shape)}")
    index, rows, columns, flipped = PLANES[Axis(axis)]
    stack = volume.permute(1 + index, 0, 1 + rows, 1 + columns)
    return stack.flip(2) if flipped else stack


def plane_spacing(spacing: tuple[float, ...], axis: str = Axis.AXIAL) -> tuple[float, float]:
    """Return the spacing of rows and columns in mm for voxel sizes (x, y[, z]) in mm."""
    if len(spacing) == 2:
        return float(spacing[1]), float(spacing[0])
    _, rows, columns, _ = PLANES[Axis(axis)]
    return float(spacing[rows]), float(spacing[columns])


def head_box(head: torch.Tensor, margin: float = MARGIN) -> tuple[slice, slice]:
    """Return the rows and columns that hold the head in all slices of a volume.

    Args:
        head: bool masks (N, C, H, W).
        margin: border to leave around the head, as a share of the box's longer side.

    Returns:
        slices of rows and columns; all of them when there is no head.
    """
    union = head.flatten(0, 1).any(dim=0, keepdim=True)
    height, width = union.shape[1:]
    if not union.any():
        return slice(0, height), slice(0, width)
    start, stop = generate_spatial_bounding_box(union.float())
    border = max(1, round(margin * max(stop[0] - start[0], stop[1] - start[1])))
    rows = slice(max(0, start[0] - border), min(height, stop[0] + border))
    columns = slice(max(0, start[1] - border), min(width, stop[1] + border))
    return rows, columns


def fit_slices(
    stack: torch.Tensor, image_size: int, spacing: tuple[float, float] = (1.0, 1.0), fit: str = Fit.RESIZE
) -> torch.Tensor:
    """Bring slices to a square.

    Args:
        stack: (N, C, H, W) in [0, 1]; background is 0.
        image_size: side of the square in pixels.
        spacing: spacing of rows and columns in mm; only their ratio counts, and only for ``Fit.RESIZE``.
        fit: ``resize`` scales the longer side (in mm) to ``image_size`` with an antialiased linear filter and pads the
            shorter side with 0; ``pad`` pads or crops around the center and leaves pixels as they are.

    Returns:
        (N, C, image_size, image_size) in [0, 1].
    """
    check_image_size(image_size)
    check_choice("fit", fit, Fit)
    if stack.shape[0] == 0 or stack.shape[1] == 0:
        return stack.new_zeros((stack.shape[0], stack.shape[1], image_size, image_size))
    if str(fit) == str(Fit.RESIZE):
        extent = stack.shape[2] * spacing[0], stack.shape[3] * spacing[1]
        height, width = (max(1, round(image_size * side / max(extent))) for side in extent)
        if (height, width) != tuple(stack.shape[2:]):
            stack = F.interpolate(stack.float(), (height, width), mode="bilinear", align_corners=False, antialias=True)
            stack = stack.clamp(0, 1)
    flat = ResizeWithPadOrCrop((image_size, image_size))(stack.flatten(0, 1))
    return convert_to_tensor(flat, track_meta=False).reshape(stack.shape[0], stack.shape[1], image_size, image_size)


class SelectSlicesd(Transform):
    """Pick the slices of a volume that are worth learning from, with their masks.

    Shares are of the pixels of a slice at the scan's own resolution, after cropping to the head where that is on; they
    depend neither on the field of view nor on a header's voxel size, which published sets often leave nominal.

    Args:
        image_size: side of the square slices in pixels.
        axis: plane of the slices; see ``slices_of_volume``.
        tumor: ``any`` slice, only slices ``with`` or only slices ``without`` tumor.
        min_foreground: least share of a slice that is head, from 0 to 1.
        min_tumor_area: least share of a slice that is tumor, from 0 to 1, for ``tumor="with"``.
        fit: how to bring a slice to the square; see ``fit_slices``.
        crop_head: crop all slices of a volume to one box around the head.
        image_key: key of the image (C, X, Y[, Z]) in [0, 1].
        label_key: key of the binary mask (M, X, Y[, Z]).
        mask_key: key of the head mask (C, X, Y[, Z]).
        spacing_key: key of the voxel size in mm (x, y[, z]).

    The item gets, for its N slices: the image (N, C, S, S) in [0, 1], the mask (N, M, S, S) with values 0 and 1, and
    ``slice_index``, ``tumor_fraction``, ``foreground_fraction`` (lists of N), ``slice_spacing`` (rows and columns of
    the scan, mm), ``plane`` ("" for a picture) and ``dropped``, the number of slices each rule removed. The head mask
    is removed.

    Raises:
        ValueError: when an argument is out of range.
    """

    def __init__(
        self,
        image_size: int = 64,
        axis: str = Axis.AXIAL,
        tumor: str = TumorPolicy.ANY,
        min_foreground: float = 0.1,
        min_tumor_area: float = 0.001,
        fit: str = Fit.RESIZE,
        crop_head: bool = True,
        image_key: str = Keys.IMAGE,
        label_key: str = Keys.LABEL,
        mask_key: str = "head",
        spacing_key: str = "spacing",
    ) -> None:
        check_image_size(image_size)
        check_choice("axis", axis, Axis)
        check_choice("tumor", tumor, TumorPolicy)
        check_fraction("min_foreground", min_foreground)
        check_fraction("min_tumor_area", min_tumor_area)
        check_choice("fit", fit, Fit)
        self.image_size, self.axis, self.fit = image_size, Axis(axis), Fit(fit)
        self.tumor, self.min_foreground, self.min_tumor_area = TumorPolicy(tumor), min_foreground, min_tumor_area
        self.crop_head = crop_head
        self.image_key, self.label_key, self.mask_key = image_key, label_key, mask_key
        self.spacing_key = spacing_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Turn a copy of the item into slices."""
        item = dict(data)
        volumetric = item[self.image_key].ndim == 4
        keys = (self.image_key, self.label_key, self.mask_key)
        image, mask, head = (
            slices_of_volume(convert_to_tensor(item[key], track_meta=False), self.axis) for key in keys
        )
        del item[self.mask_key]
        spacing = plane_spacing(tuple(item.get(self.spacing_key, (1.0,) * (item[self.image_key].ndim - 1))), self.axis)
        if self.crop_head:
            rows, columns = head_box(head)
            image, mask, head = (stack[:, :, rows, columns] for stack in (image, mask, head))
        foreground = head.any(dim=1).float().mean(dim=(1, 2))
        tumor = (mask > 0).any(dim=1).float().mean(dim=(1, 2))
        keep, dropped = self.choose(foreground, tumor)
        image = fit_slices(image[keep], self.image_size, spacing, self.fit)
        mask = (fit_slices(mask[keep].float(), self.image_size, spacing, self.fit) >= 0.5).float()
        if self.tumor == TumorPolicy.WITH:
            visible = mask.flatten(1).any(dim=1)
            dropped[f"tumor smaller than a pixel at image_size {self.image_size}"] = int((~visible).sum())
            image, mask, keep = image[visible], mask[visible], keep[visible]
        item.update({self.image_key: image, self.label_key: mask})
        item["slice_index"] = keep.tolist()
        item["tumor_fraction"] = tumor[keep].tolist()
        item["foreground_fraction"] = foreground[keep].tolist()
        item["slice_spacing"] = spacing
        item["plane"] = str(self.axis) if volumetric else ""
        item["dropped"] = {rule: count for rule, count in dropped.items() if count}
        return item

    def choose(self, foreground: torch.Tensor, tumor: torch.Tensor) -> tuple[torch.Tensor, dict[str, int]]:
        """Apply the rules to the shares (N,) of head and tumor: indices to keep, and slices dropped by each rule."""
        enough = foreground >= self.min_foreground
        if self.tumor == TumorPolicy.WITH:
            fits = (tumor > 0) & (tumor >= self.min_tumor_area)
            rule = f"tumor below min_tumor_area {self.min_tumor_area} (tumor=with)"
        elif self.tumor == TumorPolicy.WITHOUT:
            fits, rule = tumor == 0, "tumor present (tumor=without)"
        else:
            fits, rule = torch.ones_like(enough), "tumor=any"
        dropped = {
            f"head below min_foreground {self.min_foreground}": int((~enough).sum()),
            rule: int((enough & ~fits).sum()),
        }
        return (enough & fits).nonzero().flatten(), dropped
