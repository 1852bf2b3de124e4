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
"""Which cases make which shard of a store."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.attributes import ATTRIBUTES
from monai_dcgan.data.reading import case_files
from monai_dcgan.utils.enums import Keys

__all__ = ["ShardPlan", "fingerprint", "limit_per_patient", "plan_shards", "stable_hash"]

DIGITS = 16
# A picture is one slice: so many share a shard, or a store would be thousands of tiny files.
PICTURES_PER_SHARD = 64


@dataclass(frozen=True)
class ShardPlan:
    """The cases of a shard; its name says what is in it, so that equal work is known to be done.

    Args:
        name: hash of the settings of the slices, and of names, sizes and times of the files.
        cases: as ``find_cases`` gives them, maybe with ``max_slices``.
    """

    name: str
    cases: tuple[dict[str, Any], ...]


def stable_hash(value: Any) -> str:
    """Return the SHA-256 of a JSON-like value as hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def plan_shards(
    cases: Sequence[dict[str, Any]], data_dir: Path, settings: Mapping[str, Any], pictures: bool
) -> list[ShardPlan]:
    """Share cases among shards: one volume, or some pictures, each.

    Args:
        cases: in the order of the store.
        data_dir: folder that names of files are relative to.
        settings: what, besides the files, decides on the content of a shard, JSON-like.
        pictures: whether cases are pictures.
    """
    size = PICTURES_PER_SHARD if pictures else 1
    groups = [tuple(cases[start : start + size]) for start in range(0, len(cases), size)]
    basis = stable_hash(settings)
    return [
        ShardPlan(stable_hash([basis, [fingerprint(case, data_dir) for case in group]])[:DIGITS], group)
        for group in groups
    ]


def limit_per_patient(cases: Iterable[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    """Share ``most`` slices of each patient evenly among his cases, as ``max_slices`` of the case.

    Where a patient has more cases than that, cases evenly spread over his have one and the others are left out.
    """
    cases = list(cases)
    if most is None:
        return cases
    count = Counter(case[Keys.PATIENT] for case in cases)
    seen: Counter[str] = Counter()
    limited = []
    for case in cases:
        number, total = seen[case[Keys.PATIENT]], count[case[Keys.PATIENT]]
        seen[case[Keys.PATIENT]] += 1
        share = most * (number + 1) // total - most * number // total
        if share:
            limited.append({**case, "max_slices": share})
    return limited


def fingerprint(case: Mapping[str, Any], data_dir: Path) -> list[Any]:
    """Return what changes when a file of a case does, its patient, class, fold or attributes: names, sizes, times."""
    names = (Keys.CASE, Keys.PATIENT, Keys.CLASS_NAME, Keys.FOLD, "channels", "max_slices")
    result: list[Any] = [[case.get(name) for name in names]]
    # Not as one of the names: shards of cases without attributes keep theirs.
    if case.get(ATTRIBUTES):
        result.append(case[ATTRIBUTES])
    for path in case_files(case):
        # A DICOM series is a folder.
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            name = os.path.relpath(file, data_dir)
            # A link may lead nowhere; whoever reads the series says so.
            stat = file.stat() if file.exists() else file.lstat()
            result.append([name, stat.st_size, stat.st_mtime_ns])
    return result
