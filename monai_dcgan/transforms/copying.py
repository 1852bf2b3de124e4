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
"""Slices that are given the tumor of another slice."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

__all__ = ["copy_tumors", "most_alike", "paste_tumor", "thumbnails"]

EDGE = 1.0
"""Standard deviation, in pixels, of the soft edge of a copied tumor."""
RING = 3
"""Width, in pixels, of the surroundings whose brightness is matched."""
MAX_SHIFT = 0.05
"""Greatest shift of a tumor, as a share of the slice's side."""
LEAST_INSIDE = 0.9
"""Share of a tumor that must lie within the head of its new slice."""
BACKGROUND = 0.02
"""What is darker is no head; the background of synthetic slices is not exactly 0."""
TRIES = 20
"""Tumors to try, for each slice, until one fits into the head."""
ALIKE = 0.1
"""Share of the slices, the most alike ones, that a tumor may be copied to: those of its level of the head."""
THUMBNAIL = 16


def copy_tumors(
    images: np.ndarray, masks: np.ndarray, patients: np.ndarray, number: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make slices by copying tumors into slices without, of other patients where there are several.

    As in TumorCP (Yang et al. 2021, https://arxiv.org/abs/2107.09843): the tumor with a soft edge, mirrored or not and
    moved a little, takes the place of what was there; its brightness is changed by the difference of the surroundings.
    It goes to one of the slices that are most like its own, so that it stays at its level of the head.
    The mask is that of the tumor within the head.

    Args:
        images: (N, C, H, W) in [0, 1]; the background is 0.
        masks: (N, M, H, W) with values {0, 1}; some are empty and some are not.
        patients: (N,) patient of each.
        number: slices to make.
        seed: seed.

    Returns:
        images (number, C, H, W) float32, masks (number, M, H, W) uint8, and of each the place from 0 to N - 1 of the
        slice that its tumor is from.

    Raises:
        ValueError: when no slice has a mask or all have, or tumors hardly ever fit.
    """
    has_tumor = masks.any(axis=(1, 2, 3))
    sources, targets = np.flatnonzero(has_tumor), np.flatnonzero(~has_tumor)
    if not len(sources) or not len(targets):
        raise ValueError(
            f"slices must be with and without tumor to copy tumors, got {len(sources)} with and {len(targets)} "
            "without; set tumor=any, or copy none"
        )
    random = np.random.RandomState(seed)
    small = thumbnails(images)
    made_images, made_masks, origins = [], [], []
    for _ in range(TRIES * number):
        source = random.choice(sources)
        others = targets[patients[targets] != patients[source]]
        others = others if len(others) else targets
        target = random.choice(others[most_alike(small[others], small[source])])
        made = paste_tumor(images[source], masks[source], images[target], random)
        if made is not None:
            made_images.append(made[0])
            made_masks.append(made[1])
            origins.append(source)
        if len(origins) == number:
            return np.stack(made_images), np.stack(made_masks), np.array(origins)
    raise ValueError(
        f"tumors must fit into heads of other slices, got {len(origins)} of {number} in {TRIES * number} tries; "
        "copy none"
    )


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Return small copies of the images (N, C, H, W) as vectors (N, F) whose products are their correlations."""
    small = functional.adaptive_avg_pool2d(torch.from_numpy(images).float(), THUMBNAIL).flatten(1).numpy()
    small = small - small.mean(axis=1, keepdims=True)
    return small / (np.linalg.norm(small, axis=1, keepdims=True) + 1e-12)


def most_alike(candidates: np.ndarray, wanted: np.ndarray, least: float = -1.0) -> np.ndarray:
    """Return which of the thumbnails (N, F) are most like another one (F,): the best tenth of them, best first.

    Args:
        candidates: thumbnails to choose from.
        wanted: the thumbnail that they shall be like.
        least: correlation that they must have with it.
    """
    correlations = candidates @ wanted
    best = np.argsort(-correlations)[: max(1, round(ALIKE * len(candidates)))]
    return best[correlations[best] >= least]


def paste_tumor(
    image: np.ndarray, mask: np.ndarray, onto: np.ndarray, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray] | None:
    """Put the tumor of one slice, mirrored or not and moved a little, into another, see :func:`copy_tumors`.

    Args:
        image: slice with the tumor, (C, H, W) in [0, 1].
        mask: its mask, (M, H, W) with values {0, 1}.
        onto: slice without tumor, (C, H, W) in [0, 1]; the background is 0.
        random: gives what is drawn.

    Returns:
        ``onto`` with the tumor, (C, H, W) float32, and its mask, (M, H, W) uint8; None where it does not fit.
    """
    image, mask, onto = image.astype(np.float32), mask.astype(bool), onto.astype(np.float32)
    if random.rand() < 0.5:
        image, mask = image[..., ::-1], mask[..., ::-1]
    most = MAX_SHIFT * mask.shape[-1]
    shift = (0, *np.rint(random.uniform(-most, most, size=2)).astype(int))
    image, mask = ndimage.shift(image, shift, order=0), ndimage.shift(mask.astype(np.uint8), shift, order=0) > 0
    head = _head(onto)
    tumor = mask.any(axis=0)
    if not tumor.any() or (tumor & head).sum() < LEAST_INSIDE * tumor.sum():
        return None
    tumor &= head
    # Surroundings are tissue in both slices: beside the head of either is nothing to compare or to bring along.
    tissue = head & _head(image)
    ring = ndimage.binary_dilation(tumor, iterations=RING) & ~tumor & tissue
    if ring.any():
        image = image + (onto[:, ring].mean(axis=1) - image[:, ring].mean(axis=1))[:, None, None]
    # Soft around the tumor; the head ends where it ended.
    weight = np.maximum(ndimage.gaussian_filter(tumor.astype(np.float32), EDGE) * tissue, tumor)
    return (onto + weight * (image - onto)).clip(0, 1), (mask & head).astype(np.uint8)


def _head(image: np.ndarray) -> np.ndarray:
    """Return where the head of an image (C, H, W) is, (H, W) bool."""
    return ndimage.binary_fill_holes(image.max(axis=0) > BACKGROUND)
