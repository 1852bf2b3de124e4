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
"""Slices on the disk: written once, memory-mapped ever after."""

from __future__ import annotations

import csv
import logging
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_dcgan.utils.enums import Keys
from monai_dcgan.utils.files import read_json, write_json

__all__ = ["SliceStore", "StoreWriter", "is_store"]

logger = logging.getLogger(__name__)

# Part of every key: raise it when the files change, or what a setting means for the slices.
FORMAT_VERSION = 1
HEADER, TABLE, IMAGES, MASKS = "store.json", "slices.csv", "images.dat", "masks.dat"
IMAGE_DTYPE, MASK_DTYPE = "float16", "uint8"
SCALING = (
    "images: each channel of each volume scaled linearly so that the lower and upper percentile of the head become 0 "
    "and 1, clipped to [0, 1], background 0; masks: 1 is tumor, 0 is not"
)
# Column of slices.csv -> type.
COLUMNS: dict[str, type] = {
    "index": int,
    str(Keys.PATIENT): str,
    str(Keys.CASE): str,
    str(Keys.CLASS_NAME): str,
    str(Keys.FOLD): str,
    "slice_index": int,
    "axis": str,
    "row_spacing": float,
    "column_spacing": float,
    "tumor_fraction": float,
    "foreground_fraction": float,
}


def is_store(path: str | Path) -> bool:
    """Return whether ``path`` is the folder of a slice store."""
    return (Path(path) / HEADER).is_file()


class StoreWriter:
    """Append slices to a new store; it takes its place when closed without an error, and leaves nothing otherwise.

    Memory does not grow with the number of slices.

    Args:
        path: folder of the store; must not exist yet.
        key: what identifies the content.
        settings: what made it, JSON-like.

    Example:
        >>> with StoreWriter("store", key="0", settings={}) as writer:
        ...     writer.append(images, masks, records)
    """

    def __init__(self, path: str | Path, key: str, settings: Mapping[str, Any]) -> None:
        self.path, self.key, self.settings = Path(path), key, dict(settings)
        self.shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None
        self.count = 0

    def __enter__(self) -> StoreWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.temporary = Path(tempfile.mkdtemp(dir=self.path.parent, prefix=f".{self.path.name}.", suffix=".tmp"))
        self.images = open(self.temporary / IMAGES, "wb")
        self.masks = open(self.temporary / MASKS, "wb")
        self.table = open(self.temporary / TABLE, "w", newline="", encoding="utf-8")
        self.rows = csv.DictWriter(self.table, COLUMNS)
        self.rows.writeheader()
        return self

    def append(self, images: np.ndarray, masks: np.ndarray, records: Sequence[Mapping[str, Any]]) -> None:
        """Append slices.

        Args:
            images: (N, C, H, W) in [0, 1].
            masks: (N, M, H, W) with values 0 and 1.
            records: N mappings with the columns of ``slices.csv`` but ``index``.

        Raises:
            ValueError: when the shapes differ from those of earlier slices.
        """
        shapes = images.shape[1:], masks.shape[1:]
        if self.shapes is None:
            self.shapes = shapes
        if shapes != self.shapes or not len(images) == len(masks) == len(records):
            raise ValueError(f"slices of a store must have the shapes {self.shapes}, got {shapes}")
        self.images.write(np.ascontiguousarray(images, dtype=IMAGE_DTYPE).tobytes())
        self.masks.write(np.ascontiguousarray(masks, dtype=MASK_DTYPE).tobytes())
        for record in records:
            self.rows.writerow({"index": self.count, **record})
            self.count += 1

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        for stream in (self.images, self.masks, self.table):
            stream.close()
        try:
            if error is None:
                self._commit()
        finally:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def _commit(self) -> None:
        if self.shapes is None or self.count == 0:
            raise ValueError("a store must hold at least one slice, got none")
        header = {
            "format_version": FORMAT_VERSION,
            "key": self.key,
            "settings": self.settings,
            "slices": self.count,
            "image_shape": list(self.shapes[0]),
            "mask_shape": list(self.shapes[1]),
            "image_dtype": IMAGE_DTYPE,
            "mask_dtype": MASK_DTYPE,
            "byte_order": "little",
            "scaling": SCALING,
        }
        write_json(self.temporary / HEADER, header)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(self.temporary, 0o777 & ~umask)
        try:
            os.rename(self.temporary, self.path)
        except OSError:
            # Another process may have finished the same store in the meantime.
            if not is_store(self.path) or read_json(self.path / HEADER).get("key") != self.key:
                raise


class SliceStore:
    """Slices of a data set, memory-mapped and read-only.

    Args:
        path: folder that ``prepare`` or ``StoreWriter`` made.

    Attributes:
        images: memory map (N, C, H, W), float16 in [0, 1].
        masks: memory map (N, M, H, W), uint8 with values 0 and 1.
        slices: one record per slice: patient, case, class_name, fold, slice_index, axis, spacing, shares.
        settings: what made the store.

    Raises:
        FileNotFoundError: when there is no store at ``path``.
        ValueError: when it was written by another version or a file of it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not is_store(self.path):
            raise FileNotFoundError(f"no slice store at {self.path} (no {HEADER} in it); make one with prepare")
        header = read_json(self.path / HEADER)
        if header.get("format_version") != FORMAT_VERSION:
            raise ValueError(
                f"{self.path} must have format version {FORMAT_VERSION}, got {header.get('format_version')}; "
                "delete the folder and prepare it again"
            )
        self.key: str = header["key"]
        self.settings: dict[str, Any] = header["settings"]
        self.image_shape: tuple[int, ...] = tuple(header["image_shape"])
        self.mask_shape: tuple[int, ...] = tuple(header["mask_shape"])
        self.slices = _read_table(self.path / TABLE)
        self.count = int(header["slices"])
        if len(self.slices) != self.count:
            raise ValueError(
                f"{self.path / TABLE} is damaged: {len(self.slices)} rows for {self.count} slices; "
                "delete the folder and prepare it again"
            )
        self._map()

    def _map(self) -> None:
        self.images = _memmap(self.path / IMAGES, IMAGE_DTYPE, (self.count, *self.image_shape))
        self.masks = _memmap(self.path / MASKS, MASK_DTYPE, (self.count, *self.mask_shape))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the maps out, so that a data loader's worker opens the files instead of receiving their content."""
        return {name: value for name, value in self.__dict__.items() if name not in ("images", "masks")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._map()

    def __len__(self) -> int:
        return self.count

    @property
    def image_size(self) -> int:
        """Side of a slice in pixels."""
        return self.image_shape[-1]

    @property
    def image_channels(self) -> int:
        """Channels of an image: modalities."""
        return self.image_shape[0]

    @property
    def mask_channels(self) -> int:
        """Channels of a mask."""
        return self.mask_shape[0]

    @property
    def class_names(self) -> list[str]:
        """Sorted names of the classes; empty when the data has none."""
        return sorted({record[Keys.CLASS_NAME] for record in self.slices} - {""})

    @property
    def patients(self) -> list[str]:
        """Sorted patients."""
        return sorted({record[Keys.PATIENT] for record in self.slices})

    def indices(self, patients: Collection[str] | None = None) -> np.ndarray:
        """Return the indices (int64, ascending) of the slices of ``patients``; of all slices when None.

        Raises:
            ValueError: when a patient is not in the store.
        """
        if patients is None:
            return np.arange(self.count)
        unknown = sorted(set(patients) - set(self.patients))
        if unknown:
            raise ValueError(f"patients must be in the store {self.path}, got {unknown[:5]} ({len(unknown)} unknown)")
        wanted = set(patients)
        return np.array([i for i, record in enumerate(self.slices) if record[Keys.PATIENT] in wanted], dtype=np.int64)

    def as_arrays(self, indices: Iterable[int] | None = None) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Load slices into memory.

        Args:
            indices: which slices; all when None.

        Returns:
            images (N, C, H, W) float32 in [0, 1], masks (N, M, H, W) uint8, and the N patients.
        """
        chosen = np.arange(self.count) if indices is None else np.asarray(list(indices), dtype=np.int64)
        patients = [self.slices[index][Keys.PATIENT] for index in chosen]
        return np.asarray(self.images[chosen], dtype=np.float32), np.asarray(self.masks[chosen]), patients

    def describe(self) -> dict[str, Any]:
        """Return counts and sizes: slices, patients, cases, shapes, classes, slices whose stored mask holds tumor."""
        with_tumor = sum(bool(mask.any()) for mask in self.masks)
        classes = dict.fromkeys(self.class_names, 0)
        for record in self.slices:
            if record[Keys.CLASS_NAME]:
                classes[record[Keys.CLASS_NAME]] += 1
        return {
            "slices": self.count,
            "patients": len(self.patients),
            "cases": len({record[Keys.CASE] for record in self.slices}),
            "image_size": self.image_size,
            "image_channels": self.image_channels,
            "mask_channels": self.mask_channels,
            "classes": classes,
            "slices_with_tumor": with_tumor,
            "tumor_share": with_tumor / self.count,
            "key": self.key,
        }


def _read_table(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ValueError(f"{path} is missing; delete the folder and prepare it again")
    with open(path, newline="", encoding="utf-8") as stream:
        return [{name: COLUMNS[name](value) for name, value in row.items()} for row in csv.DictReader(stream)]


def _memmap(path: Path, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    little = np.dtype(dtype).newbyteorder("<")
    expected = int(np.prod(shape)) * little.itemsize
    actual = path.stat().st_size if path.is_file() else -1
    if actual != expected:
        found = "is missing" if actual < 0 else f"has {actual} bytes where {expected} are due"
        raise ValueError(f"{path} {found}; delete the folder and prepare it again")
    if expected == 0:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype=little, mode="r", shape=shape)
