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
"""Look at a store: what it holds, what was left out and why, and whether every byte of it is as it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monai_dcgan.data.duplicates import describe_duplicates, find_near_duplicates
from monai_dcgan.data.inspection.tally import Tally
from monai_dcgan.data.problems import Problem
from monai_dcgan.data.store.assembly import CASES, HEADER, PROBLEMS, TABLE, problems_of, read_header
from monai_dcgan.data.store.folder import StoreFolder
from monai_dcgan.data.store.shards import SHARDS, Shard, read_shard
from monai_dcgan.data.store.store import SliceStore
from monai_dcgan.data.store.table import COLUMNS, write_rows
from monai_dcgan.utils.enums import Keys

__all__ = ["inspect_store"]

OF_A_SHARD = COLUMNS.keys() - {"shard", "row"}


def inspect_store(
    path: str | Path, verify: bool = True, duplicates: bool = False, splits: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Describe a store and check its files; also one that is not complete, damaged, or without a slice.

    Args:
        path: folder or URL of the store.
        verify: read every file of slices and compare its size and SHA-256 with those that were recorded when it was
            written; and the tables with the records they are made of.
        duplicates: look for near-identical slices of different patients, see ``find_near_duplicates``.
        splits: patient -> part, to tell duplicates that lie in different parts.

    Returns:
        what it holds, JSON-like. ``verified`` is None without ``verify``, False when ``damage`` names a file. Areas of
        tumor are in mm2, of slices that show any: least, quartiles and largest. ``scaling`` has, for each channel of
        the scans, least and largest intensity that became 0 (``low``) and 1 (``high``). ``compression`` is the size of
        the slices in memory over that of their files. ``attributes`` is as of ``count_attributes``. ``duplicates`` is
        None where they were not looked for.

    Raises:
        FileNotFoundError: when there is no store.
        ValueError: when its header is damaged or of another version.

    Example:
        >>> inspect_store("store")["verified"]
        True
    """
    folder = StoreFolder(path)
    header = read_header(folder)
    if header is None:
        raise FileNotFoundError(f"no slice store at {path} (no {HEADER} in it); make one with prepare")
    sizes = folder.sizes(SHARDS)
    damage: list[str] = []
    tally = Tally()
    rows, cases, content = _Text(), _Text(), _Text()
    present = [name for name in header["shards"] if f"{name}.json" in sizes]

    def records() -> Iterator[dict[str, Any]]:
        """Yield the rows of all slices; on the way count, and check files."""
        for name in present:
            try:
                shard = read_shard(folder, name)
                if any(record.keys() != OF_A_SHARD for record in shard.slices):
                    raise ValueError("columns of slices")
                tally.add(shard)
            except (ValueError, LookupError, TypeError, AttributeError, OSError):
                damage.append(f"{SHARDS}/{name}.json cannot be read")
                continue
            if verify:
                _check_files(folder, shard, sizes, damage)
            for case in shard.cases:
                cases.write(json.dumps(case, ensure_ascii=False) + "\n")
            content.write(shard.content)
            yield from ({**record, "shard": name, "row": row} for row, record in enumerate(shard.slices))

    write_rows(rows, records())  # type: ignore[arg-type]
    left_out = _left_out(folder, header, tally, damage)
    if verify:
        _check_extra(header, sizes, damage)
        # Without the records of a shard there is nothing to compare the tables with.
        if header["complete"] and tally.shards == len(header["shards"]):
            _check_tables(folder, {TABLE: rows, CASES: cases}, damage)
            if not damage and content.digest.hexdigest() != header["digest"]:
                damage.append(f"{HEADER} has another digest than the records of the shards")
    tops = [size for name, size in folder.sizes("").items() if name in (HEADER, TABLE, CASES, PROBLEMS)]
    own = [size for name, size in sizes.items() if name.endswith(".b2nd")]
    return {
        "path": str(path),
        "complete": bool(header["complete"]),
        "shards": len(present),
        "shards_expected": len(header["shards"]),
        "key": header["key"],
        "settings": header["settings"],
        **tally.as_dict(),
        "left_out": [problem.as_dict() for problem in left_out],
        "bytes": sum(sizes.values()) + sum(tops),
        "compression": round(tally.raw_bytes / sum(own), 2) if own else None,
        "verified": not damage if verify else None,
        "damage": damage,
        "duplicates": _duplicates(path, splits) if duplicates and not damage and tally.slices else None,
    }


class _Text:
    """A stream of text that keeps its SHA-256 alone."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, text: str) -> int:
        """Take in a piece of the text."""
        self.digest.update(text.encode())
        return len(text)


def _check_files(folder: StoreFolder, shard: Shard, sizes: Mapping[str, int], damage: list[str]) -> None:
    """Compare the files of a shard with what was recorded of them."""
    for file, record in shard.files.items():
        name = f"{SHARDS}/{file}"
        if file not in sizes:
            damage.append(f"{name} is missing")
        elif sizes[file] != record["bytes"]:
            damage.append(f"{name} has {sizes[file]} bytes instead of {record['bytes']}")
        elif hashlib.sha256(folder.read(name)).hexdigest() != record["sha256"]:
            damage.append(f"{name} has other content than was written")


def _check_extra(header: Mapping[str, Any], sizes: Iterable[str], damage: list[str]) -> None:
    """Name shards that a complete store lacks, and files that it does not know; others come and go at work."""
    if not header["complete"]:
        return
    endings = ("json", "images.b2nd", "masks.b2nd")
    known = {f"{name}.{ending}" for name in header["shards"] for ending in endings}
    for name in header["shards"]:
        if f"{name}.json" not in sizes:
            damage.append(f"{SHARDS}/{name}.json is missing")
    for file in sorted(set(sizes) - known):
        if not file.startswith("."):
            damage.append(f"{SHARDS}/{file} does not belong to the store")


def _check_tables(folder: StoreFolder, expected: Mapping[str, _Text], damage: list[str]) -> None:
    """Compare the tables of a complete store with what its shards give."""
    for name, text in expected.items():
        if not folder.exists(name):
            damage.append(f"{name} is missing")
        elif hashlib.sha256(folder.read(name)).digest() != text.digest.digest():
            damage.append(f"{name} does not agree with the records of the shards")


def _left_out(folder: StoreFolder, header: Mapping[str, Any], tally: Tally, damage: list[str]) -> list[Problem]:
    """Return the cases that were left out; of a store that is not complete, those that came as far as a shard."""
    if not header["complete"]:
        return tally.problems
    try:
        problems = problems_of(folder)
    except (OSError, ValueError, LookupError, TypeError):
        damage.append(f"{PROBLEMS} is missing or cannot be read")
        return tally.problems
    if len(problems) != header["left_out"]:
        damage.append(f"{PROBLEMS} has {len(problems)} cases instead of {header['left_out']}")
    return problems


def _duplicates(path: str | Path, splits: Mapping[str, str] | None) -> dict[str, Any]:
    store = SliceStore(path)
    pairs = find_near_duplicates(store.batches(), store.slices.columns[Keys.PATIENT], splits)
    return {"text": describe_duplicates(pairs), "pairs": [asdict(pair) for pair in pairs]}
