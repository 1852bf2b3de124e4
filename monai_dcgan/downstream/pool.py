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
"""The generator of a group and the synthetic slices that its networks are shown."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_dcgan.data import SliceStore, SyntheticDataset, load_splits, save_splits
from monai_dcgan.data.work import WITH_TUMOR, WITHOUT_TUMOR
from monai_dcgan.downstream.batches import Slices
from monai_dcgan.metrics import mask_statistics
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.enums import Keys, SliceClass, Split
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import DCGANWorkflow, config_file

__all__ = ["GeneratorTraining", "Pool", "check_origin", "shuffled"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GeneratorTraining:
    """Trains the generator of a group by the bundle's ``train.json``.

    Args:
        settings: settings of the training by id, as a run records them; data, split and seed are set here.
    """

    settings: Mapping[str, Any]

    def run(self, folder: Path, splits: Mapping[str, str], seed: int) -> Path:
        """Train on the training patients of ``splits``, or go on, or do nothing for a complete run.

        Args:
            folder: folder of the run.
            splits: patient -> part.
            seed: seed of the training.

        Returns:
            ``folder``.
        """
        record, split_file = folder / "run.json", folder.with_name(f"{folder.name}_split.json")
        if not (record.exists() and read_json(record)["status"] == "completed"):
            save_splits(splits, split_file)
            override = {
                **self.settings,
                "split_file": str(split_file),
                "output_dir": str(folder),
                "seed": seed,
                "resume": record.exists(),
            }
            workflow = DCGANWorkflow(config_file("train"), override, logging_file=False)
            workflow.initialize()
            workflow.run()
            workflow.finalize()
        check_origin(folder, splits)
        return folder


def check_origin(run: Path, splits: Mapping[str, str]) -> None:
    """Refuse a generator that was trained on anyone else than the training patients of ``splits``.

    Raises:
        ValueError: when it was; the text names the part of the first one.
    """
    for patient, part in load_splits(run / "split.json").items():
        if part == Split.TRAIN and str(splits.get(patient)) != str(Split.TRAIN):
            raise ValueError(
                f"the generator in {run} must be trained on training patients alone, got {patient!r} of the part "
                f"{splits.get(patient, 'none')!s}; delete the folder to train it anew"
            )


@dataclass(frozen=True)
class Pool:
    """Synthetic slices of a generator.

    Where the classes are those of a slice with and without tumor, a synthetic slice has the class that its mask says,
    as real ones do.

    Args:
        number: slices to choose from.
        plausible: whether slices with a mask are left out whose mask is larger, smaller or in more parts than any of
            the real training slices.

    Raises:
        ValueError: when ``number`` is no positive whole number.
    """

    number: int = 2000
    plausible: bool = True

    def __post_init__(self) -> None:
        check_positive_int("number", self.number)

    def make(self, run: Path, real: Slices, store: SliceStore, seed: int) -> tuple[Slices, dict[str, Any]]:
        """Return synthetic slices and a record of what was left out.

        Args:
            run: folder of the generator's training.
            real: slices that it was trained on.
            store: store that they are from.
            seed: seed of the slices.
        """
        dataset = SyntheticDataset(run, num=self.number, seed=seed)
        items = [dataset[place] for place in range(len(dataset))]
        images = np.stack([np.asarray(item[Keys.IMAGE]) for item in items])
        masks = np.stack([np.asarray(item[Keys.LABEL]) for item in items]).astype(np.uint8)
        classes = np.array([int(item.get(Keys.CLASS_INDEX, 0)) for item in items])
        if store.settings["slice_class"] == str(SliceClass.TUMOR):
            numbers = [store.class_names.index(name) for name in (WITH_TUMOR, WITHOUT_TUMOR)]
            classes = np.where(masks.any(axis=(1, 2, 3)), *numbers)
        kept = _plausible(masks, real.masks) if self.plausible else np.ones(len(masks), dtype=bool)
        empty = ~masks.any(axis=(1, 2, 3))
        record = {"made": len(masks), "implausible": int((~kept).sum()), "empty": int(empty.sum())}
        return Slices(images, masks, classes).take(np.flatnonzero(kept)), record


def shuffled(slices: Slices, seed: int) -> Slices:
    """Return the images with the masks and classes of others."""
    order = np.random.RandomState(seed).permutation(len(slices))
    return Slices(slices.images, slices.masks[order], slices.classes[order])


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
