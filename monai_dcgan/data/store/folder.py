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
"""The folder of a store, on a local disk or wherever fsspec reaches."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from monai_dcgan.utils.files import atomic_path, is_url

__all__ = ["StoreFolder", "is_temporary"]

# A file that a stopped process left half-written is old; one that another process writes now is not.
STALE_SECONDS = 3600


class StoreFolder:
    """Read and write whole files below one folder.

    Files are either whole or absent, so that readers and other writers never see half of one.

    Args:
        path: local folder, or URL as fsspec takes it; its protocol's options come from fsspec's own configuration.

    Raises:
        ValueError: when the protocol is not known.
        ImportError: when its package is not installed; the text names it.
    """

    def __init__(self, path: str | Path) -> None:
        self.url = str(path)
        if not is_url(path):
            # Not by fsspec, to which names with "::" or at their start "file:" are more than names.
            self.fs, self.root = LocalFileSystem(), os.path.abspath(os.path.expanduser(self.url))
            return
        try:
            self.fs, self.root = fsspec.core.url_to_fs(self.url)
        except ValueError as error:
            raise ValueError(f"a store must be a folder or a URL that fsspec knows, got {path} ({error})") from error
        except ImportError as error:
            raise ImportError(f"a store at {path} needs a package that is missing: {error}") from error

    def __str__(self) -> str:
        return self.url

    @property
    def local(self) -> Path | None:
        """The folder as a path, None when it is not on this machine's disks."""
        return Path(self.root) if isinstance(self.fs, LocalFileSystem) else None

    def _at(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

    def exists(self, name: str = "") -> bool:
        """Return whether there is a file ``name``; without a name, whether the folder holds anything.

        What a stopped process left half-written is nothing.
        """
        self.fs.invalidate_cache()
        if name:
            return bool(self.fs.isfile(self._at(name)))
        if not self.fs.isdir(self.root):
            return bool(self.fs.exists(self.root))
        return any(not is_temporary(name) for name in self.names(""))

    def names(self, folder: str) -> set[str]:
        """Return the names of what lies in a folder of the store; ``""`` is the store's own."""
        self.fs.invalidate_cache()
        path = self._at(folder) if folder else self.root
        if not self.fs.isdir(path):
            return set()
        return {entry.rstrip("/").rsplit("/", 1)[-1] for entry in self.fs.ls(path, detail=False)}

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the names and sizes in bytes of the files in a folder of the store."""
        self.fs.invalidate_cache()
        path, sizes = self._at(folder), {}
        if self.local is not None:
            for name in self.names(folder):
                # Another process may rename or delete a file meanwhile.
                with suppress(FileNotFoundError):
                    sizes[name] = (self.local / folder / name).stat().st_size
        elif self.fs.isdir(path):
            sizes = {entry["name"].rsplit("/", 1)[-1]: int(entry["size"]) for entry in self.fs.ls(path, detail=True)}
        return sizes

    def read(self, name: str) -> bytes:
        """Return the content of a file; ``FileNotFoundError`` when there is none."""
        return bytes(self.fs.cat_file(self._at(name)))

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all.

        Raises:
            OSError: when it cannot be written; a full disk is said to be one.
        """
        try:
            if self.local is None:
                self.fs.pipe_file(self._at(name), content)
                return
            with atomic_path(self.local / name) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OSError(
                    error.errno,
                    f"no space left for {name} in {self.url}; free some and run prepare again, what is done is kept",
                ) from error
            raise

    def publish(self, temporary: Path, name: str) -> None:
        """Bring a finished local file to its place as ``name``."""
        self.write(name, temporary.read_bytes()) if self.local is not None else self.fs.put_file(
            str(temporary), self._at(name)
        )

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        # Another process may delete it at the same time.
        with suppress(FileNotFoundError):
            self.fs.rm_file(self._at(name))

    def remove_all(self) -> None:
        """Delete the folder with all that is in it."""
        # Not by fs.rm, which would take a * or [ in the name of the folder as a pattern.
        found = self.fs.find(self.root, withdirs=True, detail=True)
        for path, entry in sorted(found.items(), reverse=True):
            with suppress(FileNotFoundError):
                self.fs.rmdir(path) if entry["type"] == "directory" else self.fs.rm_file(path)
        with suppress(FileNotFoundError):
            self.fs.rmdir(self.root)

    def sweep(self) -> None:
        """Delete what stopped processes left half-written on a local disk."""
        if self.local is None:
            return
        for path in [*self.local.glob(".*.tmp*"), *self.local.glob("*/.*.tmp*")]:
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    os.unlink(path)


def is_temporary(name: str) -> bool:
    """Return whether a file of this name is one that is being written, or was when its process stopped."""
    return name.startswith(".") and ".tmp" in name
