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
"""Tests of ``monai-dcgan augment``."""

from __future__ import annotations

import json

import pytest

from monai_dcgan.cli import main

SMALL = {
    "steps": 4,
    "validations": 2,
    "network_batch_size": 4,
    "pool_size": 16,
    "plausible": False,
    "on_leak": "warn",
    "max_epochs": 1,
    "segmenter#channels": [4, 8],
    "segmenter#strides": [2],
}


@pytest.fixture
def arguments(phantoms, tiny, tmp_path):
    settings = [argument for name, value in SMALL.items() for argument in ("--set", f"{name}={value}")]
    return ["augment", str(phantoms), "--out", str(tmp_path / "out"), "--tasks", "segmentation", *tiny, *settings]


def test_augment_says_what_was_found(arguments, tmp_path, capsys):
    own = ["--patients", "2", "all", "--seeds", "0", "--arms", "real", "real+synthetic"]
    assert main([*arguments, *own, "--dry-run"]) == 0
    plan = capsys.readouterr().out
    assert "4 of 4" in plan and '{"train": 4, "validation": 2, "test": 2}' in plan
    assert not {path.name for path in (tmp_path / "out").iterdir()} - {"cache"}
    assert main([*arguments, *own]) == 0
    told = capsys.readouterr().out
    assert told.count("too little data to tell real+synthetic from real") == 2
    (report,) = (tmp_path / "out" / "reports").iterdir()
    assert f"report: {report / 'report.md'}" in told
    results = json.loads((report / "results.json").read_text())
    assert [table["metric"] for table in results["tables"]] == ["dice", "surface_dice", "hd95", "lesion_recall"]
    assert main([*arguments, *own, "--dry-run"]) == 0
    assert "0 of 4" in capsys.readouterr().out


def test_on_a_cluster(arguments, tmp_path, capsys, monkeypatch):
    """Workers were started elsewhere; they find a folder that is named from here."""
    distributed = pytest.importorskip("distributed", reason="a cluster needs the package distributed")
    own = ["--patients", "2", "--seeds", "0", "1", "--arms", "real", "real+synthetic"]
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        monkeypatch.chdir(tmp_path)
        assert main([*arguments, *own, "--out", "here", "--dask", cluster.scheduler_address]) == 0
    (report,) = (tmp_path / "here" / "reports").iterdir()
    assert f"report: {report.relative_to(tmp_path)}" in capsys.readouterr().out
    assert len(list((tmp_path / "here" / "measured").glob("*.json"))) == 4


@pytest.mark.parametrize(("name", "kind"), [("dynunet", "DynUNet"), ("segresnet", "SegResNet")])
def test_another_segmenter(name, kind, phantoms, tiny, tmp_path, capsys):
    arguments = ["augment", str(phantoms), "--out", str(tmp_path / "out"), *tiny, "--set", "on_leak=warn"]
    assert main([*arguments, "--config", f"segmenter/{name}", "--dry-run"]) == 0
    assert main([*arguments, "--config", f"segmenter/{name}", "--dry-run", "--set", "segmenter#width=3"]) == 1
    assert f"{kind}.__init__() got an unexpected keyword argument 'width'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (["--patients", "7"], "patients must be numbers from 1 to the 4 training patients, or 'all', got 7"),
        (["--arms", "synthetic"], "arms must hold real or real+classical to compare others with, got synthetic"),
        (
            ["--arms", "real", "fake"],
            "an arm must join some of real, classical, synthetic, implanted, copied, shuffled by +",
        ),
        (["--set", "stepz=3"], "did you mean 'steps'?"),
        (["--dask", "smoke://host:1"], "dask must be the address of a Dask scheduler, such as tcp://host:8786, got"),
    ],
)
def test_bad_calls_end_before_anything_is_trained(given, text, arguments, tmp_path, capsys):
    assert main([*arguments, "--patients", "2", "--seeds", "0", *given]) == 1
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out" / "generators").exists()
