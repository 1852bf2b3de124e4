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
"""Slices on the disk, each read when it is needed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import blosc2
import numpy as np

from monai_dcgan.data.store.assembly import CASES, HEADER, TABLE, read_header
from monai_dcgan.data.store.folder import StoreFolder
from monai_dcgan.data.store.groups import slice_groups
from monai_dcgan.data.store.shards import IMAGE_DTYPE, MASK_DTYPE, SHARDS, decode, read_shard, shard_ids
from monai_dcgan.data.store.table import SliceTable
from monai_dcgan.utils.enums import Keys

__all__ = ["SliceStore", "is_store"]

logger = logging.getLogger(__name__)

# Shards kept open: a map of a local file, or the compressed content of a remote one.
OPEN_SHARDS = 512


def is_store(path: str | Path) -> bool:
    """Return whether ``path``, a folder or a URL, is a slice store."""
    return StoreFolder(path).exists(HEADER)


class SliceStore:
    """Slices of a data set, compressed and read-only.

    Local shards are mapped into memory, so that the operating system keeps what is read often; of remote ones the
    compressed content is kept. Either way one slice is decompressed at a time: a store may be larger than memory.

    Args:
        path: folder, or URL as fsspec takes it, that ``prepare`` made.

    Attributes:
        slices: one record per slice: patient, case, class_name, fold, slice_index, axis, spacing (mm), scaling, shares
            of tumor and head, area of tumor (mm2); see ``SliceTable``.
        settings: what made the store.
        digest: SHA-256 of slices as they are stored, rows and cases, whatever the times and places of the files that
            they were made from; of what there is while the store is not complete.
        complete: whether all cases are in it; False while ``prepare`` is at work or after it was stopped.

    Raises:
        FileNotFoundError: when there is no store at ``path``.
        ValueError: when it was written by another version, a file of it is damaged, or it holds no slice.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.folder = StoreFolder(path)
        header = read_header(self.folder)
        if header is None:
            raise FileNotFoundError(f"no slice store at {path} (no {HEADER} in it); make one with prepare")
        self.key: str = header["key"]
        self.settings: dict[str, Any] = header["settings"]
        self.complete: bool = header["complete"]
        self.left_out = int(header.get("left_out", 0))
        if self.complete:
            self.slices = _read_table(self.folder)
            self.image_shape: tuple[int, ...] = tuple(header["image_shape"])
            self.mask_shape: tuple[int, ...] = tuple(header["mask_shape"])
            self.digest: str = header["digest"]
            self._check_table(header)
        else:
            self._gather(header["shards"])
        self._open_shards()

    def _check_table(self, header: dict[str, Any]) -> None:
        unknown = set(self.slices.columns["shard"]) - set(header["shards"])
        if len(self.slices) != header["slices"] or unknown:
            trouble = f"{len(self.slices)} rows for {header['slices']} slices, {len(unknown)} unknown shards"
            raise ValueError(f"{self.path}/{TABLE} is damaged: {trouble}; delete the folder and prepare it again")

    def _gather(self, names: list[str]) -> None:
        """Take what there is of a store that is not complete."""
        there = shard_ids(self.folder)
        present = [name for name in names if name in there]
        logger.warning(
            "%s is not complete: it has %d of %d shards; run prepare again to finish it",
            self.path,
            len(present),
            len(names),
        )
        shards = [read_shard(self.folder, name) for name in present]
        shapes = [(shard.image_shape, shard.mask_shape) for shard in shards if shard.image_shape is not None]
        if not shapes:
            raise ValueError(f"{self.path} holds no slice yet; run prepare again to go on")
        self.image_shape, self.mask_shape = shapes[0]  # type: ignore[assignment]
        rows = ({**one, "shard": shard.name, "row": row} for shard in shards for row, one in enumerate(shard.slices))
        self.slices = SliceTable(rows)
        self.digest = hashlib.sha256("".join(shard.content for shard in shards).encode()).hexdigest()

    def _open_shards(self) -> None:
        self._lock = threading.Lock()
        self._shards: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open shards out, so that a data loader's worker opens the files itself."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_shards", "_lock", "cases")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open_shards()

    def __len__(self) -> int:
        return len(self.slices)

    @property
    def image_size(self) -> int:
        """Side of a slice in pixels."""
        return self.image_shape[-1]

    @property
    def image_channels(self) -> int:
        """Channels of an image: modalities, times slices where neighbors are channels."""
        return self.image_shape[0]

    @property
    def mask_channels(self) -> int:
        """Channels of a mask; 0 where the data has none."""
        return self.mask_shape[0]

    @property
    def class_names(self) -> list[str]:
        """Sorted names of the classes; empty when the data has none."""
        return sorted(set(self.slices.columns[Keys.CLASS_NAME]) - {""})

    @property
    def patients(self) -> list[str]:
        """Sorted patients."""
        return sorted(set(self.slices.columns[Keys.PATIENT]))

    @cached_property
    def cases(self) -> dict[str, dict[str, Any]]:
        """Name of a case -> patient, attributes, geometry, scaling, values of its label, slices taken and left out.

        Raises:
            ValueError: when the store is not complete, or the file of cases is damaged.
        """
        try:
            lines = self.folder.read(CASES).decode("utf-8").split("\n")
            return {record[Keys.CASE]: record for record in map(json.loads, filter(None, lines))}
        except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path}/{CASES} must list the cases, got {error}; prepare the data again") from error

    def indices(self, patients: Collection[str] | None = None) -> np.ndarray:
        """Return the indices (int64, ascending) of the slices of ``patients``; of all slices when None.

        Raises:
            ValueError: when a patient is not in the store.
        """
        if patients is None:
            return np.arange(len(self))
        unknown = sorted(set(patients) - set(self.patients))
        if unknown:
            raise ValueError(f"patients must be in the store {self.path}, got {unknown[:5]} ({len(unknown)} unknown)")
        wanted = set(patients)
        column = self.slices.columns[Keys.PATIENT]
        return np.array([number for number, patient in enumerate(column) if patient in wanted], dtype=np.int64)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one slice: image (C, S, S) float16 in [0, 1], mask (M, S, S) uint8 with values 0 and 1.

        Raises:
            IndexError: when there is no such slice.
            ValueError: when its file is missing or damaged.
        """
        columns = self.slices.columns
        return self._read(columns["shard"][index], columns["row"][index])

    def _read(self, shard: str, row: Any) -> tuple[np.ndarray, np.ndarray]:
        with self._lock:
            images, masks = self._shard(shard)
            try:
                image = images[row]
                mask = np.zeros((*image.shape[:-3], *self.mask_shape), MASK_DTYPE) if masks is None else masks[row]
            except (RuntimeError, IndexError) as error:
                raise ValueError(self._damaged(f"{SHARDS}/{shard}", error)) from error
        return image, mask

    def _shard(self, name: str) -> tuple[Any, Any]:
        if name in self._shards:
            self._shards.move_to_end(name)
            return self._shards[name]
        kinds = ("images", "masks") if self.mask_channels else ("images",)
        opened = [self._open(f"{SHARDS}/{name}.{kind}.b2nd") for kind in kinds]
        self._shards[name] = (opened[0], opened[1] if len(opened) > 1 else None)
        if len(self._shards) > OPEN_SHARDS:
            self._shards.popitem(last=False)
        return self._shards[name]

    def _open(self, name: str) -> Any:
        local = self.folder.local
        try:
            if local is None:
                array = decode(self.folder.read(name))
            else:
                array = blosc2.open(str(local / name), mode="r", mmap_mode="r", dparams={"nthreads": 1})
            expected = (self.image_shape, IMAGE_DTYPE) if "images" in name else (self.mask_shape, MASK_DTYPE)
            found = tuple(getattr(array, "shape", ()))[1:], getattr(array, "dtype", None)
            if found != expected:
                raise ValueError(f"slices must be {expected[0]} {expected[1]}, got {found[0]} {found[1]}")
            return array
        except FileNotFoundError:
            raise ValueError(f"{self.path}/{name} is missing; delete the folder and prepare it again") from None
        except Exception as error:
            raise ValueError(self._damaged(name, error)) from error

    def _damaged(self, name: str, error: Exception) -> str:
        return f"{self.path}/{name} is damaged ({error}); delete the folder and prepare it again"

    def as_arrays(self, indices: Iterable[int] | None = None) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Load slices into memory.

        Args:
            indices: which slices; all when None.

        Returns:
            images (N, C, S, S) float32 in [0, 1], masks (N, M, S, S) uint8, and the N patients.
        """
        chosen = np.arange(len(self)) if indices is None else np.asarray(list(indices), dtype=np.int64)
        images = np.empty((len(chosen), *self.image_shape), dtype=np.float32)
        masks = np.empty((len(chosen), *self.mask_shape), dtype=MASK_DTYPE)
        for place, index in enumerate(chosen):
            images[place], masks[place] = self.read(index)
        return images, masks, [self.slices.columns[Keys.PATIENT][index] for index in chosen]

    def groups(self, indices: Iterable[int] | None = None) -> dict[str, list[str | float | None]]:
        """Return by what slices (all when ``indices`` is None) can be grouped; see ``SliceDataset.groups``."""
        return slice_groups(self.slices, self.cases, range(len(self)) if indices is None else indices)

    def batches(self, size: int = 256) -> Iterator[np.ndarray]:
        """Yield the images of all slices in order, as float32 (n, C, S, S) with n up to ``size``."""
        for start in range(0, len(self), size):
            yield self.as_arrays(range(start, min(start + size, len(self))))[0]

    def describe(self) -> dict[str, Any]:
        """Return counts and sizes: slices, patients, cases, shapes, classes, slices whose stored mask holds tumor."""
        columns = self.slices.columns
        with_tumor = sum(pixels > 0 for pixels in columns["mask_pixels"])
        names = columns[Keys.CLASS_NAME]
        return {
            "slices": len(self),
            "patients": len(self.patients),
            "cases": len(set(columns[Keys.CASE])),
            "image_size": self.image_size,
            "image_channels": self.image_channels,
            "mask_channels": self.mask_channels,
            "classes": {name: names.count(name) for name in self.class_names},
            "slices_with_tumor": with_tumor,
            "tumor_share": with_tumor / len(self),
            "left_out": self.left_out,
            "key": self.key,
        }


def _read_table(folder: StoreFolder) -> SliceTable:
    try:
        text = folder.read(TABLE).decode("utf-8")
        if not text.endswith("\n"):
            raise ValueError("its last line is cut off")
        return SliceTable(csv.DictReader(io.StringIO(text, newline="")))
    except FileNotFoundError:
        raise ValueError(f"{folder}/{TABLE} is missing; delete the folder and prepare it again") from None
    except (UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{folder}/{TABLE} is damaged ({error}); delete the folder and prepare it again") from error
