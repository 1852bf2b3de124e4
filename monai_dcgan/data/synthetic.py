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
"""Synthetic slices as a map-style data set, to put beside the real ones of an existing project."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import Dataset, MetaTensor

from monai_dcgan.data.making import PictureMaker, parsed
from monai_dcgan.data.slice_files import DATASET, NIFTI_BRIGHTEST
from monai_dcgan.data.synthetic_set import SyntheticSet
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.enums import Keys
from monai_dcgan.workflow import inference_workflow

__all__ = ["SyntheticDataset"]

SYNTHETIC = "synthetic"
AFFINE = torch.eye(3, dtype=torch.float64)  # of two dimensions, as MONAI has for pictures and squeezed volumes


class SyntheticDataset(Dataset):
    """Labeled synthetic slices, made by a generator when they are asked for, or read from files.

    Items are ``{"image": MetaTensor float32 (C, H, W) in [0, 1], "label": MetaTensor float32 (M, H, W) with values 0
    and 1, "synthetic": True}``, and ``class_index`` where there are classes. Item ``i`` is slice ``i`` of
    ``monai-dcgan generate`` with the same seed, number and rules: image values are those of its NIfTI files, in steps
    of 1/1000. Slices stay in memory, two bytes a pixel, which forked workers of a ``DataLoader`` share; a pickled copy
    has its own. On a CPU they are made in batches on demand; at once on a GPU, which workers cannot use, and where
    rules on masks must see every slice anyway.

    Slices are pictures, upright: row 0 is anterior and column 0 the patient's right in axial ones. A project whose
    slices are indexed [x, y], as MONAI loads volumes, puts ``Transposed(keys, (0, 2, 1))`` into ``transform``, and
    behind it ``Flipd(keys, (0, 1))`` if its volumes are oriented to RAS. Its slices must show what those of the
    training showed: the same plane, crop, pixel size and intensities.

    Where batches mix these items with others, all must have the same keys: end both transforms with
    ``SelectItemsd(keys)``, and with ``EnsureTyped(keys, track_meta=False)`` where the others have another affine than
    (3, 3), as slices of a volume that were not squeezed have.

    Args:
        source: folder of a training run or of a bundle, or weights with their ``network.json`` beside them; or a folder
            that ``monai-dcgan generate`` wrote.
        num: number of slices; by default as in ``inference.json`` for a generator, all for a folder.
        seed: seed of a generator's slices; a folder has its own.
        transform: applied to each item, as in ``monai.data.Dataset``.
        class_name: take slices of this class alone, ``num`` of them.
        class_names: names of the classes by their index, such as ``SliceStore.class_names``; needed for
            ``class_name`` where the set itself does not name its classes.
        image_key: key of the image in the items.
        label_key: key of the mask in the items.
        options: further ids of ``inference.json`` for a generator, such as ``min_mask_area``, ``max_mask_area``,
            ``max_mask_parts``, ``device``, ``batch_size``.

    Attributes:
        data: the items before ``transform``, a sequence.

    Raises:
        FileNotFoundError: when there is no generator or no set.
        ValueError: when an argument is out of its range, unknown, or does not go with ``source``.

    Example:
        >>> synthetic = SyntheticDataset("RUN", num=1000, min_mask_area=0.002, transform=SelectItemsd(keys))
        >>> train = torch.utils.data.ConcatDataset([own_slices, synthetic])
    """

    def __init__(
        self,
        source: str | Path,
        num: int | None = None,
        seed: int = 0,
        transform: Sequence[Callable[..., Any]] | Callable[..., Any] | None = None,
        class_name: str | None = None,
        class_names: Sequence[str] | None = None,
        image_key: str = Keys.IMAGE,
        label_key: str = Keys.LABEL,
        **options: Any,
    ) -> None:
        if num is not None:
            check_positive_int("num", num)
        names = [] if class_names is None else [str(name) for name in class_names]
        if isinstance(class_names, str) or len(set(names)) < len(names):
            raise ValueError(f"class_names must be a list of different names, got {class_names!r}")
        slices: _Made | _Stored
        if (Path(source) / DATASET).is_file():
            if seed or options:
                given = [*(["seed"] if seed else []), *options]
                raise ValueError(
                    f"{', '.join(given)} must be left out for a set that is made, got {source}; give them to "
                    "monai-dcgan generate, or give the folder of the run"
                )
            slices = _Stored(SyntheticSet(source), num, class_name, names)
        else:
            slices = _Made(source, num, seed, class_name, names, options)
        super().__init__(_Items(slices, str(image_key), str(label_key)), transform)


class _Items(Sequence):
    """Slices as items of a data set: ``image`` and ``label`` under their keys."""

    def __init__(self, slices: _Made | _Stored, image_key: str, label_key: str) -> None:
        self.slices, self.image_key, self.label_key = slices, image_key, label_key

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, index: Any) -> Any:
        image, mask, class_index = self.slices.read(range(len(self))[index])
        item = {
            self.image_key: MetaTensor(torch.from_numpy(image), affine=AFFINE.clone()),
            self.label_key: MetaTensor(torch.from_numpy(mask.astype(np.float32)), affine=AFFINE.clone()),
            SYNTHETIC: True,
        }
        return item if class_index is None else {**item, str(Keys.CLASS_INDEX): class_index}


class _Stored:
    """Slices of a folder."""

    def __init__(self, stored: SyntheticSet, num: int | None, class_name: str | None, names: list[str]) -> None:
        names = names or stored.class_names
        classes = [stored.class_index(index, names) for index in range(len(stored))]
        wanted = None if class_name is None else _index_of(class_name, names)
        if wanted is not None and wanted not in classes:
            raise ValueError(f"class_name must be a class of the set, got {class_name!r}, of which there is no slice")
        index = [place for place, own_class in enumerate(classes) if wanted in (None, own_class)]
        if num is not None and num > len(index):
            raise ValueError(f"num must be at most the slices of the set, {len(index)}, got {num}; generate more")
        self.index = index[:num]
        self.stored, self.classes = stored, classes

    def __len__(self) -> int:
        return len(self.index)

    def read(self, position: int) -> tuple[np.ndarray, np.ndarray, int | None]:
        place = self.index[position]
        image, mask = self.stored.read(place)
        return image.astype(np.float32) / np.float32(self.stored.levels), mask, self.classes[place]


class _Made:
    """Slices of a generator, kept as the numbers that a NIfTI file would hold and masks of one bit a pixel."""

    def __init__(
        self,
        source: str | Path,
        num: int | None,
        seed: int,
        class_name: str | None,
        names: list[str],
        options: Mapping[str, Any],
    ) -> None:
        given = {"seed": seed, **({} if num is None else {"num_slices": num}), **options}
        workflow = inference_workflow(source, given)
        self.turns, self.turn = 1, 0
        known = parsed(workflow, "num_classes", "num_slices", "class_names")
        names = names or known["class_names"]
        if names and known["num_classes"] != len(names):
            raise ValueError(f"class_names must name the classes of the generator, {known['num_classes']}, got {names}")
        if class_name is not None:
            self.turn, self.turns = _index_of(class_name, names), len(names)
            workflow.parser["num_slices"] = known["num_slices"] * self.turns
        self.maker = PictureMaker(workflow)
        selection, shape = self.maker.selection, self.maker.settings
        if len(selection.places) < selection.number:
            raise ValueError(f"shard must be left out, got that of {selection.places}; take generate_arrays for one")
        self.number, self.masks_each, self.num_classes = selection.number, shape["mask_channels"], shape["num_classes"]
        self.batch, side = self.maker.batch_size, shape["image_size"]
        self.mask_shape = (self.masks_each, side, side)
        self.images = _shared((self.number, shape["image_channels"], side, side), np.int16)
        self.masks = _shared((self.number, -(-int(np.prod(self.mask_shape)) // 8)), np.uint8)
        self.made = _shared((-(-self.number // self.batch),), np.uint8)
        if selection.rules.active:
            self._make_selected(selection)
        elif self.maker.device.type != "cpu":
            for batch in range(len(self.made)):
                self._make_batch(batch)

    def __len__(self) -> int:
        return len(range(self.turn, self.number, self.turns))

    def read(self, position: int) -> tuple[np.ndarray, np.ndarray, int | None]:
        place = range(self.turn, self.number, self.turns)[position]
        if not self.made[place // self.batch]:
            self._make_batch(place // self.batch)
        bits = np.unpackbits(self.masks[place], count=int(np.prod(self.mask_shape)))
        image = self.images[place].astype(np.float32) / np.float32(NIFTI_BRIGHTEST)
        return image, bits.reshape(self.mask_shape), place % self.num_classes if self.num_classes else None

    def _make_batch(self, batch: int) -> None:
        """Make the slices of a batch of ``generate``; another process may do the same, with the same result."""
        pictures = range(batch * self.batch, min((batch + 1) * self.batch, self.number))
        self._keep(list(pictures), *self.maker.make(pictures))
        self.made[batch] = 1

    def _make_selected(self, selection: Any) -> None:
        for pictures in selection.offers(self.batch):
            images, masks = self.maker.make(pictures)
            places = selection.place(pictures, masks)
            rows = list(places)
            if rows:
                self._keep(list(places.values()), images[rows], masks[rows])
        self.made[:] = 1

    def _keep(self, places: list[int], images: np.ndarray, masks: np.ndarray) -> None:
        self.images[places] = np.rint(images * np.float32(NIFTI_BRIGHTEST))
        self.masks[places] = np.packbits(masks.astype(bool).reshape(len(masks), -1), axis=1)


def _index_of(class_name: str, names: list[str]) -> int:
    if class_name not in names:
        raise ValueError(
            f"class_name must be one of {', '.join(names) or 'the classes'}, got {class_name!r}; class_names must name "
            "the classes by their index where the set does not"
        )
    return names.index(class_name)


def _shared(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return zeros that forked processes share; unlike /dev/shm, anonymous memory is not limited in containers."""
    count = int(np.prod(shape))
    memory = mmap.mmap(-1, max(1, count * np.dtype(dtype).itemsize))
    return np.frombuffer(memory, dtype=dtype, count=count).reshape(shape)
