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
"""A store's header, and how shards become a store."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.data.problems import Problem
from monai_dcgan.data.store.folder import StoreFolder
from monai_dcgan.data.store.shards import IMAGE_DTYPE, MASK_DTYPE, SHARDS, is_shard_file, read_shard
from monai_dcgan.data.store.table import write_rows

__all__ = [
    "CASES",
    "FORMAT_VERSION",
    "HEADER",
    "PROBLEMS",
    "TABLE",
    "begin_store",
    "finish_store",
    "problems_of",
    "read_header",
]

# Part of every key: raise it when the files change, or what a setting means for the slices.
FORMAT_VERSION = 3
HEADER, TABLE, CASES, PROBLEMS = "store.json", "slices.csv", "cases.jsonl", "problems.json"
# What a header must have, and what once the store is complete.
FIELDS: dict[str, type] = {"key": str, "settings": dict, "complete": bool, "shards": list}
FIELDS_AT_END: dict[str, type] = {
    "slices": int, "image_shape": list, "mask_shape": list, "left_out": int, "digest": str,
}  # fmt: skip
READ_IT = (
    "slices.csv has a row a slice: slice ROW of shards/SHARD.images.b2nd (C, S, S) and of shards/SHARD.masks.b2nd "
    "(M, S, S); in Python: blosc2.open('shards/SHARD.images.b2nd')[ROW]. cases.jsonl has a line a case."
)
SCALING = (
    "images: clip((intensity - low) / (high - low), 0, 1) with intensity_low and intensity_high of the slice's row, "
    "one of each for a channel of the scan; 0 outside the head; masks: 1 is tumor, 0 is not"
)


def read_header(folder: StoreFolder) -> dict[str, Any] | None:
    """Return the header of a store, None where there is none.

    Raises:
        ValueError: when it is damaged, or of another version of the format.
    """
    if not folder.exists(HEADER):
        return None
    try:
        header = json.loads(folder.read(HEADER))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{folder}/{HEADER} must be a JSON file: {error}; delete the folder and prepare it again"
        ) from error
    if not isinstance(header, dict):
        raise ValueError(
            f"{folder}/{HEADER} must be a JSON object, got a {type(header).__name__}; delete the folder and prepare it "
            "again"
        )
    if header.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"{folder} must have format version {FORMAT_VERSION}, got {header.get('format_version')}; delete the "
            "folder and prepare it again"
        )
    needed = {**FIELDS, **(FIELDS_AT_END if header.get("complete") else {})}
    wrong = [name for name, kind in needed.items() if not isinstance(header.get(name), kind)]
    if wrong:
        raise ValueError(
            f"{folder}/{HEADER} must have {', '.join(needed)}, got no valid {', '.join(wrong)}; delete the folder and "
            "prepare it again"
        )
    return header


def begin_store(folder: StoreFolder, key: str, settings: Mapping[str, Any], shards: Sequence[str]) -> None:
    """Write the header of a store whose shards are still to come, unless it has that of the same content."""
    header = read_header(folder)
    if header is not None and header["key"] == key:
        return
    _write_json(folder, HEADER, _header(key, settings, shards, complete=False))


def finish_store(
    folder: StoreFolder,
    key: str,
    settings: Mapping[str, Any],
    shards: Sequence[str],
    problems: Sequence[Problem] = (),
) -> dict[str, Any]:
    """Make the table of all shards, then declare the store complete.

    Shards in the folder that are not among ``shards`` are deleted.

    Args:
        folder: folder of the store.
        key: what identifies the content.
        settings: what made it, JSON-like.
        shards: names of the shards, in the order of the slices.
        problems: cases that did not get as far as a shard.

    Returns:
        the number of ``slices`` and ``cases``, ``dropped`` slices by rule, and ``problems``.

    Raises:
        ValueError: when shards differ in their shapes, or there is no slice.
    """
    found: dict[str, Any] = {"image": None, "mask": None, "cases": 0, "dropped": Counter(), "problems": list(problems)}
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as temporary:
        table, cases = Path(temporary) / TABLE, Path(temporary) / CASES
        with open(table, "w", newline="", encoding="utf-8") as rows, open(cases, "w", encoding="utf-8") as lines:
            count = write_rows(rows, _rows(folder, shards, lines, digest, found))
        if count == 0:
            raise ValueError(_nothing_left(found))
        folder.publish(table, TABLE)
        folder.publish(cases, CASES)
    _write_json(folder, PROBLEMS, [problem.as_dict() for problem in found["problems"]])
    header = _header(key, settings, shards, complete=True)
    header |= {
        "slices": count,
        "cases": found["cases"],
        "left_out": len(found["problems"]),
        "image_shape": list(found["image"]),
        "mask_shape": list(found["mask"]),
        "digest": digest.hexdigest(),
    }
    # Before the header: of a complete store, nothing is left to do.
    wanted = set(shards)
    for name in sorted(folder.names(SHARDS)):
        if is_shard_file(name) and name.split(".")[0] not in wanted:
            folder.remove(f"{SHARDS}/{name}")
    folder.sweep()
    _write_json(folder, HEADER, header)
    return {"slices": count, **{name: found[name] for name in ("cases", "dropped", "problems")}}


def problems_of(folder: StoreFolder) -> list[Problem]:
    """Return the cases that were left out of a complete store.

    Raises:
        ValueError: when the list is missing or damaged.
    """
    try:
        return [Problem(one["case"], tuple(one["files"]), one["reason"]) for one in json.loads(folder.read(PROBLEMS))]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, FileNotFoundError) as error:
        raise ValueError(
            f"{folder}/{PROBLEMS} is missing or damaged ({error!r}); delete the folder and prepare it again"
        ) from error


def _rows(
    folder: StoreFolder, shards: Sequence[str], lines: io.TextIOBase, digest: Any, found: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of all slices; on the way note cases, shapes, dropped slices and problems."""
    for name in shards:
        shard = read_shard(folder, name)
        found["problems"] += shard.problems
        for case in shard.cases:
            found["cases"] += 1
            found["dropped"].update(case["dropped"])
            lines.write(json.dumps(case, ensure_ascii=False) + "\n")
        if shard.image_shape is not None:
            shapes = {"image": shard.image_shape, "mask": shard.mask_shape}
            for kind, shape in shapes.items():
                if found[kind] is not None and found[kind] != shape:
                    raise ValueError(
                        f"every case must have the same channels, got {kind}s of {found[kind]} and, in "
                        f"{shard.cases[0]['case']}, {shape}; pick channels with modalities"
                    )
            found |= shapes
        digest.update(shard.content.encode())
        for row, record in enumerate(shard.slices):
            yield {**record, "shard": name, "row": row}


def _nothing_left(found: Mapping[str, Any]) -> str:
    if not found["cases"] and found["problems"]:
        return f"no case can be used; all {len(found['problems'])} were left out, the first: {found['problems'][0]}"
    rules = "; ".join(f"{count} slices: {rule}" for rule, count in found["dropped"].most_common())
    text = f"no slice of {found['cases']} cases is left; {rules or 'no rule removed any'}"
    text += "; loosen the rule that removes most" if rules else ""
    if found["problems"]:
        text += f"; {len(found['problems'])} cases were left out, the first: {found['problems'][0]}"
    return text


def _header(key: str, settings: Mapping[str, Any], shards: Sequence[str], complete: bool) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "complete": complete,
        "key": key,
        "settings": dict(settings),
        "image_dtype": str(IMAGE_DTYPE),
        "mask_dtype": str(MASK_DTYPE),
        "byte_order": "little",
        "scaling": SCALING,
        "read_it": READ_IT,
        "shards": list(shards),
    }


def _write_json(folder: StoreFolder, name: str, value: Any) -> None:
    folder.write(name, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())
