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
"""Give the slices of figshare 1512427 series in the place of the patients that it does not name.

    python examples/tumor_types/name_series.py DATA/figshare_t1ce_128 SERIES

``SERIES`` is a copy of the data whose ``index.csv`` has a column ``patient``. Slices with numbers in a row, one class
and one fold are taken for a series, as they look like the slices of a patient in one plane, or of several patients; no
name confirms it. There are about two for each of the patients that the set is said to have. Its folds are published as
patient-disjoint, and a series has one fold, so that a split by folds parts no patient; but intervals that take series
for patients are somewhat too narrow.

Series with slices that look like the head of a patient in another fold are left out, see docs/datasets.md.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import shutil
from pathlib import Path

FOLD = "patient_disjoint_fold"
ALSO_IN_ANOTHER_FOLD = {2120, 2144, 2216, 2237, 2349}
"""Numbers of slices that show the head of a patient of another fold, as far as that can be told by eye."""


def main() -> None:
    """Write the copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with index.csv")
    parser.add_argument("out", type=Path, help="folder of the copy; must not exist")
    args = parser.parse_args()
    with open(args.data / "index.csv", newline="", encoding="utf-8") as file:
        rows = with_series(list(csv.DictReader(file)))
    for row in rows:
        for kind in ("image", "mask"):
            path = args.out / row[kind]
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(args.data / row[kind], path)
    with open(args.out / "index.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{args.out}: {len(rows)} slices in {len({row['patient'] for row in rows})} series")


def with_series(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows with their series as ``patient``, those of patients in several folds left out."""
    # In a row: numbers that grow as fast as places do.
    places = enumerate(sorted(rows, key=number_of))
    named: list[dict[str, str]] = []
    for (_, class_name, fold), items in itertools.groupby(
        places, lambda item: (number_of(item[1]) - item[0], item[1]["class"], item[1][FOLD])
    ):
        series = [row for _, row in items]
        if not ALSO_IN_ANOTHER_FOLD.intersection(map(number_of, series)):
            name = f"{class_name}-fold{fold}-from{number_of(series[0]):04d}"
            named += [{**row, "patient": name} for row in series]
    return named


def number_of(row: dict[str, str]) -> int:
    """Return the number of a slice, the name of its file."""
    return int(Path(row["image"]).stem)


if __name__ == "__main__":
    main()
