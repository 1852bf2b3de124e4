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
"""Read a synthetic set that was written as files."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image

from monai_dcgan.data.slice_files import DATASET, NIFTI_BRIGHTEST, PNG_BRIGHTEST, PROVENANCE
from monai_dcgan.utils.enums import Keys
from monai_dcgan.utils.files import read_json

__all__ = ["SyntheticSet"]


class SyntheticSet:
    """A synthetic set as ``SyntheticSetWriter`` writes it, also one of shards, or one of volumes stacked from it.

    Args:
        folder: folder with ``dataset.json`` and ``provenance.json``.

    Attributes:
        entries: one per slice: paths of image and label, ``class_name`` where there are classes.
        levels: the stored value that stands for 1.
        channels: names of the channels.
        provenance: what made the slices.

    Raises:
        FileNotFoundError: when ``folder`` holds no data set.
        ValueError: when it holds no synthetic set, or is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / DATASET).is_file():
            raise FileNotFoundError(
                f"a synthetic set must hold {DATASET}, got {folder} without it; make one with monai-dcgan generate"
            )
        description = read_json(self.folder / DATASET)
        record = self.folder / PROVENANCE
        self.provenance: dict[str, Any] = read_json(record) if record.is_file() else {}
        if self.provenance.get("synthetic") is not True:
            raise ValueError(
                f"a synthetic set must say so in {PROVENANCE}, got {folder} that does not; "
                "make one with monai-dcgan generate"
            )
        try:
            self.entries: list[dict[str, Any]] = list(description["training"])
            self.channels = [str(name) for _, name in sorted(description["modality"].items())]
            pictures = {Path(entry["image"]).suffix == ".png" for entry in self.entries}
            # A set is written in one format.
            (is_png,) = pictures
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{self.folder / DATASET} must list images and labels of one format: {error}") from error
        self.levels = PNG_BRIGHTEST if is_png else NIFTI_BRIGHTEST

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def is_png(self) -> bool:
        """Whether files are PNG; otherwise they are NIfTI."""
        return self.levels == PNG_BRIGHTEST

    @property
    def num_classes(self) -> int:
        """Number of classes of the generator, 0 where it has none or the set does not say."""
        return int(self.provenance.get("settings", {}).get("network", {}).get("num_classes", 0))

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Read one slice.

        Returns:
            values of the image (C, H, W) as stored, 0 to ``levels``, and its mask (M, H, W) uint8 with values 0 and 1.

        Raises:
            FileNotFoundError: when a file is missing.
            ValueError: when a file is damaged or holds more than one slice.
        """
        entry = self.entries[index]
        return self._read(entry[Keys.IMAGE]), (self._read(entry[Keys.LABEL]) > 0).astype(np.uint8)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes of its slices, sorted; none where the set does not name them."""
        return sorted({str(entry[Keys.CLASS_NAME.value]) for entry in self.entries if Keys.CLASS_NAME.value in entry})

    def affine(self, index: int) -> np.ndarray:
        """Return the affine (4, 4) of slice ``index``; for PNG, which has none, that of pixels of 1 mm, axial."""
        if self.is_png:
            return np.diag([-1.0, -1.0, 1.0, 1.0])
        return np.array(self._open(self.entries[index][Keys.IMAGE]).affine)

    def depth(self) -> int:
        """Return the number of slices of the first file: 1, but of a set of stacked volumes."""
        return 1 if self.is_png else int(self._open(self.entries[0][Keys.IMAGE]).shape[2])

    def class_index(self, index: int, names: list[str]) -> int | None:
        """Return the class of slice ``index``: by its name among ``names``, or by its number; None without classes.

        Raises:
            ValueError: when its name is not among ``names``.
        """
        entry = self.entries[index]
        if Keys.CLASS_NAME.value in entry:
            name = str(entry[Keys.CLASS_NAME.value])
            if name not in names:
                raise ValueError(f"class_names must name every class of {self.folder}, got {names} without {name!r}")
            return names.index(name)
        if self.num_classes and Keys.PICTURE.value in entry:
            return int(entry[Keys.PICTURE.value]) % self.num_classes
        return None

    def _read(self, name: str) -> np.ndarray:
        """Return a file's values as (C, H, W)."""
        path = self.folder / name
        opened = self._open(name)
        try:
            if self.is_png:
                values = np.asarray(opened)
                return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
            volume = np.asarray(opened.dataobj)
        except (OSError, ValueError, EOFError, zlib.error) as error:
            raise _damaged(path, error) from error
        if volume.ndim not in (3, 4) or volume.shape[2] != 1:
            raise ValueError(f"{path} must hold one slice, (W, H, 1) or (W, H, 1, C), got {volume.shape}")
        return volume.reshape(*volume.shape[:2], -1).transpose(2, 1, 0)

    def _open(self, name: str) -> Any:
        """Return a file as PIL or nibabel opens it."""
        path = self.folder / name
        try:
            return Image.open(path) if self.is_png else nibabel.load(path)  # type: ignore[attr-defined]
        except FileNotFoundError:
            raise FileNotFoundError(f"no such file: {path}; the synthetic set is not whole") from None
        except (OSError, ValueError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is damaged ({error}); make the synthetic set again")
