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
"""Folders of synthetic sets that are being made: dropped at the end of a process, or kept to go on with."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from monai_dcgan.utils.files import read_json, read_json_lines, write_json

__all__ = ["KeptFolder", "PassingFolder", "difference", "jsonable", "move_folder"]

PLAN, PROGRESS, LOCK = ".plan.json", ".progress.jsonl", ".lock"


class PassingFolder:
    """A folder beside ``target`` that goes with the process, or with this object.

    Args:
        target: what the folder is to become; its parent is made.
        threads: what writes into it; they are stopped before the folder is removed.

    Attributes:
        path: the folder.
    """

    def __init__(self, target: Path, threads: Executor) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
        self._remove = weakref.finalize(self, _remove_folder, self.path, threads, os.getpid())

    def note(self, made: Mapping[str, Any]) -> None:
        """Do nothing: what is made here is made by one process alone."""

    def moved(self, target: Path) -> None:
        """Do nothing: there is nothing but what was made."""

    def leave(self) -> None:
        """Remove the folder, if it is still there."""
        self._remove()

    discard = leave


class KeptFolder:
    """A folder beside ``target`` that outlives its process and is found again.

    It holds ``.plan.json``, what is being made; ``.progress.jsonl``, a line for every batch whose files are whole; and
    the files. A lock that ends with its process keeps others out.

    Args:
        target: what the folder is to become; its parent is made.
        plan: what is to be made, JSON-like.

    Attributes:
        path: the folder.
        made: the lines of ``.progress.jsonl`` of earlier processes.

    Raises:
        ValueError: when the folder was begun with another plan.
        FileExistsError: when another process is at work on it.
    """

    def __init__(self, target: Path, plan: Mapping[str, Any]) -> None:
        self.path = self.of(target)
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise FileExistsError(
                f"out_dir must not be made by two processes at once, got {target}; wait for the other one"
            ) from None
        try:
            self.made = self._begun(target, plan)
        except BaseException:
            self._lock.release()
            raise
        self._progress = open(self.path / PROGRESS, "a", encoding="utf-8")  # noqa: SIM115

    @staticmethod
    def of(target: Path) -> Path:
        """Return where the folder of ``target`` lies."""
        return target.parent / f".{target.name}.unfinished"

    @staticmethod
    def plan_in(folder: Path) -> dict[str, Any] | None:
        """Return the plan of an unfinished folder; None where it has just been begun, or is gone."""
        try:
            return dict(read_json(folder / PLAN))
        except FileNotFoundError:
            return None

    def note(self, made: Mapping[str, Any]) -> None:
        """Record that the files of a batch are whole."""
        self._progress.write(json.dumps(made) + "\n")
        self._progress.flush()

    def moved(self, target: Path) -> None:
        """Remove from ``target`` what only an unfinished folder has."""
        self._progress.close()
        for name in (PROGRESS, PLAN, LOCK):
            (target / name).unlink(missing_ok=True)

    def leave(self) -> None:
        """Let go of the folder; it stays for the next process."""
        self._progress.close()
        self._lock.release()

    def discard(self) -> None:
        """Remove the folder: what was planned cannot be made."""
        self._progress.close()
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    def _begun(self, target: Path, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what earlier processes made; write the plan where there was none."""
        progress = self.path / PROGRESS
        if not (self.path / PLAN).is_file():
            write_json(self.path / PLAN, plan)
        different = difference(read_json(self.path / PLAN), plan)
        if different:
            raise ValueError(
                f"out_dir {target} was begun with {different}; give the same again to go on, remove {self.path} to "
                "begin anew, or name another out_dir"
            )
        if not progress.is_file():
            return []
        made = read_json_lines(progress)
        # A line that was cut off would spoil the next one; its files are there and are not made again.
        whole = "".join(json.dumps(line) + "\n" for line in made)
        part = progress.with_suffix(".part")
        part.write_text(whole, encoding="utf-8")
        os.replace(part, progress)
        return made


def difference(old: Any, new: Any, name: str = "") -> str | None:
    """Return in words where two JSON-like contents differ first, such as ``seed 0, not 1``; None where they do not."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            if found := difference(old.get(key), new.get(key), str(key)):
                return found
        return None
    return None if old == new else f"{name} {json.dumps(old)}, not {json.dumps(new)}"


def jsonable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``facts`` as JSON gives them back, or raise ``ValueError`` where it cannot hold them."""
    try:
        return dict(json.loads(json.dumps(dict(facts))))
    except TypeError as error:
        raise ValueError(f"provenance must hold only what JSON holds: {error}") from error


def move_folder(folder: Path, target: Path, last: str) -> None:
    """Move ``folder`` to ``target``, which is absent or an empty folder.

    Args:
        folder: what to move.
        target: where to; its parent exists.
        last: name of the file that is moved last where items must be moved one by one.
    """
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(folder, 0o777 & ~umask)
    if not target.exists():
        os.rename(folder, target)
        return
    # What is there may be a mount or the working folder, so it stays; the list that makes it a data set comes last.
    for item in sorted(folder.iterdir(), key=lambda item: item.name == last):
        shutil.move(item, target / item.name)


def _remove_folder(folder: Path, threads: Executor, process: int) -> None:
    """Remove ``folder``, unless this is a fork of the process that made it."""
    if os.getpid() == process:
        threads.shutdown(cancel_futures=True)
        shutil.rmtree(folder, ignore_errors=True)
