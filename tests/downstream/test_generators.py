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
"""What a generator is named by, and who trains it."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from monai_dcgan.data import save_splits
from monai_dcgan.downstream import generators
from monai_dcgan.downstream.generators import GeneratorTraining
from tests.downstream.experiment_makers import make_experiment


@pytest.mark.parametrize(("keep", "same"), [("last", True), ("best", False)])
def test_patients_who_chose_a_generator_are_in_its_name(phantoms, tmp_path, keep, same):
    """With ``keep=best`` validation patients choose: where they are test patients, the generator must be another."""
    names = []
    settings = {"keep": keep, "patients": ["all"]}
    splits = make_experiment(phantoms, tmp_path / "out", **settings).plan.splits
    for swapped in ({}, {"validation": "test", "test": "validation"}):
        file = tmp_path / f"split{len(names)}.json"
        save_splits({patient: swapped.get(str(part), str(part)) for patient, part in splits.items()}, file)
        experiment = make_experiment(phantoms, tmp_path / "out", split_file=str(file), **settings)
        (group,) = experiment.plan.groups()
        names.append(experiment.generator_folder(group).name)
    assert (names[0] == names[1]) == same


def test_two_experiments_at_once_train_a_generator_once(tmp_path, monkeypatch):
    trained = []

    def train(self, folder, splits, seed):
        trained.append(seed)
        time.sleep(0.5)
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"status": "completed"}))

    monkeypatch.setattr(GeneratorTraining, "_train", train)
    monkeypatch.setattr(generators, "check_origin", lambda run, splits: None)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(GeneratorTraining({}).run, tmp_path / "generators" / "one", {}, 3) for _ in range(2)]
        assert [call.result(timeout=60) for call in calls] == [tmp_path / "generators" / "one"] * 2
    assert trained == [3]
