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
"""A list of the cases of a synthetic set for MONAI's Auto3DSeg."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from monai_dcgan.data.synthetic_set import SyntheticSet
from monai_dcgan.utils.files import write_json

__all__ = ["to_auto3dseg_datalist"]

logger = logging.getLogger(__name__)


def to_auto3dseg_datalist(set_folder: str | Path, path: str | Path, folds: int | None = None) -> Path:
    """Write a datalist as Auto3DSeg and the Decathlon have it.

    Paths are relative to ``dataroot``, which is ``set_folder``. Auto3DSeg validates with the cases of one fold and
    trains with all others, those without a fold among them. So without ``folds`` the entries can be appended to the
    list of one's real cases and are never validated with; with ``folds`` the list stands alone, for a trial, and its
    validation says nothing about patients.

    Networks of Auto3DSeg are three-dimensional: make volumes by ``stack_into_volumes`` first, and read there what such
    a volume is not.

    Args:
        set_folder: folder that ``monai-dcgan generate`` or ``stack_into_volumes`` wrote, as NIfTI.
        path: JSON file to write; it must not exist.
        folds: number of folds, from 2; entry ``i`` is in fold ``i % folds``. None for entries without a fold.

    Returns:
        ``path``.

    Raises:
        FileExistsError: when ``path`` exists.
        FileNotFoundError: when there is no set, or a file of it is missing.
        ValueError: when the set is PNG, whose masks hold 0 and 255, or ``folds`` is out of its range.

    Example:
        >>> to_auto3dseg_datalist("VOLUMES", "datalist.json")
        PosixPath('datalist.json')
    """
    path, stored = Path(path), SyntheticSet(set_folder)
    if path.exists():
        raise FileExistsError(f"path must be a new file, got {path}, which exists; remove it or name another")
    if stored.is_png:
        raise ValueError(f"a set for Auto3DSeg must be NIfTI, got PNG in {set_folder}; stack it into volumes")
    whole = isinstance(folds, int) and not isinstance(folds, bool)
    if folds is not None and not (whole and 2 <= folds <= len(stored)):
        raise ValueError(f"folds must be a whole number from 2 to the cases of the set, {len(stored)}, got {folds!r}")
    if stored.depth() == 1:
        logger.warning("%s holds single slices, and networks of Auto3DSeg are 3D: stack it into volumes", set_folder)
    entries = [_entry(stored, number, folds) for number in range(len(stored))]
    write_json(path, {"training": entries, "testing": [], "provenance": stored.provenance})
    return path


def _entry(stored: SyntheticSet, number: int, folds: int | None) -> dict[str, Any]:
    entry: dict[str, Any] = {} if folds is None else {"fold": number % folds}
    for key in ("image", "label"):
        entry[key] = str(stored.entries[number][key]).removeprefix("./")
        if not (stored.folder / entry[key]).is_file():
            raise FileNotFoundError(f"no such file: {stored.folder / entry[key]}; the synthetic set is not whole")
    return entry
