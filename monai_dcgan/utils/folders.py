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
"""Folders that are either whole or absent."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_free_folder", "new_folder"]


def check_free_folder(path: str | Path, name: str = "out_dir") -> None:
    """Raise ``FileExistsError`` if there is anything in the folder ``path``, or it is a file.

    Args:
        path: the folder.
        name: of the argument, for the text of the error.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{name} must be absent or an empty folder, got {path}; remove it or name another")


@contextmanager
def new_folder(path: str | Path, name: str = "out_dir") -> Iterator[Path]:
    """Give a temporary folder beside ``path`` that takes its place once the block has ended without an error.

    Args:
        path: folder to make; absent or empty. Its parent is made.
        name: of the argument, for the text of an error.

    Yields:
        the temporary folder to write to.

    Raises:
        FileExistsError: when ``path`` holds something, before the block or by its end.
    """
    target = Path(path).absolute()
    check_free_folder(target, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
    try:
        yield folder
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(folder, 0o777 & ~umask)
        check_free_folder(target, name)
        if target.exists():
            target.rmdir()
        os.replace(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
