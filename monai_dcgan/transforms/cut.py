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
"""From a volume and its annotation to the slices that are worth learning from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform

from monai_dcgan.transforms.head import Head, find_head
from monai_dcgan.transforms.intensity import check_percentiles, intensity_window, scale_to_window
from monai_dcgan.transforms.labels import check_tumor_labels, tumor_of
from monai_dcgan.transforms.policy import SlicePolicy
from monai_dcgan.transforms.slices import (
    BATCH,
    MARGIN,
    PLANES,
    Frame,
    Plane,
    fit_frame,
    plane_spacing,
    slices_of_volume,
)
from monai_dcgan.utils.checks import check_choice, check_count, check_image_size, check_positive
from monai_dcgan.utils.enums import Axis, Fit, Keys, SliceChoice, TumorPolicy

__all__ = ["CutSlicesd"]

PICTURE = Plane(2, 1, 0, False)


class CutSlicesd(Transform):
    """Find the head in a scan, scale its intensities, and cut out the slices that are worth learning from.

    Each channel is scaled linearly so that the percentiles ``lower`` and ``upper`` of the head become 0 and 1, clipped,
    and set to 0 outside the head. All slices of a volume are cropped to one box around the head and brought to a
    square. Only the slices that are taken are touched at full resolution.

    Args:
        image_size: side of the square slices in pixels, a power of two from 32 to 512.
        axis: plane of the slices; see ``slices_of_volume``.
        tumor: ``any`` slice, only slices ``with`` or only slices ``without`` tumor.
        min_foreground: least share of a slice that is head; see ``SlicePolicy``.
        min_tumor_area: least share of a slice that is tumor, for ``tumor="with"``; see ``SlicePolicy``.
        fit: ``resize`` scales the longer side of the box to the square; ``pad`` centers and pads or crops.
        crop_head: crop all slices of a volume to one box around the head.
        lower: percentile of the head that becomes 0.
        upper: percentile of the head that becomes 1.
        tumor_labels: labels that are tumor; None means every label above 0.
        pixel_spacing: size of a pixel in mm to scale slices to before they are padded, for ``fit="pad"``.
        neighbors: slices on either side that become channels too (2.5D): C * (2 * neighbors + 1) channels, those of
            the slice furthest below (in front, to the right) first. At the ends of a volume the last slice repeats.
        slice_step: take only every so many slices.
        slice_choice: how to choose slices where the item has ``max_slices``; see ``SlicePolicy``.

    The item has ``image``: channels (X, Y[, Z]) in LPS orientation, as a tensor (C, X, Y[, Z]) or a list; maybe
    ``label`` (K, X, Y[, Z]), ``spacing`` in mm (1 by default) and ``max_slices``. It gets, for its N slices, the image
    float32 (N, C, S, S) in [0, 1] and the mask float32 (N, 1, S, S) with values 0 and 1 ((N, 0, S, S) without a label),
    and ``slice_index``, ``tumor_fraction``, ``tumor_area`` (mm2), ``foreground_fraction`` (lists of N), ``plane``
    ("" for a picture), ``plane_spacing`` (rows and columns, mm), ``frame``, ``window`` (low and high of each channel)
    and ``dropped``, the number of slices that each rule removed.

    Raises:
        ValueError: when an argument is out of range, or a channel has one value only.
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
        lower: float = 0.5,
        upper: float = 99.5,
        tumor_labels: Sequence[int] | None = None,
        pixel_spacing: float | None = None,
        neighbors: int = 0,
        slice_step: int = 1,
        slice_choice: str = SliceChoice.SPREAD,
    ) -> None:
        check_image_size(image_size)
        check_choice("axis", axis, Axis)
        check_choice("fit", fit, Fit)
        check_percentiles(lower, upper)
        check_tumor_labels(tumor_labels)
        check_count("neighbors", neighbors)
        if pixel_spacing is not None:
            check_positive("pixel_spacing", pixel_spacing)
            if str(fit) != str(Fit.PAD):
                raise ValueError(f"pixel_spacing goes with fit=pad, got {pixel_spacing} with fit={fit}")
        self.policy = SlicePolicy(tumor, min_foreground, min_tumor_area, slice_step, slice_choice)
        self.image_size, self.axis, self.fit, self.pixel_spacing = image_size, Axis(axis), Fit(fit), pixel_spacing
        self.crop_head, self.lower, self.upper = crop_head, lower, upper
        self.tumor_labels, self.neighbors = tumor_labels, neighbors

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a copy of the item into slices."""
        item = dict(data)
        channels = [np.asarray(channel) for channel in item[Keys.IMAGE]]
        heads = [find_head(channel) for channel in channels]
        windows = [
            _window(number, channel, head, self.lower, self.upper)
            for number, (channel, head) in enumerate(zip(channels, heads))
        ]
        spacing = tuple(item.get("spacing") or (1.0,) * channels[0].ndim)
        plane = PLANES[self.axis] if channels[0].ndim == 3 else PICTURE
        own_spacing = plane_spacing(spacing, self.axis)
        stacks = [slices_of_volume(channel, self.axis) for channel in channels]
        shape = stacks[0].shape
        box = _head_box(heads, plane, shape) if self.crop_head else (0, shape[1], 0, shape[2])
        frame = fit_frame(
            (shape[1], shape[2]), self.image_size, box=box, spacing=own_spacing, fit=self.fit,
            pixel_spacing=self.pixel_spacing,
        )  # fmt: skip
        mask = None if item.get(Keys.LABEL) is None else self._tumor(item[Keys.LABEL], box)
        tumor = np.zeros(shape[0]) if mask is None else mask.mean(axis=(1, 2))
        foreground = _foreground(heads, plane, shape, box)
        keep, dropped = self.policy.choose(foreground, tumor)
        squares = np.zeros((len(keep), 0 if mask is None else 1, self.image_size, self.image_size), dtype=np.float32)
        if mask is not None:
            squares[:, 0] = _fit_masks(frame, mask, keep, tumor)
            if str(self.policy.tumor) == str(TumorPolicy.WITH):
                visible = squares.any(axis=(1, 2, 3))
                if not visible.all():
                    dropped[f"tumor smaller than a pixel at image_size {self.image_size}"] = int((~visible).sum())
                    keep, squares = keep[visible], squares[visible]
        chosen = self.policy.limit(keep, tumor[keep], item.get("max_slices"))
        if len(chosen) < len(keep):
            dropped["more than max_slices_per_patient"] = len(keep) - len(chosen)
            squares, keep = squares[np.isin(keep, chosen)], chosen
        images = self._images(stacks, heads, windows, frame, plane, keep)
        height, width = box[1] - box[0], box[3] - box[2]
        item.update({str(Keys.IMAGE): torch.from_numpy(images), str(Keys.LABEL): torch.from_numpy(squares)})
        item["slice_index"] = keep.tolist()
        item["tumor_fraction"] = tumor[keep].tolist()
        item["tumor_area"] = (tumor[keep] * height * width * own_spacing[0] * own_spacing[1]).tolist()
        item["foreground_fraction"] = foreground[keep].tolist()
        item["plane"] = str(self.axis) if channels[0].ndim == 3 else ""
        item.update({"plane_spacing": own_spacing, "frame": frame, "window": windows, "dropped": dropped})
        return item

    def _tumor(self, label: Any, box: tuple[int, int, int, int]) -> np.ndarray:
        """Return the tumor of all slices in the box (N, H, W), bool."""
        merged = tumor_of([np.asarray(channel) for channel in label], self.tumor_labels)
        return slices_of_volume(merged, self.axis)[:, box[0] : box[1], box[2] : box[3]]

    def _images(
        self,
        stacks: Sequence[np.ndarray],
        heads: Sequence[Head],
        windows: Sequence[tuple[float, float]],
        frame: Frame,
        plane: Plane,
        keep: np.ndarray,
    ) -> np.ndarray:
        """Return the chosen slices, scaled and fit: float32 (N, C, S, S)."""
        # Neighbors are shared by slices: each is scaled and fit once.
        offsets = np.arange(-self.neighbors, self.neighbors + 1)
        wanted = np.clip(keep[:, None] + offsets, 0, len(stacks[0]) - 1)
        needed, places = np.unique(wanted, return_inverse=True)
        places = places.reshape(wanted.shape)
        result = np.empty((len(keep), len(stacks), len(offsets), self.image_size, self.image_size), dtype=np.float32)
        for channel, (stack, head, window) in enumerate(zip(stacks, heads, windows)):
            squares = np.empty((len(needed), self.image_size, self.image_size), dtype=np.float32)
            for start in range(0, len(needed), BATCH):
                part = needed[start : start + BATCH]
                squares[start : start + BATCH] = frame.fit(_scaled(stack, head, window, frame, plane, part))
            result[:, channel] = squares[places]
        channels = len(stacks) * len(offsets)
        return result.transpose(0, 2, 1, 3, 4).reshape(len(keep), channels, self.image_size, self.image_size)


def _window(number: int, channel: np.ndarray, head: Head, lower: float, upper: float) -> tuple[float, float]:
    """Return low and high of a channel; one value for both in a picture without a head, as the first of a scan is."""
    tissue = head.tissue(channel)
    if tissue.size:
        return intensity_window(tissue, lower, upper)
    if channel.ndim == 2:
        return (float(channel.flat[0]),) * 2
    got = f"the value {channel.flat[0]:g} everywhere" if head.is_empty() else f"noise about {head.threshold:g}"
    raise ValueError(f"image must show a head, got {got} in channel {number}; leave the case or the modality out")


def _voxels(plane: Plane, sizes: Sequence[int], places: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield, for index, rows and columns, the voxels of the volume that ``places`` in the plane mean."""
    for number, (size, place) in enumerate(zip(sizes, places)):
        yield size - 1 - place if number == 1 and plane.flipped else place


def _order(plane: Plane, ndim: int) -> tuple[int, ...]:
    return (plane.across, plane.rows, plane.columns) if ndim == 3 else (plane.rows, plane.columns)


def _coarse_stack(head: Head, plane: Plane) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return where the head is on the coarse grid (n, h, w), in the order of slices but unflipped, and its steps."""
    order = _order(plane, head.coarse.ndim)
    coarse, steps = (head.coarse > 0).transpose(order), tuple(head.steps[axis] for axis in order)
    return (coarse, steps) if len(order) == 3 else (coarse[None], (1, *steps))


def _head_box(heads: Sequence[Head], plane: Plane, shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the rows and columns that hold the head in all slices, with a margin; see ``Frame.box``."""
    edges = []
    for axis in (1, 2):
        first, last = shape[axis], 0
        for head in heads:
            coarse, steps = _coarse_stack(head, plane)
            hit = np.flatnonzero(coarse.any(axis=(0, 3 - axis)))
            if not len(hit):
                continue
            # A coarse voxel stands for those half a step around it.
            first = min(first, int(hit[0]) * steps[axis] - steps[axis] // 2)
            last = max(last, int(hit[-1]) * steps[axis] + steps[axis] // 2 + 1)
        if last == 0:
            first, last = 0, shape[axis]
        edges.append((shape[axis] - last, shape[axis] - first) if axis == 1 and plane.flipped else (first, last))
    border = max(1, round(MARGIN * max(last - first for first, last in edges)))
    (top, bottom), (left, right) = edges
    return max(0, top - border), min(shape[1], bottom + border), max(0, left - border), min(shape[2], right + border)


def _foreground(
    heads: Sequence[Head], plane: Plane, shape: Sequence[int], box: tuple[int, int, int, int]
) -> np.ndarray:
    """Return the share of head in the box of each slice (N,), from the coarse grid."""
    union = np.zeros((), dtype=bool)
    for head in heads:
        coarse, steps = _coarse_stack(head, plane)
        union = union | coarse
    area = union.sum(axis=(1, 2)) * steps[1] * steps[2] / ((box[1] - box[0]) * (box[3] - box[2]))
    nearest = np.minimum((np.arange(shape[0]) + steps[0] // 2) // steps[0], len(area) - 1)
    return np.minimum(area[nearest], 1.0)


def _scaled(
    stack: np.ndarray, head: Head, window: tuple[float, float], frame: Frame, plane: Plane, part: np.ndarray
) -> np.ndarray:
    """Return the slices ``part`` in the box with their intensities scaled: float32 (n, h, w) in [0, 1]."""
    top, bottom, left, right = frame.box
    values = np.ascontiguousarray(stack[part, top:bottom, left:right])
    voxels = list(_voxels(plane, stack.shape, (part, np.arange(top, bottom), np.arange(left, right))))
    order = _order(plane, head.coarse.ndim)
    inside = head.mask(values if len(order) == 3 else values[0], voxels[-len(order) :], order)
    return scale_to_window(values, window) * inside


def _fit_masks(frame: Frame, mask: np.ndarray, keep: np.ndarray, tumor: np.ndarray) -> np.ndarray:
    """Return the masks of the slices ``keep``: float32 (n, S, S) with values 0 and 1."""
    result = np.zeros((len(keep), frame.image_size, frame.image_size), dtype=np.float32)
    shown = np.flatnonzero(tumor[keep] > 0)
    for start in range(0, len(shown), BATCH):
        part = shown[start : start + BATCH]
        result[part] = frame.fit(mask[keep[part]].astype(np.float32)) >= 0.5
    return result
