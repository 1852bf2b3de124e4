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
"""Shards of a synthetic set: each a set of its own in a folder of one root, and the root a set of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.data.slice_files import DATASET, PROVENANCE
from monai_dcgan.data.unfinished import KeptFolder, difference
from monai_dcgan.utils.enums import Keys
from monai_dcgan.utils.files import read_json, write_json

__all__ = ["SHARD_FILE", "check_siblings", "join_shards", "shard_folder"]

SHARD_FILE = "shard.json"
FILES = (Keys.IMAGE.value, Keys.LABEL.value)


def shard_folder(root: Path, number: int, count: int) -> Path:
    """Return the folder of a shard, such as ``root/shard_03_of_16``."""
    width = max(2, len(str(count)))
    return root / f"shard_{number:0{width}d}_of_{count:0{width}d}"


def check_siblings(root: Path, plan: Mapping[str, Any]) -> None:
    """Refuse a shard whose plan is not that of the other shards in ``root``, whether finished or not.

    Args:
        root: folder of the shards; it need not exist.
        plan: what the set is made by, the same for all shards of it.

    Raises:
        ValueError: when a shard was made by another plan.
    """
    for path, other in _plans(root):
        if different := difference(other, plan):
            raise ValueError(
                f"shards in {root} must be of one set, got {different}, in {path.name}; give the same to every shard, "
                "or name another folder"
            )


def join_shards(root: Path, count: int) -> list[int]:
    """Make ``root`` a data set of all its shards, if each of them is finished; files stay where they are.

    ``dataset.json`` in ``root`` lists what the shards list, ``provenance.json`` adds up what they say. Several
    processes may do it at once: all write the same, each file whole.

    Args:
        root: folder of the shards.
        count: how many there are.

    Returns:
        the numbers of the shards that are not finished; where there is one, nothing is written.

    Raises:
        ValueError: when they are not of one set.
    """
    folders = [shard_folder(root, number, count) for number in range(1, count + 1)]
    missing = [number for number, folder in enumerate(folders, 1) if not (folder / SHARD_FILE).is_file()]
    if missing:
        return missing
    check_siblings(root, read_json(folders[0] / SHARD_FILE))
    descriptions = [read_json(folder / DATASET) for folder in folders]
    records = [read_json(folder / PROVENANCE) for folder in folders]
    entries = [
        {name: _below(folder, value) if name in FILES else value for name, value in entry.items()}
        for folder, description in zip(folders, descriptions)
        for entry in description["training"]
    ]
    record = {name: value for name, value in records[0].items() if name != "shard"}
    record |= {"count": len(entries), "shards": count}
    if "selection" in record:
        record["selection"] = _added_up([record["selection"] for record in records])
    write_json(root / PROVENANCE, record)
    write_json(root / DATASET, {**descriptions[0], "numTraining": len(entries), "training": entries})
    return []


def _below(folder: Path, name: str) -> str:
    return f"./{folder.name}/{name.removeprefix('./')}"


def _added_up(selections: list[dict[str, Any]]) -> dict[str, Any]:
    rejected: Counter[str] = Counter()
    for selection in selections:
        rejected.update(selection["rejected"])
    tried = sum(selection["tried"] for selection in selections)
    return {**selections[0], "tried": tried, "rejected": {name: rejected[name] for name in selections[0]["rejected"]}}


def _plans(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield folder and plan of every shard in ``root``, finished or not."""
    for path in sorted(root.glob(f"shard_*/{SHARD_FILE}")):
        yield path.parent, read_json(path)
    for path in sorted(root.glob(".shard_*.unfinished")):
        if plan := KeptFolder.plan_in(path):
            yield path, plan
