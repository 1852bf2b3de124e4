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
"""Grids of slices with mask contours, as 8-bit RGB arrays and PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import atomic_path

__all__ = ["CONTOUR_COLORS", "contour", "grid", "save_png"]

CONTOUR_COLORS: tuple[tuple[int, int, int], ...] = ((255, 64, 64), (64, 220, 255), (255, 214, 10), (120, 255, 120))
_GAP = 2
_GAP_GRAY = 72
_TOLERANCE = 1e-3


def contour(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of ``mask`` that touch the outside: a line of one pixel that lies inside the region.

    The outside of the picture counts as outside, so a region cut by the border is still closed.

    Args:
        mask: (H, W) boolean.

    Returns:
        (H, W) boolean.
    """
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def grid(
    images: Any,
    masks: Any | None = None,
    columns: int = 8,
    scale: int = 2,
    channel: int = 0,
    smooth: bool = True,
    colors: Sequence[tuple[int, int, int]] = CONTOUR_COLORS,
) -> np.ndarray:
    """Lay slices out in rows, enlarged, with the contour of each mask drawn at the enlarged resolution.

    Args:
        images: (N, C, H, W) in [0, 1], an array or a tensor on the CPU.
        masks: (N, M, H, W) with values {0, 1}, or None for no contours.
        columns: slices in a row; fewer slices make fewer columns.
        scale: pixels of the picture per pixel of a slice, along each side.
        channel: which of the C channels to show.
        smooth: enlarge the images bilinearly; otherwise by repeating pixels. Masks are always repeated.
        colors: RGB of the contour of each mask channel, each from 0 to 255; repeated when there are more channels.

    Returns:
        (rows * (H * scale + 2) - 2, columns * (W * scale + 2) - 2, 3) uint8.

    Raises:
        ValueError: when shapes, ``channel``, ``columns`` or ``scale`` do not fit, or a value is not in [0, 1].
    """
    check_positive_int("columns", columns)
    check_positive_int("scale", scale)
    pixels = np.asarray(images)
    if pixels.ndim != 4 or 0 in pixels.shape:
        raise ValueError(f"images must have the shape (N, C, H, W) with no empty side, got {pixels.shape}")
    if not 0 <= channel < pixels.shape[1]:
        raise ValueError(
            f"channel must be from 0 to {pixels.shape[1] - 1} for {pixels.shape[1]} channels, got {channel}"
        )
    shown = np.asarray(pixels[:, channel], dtype=np.float32)
    if not (shown.min() >= -_TOLERANCE and shown.max() <= 1 + _TOLERANCE):
        raise ValueError(
            f"images must lie in [0, 1], got {shown.min():g} to {shown.max():g}; "
            "scale a generator's output by (x + 1) / 2"
        )
    regions = None
    if masks is not None:
        regions = np.asarray(masks) > 0.5
        if regions.ndim != 4 or regions.shape[0] != len(shown) or regions.shape[2:] != shown.shape[1:]:
            raise ValueError(
                f"masks must have the shape (N, M, H, W) that fits images {pixels.shape}, got {regions.shape}"
            )
        if not len(colors):
            raise ValueError("colors must hold at least one RGB triple when masks are given, got none")

    count, height, width = shown.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    step_y, step_x = height * scale + _GAP, width * scale + _GAP
    canvas = np.full((rows * step_y - _GAP, columns * step_x - _GAP, 3), _GAP_GRAY, dtype=np.uint8)
    for index in range(count):
        tile = _tile(shown[index], None if regions is None else regions[index], scale, smooth, colors)
        top, left = index // columns * step_y, index % columns * step_x
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return canvas


def _tile(
    image: np.ndarray, masks: np.ndarray | None, scale: int, smooth: bool, colors: Sequence[tuple[int, int, int]]
) -> np.ndarray:
    """Return one enlarged slice (H * scale, W * scale, 3) uint8 with its contours."""
    if smooth and scale > 1:
        size = (image.shape[1] * scale, image.shape[0] * scale)
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    else:
        image = image.repeat(scale, 0).repeat(scale, 1)
    gray = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
    tile = np.stack([gray] * 3, axis=-1)
    for index, mask in enumerate(() if masks is None else masks):
        tile[contour(mask.repeat(scale, 0).repeat(scale, 1))] = colors[index % len(colors)]
    return tile


def save_png(array: np.ndarray, path: str | Path) -> None:
    """Write an 8-bit picture to ``path`` as PNG, whole or not at all.

    Args:
        array: (H, W) gray or (H, W, 3) RGB, uint8.
        path: file to write; its folder is made.

    Raises:
        ValueError: when ``array`` is no such picture.
    """
    array = np.asarray(array)
    gray_or_rgb = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not gray_or_rgb or 0 in array.shape:
        raise ValueError(f"array must be uint8 of shape (H, W) or (H, W, 3), got {array.dtype} of shape {array.shape}")
    with atomic_path(path) as temporary:
        Image.fromarray(array).save(temporary, format="PNG")
