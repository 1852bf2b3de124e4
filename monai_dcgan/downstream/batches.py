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
"""Batches of real and synthetic slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.utils import StrEnum

from monai_dcgan.data import SliceDataset
from monai_dcgan.utils.checks import check_choice, check_count, check_fraction, check_positive_int
from monai_dcgan.utils.enums import Keys
from monai_dcgan.utils.randomness import Stream, philox

__all__ = ["MixSchedule", "MixedBatches", "Mixing", "Slices", "slices_of"]


@dataclass(frozen=True, eq=False)
class Slices:
    """Labeled slices in memory.

    Args:
        images: (N, C, H, W) in [0, 1]; kept as float16.
        masks: (N, M, H, W) with values {0, 1}; kept as uint8.
        classes: (N,) class indices.
    """

    images: np.ndarray
    masks: np.ndarray
    classes: np.ndarray

    def __post_init__(self) -> None:
        counts = {len(array) for array in (self.images, self.masks, self.classes)}
        if len(counts) != 1 or 0 in counts:
            raise ValueError(f"images, masks and classes must be as many and at least one, got {sorted(counts)}")
        for name, kind in (("images", np.float16), ("masks", np.uint8), ("classes", np.int64)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=kind))

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def joined(cls, parts: Sequence[Slices]) -> Slices:
        """Return the slices of all ``parts``, at least one."""
        names = ("images", "masks", "classes")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, index: np.ndarray) -> Slices:
        """Return the slices at ``index``."""
        return Slices(self.images[index], self.masks[index], self.classes[index])


def slices_of(dataset: SliceDataset) -> Slices:
    """Load the slices of a data set into memory."""
    images, masks, _ = dataset.store.as_arrays(dataset.index)
    return Slices(images, masks, dataset.class_index)


class MixSchedule(StrEnum):
    """How the share of synthetic slices changes in the course of a training.

    ``constant``: it does not. ``fade``: it falls evenly to 0. ``pretrain``: synthetic slices alone, then real ones
    alone.
    """

    CONSTANT = "constant"
    FADE = "fade"
    PRETRAIN = "pretrain"


@dataclass(frozen=True)
class Mixing:
    """Share of synthetic slices in the batches.

    Args:
        share: share at the start, from 0 to 1; ``pretrain`` does not use it.
        schedule: one of :class:`MixSchedule`.
        until: share of the training's steps after which no synthetic slice is shown; ``constant`` does not use it.

    Raises:
        ValueError: when an argument is out of its range.
    """

    share: float = 0.5
    schedule: str = MixSchedule.CONSTANT
    until: float = 0.5

    def __post_init__(self) -> None:
        check_fraction("share", self.share)
        check_choice("schedule", self.schedule, MixSchedule)
        check_fraction("until", self.until)
        if self.until == 0 and str(self.schedule) != str(MixSchedule.CONSTANT):
            raise ValueError("until must be above 0 for a schedule, got 0; it would show no synthetic slice")

    def share_at(self, progress: float) -> float:
        """Return the share of synthetic slices when ``progress``, from 0 to 1, of the training is done."""
        if str(self.schedule) == str(MixSchedule.FADE):
            return self.share * max(0.0, 1.0 - progress / self.until)
        if str(self.schedule) == str(MixSchedule.PRETRAIN):
            return float(progress < self.until)
        return self.share


class MixedBatches:
    """The batches of a training: as many of each class in every arm, a share of them synthetic.

    Classes take turns in a batch, those that have real slices; or, without real slices, those that have synthetic ones.
    So arms differ in where slices come from and not in how often a class is shown. A class that has real slices and no
    synthetic ones is shown with real ones alone, see ``real_alone``. What a step shows depends on the
    seed and the step alone.

    Args:
        real: slices of the training patients, or None.
        synthetic: synthetic slices, or None.
        mixing: share of synthetic slices where there are both.
        batch_size: slices in a batch.
        steps: number of batches.
        transform: applied to every slice that is shown, such as a MONAI ``Compose`` on ``image`` (C, H, W) and
            ``label`` (M, H, W); None for none. Its randomness is seeded anew by ``seed``.
        seed: seed.

    Attributes:
        real_alone: classes that have no synthetic slices though there are some of others.

    Raises:
        ValueError: when there are no slices, or synthetic ones show no class of the real ones.
    """

    def __init__(
        self,
        real: Slices | None,
        synthetic: Slices | None,
        mixing: Mixing,
        batch_size: int,
        steps: int,
        transform: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        seed: int = 0,
    ) -> None:
        check_positive_int("batch_size", batch_size)
        check_positive_int("steps", steps)
        check_count("seed", seed)
        first = real or synthetic
        if first is None:
            raise ValueError("real and synthetic must not both be None; there is nothing to train on")
        self.classes = np.unique(first.classes)
        # Whether synthetic -> slices, and their places by class.
        self._slices = {kind: slices for kind, slices in ((False, real), (True, synthetic)) if slices is not None}
        self._places = {
            kind: [np.flatnonzero(slices.classes == number) for number in self.classes]
            for kind, slices in self._slices.items()
        }
        self.real_alone = [int(number) for turn, number in enumerate(self.classes) if self._missing(turn)]
        if len(self.real_alone) == len(self.classes):
            raise ValueError(f"synthetic slices must show a class of the real ones, got none of {self.real_alone}")
        self.mixing = mixing
        self.batch_size = batch_size
        self.steps = steps
        self.transform = transform
        self.seed = seed

    def _missing(self, turn: int) -> bool:
        return True in self._places and len(self._places[True][turn]) == 0

    def __len__(self) -> int:
        """Return the number of batches."""
        return self.steps

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches.

        Yields:
            ``image`` float32 (B, C, H, W), ``label`` float32 (B, M, H, W) with values 0 and 1, ``class_index`` int64
            (B,), ``synthetic`` bool (B,).
        """
        if self.transform is not None and hasattr(self.transform, "set_random_state"):
            self.transform.set_random_state(seed=self.seed)
        for step in range(self.steps):
            items = [self._item(*drawn) for drawn in self._draw(step)]
            yield {name: torch.stack([torch.as_tensor(item[name]) for item in items]) for name in items[0]}

    def _draw(self, step: int) -> Iterator[tuple[bool, int]]:
        """Yield of each slice of a batch whether it is synthetic, and its place."""
        random = philox(self.seed, Stream.DOWNSTREAM, step)
        # Classes go on where the last batch stopped; among those of a class the share is that of the batch.
        turns = (np.arange(self.batch_size) + step * self.batch_size) % len(self.classes)
        synthetic = np.zeros(self.batch_size, dtype=bool)
        for turn in range(len(self.classes)):
            own = np.flatnonzero(turns == turn)
            number = int(self._share(turn, step / self.steps) * len(own) + random.random())
            synthetic[own[:number]] = True
        for turn, made in zip(turns.tolist(), synthetic.tolist(), strict=True):
            places = self._places[made][turn]
            yield made, int(places[random.integers(len(places))])

    def _share(self, turn: int, progress: float) -> float:
        """Return the share of synthetic slices among those of a class."""
        if len(self._slices) == 1:
            return float(True in self._slices)
        return 0.0 if self._missing(turn) else self.mixing.share_at(progress)

    def _item(self, synthetic: bool, place: int) -> dict[str, Any]:
        slices = self._slices[synthetic]
        item = {
            str(Keys.IMAGE): torch.from_numpy(slices.images[place]).float(),
            str(Keys.LABEL): torch.from_numpy(slices.masks[place]).float(),
        }
        if self.transform is not None:
            item = self.transform(item)
        return {**item, str(Keys.CLASS_INDEX): int(slices.classes[place]), "synthetic": synthetic}
