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
"""Tests of the command that compares runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monai_dcgan.cli import main
from monai_dcgan.evaluation import write_report
from monai_dcgan.utils.pictures import save_png


@pytest.fixture
def runs(tmp_path):
    """Two evaluated runs, of which the second is better by far."""
    folders = []
    for name, value in (("first", 10.0), ("second", 2.0)):
        spread = {"value": value, "std": 0.1, "n": 10, "num_splits": 5}
        entry = {
            "title": "Frechet distance (random)",
            "group": "features",
            "better": "lower",
            "value": value,
            "n_synthetic": 20,
            "n_real": 20,
            "interval": {"low": value - 1, "high": value + 1, "level": 0.95, "num_patients": 9, "note": None},
            "matched": spread,
            "real_vs_real": {**spread, "value": 1.0},
            "ratio": value,
            "reason": None,
            "note": None,
            "conditions": {"extractor": "random", "seed": 0},
        }
        counts = dict.fromkeys(("synthetic", "synthetic_used", "heldout", "heldout_used", "heldout_patients"), 20)
        folder = tmp_path / name
        save_png(np.full((8, 8), 99, np.uint8), folder / "evaluation" / "a.png")
        metrics = {"format": 2, "counts": counts, "metrics": {"frechet_distance": entry}, "masks": {}}
        write_report(metrics, folder / "evaluation", {"Samples": folder / "evaluation" / "a.png"})
        folders.append(folder)
    return folders


def run(*arguments):
    return main(["compare", *map(str, arguments)])


def test_compare(runs, tmp_path, capsys):
    assert run(*runs, "--out", tmp_path / "out") == 0
    output = capsys.readouterr().out
    assert "Frechet distance (random): second is best, its interval lies apart" in output
    assert f"comparison: {tmp_path / 'out' / 'comparison.html'}" in output
    assert json.loads((tmp_path / "out/comparison.json").read_text())["runs"] == ["first", "second"]
    assert (tmp_path / "out/comparison.html").read_text().count("<img") == 2


def test_names_and_warnings(runs, tmp_path, capsys):
    path = runs[1] / "evaluation" / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["counts"]["heldout"] = 7
    path.write_text(json.dumps(metrics))
    (runs[0] / "evaluation" / "a.png").unlink()
    assert run(runs[0], path, "--out", tmp_path / "out", "--names", "A one,B") == 0
    output = capsys.readouterr().out
    assert "warning: number of held-out slices differs: 20 in A one, 7 in B" in output
    assert "Frechet distance (random): not comparable: number of held-out slices differs" in output
    assert "left out: Samples, there is no " in output
    assert (tmp_path / "out/comparison.html").read_text().count("<img") == 1
    assert run(*runs, "--out", tmp_path / "out", "--no-pictures") == 0
    assert (tmp_path / "out/comparison.html").read_text().count("<img") == 0


def test_folders_of_one_name_are_told_apart(runs, tmp_path):
    other = tmp_path / "elsewhere" / "first"
    other.parent.mkdir()
    runs[1].rename(other)
    assert run(runs[0], other, "--out", tmp_path / "out") == 0
    names = json.loads((tmp_path / "out/comparison.json").read_text())["runs"]
    assert names == [f"{tmp_path.name}/first", "elsewhere/first"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["first"], "RUN must name at least 2 runs, got 1; name another run"),
        (["first", "nothing"], "no evaluation in "),
        (["first", "first"], "RUN must name different runs, got one twice among "),
        (["first", "second", "--names", "a"], "--names must be 2 different names with commas between them, got 'a'"),
        (["first", "second", "--names", "a,a"], "--names must be 2 different names"),
    ],
)
def test_errors(runs, tmp_path, capsys, more, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*more, "--out", tmp_path / "out") == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert line.startswith("monai-dcgan compare: error: ") and message in line
    assert not (tmp_path / "out").exists()
