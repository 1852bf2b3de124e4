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
"""A set of slices with their masks, patients and groups, and its halves by patient."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["LabeledSlices", "patient_halves"]

_TOLERANCE = 1e-4


@dataclass
class LabeledSlices:
    """Slices, their masks and the patient of each.

    Args:
        images: (N, C, H, W) in [0, 1]; kept as float32.
        masks: (N, M, H, W) with values {0, 1}; kept as uint8.
        patients: one name per slice; None for synthetic slices, which belong to nobody.
        classes: one class per slice; None where there are none.
        groups: what slices are told apart by besides, such as "scanner" or "sex" -> one value per slice, None where it
            is not known.

    Raises:
        ValueError: when shapes, values or the numbers of patients, classes or groups do not fit.
    """

    images: np.ndarray
    masks: np.ndarray
    patients: list[str] | None = None
    classes: list[str] | None = None
    groups: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A flipped view has strides that torch does not take.
        self.images = np.ascontiguousarray(self.images, dtype=np.float32)
        masks = np.asarray(self.masks)
        for name, array in (("images", self.images), ("masks", masks)):
            if array.ndim != 4 or 0 in array.shape:
                raise ValueError(f"{name} must have four dimensions and no empty side, got {array.shape}")
        low, high = float(self.images.min()), float(self.images.max())
        if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
            raise ValueError(
                f"images must lie in [0, 1], got {low:g} to {high:g}; scale each volume, or a generator's output by "
                "(x + 1) / 2"
            )
        if low < 0 or high > 1:
            self.images = self.images.clip(0, 1)
        if len(masks) != len(self.images) or masks.shape[2:] != self.images.shape[2:]:
            raise ValueError(
                f"masks must have the shape (N, M, H, W) that fits images {self.images.shape}, got {masks.shape}"
            )
        if not np.isin(masks, (0, 1)).all():
            raise ValueError(f"masks must hold only 0 and 1, got {masks.min()} to {masks.max()}; threshold them first")
        self.masks = np.ascontiguousarray(masks, dtype=np.uint8)
        self.patients, self.classes = (
            None if names is None else [str(name) for name in names] for names in (self.patients, self.classes)
        )
        for name, values in (("patients", self.patients), ("classes", self.classes), *self.groups.items()):
            if values is not None and len(values) != len(self.images):
                raise ValueError(f"{name} must have one name per slice, {len(self.images)}, got {len(values)} names")

    def __len__(self) -> int:
        return len(self.images)

    def digest(self) -> str:
        """Return 16 hexadecimal digits of the SHA-256 of images and masks: equal for equal slices in one order."""
        content = hashlib.sha256(repr((self.images.shape, self.masks.shape)).encode())
        for array in (self.images, self.masks):
            content.update(array.data)
        return content.hexdigest()[:16]

    def take(self, index: np.ndarray) -> LabeledSlices:
        """Return the slices at ``index`` (a one-dimensional array of positions)."""
        patients, classes = (
            None if names is None else [names[i] for i in index] for names in (self.patients, self.classes)
        )
        groups = {name: [values[i] for i in index] for name, values in self.groups.items()}
        return LabeledSlices(self.images[index], self.masks[index], patients, classes, groups)

    def sample(self, count: int, seed: int) -> LabeledSlices:
        """Return ``count`` random slices in their order, or all of them where there are no more."""
        if len(self) <= count:
            return self
        return self.take(np.sort(np.random.RandomState(seed).choice(len(self), count, replace=False)))


def patient_halves(patients: Sequence[str], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Divide slices into two halves so that no patient is in both.

    Patients are ordered by their number of slices, taken two at a time, and a coin decides which of the two goes where;
    an odd one out goes to the smaller half. So the halves differ by few slices, and seeds give different halves.

    Args:
        patients: the patient of each slice.
        seed: seed of the coin.

    Returns:
        the positions of the slices of each half, ascending.

    Raises:
        ValueError: when there are fewer than two patients.
    """
    names, codes, counts = np.unique(np.asarray(patients, dtype=str), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"patients must name at least 2 patients to be divided into halves, got {len(names)}")
    random = np.random.RandomState(seed)
    order = random.permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    halves: tuple[list[int], list[int]] = ([], [])
    for first, second in zip(order[0::2], order[1::2], strict=False):
        side = random.randint(2)
        halves[side].append(first)
        halves[1 - side].append(second)
    if len(order) % 2:
        sizes = [counts[half].sum() for half in halves]
        halves[int(np.argmin(sizes))].append(order[-1])
    in_first = np.isin(codes, halves[0])
    return np.flatnonzero(in_first), np.flatnonzero(~in_first)
