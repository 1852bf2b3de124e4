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
"""Files that are either whole or absent, and their hashes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

__all__ = [
    "absolute",
    "atomic_path",
    "is_url",
    "read_json",
    "read_json_lines",
    "sha256_file",
    "write_json",
    "write_tensors",
    "write_text",
]

logger = logging.getLogger(__name__)


def is_url(path: str | Path) -> bool:
    """Return whether ``path`` names a place by a protocol, such as ``s3://bucket/store``."""
    return "://" in str(path)


def absolute(path: str | Path) -> str:
    """Return the absolute path of a file or folder; a URL as it is."""
    return str(path) if is_url(path) else str(Path(path).resolve())


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place once the block has ended without an error.

    The temporary name keeps all suffixes of ``path`` (``.nii.gz``), because writers choose a format by them.

    Args:
        path: file to write; its folder is made.

    Yields:
        the temporary path to write to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f".tmp{''.join(path.suffixes)}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_tensors(path: str | Path, value: Any) -> None:
    """Write ``value`` to ``path`` with ``torch.save``, whole or not at all; equal values give equal bytes.

    The bytes are on the disk before the file takes its name, so that it is whole after a loss of power too.

    Raises:
        OSError: when it cannot be written; what stood at ``path`` stands there still.
    """
    path = Path(path)
    try:
        # Given a path, torch.save would put its name, here a temporary one, into the file.
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            torch.save(value, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except RuntimeError as error:
        # The writer of torch reports a full disk as an error of its own; the system's is in its context.
        reason = next((cause for cause in _chain(error) if isinstance(cause, OSError)), None)
        if reason is None:
            raise
        raise OSError(reason.errno, os.strerror(reason.errno or 0), str(path)) from error
    _sync_folder(path.parent)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_json(path: str | Path) -> Any:
    """Read the JSON file ``path``.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is not JSON; the text names the file and the place.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be a JSON file: {error}") from error


def read_json_lines(path: str | Path) -> list[dict[str, Any]]:
    """Read a file with one JSON object a line.

    A last line that is cut off, as a stopped process leaves it, is left out with a warning.

    Args:
        path: the file.

    Returns:
        the objects in their order.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when a line is no JSON object; the text names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines) and not text.endswith("\n"):
                logger.warning("%s: the last line is cut off and left out", path)
                continue
            raise ValueError(f"{path} line {number} must be a JSON object: {error}") from error
        if not isinstance(record, dict):
            raise ValueError(f"{path} line {number} must be a JSON object, got {line[:40]!r}")
        records.append(record)
    return records


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of the file ``path`` as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
