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
"""Slices that were given the tumor of another slice."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from monai_dcgan.downstream.batches import Slices

__all__ = ["copy_tumors"]

EDGE = 1.0
"""Standard deviation, in pixels, of the soft edge of a copied tumor."""
RING = 3
"""Width, in pixels, of the surroundings whose brightness is matched."""
MAX_SHIFT = 0.05
"""Greatest shift of a tumor, as a share of the slice's side."""
LEAST_INSIDE = 0.9
"""Share of a tumor that must lie within the head of its new slice."""
TRIES = 20
ALIKE = 0.1
"""Share of the slices, the most alike ones, that a tumor may be copied to: those of its level of the head."""
THUMBNAIL = 16


def copy_tumors(slices: Slices, patients: np.ndarray, number: int, seed: int) -> Slices:
    """Make slices by copying tumors into slices without, of other patients where there are several.

    As in TumorCP (Yang et al. 2021, https://arxiv.org/abs/2107.09843): the tumor with a soft edge, mirrored or not and
    moved a little, takes the place of what was there; its brightness is changed by the difference of the surroundings.
    It goes to one of the slices that are most like its own, so that it stays at its level of the head.
    The mask is that of the tumor within the head. No generator is needed: what slices of a generator are worth has to
    be seen beside these.

    Args:
        slices: slices with and without a mask, (N, C, H, W) and (N, M, H, W); the background is 0.
        patients: (N,) patient of each.
        number: slices to make.
        seed: seed.

    Returns:
        ``number`` slices with the class of those whose tumors they have.

    Raises:
        ValueError: when no slice has a mask or all have, or tumors hardly ever fit.
    """
    has_tumor = slices.masks.any(axis=(1, 2, 3))
    sources, targets = np.flatnonzero(has_tumor), np.flatnonzero(~has_tumor)
    if not len(sources) or not len(targets):
        raise ValueError(
            f"slices must be with and without tumor to copy tumors, got {len(sources)} with and {len(targets)} "
            "without; set tumor=any, or leave the ingredient copied out"
        )
    random = np.random.RandomState(seed)
    likeness = _likeness(slices.images)
    images, masks, classes = [], [], []
    for _ in range(TRIES * number):
        source = random.choice(sources)
        others = targets[patients[targets] != patients[source]]
        others = others if len(others) else targets
        most_alike = others[np.argsort(-likeness[source, others])][: max(1, round(ALIKE * len(others)))]
        target = random.choice(most_alike)
        made = _paste(slices.images[source], slices.masks[source], slices.images[target], random)
        if made is not None:
            images.append(made[0])
            masks.append(made[1])
            classes.append(slices.classes[source])
        if len(images) == number:
            return Slices(np.stack(images), np.stack(masks), np.array(classes))
    raise ValueError(
        f"tumors must fit into heads of other slices, got {len(images)} of {number} in {TRIES * number} tries; "
        "leave the ingredient copied out"
    )


def _likeness(images: np.ndarray) -> np.ndarray:
    """Return the correlations (N, N) of small copies of the images (N, C, H, W)."""
    small = functional.adaptive_avg_pool2d(torch.from_numpy(images).float(), THUMBNAIL).flatten(1).numpy()
    small = small - small.mean(axis=1, keepdims=True)
    small /= np.linalg.norm(small, axis=1, keepdims=True) + 1e-12
    return small @ small.T


def _paste(
    image: np.ndarray, mask: np.ndarray, onto: np.ndarray, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return ``onto`` (C, H, W) with the tumor of ``image``, and its mask; None where it does not fit."""
    image, mask, onto = image.astype(np.float32), mask.astype(bool), onto.astype(np.float32)
    if random.rand() < 0.5:
        image, mask = image[..., ::-1], mask[..., ::-1]
    most = MAX_SHIFT * mask.shape[-1]
    shift = (0, *np.rint(random.uniform(-most, most, size=2)).astype(int))
    image, mask = ndimage.shift(image, shift, order=0), ndimage.shift(mask.astype(np.uint8), shift, order=0) > 0
    head = ndimage.binary_fill_holes(onto.max(axis=0) > 0)
    tumor = mask.any(axis=0)
    if not tumor.any() or (tumor & head).sum() < LEAST_INSIDE * tumor.sum():
        return None
    tumor &= head
    ring = ndimage.binary_dilation(tumor, iterations=RING) & ~tumor & head
    if ring.any():
        image = image + (onto[:, ring].mean(axis=1) - image[:, ring].mean(axis=1))[:, None, None]
    # Soft within the tumor's rim and without; the head ends where it ended.
    weight = np.maximum(ndimage.gaussian_filter(tumor.astype(np.float32), EDGE), tumor) * head
    return (onto + weight * (image - onto)).clip(0, 1), (mask & head).astype(np.uint8)
