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
"""The table of a store: one row a slice, kept by column."""

from __future__ import annotations

import csv
import io
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from monai_dcgan.utils.enums import Keys

__all__ = ["COLUMNS", "SliceTable", "write_rows"]

# Column of slices.csv -> type.
COLUMNS: dict[str, type] = {
    str(Keys.PATIENT): str,
    str(Keys.CASE): str,
    str(Keys.CLASS_NAME): str,
    str(Keys.FOLD): str,
    "slice_index": int,
    "axis": str,
    "row_spacing": float,
    "column_spacing": float,
    "intensity_low": str,
    "intensity_high": str,
    "tumor_fraction": float,
    "tumor_area": float,
    "foreground_fraction": float,
    "mask_pixels": int,
    "shard": str,
    "row": int,
}
CODES = {int: "q", float: "d"}


class SliceTable(Sequence[Mapping[str, Any]]):
    """Records of slices: patient, case, class_name, fold, slice_index and the other columns of ``slices.csv``.

    Kept by column, because a million dictionaries would fill the memory that the slices don't.

    Args:
        rows: mappings with the names of ``COLUMNS``; values may be text.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.columns: dict[str, Any] = {
            name: array(CODES[kind]) if kind in CODES else [] for name, kind in COLUMNS.items()
        }
        for row in rows:
            for name, kind in COLUMNS.items():
                self.columns[name].append(sys.intern(str(row[name])) if kind is str else kind(row[name]))

    def __len__(self) -> int:
        return len(self.columns["row"])

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        return {"index": number, **{name: column[number] for name, column in self.columns.items()}}


def write_rows(stream: io.TextIOBase, rows: Iterator[Mapping[str, Any]]) -> int:
    """Write rows as ``slices.csv`` and return how many there were."""
    writer = csv.DictWriter(stream, ["index", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    count = 0
    for count, row in enumerate(rows, start=1):
        writer.writerow({"index": count - 1, **row})
    return count
