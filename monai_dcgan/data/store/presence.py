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
"""What lies at the place of a store before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_dcgan.data.store.assembly import read_header
from monai_dcgan.data.store.folder import StoreFolder
from monai_dcgan.data.store.shards import only_shards

__all__ = ["is_made"]


def is_made(folder: StoreFolder, key: str, made_by: Mapping[str, Any], update: bool = False) -> bool:
    """Return whether a complete store is in a folder.

    Args:
        folder: the folder, which may be empty.
        key: what identifies the content.
        made_by: settings that make it, and the hash of its ``files``.
        update: take a store of other files too, as one that is not complete.

    Raises:
        FileExistsError: when something else than this store is there.
        ValueError: when its header is damaged, or of another version of the format.
    """
    header = read_header(folder)
    if header is None and folder.exists():
        # Another process may have begun it just now.
        header = read_header(folder)
        if header is None and not only_shards(folder):
            raise FileExistsError(f"{folder} exists and is no slice store; give an empty or a new folder")
    if header is None:
        return False
    if header["key"] == key:
        return bool(header["complete"])
    old = header["settings"]
    differing = [name for name in made_by if old.get(name) != made_by[name]]
    if differing == ["files"] and (update or not header["complete"]):
        return False
    text = ", ".join(
        "the files of the data set (update=True reads what is new)"
        if name == "files"
        else f"{name} (store: {old.get(name)!r}, now: {made_by[name]!r})"
        for name in differing
    )
    raise FileExistsError(
        f"{folder} holds a store that differs in {text or 'its format'}; give another store_dir, delete it, or use "
        "cache_dir, which keeps one store per setting"
    )
