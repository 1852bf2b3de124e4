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
"""Tests of MLflow, against a store of its own in a database file."""

from __future__ import annotations

import pytest

from monai_dcgan.handlers import MLflowTracking, TrainingLog
from monai_dcgan.handlers import tracking as tracking_module


def terms(iteration):
    return {"d_loss": 0.1 * iteration, "g_loss": 2.0}


@pytest.fixture
def mlflow(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return pytest.importorskip("mlflow", minversion="3.1", reason="the extra mlflow is not installed")


def follow(tmp_path, **settings):
    settings = {"params": {"batch_size": 64, "adam_betas": [0.5, 0.999]}, "run_name": "a", **settings}
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=5)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return [log, MLflowTracking(uri, tmp_path / "mlflow.json", artifacts=[tmp_path / "metrics.jsonl"], **settings)]


def test_a_training_and_its_going_on(tmp_path, make_course, run_course, mlflow):
    first = run_course(make_course(terms, follow(tmp_path)), epochs=2, stop_after=12)
    # A run that ended by itself is opened again; settings that MLflow has stay as they are.
    second = make_course(terms, follow(tmp_path, params={"batch_size": 32, "new": "x"}))
    second.load_state_dict(first.state_dict())
    run_course(second, epochs=2)

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("monai_dcgan")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.info.run_name.startswith("a 2")
    wanted = {"batch_size": "64", "adam_betas": "[0.5, 0.999]", "new": "x", "max_epochs": "2", "epoch_length": "10"}
    assert run.data.params == wanted
    history = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "d_loss")]
    means = {500: 0.3, 1000: 0.8, 1500: 1.4, 2000: 1.8}
    assert len(history) == 4 and dict(history) == pytest.approx(means)
    assert [artifact.path for artifact in client.list_artifacts(run.info.run_id)] == ["metrics.jsonl"]

    # A new training is a new run.
    run_course(make_course(terms, follow(tmp_path)), epochs=1)
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_only_the_first_process_writes(tmp_path, make_course, run_course, mlflow, monkeypatch):
    with monkeypatch.context() as other:
        other.setattr("ignite.distributed.get_rank", lambda: 1)
        engine = make_course(terms, follow(tmp_path))
    run_course(engine)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_without_mlflow(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking_module, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"MLflow, which is not installed; pip install 'monai_dcgan\[mlflow\]'"):
        MLflowTracking("sqlite:///a.db", tmp_path / "mlflow.json")


def test_files_are_no_store(tmp_path, mlflow):
    with pytest.raises(ValueError, match="MLflow no longer supports the filesystem"):
        MLflowTracking(str(tmp_path), tmp_path / "mlflow.json")
