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
"""Tests of the table and the report."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monai_dcgan.evaluation import LabeledSlices, RandomConvExtractor, evaluate, table, write_report
from monai_dcgan.utils.pictures import save_png


@pytest.fixture
def metrics(make_slices):
    made = make_slices(2, 5, seed=1)
    return evaluate(LabeledSlices(made.images, made.masks), make_slices(4, 5), RandomConvExtractor())


@pytest.fixture
def poor(make_slices):
    made = make_slices(2, 5, seed=1)
    return evaluate(LabeledSlices(made.images, made.masks * 0), make_slices(1, 5), RandomConvExtractor())


def test_table(metrics):
    text = table(metrics)
    lines = text.splitlines()
    assert text.isascii()
    for word in ("metric", "synthetic vs held-out", "at equal N", "real vs real", "ratio", "N", "better"):
        assert word in lines[0]
    (row,) = [line for line in lines if line.startswith("Frechet distance (random-conv-seed0)")]
    entry = metrics["metrics"]["frechet_distance"]
    assert f"{entry['value']:.4g}" in row
    assert f"{entry['ratio']:.2f}" in row
    assert "10 vs 20; 10 vs 10" in row
    assert row.endswith("lower")


def test_table_says_why_a_number_is_missing(poor):
    lines = table(poor).splitlines()
    assert any(
        line.startswith("no number: Frechet") and "two halves need at least 2 patients" in line for line in lines
    )
    assert any("Mask row" in line and "no mask to compare" in line for line in lines)
    assert "nan" not in "\n".join(lines).lower()


def test_report(tmp_path, metrics):
    save_png(np.zeros((8, 8), dtype=np.uint8), tmp_path / "pictures" / "a.png")
    path = write_report(metrics, tmp_path / "out", {"Samples": tmp_path / "pictures" / "a.png"})
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == metrics
    text = path.read_text(encoding="utf-8")
    assert "![Samples](../pictures/a.png)" in text
    assert "\u2193 lower" in text
    assert metrics["metrics"]["frechet_distance"]["conditions"]["sha256"] in text
    assert text.count("- sha256:") == 1
    assert "| synthetic | 0 | 10 | 0% |" in text
    assert str(tmp_path) not in text
    header = next(line for line in text.splitlines() if line.startswith("| metric"))
    rows = [line for line in text.splitlines() if line.startswith(("| Frechet", "| SSIM", "| Mask"))]
    assert len(rows) == 8
    assert {row.count("|") for row in rows} == {header.count("|")}


def test_report_of_poor_data(tmp_path, poor):
    text = write_report(poor, tmp_path).read_text(encoding="utf-8")
    assert "- No number: " in text
    assert "| synthetic | 0 | 10 | 100% |" in text


def test_report_names_the_split(tmp_path, metrics):
    text = write_report({"heldout_split": "validation", **metrics}, tmp_path).read_text(encoding="utf-8")
    assert "of 4 held-out patients (split: validation)." in text


def test_absent_picture(tmp_path, metrics):
    with pytest.raises(FileNotFoundError, match=r"no such picture: .*a\.png; draw it before the report is written"):
        write_report(metrics, tmp_path / "out", {"A": tmp_path / "a.png"})
    assert not (tmp_path / "out").exists()


def test_few_patients_are_said_to_be_few(make_slices):
    from monai_dcgan.evaluation import RandomConvExtractor, evaluate

    few, many = (
        table(evaluate(make_slices(seed=1), make_slices(patients, 6), RandomConvExtractor(), num_splits=1))
        for patients in (2, 6)
    )
    assert "2 held-out patients are few" in few
    assert "are few" not in many
