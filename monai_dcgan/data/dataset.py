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
"""A map-style data set of slices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from monai_dcgan.data.store import SliceStore
from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import Keys, Split

__all__ = ["SliceDataset"]


class SliceDataset(Dataset):
    """Slices of a store, or of some of its patients.

    Args:
        store: the store.
        indices: which slices, in which order; all when nothing else is given.
        patients: take the slices of these patients.
        splits: patient -> part, as ``split_patients`` returns it; goes with ``part``.
        part: take the slices of the patients of this part.
        transform: applied to each item, as any MONAI transform or ``Compose``.

    Attributes:
        data: one record per item: patient, case, class_name, fold and the rest of the store's columns.

    Raises:
        ValueError: when more than one way to choose is given, or nothing is left.

    Example:
        >>> item = SliceDataset(store, splits=splits, part="train")[0]
        >>> item["image"].shape, item["label"].shape, item["class_index"]
        (torch.Size([1, 64, 64]), torch.Size([1, 64, 64]), 0)
    """

    def __init__(
        self,
        store: SliceStore,
        indices: Iterable[int] | None = None,
        *,
        patients: Collection[str] | None = None,
        splits: Mapping[str, str] | None = None,
        part: str | None = None,
        transform: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        if sum(given is not None for given in (indices, patients, splits)) > 1 or (splits is None) != (part is None):
            raise ValueError("give at most one of indices, patients, and splits together with part")
        if splits is not None and part is not None:
            check_choice("part", part, Split)
            patients = [name for name in store.patients if str(splits.get(name, "")) == str(part)]
            missing = [name for name in store.patients if name not in splits]
            if missing:
                raise ValueError(f"splits must name every patient of the store, got none for {missing[:5]}")
        chosen = store.indices(patients) if indices is None else np.asarray(list(indices), dtype=np.int64)
        if part is not None and len(chosen) == 0:
            raise ValueError(f"part must be one that has patients, the split puts none into {str(part)!r}")
        if len(chosen) == 0:
            raise ValueError(f"a data set must hold at least one slice, got none (patients {patients})")
        if chosen.min() < 0 or chosen.max() >= len(store):
            raise ValueError(f"indices must be from 0 to {len(store) - 1}, got {chosen.min()} to {chosen.max()}")
        self.store, self.index, self.transform = store, chosen, transform
        self.data = [store.slices[i] for i in chosen]
        names = {name: number for number, name in enumerate(store.class_names)}
        self.class_index = np.array([names.get(record[Keys.CLASS_NAME], 0) for record in self.data], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, position: int) -> Any:
        """Return one item.

        Returns:
            ``image`` float32 (C, H, W) in [0, 1], ``label`` float32 (M, H, W) with values 0 and 1, ``class_index`` (0
            where the data has no classes), ``patient``; after ``transform`` whatever it makes of them.
        """
        position = range(len(self.index))[position]
        image, mask = self.store.read(self.index[position])
        item: dict[str, Any] = {
            str(Keys.IMAGE): torch.from_numpy(image.astype(np.float32)),
            str(Keys.LABEL): torch.from_numpy(mask.astype(np.float32)),
            "class_index": int(self.class_index[position]),
            str(Keys.PATIENT): self.data[position][Keys.PATIENT],
        }
        return item if self.transform is None else self.transform(item)

    def groups(self) -> dict[str, list[str | float | None]]:
        """Return by what the items can be grouped, to compare subgroups of patients.

        Returns:
            ``class``, ``sex``, ``age`` in years, ``scanner`` and ``site``, those that any item has -> the value for
            each item, None where the data set gives none; see ``find_cases`` for where they come from.

        Raises:
            ValueError: when the store is not complete, or the file of its cases is damaged.

        Example:
            >>> SliceDataset(store, splits=splits, part="test").groups()["sex"][:3]
            ['female', 'female', None]
        """
        return self.store.groups(self.index)

    def as_arrays(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Load all slices, untransformed: images (N, C, H, W) float32, masks (N, M, H, W) uint8, N patients."""
        return self.store.as_arrays(self.index)
