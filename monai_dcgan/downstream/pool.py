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
"""The synthetic slices that the networks of a group are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from monai_dcgan.data import SliceStore, SyntheticDataset, find_near_duplicates
from monai_dcgan.data.work import WITH_TUMOR, WITHOUT_TUMOR
from monai_dcgan.downstream.batches import Slices
from monai_dcgan.downstream.scores import dice
from monai_dcgan.metrics import mask_statistics
from monai_dcgan.utils.checks import check_fraction, check_positive, check_positive_int
from monai_dcgan.utils.enums import Keys

__all__ = ["Pool", "cleaned", "shuffled"]

OUTLINE = 1.0
"""Standard deviation, in pixels, of the smoothing of outlines."""


@dataclass(frozen=True)
class Pool:
    """Which slices of a generator are shown to networks, and with which masks.

    Where the classes are those of a slice with and without tumor, a synthetic slice has the class that its mask says.

    Args:
        number: slices to choose from.
        truncation: limit of the latents, see :class:`~monai_dcgan.inferers.LatentSampler`; None for none.
        plausible: leave out slices whose mask is larger, smaller or in more parts than any of the real training slices.
        memorized: keep slices that are nearly the same picture as a real training slice; False leaves them out.
        healthy: keep slices without tumor; False leaves them out, and networks see those of real patients alone.
        agreement: keep slices with a mask whose Dice with what a segmenter finds lies from the first to the second of
            these; the segmenter is that of the arm of real slices that others are compared with. None for no such rule.
        relabel: give slices the masks that this segmenter finds; the other rules look at these.
        clean: smooth the outlines of masks and fill their holes, before any rule; specks go.

    Raises:
        ValueError: when an argument is out of its range.
    """

    number: int = 2000
    truncation: float | None = None
    plausible: bool = True
    memorized: bool = False
    healthy: bool = True
    agreement: Sequence[float] | None = None
    relabel: bool = False
    clean: bool = False

    def __post_init__(self) -> None:
        check_positive_int("number", self.number)
        if self.truncation is not None:
            check_positive("truncation", self.truncation)
        if self.agreement is not None:
            if len(self.agreement) != 2 or self.agreement[0] > self.agreement[1]:
                raise ValueError(f"agreement must be two shares, the lower one first, got {self.agreement}")
            for share in self.agreement:
                check_fraction("agreement", share)

    @property
    def needs_segmenter(self) -> bool:
        """Whether a segmenter has a say."""
        return self.agreement is not None or self.relabel

    def make(
        self,
        run: Path,
        real: Slices,
        store: SliceStore,
        seed: int,
        segment: Callable[[np.ndarray], np.ndarray] | None = None,
        device: torch.device | None = None,
    ) -> tuple[Slices, dict[str, Any]]:
        """Return synthetic slices and a record of what was left out, by the first rule that it broke.

        Args:
            run: folder of the generator's training.
            real: slices that it was trained on.
            store: store that they are from.
            seed: seed of the slices.
            segment: masks (N, M, H, W) of images (N, C, H, W) by the segmenter, needed where it has a say.
            device: device of the generator; a GPU where there is one when None.

        Raises:
            ValueError: when no slice is left.
        """
        made = self._drawn(run, seed, device)
        if self.clean:
            made = Slices(made.images, cleaned(made.masks), made.classes)
        kept = np.ones(len(made), dtype=bool)
        record = {"made": len(made)}

        def leave_out(rule: str, broken: np.ndarray) -> None:
            record[rule] = int((kept & broken).sum())
            kept[broken] = False

        if self.needs_segmenter:
            if segment is None:
                raise ValueError("segment must be given for agreement and relabel, got None")
            found = segment(made.images)
            if self.agreement is not None:
                leave_out("agreement", ~_agree(made.masks, found, *self.agreement))
            if self.relabel:
                made = Slices(made.images, found, made.classes)
        # The masks that networks will see.
        if self.plausible:
            leave_out("implausible", ~_plausible(made.masks, real.masks))
        if not self.memorized:
            leave_out("memorized", _memorized(made.images, real.images))
        if not self.healthy:
            leave_out("healthy", np.asarray(~made.masks.any(axis=(1, 2, 3))))
        if {WITH_TUMOR, WITHOUT_TUMOR} == set(store.class_names):
            numbers = [store.class_names.index(name) for name in (WITH_TUMOR, WITHOUT_TUMOR)]
            made = Slices(made.images, made.masks, np.where(made.masks.any(axis=(1, 2, 3)), *numbers))
        if not kept.any():
            raise ValueError(
                f"rules must leave synthetic slices of {run}, got none ({record}); train longer, or loosen them"
            )
        return made.take(np.flatnonzero(kept)), record

    def _drawn(self, run: Path, seed: int, device: torch.device | None) -> Slices:
        options: dict[str, Any] = {} if device is None else {"device": str(device)}
        dataset = SyntheticDataset(run, num=self.number, seed=seed, truncation=self.truncation, **options)
        items = [dataset[place] for place in range(len(dataset))]
        images, masks = (np.stack([np.asarray(item[key]) for item in items]) for key in (Keys.IMAGE, Keys.LABEL))
        return Slices(images, masks, np.array([int(item.get(Keys.CLASS_INDEX, 0)) for item in items]))


def shuffled(slices: Slices, seed: int) -> Slices:
    """Return the images with the masks and classes of others."""
    order = np.random.RandomState(seed).permutation(len(slices))
    return Slices(slices.images, slices.masks[order], slices.classes[order])


def cleaned(masks: np.ndarray) -> np.ndarray:
    """Return masks (N, M, H, W) with smooth outlines and without holes."""
    smooth = ndimage.gaussian_filter(masks.astype(np.float32), (0, 0, OUTLINE, OUTLINE)) > 0.5
    plane = np.zeros((1, 1, 3, 3), dtype=bool)
    plane[0, 0] = ndimage.generate_binary_structure(2, 1)
    return ndimage.binary_fill_holes(smooth, plane).astype(masks.dtype)


def _plausible(masks: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return (N,) bool: masks that are empty, or within the range of area and parts of those of real slices."""
    area, parts = _area_and_parts(masks)
    empty = area == 0
    with_mask = real[real.any(axis=(1, 2, 3))]
    if len(with_mask) == 0:
        return empty
    real_area, real_parts = _area_and_parts(with_mask)
    return empty | ((area >= real_area.min()) & (area <= real_area.max()) & (parts <= real_parts.max()))


def _area_and_parts(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    statistics = mask_statistics(masks.max(axis=1, keepdims=True))
    return statistics.area[:, 0], statistics.parts[:, 0]


def _memorized(images: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return (N,) bool: images that are nearly the same picture as one of ``real``."""
    both = np.concatenate([real, images]).astype(np.float32)
    owners = [*["real"] * len(real), *["synthetic"] * len(images)]
    pairs = find_near_duplicates(both, owners, max_pairs=len(both) ** 2)
    copies = np.zeros(len(images), dtype=bool)
    copies[[pair.second - len(real) for pair in pairs]] = True
    return copies


def _agree(masks: np.ndarray, found: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return (N,) bool: slices whose two masks have a Dice from ``low`` to ``high``; those that show no tumor stay."""
    agreement = np.array([dice(*pair) for pair in zip(masks, found, strict=True)])
    return (agreement >= low) & (agreement <= high) | ~masks.any(axis=(1, 2, 3)) & ~found.any(axis=(1, 2, 3))
