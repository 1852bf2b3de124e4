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
"""The slices that the networks of a group are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_dcgan.data import SliceDataset, SliceStore
from monai_dcgan.downstream.arms import Arm, Ingredient
from monai_dcgan.downstream.batches import Slices, slices_of
from monai_dcgan.downstream.generators import GeneratorTraining
from monai_dcgan.downstream.plan import Group
from monai_dcgan.downstream.pool import Pool, shuffled
from monai_dcgan.transforms import copy_tumors
from monai_dcgan.utils.enums import Keys, Split

__all__ = ["Material"]

POOL_SEED = 2**20
"""Added to the seed of a group for its synthetic slices, so that they are others than those of the sample grids."""


class Material:
    """The slices of a group, each kind made when it is first asked for.

    Args:
        store: slices of all patients.
        group: the group.
        splits: patient -> part, as the group has it.
        generator: trains the group's generator.
        folder: folder of the generator's training.
        pool: synthetic slices of the generator.
        segment: masks (N, M, H, W) of images (N, C, H, W) by a segmenter of the group, for a pool that needs one.
        device: device of the generator.

    Attributes:
        pool_record: which synthetic slices were left out; None before they are made.
    """

    def __init__(
        self,
        store: SliceStore,
        group: Group,
        splits: Mapping[str, str],
        generator: GeneratorTraining,
        folder: Path,
        pool: Pool,
        segment: Callable[[np.ndarray], np.ndarray],
        device: torch.device,
    ) -> None:
        self.store = store
        self.group = group
        self.splits = splits
        self.generator = generator
        self.folder = folder
        self.pool = pool
        self.segment = segment
        self.device = device
        self.pool_record: dict[str, Any] | None = None

    def of(self, arm: Arm) -> tuple[Slices | None, Slices | None]:
        """Return the real slices of an arm and those that no scanner made; None for none."""
        real = self.real if arm.real else None
        if not arm.made:
            return real, None
        made = Slices.joined([self._made(ingredient) for ingredient in arm.made])
        return real, (shuffled(made, self._seed) if arm.shuffled else made)

    @cached_property
    def real(self) -> Slices:
        """Slices of the training patients."""
        return slices_of(self._training)

    @cached_property
    def synthetic(self) -> Slices:
        """Slices of the generator, which is trained first where that is still to do."""
        run = self.generator.run(self.folder, self.splits, self.group.seed)
        segment = self.segment if self.pool.needs_segmenter else None
        slices, self.pool_record = self.pool.make(run, self.real, self.store, self._seed, segment, self.device)
        return slices

    @property
    def _training(self) -> SliceDataset:
        return SliceDataset(self.store, splits=self.splits, part=Split.TRAIN)

    @property
    def _seed(self) -> int:
        return POOL_SEED + self.group.seed

    def _made(self, ingredient: Ingredient) -> Slices:
        if ingredient == Ingredient.SYNTHETIC:
            return self.synthetic
        if ingredient == Ingredient.COPIED:
            patients = np.array([record[Keys.PATIENT] for record in self._training.data])
            return self._with_copies(self.real, patients)
        both = Slices.joined([self.real, self.synthetic])
        is_synthetic = np.arange(len(both)) >= len(self.real)
        # Real slices without tumor, synthetic ones with.
        chosen = np.flatnonzero(both.masks.any(axis=(1, 2, 3)) == is_synthetic)
        return self._with_copies(both.take(chosen), is_synthetic[chosen])

    def _with_copies(self, slices: Slices, owners: np.ndarray) -> Slices:
        """Return slices of one owner with the tumors of another."""
        images, masks, origins = copy_tumors(slices.images, slices.masks, owners, self.pool.number, self._seed)
        return Slices(images, masks, slices.classes[origins])
