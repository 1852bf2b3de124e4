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
"""Shards: the slices of one volume, or of some pictures, in files of their own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import blosc2
import numpy as np

from monai_dcgan.data.problems import Problem
from monai_dcgan.data.store.folder import StoreFolder, is_temporary

__all__ = [
    "IMAGE_DTYPE",
    "MASK_DTYPE",
    "SHARDS",
    "Shard",
    "decode",
    "is_shard_file",
    "only_shards",
    "read_shard",
    "shard_ids",
    "whole_shards",
    "write_shard",
]

SHARDS = "shards"
IMAGE_DTYPE, MASK_DTYPE = np.dtype("<f2"), np.dtype("u1")
# Each slice is a block of its own, so that one can be read without the others.
SLICES_PER_CHUNK = 256
FILE_NAME = re.compile(r"[0-9a-f]{16}\.(json|images\.b2nd|masks\.b2nd)")
# Bits of the same weight lie side by side before they are compressed, which suits numbers in [0, 1].
COMPRESSION = {
    "codec": blosc2.Codec.ZSTD,
    "clevel": 1,
    "filters": [blosc2.Filter.BITSHUFFLE],
    "filters_meta": [0],
    "nthreads": 1,
}


@dataclass(frozen=True)
class Shard:
    """What is known of the slices in a shard.

    Args:
        name: name of the shard.
        cases: one mapping per case: names, geometry, scaling, number of slices, slices removed by each rule, and the
            patient's attributes where there are any.
        slices: one mapping per slice.
        problems: cases that were left out.
        image_shape: (C, S, S) of the images; None without a slice.
        mask_shape: (M, S, S) of the masks; None without a slice.
        files: file -> its size in bytes and SHA-256.
    """

    name: str
    cases: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    problems: list[Problem] = field(default_factory=list)
    image_shape: tuple[int, ...] | None = None
    mask_shape: tuple[int, ...] | None = None
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """What the shard says, whatever it is called and whenever its files were written, as JSON."""
        sums = {file.removeprefix(self.name): known["sha256"] for file, known in self.files.items()}
        return json.dumps([sums, self.cases, self.slices], sort_keys=True)


def write_shard(
    folder: StoreFolder,
    name: str,
    images: np.ndarray,
    masks: np.ndarray,
    cases: Sequence[Mapping[str, Any]],
    slices: Sequence[Mapping[str, Any]],
    problems: Sequence[Problem] = (),
) -> Shard:
    """Write a shard; it counts once its ``.json`` is there, which is written last.

    Equal content gives equal bytes, so that two processes that write the same shard do not harm each other.

    Args:
        folder: folder of the store.
        name: name of the shard.
        images: (N, C, S, S) in [0, 1], stored as float16.
        masks: (N, M, S, S) with values 0 and 1, stored as uint8.
        cases: see ``Shard``.
        slices: N mappings, see ``Shard``.
        problems: cases that were left out.

    Raises:
        ValueError: when the numbers of images, masks and records differ.
        OSError: when a file cannot be written.
    """
    if not len(images) == len(masks) == len(slices):
        raise ValueError(f"images, masks and slices must be as many, got {len(images)}, {len(masks)}, {len(slices)}")
    files = {}
    for kind, array, dtype in (("images", images, IMAGE_DTYPE), ("masks", masks, MASK_DTYPE)):
        if array.size:
            content = _encode(np.ascontiguousarray(array, dtype=dtype))
            file = f"{name}.{kind}.b2nd"
            folder.write(f"{SHARDS}/{file}", content)
            files[file] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    shard = Shard(
        name,
        [dict(case) for case in cases],
        [dict(one) for one in slices],
        list(problems),
        tuple(images.shape[1:]) if len(images) else None,
        tuple(masks.shape[1:]) if len(images) else None,
        files,
    )
    record = {
        "cases": shard.cases,
        "slices": shard.slices,
        "problems": [problem.as_dict() for problem in shard.problems],
        "image_shape": shard.image_shape,
        "mask_shape": shard.mask_shape,
        "files": files,
    }
    folder.write(f"{SHARDS}/{name}.json", json.dumps(record, ensure_ascii=False).encode())
    return shard


def read_shard(folder: StoreFolder, name: str) -> Shard:
    """Read what is known of a shard.

    Raises:
        FileNotFoundError: when it is not there.
        ValueError: when its ``.json`` is damaged.
    """
    try:
        record = json.loads(folder.read(f"{SHARDS}/{name}.json"))
        problems = [Problem(one["case"], tuple(one["files"]), one["reason"]) for one in record["problems"]]
        image, mask = (None if record[key] is None else tuple(record[key]) for key in ("image_shape", "mask_shape"))
        return Shard(name, record["cases"], record["slices"], problems, image, mask, record["files"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{folder}/{SHARDS}/{name}.json is damaged ({error}); prepare the data again") from error


def shard_ids(folder: StoreFolder) -> set[str]:
    """Return the names of the shards that are whole."""
    return {name[: -len(".json")] for name in folder.names(SHARDS) if name.endswith(".json") and name[0] != "."}


def whole_shards(folder: StoreFolder) -> set[str]:
    """Return the names of the shards whose record can be read and whose files have the sizes that it says."""
    sizes = folder.sizes(SHARDS)
    whole = set()
    for name in shard_ids(folder):
        try:
            files = read_shard(folder, name).files
        except (ValueError, FileNotFoundError):
            continue
        if all(sizes.get(file) == known["bytes"] for file, known in files.items()):
            whole.add(name)
    return whole


def is_shard_file(name: str) -> bool:
    """Return whether a file of this name belongs to a shard."""
    return FILE_NAME.fullmatch(name) is not None


def only_shards(folder: StoreFolder) -> bool:
    """Return whether a folder holds shards and nothing else, as a store does that was stopped while it was deleted."""
    found = {name for name in folder.names("") if not is_temporary(name)}
    return found == {SHARDS} and all(is_shard_file(name) or is_temporary(name) for name in folder.names(SHARDS))


def decode(content: bytes) -> blosc2.NDArray:
    """Return the array in the bytes of a ``.b2nd`` file; blocks are decompressed as they are read."""
    return blosc2.ndarray_from_cframe(content, copy=True)


def _encode(array: np.ndarray) -> bytes:
    """Return the content of a ``.b2nd`` file.

    Chunks are compressed one by one: only so can Blosc2 leave the interpreter's lock to others (``set_releasegil``).
    """
    size, shape = min(len(array), SLICES_PER_CHUNK), array.shape[1:]
    block = int(np.prod(shape)) * array.itemsize
    stored = blosc2.empty(
        array.shape, array.dtype, chunks=(size, *shape), blocks=(1, *shape), cparams=dict(COMPRESSION)
    )
    for number, start in enumerate(range(0, len(array), size)):
        chunk = array[start : start + size]
        if len(chunk) < size:
            chunk = np.concatenate([chunk, np.zeros((size - len(chunk), *shape), array.dtype)])
        packed = blosc2.compress2(chunk, typesize=array.itemsize, blocksize=block, **COMPRESSION)
        stored.schunk.update_chunk(number, packed)
    return bytes(stored.to_cframe())
