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
"""What must not leave the place where a run was made: names of patients, of files and of the machine."""

from __future__ import annotations

import getpass
import logging
import pickletools
import re
import socket
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from monai_dcgan.data import SliceStore
from monai_dcgan.utils.files import read_json
from monai_dcgan.utils.run_folder import RunFolder
from monai_dcgan.utils.text import count_of
from monai_dcgan.workflow import bundle_root

__all__ = ["check_private", "find_leaks", "private_words"]

logger = logging.getLogger(__name__)

# Absolute paths of usual machines, of Windows, and addresses of files.
_PATHS = (
    re.compile(
        rb"(?<![\w.:/$}~*-])/(?:home|Users|root|tmp|mnt|media|data|datasets?|scratch|work|workspace|srv|opt|var|storage"
        rb"|gpfs|lustre|nfs|Volumes)/[\w.-]+"
    ),
    re.compile(rb"(?<![A-Za-z])[A-Za-z]:\\{1,2}[\w.-]+"),
    re.compile(rb"file:/{2,3}[\w.-]+"),
)
# Settings of a run that hold names of files.
_OF_FILES = ("dataset_dir", "cache_dir", "split_file", "extractor")
# A shorter word, or a number of less digits, stands in many texts by chance.
_SHORTEST, _SHORTEST_NUMBER, _SHORTEST_IN_TENSORS = 4, 6, 6
_MOST_SHOWN = 5


def private_words(run: RunFolder, store: SliceStore | None = None) -> set[str]:
    """Return what a bundle of a run must not hold.

    Args:
        run: folder of a finished run.
        store: the slices that it was trained with, where they are still there.

    Returns:
        names of patients and cases, paths of the run and of its data, names of user and machine. Left out, with a
        word in the log, are those that nobody could tell from ordinary words: of less than 4 letters, of less than 6
        digits, or in the texts that every bundle of this package has.
    """
    patients = {name for names in read_json(run.split).values() for name in names}
    cases = {str(record["case"]) for record in store.slices} if store is not None else set()
    settings = read_json(run.path / "settings.json")
    files = {str(value) for name in _OF_FILES if (value := settings.get(name)) and "/" in str(value)}
    machine = {str(run.path.resolve()), str(Path.home()), socket.gethostname(), getpass.getuser()}
    words = {str(word) for word in patients | cases | files | machine}
    telling = {word for word in words if _tells(word)}
    unseen = len(patients - telling)
    if unseen:
        logger.info("%s too short or too common to be looked for", count_of(unseen, "name of a patient is"))
    return telling


def find_leaks(folder: str | Path, words: Iterable[str]) -> list[str]:
    """Look through every file of a folder for private words and for paths of a machine.

    In archives, such as weights, the names of the members, their contents and the comments are looked through; in the
    numbers of tensors only words of at least 6 letters are looked for.

    Args:
        folder: the folder.
        words: as of :func:`private_words`.

    Returns:
        one line a finding, ``file: what``.
    """
    folder, found = Path(folder), []
    sought = [(word, word.encode()) for word in sorted(words)]
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        for place, content, tensor in [(name, name.encode(), False), *(_parts(path, name) if path.is_file() else ())]:
            found += [f"{place}: {what}" for what in _in_content(content, sought, tensor)]
    return list(dict.fromkeys(found))


def check_private(folder: str | Path, words: Iterable[str]) -> None:
    """Raise ``ValueError`` if a folder that is to be shared holds a private word or a path of a machine."""
    found = find_leaks(folder, words)
    if found:
        shown = "; ".join(found[:_MOST_SHOWN]) + (
            f"; and {len(found) - _MOST_SHOWN} more" if found[_MOST_SHOWN:] else ""
        )
        raise ValueError(f"a bundle must hold no name of a patient, file or machine, got {shown}; nothing was written")


def _tells(word: str) -> bool:
    shortest = _SHORTEST_NUMBER if word.isdigit() else _SHORTEST
    return len(word) >= shortest and not _whole(word.encode(), _common_text())


@cache
def _common_text() -> bytes:
    """Return the texts that every bundle of this package has."""
    files = [path for path in sorted(bundle_root().rglob("*")) if path.suffix in (".json", ".conf", ".md", ".txt", "")]
    return b"\n".join(path.read_bytes() for path in files if path.is_file())


def _parts(path: Path, name: str) -> Iterator[tuple[str, bytes, bool]]:
    """Yield place, content and whether it is the numbers of a tensor, for all that a file holds."""
    if not zipfile.is_zipfile(path):
        yield name, path.read_bytes(), False
        return
    with zipfile.ZipFile(path) as archive:
        yield name, archive.comment, False
        for member in archive.infolist():
            place = f"{name}!{member.filename}"
            yield place, member.filename.encode() + b" " + member.comment + b" " + member.extra, False
            content = archive.read(member)
            if member.filename.endswith(".pkl"):
                content = _words_of_pickle(content)
            yield place, content, re.search(r"(^|/)data/\d+$", member.filename) is not None


def _words_of_pickle(content: bytes) -> bytes:
    """Return the texts in a pickle, one a line, without running it: letters of its own stand right behind each."""
    found = [argument for _, argument, _ in pickletools.genops(content)]
    return b"\n".join(str(text).encode() for text in found if isinstance(text, (str, bytes)))


def _in_content(content: bytes, sought: Iterable[tuple[str, bytes]], tensor: bool) -> Iterator[str]:
    for word, encoded in sought:
        if not (tensor and len(encoded) < _SHORTEST_IN_TENSORS) and _whole(encoded, content):
            yield repr(word)
    if not tensor:
        for pattern in _PATHS:
            yield from (repr(found.group().decode(errors="replace")) for found in pattern.finditer(content))


def _whole(word: bytes, content: bytes) -> bool:
    """Return whether ``word`` stands in ``content`` with no letter or digit right before or behind it."""
    start = content.find(word)
    while start >= 0:
        before, behind = content[start - 1 : start] if start else b"", content[start + len(word) :][:1]
        if not before.isalnum() and not behind.isalnum():
            return True
        start = content.find(word, start + 1)
    return False
