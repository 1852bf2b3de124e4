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
"""Series of slices stand for the patients that a set does not name."""

from __future__ import annotations

import csv
import subprocess
import sys


def test_series(repository, tmp_path):
    """Numbers in a row of one class and fold; 4 is missing, and 2120 is of a patient who is in two folds."""
    slices = [(1, "glioma", 1), (2, "glioma", 1), (3, "glioma", 2), (5, "glioma", 2), (6, "pituitary", 2)]
    slices += [(2119, "glioma", 4), (2120, "glioma", 4)]
    data = tmp_path / "data"
    data.mkdir()
    with open(data / "index.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "mask", "class", "patient_disjoint_fold"])
        for number, class_name, fold in reversed(slices):
            (data / class_name).mkdir(exist_ok=True)
            names = [f"{class_name}/{number:04d}.png", f"{class_name}/{number:04d}_mask.png"]
            for name in names:
                (data / name).write_bytes(name.encode())
            writer.writerow([*names, class_name, fold])
    script = repository / "examples" / "tumor_types" / "name_series.py"
    done = subprocess.run(
        [sys.executable, script, data, tmp_path / "out"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "5 slices in 4 series" in done.stdout
    with open(tmp_path / "out" / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["image"], row["patient"]) for row in rows] == [
        ("glioma/0001.png", "glioma-fold1-from0001"),
        ("glioma/0002.png", "glioma-fold1-from0001"),
        ("glioma/0003.png", "glioma-fold2-from0003"),
        ("glioma/0005.png", "glioma-fold2-from0005"),
        ("pituitary/0006.png", "pituitary-fold2-from0006"),
    ]
    for row in rows:
        for kind in ("image", "mask"):
            assert (tmp_path / "out" / row[kind]).read_bytes() == row[kind].encode()
    assert not (tmp_path / "out" / "glioma" / "2120.png").exists()
