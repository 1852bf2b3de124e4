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
"""Tests of the comparison of runs."""

from __future__ import annotations

import copy
import json

import pytest

from monai_dcgan.evaluation.report import read_report, write_comparison, write_report


@pytest.fixture
def other(made_metrics):
    """The same evaluation with clearly lower distances and slightly higher recall."""
    changed = copy.deepcopy(made_metrics)
    entries = changed["metrics"]
    for key in ("frechet_distance", "kernel_distance"):
        entries[key]["value"] *= 0.5
        entries[key]["ratio"] *= 0.5
        entries[key]["interval"] |= {name: 0.5 * entries[key]["interval"][name] for name in ("low", "high")}
    entries["recall"]["value"] += 0.01
    entries["density"]["ratio"] = 1.01
    del entries["mask_parts"]
    return changed


def compared(folder):
    return json.loads((folder / "comparison.json").read_text())


def test_what_may_be_said(tmp_path, made_metrics, other):
    page = write_comparison({"a": made_metrics, "b": other}, tmp_path)
    assert page == tmp_path / "comparison.html"
    found = compared(tmp_path)
    assert found["runs"] == ["a", "b"] and found["warnings"] == []
    findings = {key: row["finding"] for key, row in found["metrics"].items()}
    assert findings["frechet_distance"] == "b is best, its interval lies apart"
    assert findings["recall"] == "b is best, but intervals overlap"
    assert findings["density"] == "b is best; no intervals to compare", "nearness to real is judged by the ratio"
    assert findings["precision"] == "a and b are equal"
    assert findings["mask_parts"] == "fewer than two runs have this number"
    assert found["metrics"]["recall"]["runs"]["b"]["value"] == other["metrics"]["recall"]["value"]
    text = page.read_text() + (tmp_path / "comparison.md").read_text()
    assert text.count("b is best, its interval lies apart") == 4
    assert "Held-out sets, sizes, seeds and extractors of all runs agree." in text


@pytest.mark.parametrize(
    ("change", "warning", "concerned"),
    [
        (lambda m: m["counts"].update(heldout=299), "number of held-out slices differs: 300 in a, 299 in b", "recall"),
        (lambda m: m.update(heldout_split="test"), "held-out split differs: validation in a, test in b", "mask_area"),
        (
            lambda m: m["metrics"]["recall"]["conditions"].update(sha256="cd" * 32),
            f"sha256 differs: {'ab' * 32} in a, {'cd' * 32} in b (Recall (random-conv-seed0))",
            "recall",
        ),
        (
            lambda m: m["metrics"]["mask_area"]["conditions"].update(image_size=[128, 128]),
            "image_size differs: [64, 64] in a, [128, 128] in b (Mask area (share of slice), Wasserstein)",
            "mask_area",
        ),
        (
            lambda m: m["metrics"]["recall"]["conditions"].update(seed=1),
            "seed differs: 0 in a, 1 in b (Recall (random-conv-seed0))",
            "recall",
        ),
    ],
)
def test_conditions_that_differ(tmp_path, made_metrics, other, change, warning, concerned):
    change(other)
    write_comparison({"a": made_metrics, "b": other}, tmp_path)
    found = compared(tmp_path)
    assert found["warnings"] == [warning]
    assert found["metrics"][concerned]["finding"].startswith("not comparable: ")
    assert not found["metrics"][concerned]["comparable"]
    assert "These runs were measured under different conditions." in (tmp_path / "comparison.html").read_text()
    whole = "held-out" in warning
    assert found["metrics"]["frechet_distance"]["finding"].startswith("not comparable") == whole


def test_errors(tmp_path, made_metrics):
    with pytest.raises(ValueError, match="reports must hold at least 2 runs, got 1; name another run"):
        write_comparison({"a": made_metrics}, tmp_path / "out")
    with pytest.raises(ValueError, match=r"reports of 'b' must be what evaluate\(\) returned"):
        write_comparison({"a": made_metrics, "b": {}}, tmp_path / "out")
    with pytest.raises(ValueError, match="pictures must be of runs among a, b, got 'c'"):
        write_comparison({"a": made_metrics, "b": made_metrics}, tmp_path / "out", {"c": {}})
    assert not (tmp_path / "out").exists()


def test_read_report(tmp_path, made_metrics, draw):
    write_report(made_metrics, tmp_path / "run" / "evaluation", draw(tmp_path / "pictures"))
    for place in ("run", "run/evaluation", "run/evaluation/metrics.json"):
        metrics, pictures = read_report(tmp_path / place)
        assert metrics["counts"] == made_metrics["counts"]
        assert len(pictures) == 4 and all(path.is_file() for path in pictures.values())
    with pytest.raises(FileNotFoundError, match=r"no evaluation in .*pictures: there is no .*; run monai-dcgan ev"):
        read_report(tmp_path / "pictures")
