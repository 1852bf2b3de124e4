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
"""What the layouts share: the files of a folder, a case, a list of cases."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from monai_dcgan.data.datalists.patients import match_patient
from monai_dcgan.data.problems import Problems
from monai_dcgan.utils.enums import Keys, Layout

__all__ = [
    "CHANNELS",
    "PICTURE_SUFFIXES",
    "VOLUME_SUFFIXES",
    "DataList",
    "Request",
    "file_trouble",
    "has_suffix",
    "listed",
    "make_case",
    "name_list",
    "single",
    "stem_of",
    "walk_files",
]

logger = logging.getLogger(__name__)

CHANNELS = "channels"
VOLUME_SUFFIXES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr")
PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


@dataclass(frozen=True)
class DataList(Sequence[dict[str, Any]]):
    """The cases of a data set, and what the data set says of itself.

    Args:
        cases: one dictionary per case, see ``find_cases``.
        layout: how the data set lies on the disk.
        modalities: names of the channels of the images, in order; empty where nothing names them.
        label_names: label values that the data set declares, with 0; empty where it declares none.
        regions: label values of ``whole``, ``core`` and ``enhancing`` tumor; empty where they are not known.
        problems: cases that were left out.
    """

    cases: Sequence[dict[str, Any]]
    layout: Layout
    modalities: list[str] = field(default_factory=list)
    label_names: dict[int, str] = field(default_factory=dict)
    regions: dict[str, tuple[int, ...]] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        return self.cases[index]

    def __len__(self) -> int:
        return len(self.cases)


@dataclass(frozen=True)
class Request:
    """What is asked of a layout.

    Args:
        data_dir: folder of the data set.
        files: all files below it, see ``walk_files``.
        problems: where cases that cannot be used are noted.
        modalities: channels that are wanted, None for all.
        mask_suffix: ending of the masks of pictures.
        pattern: finds the patient in the path of an image.
        fold_column: where the fold stands.
    """

    data_dir: Path
    files: tuple[Path, ...]
    problems: Problems
    modalities: list[str | int] | None = None
    mask_suffix: str = "_mask"
    pattern: re.Pattern[str] | None = None
    fold_column: str | None = None

    def parts(self, path: Path) -> tuple[str, ...]:
        """Return the names of the folders and the file of ``path`` below ``data_dir``."""
        return path.relative_to(self.data_dir).parts

    def name(self, path: Path) -> str:
        """Return ``path`` below ``data_dir`` without its suffixes; the name of ``data_dir`` for this itself."""
        return "/".join([*self.parts(path)[:-1], stem_of(path)]) if path != self.data_dir else self.data_dir.name

    def inside(self, text: str, case: str) -> Path | None:
        """Return the path that ``text`` of a list of files means; a problem and None when it leaves ``data_dir``.

        Only the text counts: a link inside the data set may lead elsewhere.
        """
        root = os.path.normpath(self.data_dir)
        path = Path(os.path.normpath(os.path.join(root, text)))
        if not path.is_relative_to(root) or path == Path(root):
            reason = f"every file must lie below the data set, got a path out of the data root {self.data_dir}: {text}"
            self.problems.add(case, [text], reason)
            return None
        return self.data_dir / path.relative_to(root)

    def patient(self, guess: str, case: str, image: Path) -> str | None:
        """Return the patient by ``pattern``, or ``guess`` without one; a problem and None when it does not match."""
        if self.pattern is None:
            return guess
        try:
            return match_patient(self.pattern, image, self.data_dir)
        except ValueError as error:
            self.problems.add(case, [image], str(error))
            return None


def walk_files(folder: Path, problems: Problems) -> list[Path]:
    """List the files below ``folder``, sorted.

    Links to folders are followed, after all real folders; a folder that was already seen under another name is not
    listed again, so that links in a circle end and no picture comes twice. Hidden files and folders, ``__MACOSX`` and
    ``*.tmp`` are left out.

    Args:
        folder: where to look.
        problems: where folders that cannot be read are noted.

    Returns:
        paths that begin with ``folder``.
    """

    def unreadable(error: OSError) -> None:
        problems.add(str(error.filename), [error.filename], f"every folder must be readable, got {error.strerror}")

    home = os.path.realpath(folder)
    found: list[Path] = []
    seen: set[str] = set()
    roots = deque([str(folder)])
    while roots:
        for base, folders, files in os.walk(roots.popleft(), onerror=unreadable):
            real = os.path.realpath(base)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            found += [Path(base, name) for name in files if not _ignored(name)]
            folders[:] = sorted(name for name in folders if not _ignored(name))
            for link in [os.path.join(base, name) for name in folders if os.path.islink(os.path.join(base, name))]:
                if Path(home).is_relative_to(os.path.realpath(link)):
                    logger.warning("%s leads to a folder that holds the data set itself and is not followed", link)
                else:
                    roots.append(link)
    return sorted(found)


def _ignored(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX" or name.lower().endswith(".tmp")


def file_trouble(path: Path) -> str | None:
    """Return what is wrong with a file without reading it, or None; a folder with files is a DICOM series."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return f"every file must be there, got none at {path} ({why})"
    if stat.S_ISDIR(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        return f"every image and mask must be a file, got something else at {path}"
    return None if status.st_size else f"every file must hold something, got 0 bytes in {path}"


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Return whether the name of ``path`` ends in one of ``suffixes``, in small or capital letters."""
    return path.name.lower().endswith(suffixes)


def stem_of(path: Path) -> str:
    """Return the name of a file without its suffix, which ends in ``.gz`` for NIfTI; a folder's name as it is."""
    suffix = next((suffix for suffix in (".nii.gz", *VOLUME_SUFFIXES) if has_suffix(path, (suffix,))), None)
    if suffix is not None:
        return path.name[: -len(suffix)]
    return path.stem if has_suffix(path, PICTURE_SUFFIXES) or path.suffix.lower() == ".dcm" else path.name


def make_case(image: Any, label: Any, patient: str, name: str, class_name: str = "", fold: str = "") -> dict[str, Any]:
    """Return a case as ``find_cases`` does."""
    return {
        str(Keys.IMAGE): image,
        str(Keys.LABEL): label,
        str(Keys.PATIENT): patient,
        str(Keys.CASE): name,
        str(Keys.CLASS_NAME): class_name,
        str(Keys.FOLD): fold,
    }


def listed(value: Any) -> list[Any]:
    """Return a list of one or many; of none for None."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def name_list(modalities: Sequence[str | int] | str | int) -> list[str | int]:
    """Return the modalities as a list; one alone needs none."""
    return [modalities] if isinstance(modalities, (str, int)) else list(modalities)


def single(paths: Sequence[Path]) -> Path | list[Path]:
    """Return the path when there is one, else the list."""
    return paths[0] if len(paths) == 1 else list(paths)
