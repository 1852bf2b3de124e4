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
"""Tests of the whole experiment, on digital patients."""

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from monai.transforms import RandFlipd

from monai_dcgan.data import load_splits, save_splits
from monai_dcgan.downstream import Arm, Cell, Slices
from monai_dcgan.downstream.generators import check_origin
from monai_dcgan.downstream.material import Material
from monai_dcgan.downstream.pool import shuffled
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import config_file, root_cause
from tests.downstream.experiment_makers import ARMS, SETTINGS, files_of, make_experiment


@pytest.fixture(scope="module")
def finished(phantoms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment") / "out"
    experiment = make_experiment(phantoms, folder)
    experiment.run()
    return experiment


def test_every_cell_has_its_numbers(finished):
    cells = list(finished.plan.cells())
    assert len(cells) == 20
    heldout = set(finished.plan.patients_of("test"))
    for cell in cells:
        measured = json.loads(finished.measured_file(cell).read_text())
        assert measured["cell"]["arm"] == cell.arm.name
        assert measured["part"] == "test"
        if cell.task == "segmentation":
            assert set(measured["patients"]) == heldout
            assert all(0 <= scores["dice"] <= 1 for scores in measured["patients"].values())
        else:
            assert {record["patient"] for record in measured["slices"]} == heldout
            assert all(sum(one["probabilities"]) == pytest.approx(1, abs=1e-4) for one in measured["slices"])
        record = json.loads(finished._file("networks", cell, "json").read_text())
        assert record["seconds"] > 0 and record["peak_mebibytes"] > 50
        assert (record["real_slices"] > 0) == cell.arm.real
        assert (record["made_slices"] > 0) == bool(cell.arm.made)


def test_report_of_what_is_there(finished, phantoms, tmp_path):
    text = finished.report().read_text()
    assert "real+synthetic+shuffled" in text and "generator, one for all arms" in text
    assert "measured on: 2 test patients" in text and "not measured" not in text
    assert not any(patient in text for patient in finished.plan.splits)
    with pytest.raises(ValueError, match="real must be measured to compare others with it"):
        make_experiment(phantoms, tmp_path / "out").report()


def test_generators_know_the_patients_of_their_group_alone(finished):
    for group in finished.plan.groups():
        run = finished.generator_folder(group)
        split = load_splits(run / "split.json")
        own = sorted(patient for patient, part in split.items() if part == "train")
        assert own == finished.plan.training_patients(group)
        check_origin(run, finished.plan.splits_of(group))
        assert read_json(run / "network.json")["class_names"] == ["no_tumor", "tumor"]
    small, large = finished.plan.groups()
    with pytest.raises(ValueError, match="must be trained on training patients alone, got .* of the part left_out"):
        check_origin(finished.generator_folder(large), finished.plan.splits_of(small))


def test_a_generator_of_a_test_patient_is_refused(finished, tmp_path):
    group = next(iter(finished.plan.groups()))
    run = shutil.copytree(finished.generator_folder(group), tmp_path / "run")
    split = load_splits(run / "split.json")
    patient = finished.plan.patients_of("test")[0]
    save_splits({**split, patient: "train"}, run / "split.json")
    with pytest.raises(ValueError, match=f"got '{patient}' of the part test; delete the folder"):
        check_origin(run, finished.plan.splits_of(group))


def test_what_is_there_is_not_made_again(finished, phantoms):
    before = files_of(finished.folder)
    again = make_experiment(phantoms, finished.folder)
    again.run()
    assert files_of(finished.folder) == before
    cell = next(cell for cell in again.plan.cells() if cell.arm.generated)
    wanted = again.measured_file(cell).read_text()
    again.measured_file(cell).unlink()
    again.run()
    after = files_of(finished.folder)
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {again.measured_file(cell)}
    assert json.loads(again.measured_file(cell).read_text()) == json.loads(wanted)


def test_other_settings_are_other_files(finished, phantoms):
    def names(**changes):
        experiment = make_experiment(phantoms, finished.folder, **changes)
        return {cell.name: experiment.measured_file(cell).name for cell in experiment.plan.cells()}

    own = names()
    assert names(seeds=[0, 1]).items() >= own.items()
    assert names(processes=2) == names(log_interval=7) == names(dask="tcp://127.0.0.1:9") == own
    mixed = names(synthetic_share=0.25)
    differing = {name for name in own if own[name] != mixed[name]}
    assert differing == {name for name in own if "real+" in name}
    assert not set(names(steps=7).values()) & set(own.values())
    assert not set(names(evaluate_split="validation").values()) & set(own.values())
    for change in ({"segmenter#channels": [4, 16]}, {"surface_tolerance": 1.0}):
        changed = names(**change)
        assert {name.split("_")[0] for name in own if own[name] != changed[name]} == {"segmentation"}
    weaker = names(**{"classical#0#prob": 0.1})
    assert {name for name in own if own[name] != weaker[name]} == {name for name in own if "classical" in name}
    generated = {name for name in own if "synthetic" in name or "implanted" in name}
    for change in ({"max_epochs": 2}, {"train#penalty#r1": 7.0}):
        changed = names(**change)
        assert {name for name in own if own[name] != changed[name]} == generated
    relabeled, other_arms = names(relabel=True), names(relabel=True, arms=[*ARMS, "real+classical"])
    assert {name for name in own if relabeled[name] != other_arms[name]} == generated


def test_held_out_patients_are_part_of_the_name(finished, phantoms, tmp_path):
    split = tmp_path / "split.json"
    moved, *_ = finished.plan.patients_of("test")
    save_splits({**finished.plan.splits, moved: "left_out"}, split)
    fewer = make_experiment(phantoms, finished.folder, split_file=str(split))
    for cell in finished.plan.cells():
        assert fewer.measured_file(cell) != finished.measured_file(cell)
        assert fewer.generator_folder(cell.group) == finished.generator_folder(cell.group)


def test_plain_monai_workflow_names_by_networks_and_transforms_too(finished, phantoms):
    """MONAI's own workflow does not say what was given on top of the configs."""

    def names(**changes):
        where = {"dataset_dir": str(phantoms), "output_dir": str(finished.folder)}
        where["cache_dir"] = str(finished.folder.parent / "cache")
        files = [str(config_file(name)) for name in ("train", "downstream")]
        settings = copy.deepcopy({**where, **SETTINGS, **changes})
        workflow = ConfigWorkflow(files, workflow_type="train", logging_file=None, **settings)
        experiment = workflow.parser.get_parsed_content("experiment")
        return {experiment.measured_file(cell).name for cell in experiment.plan.cells()}

    own = names()
    assert len(own & names(**{"segmenter#channels": [4, 16]})) == 10
    assert len(own & names(**{"classical#0#prob": 0.1})) == 12


def test_networks_of_a_seed_begin_with_the_same_weights(finished):
    def weights(seed):
        network = finished._new_network(finished.tasks["segmentation"], seed)
        return torch.cat([value.flatten().float() for value in network.state_dict().values()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_a_planted_slice_of_a_test_patient_is_refused(phantoms, tmp_path):
    """A training patient is given the volumes of a test patient under its own name."""
    data = shutil.copytree(phantoms, tmp_path / "data")
    plan = make_experiment(phantoms, tmp_path / "a" / "out").plan
    taught, hidden = plan.patients_of("train")[0], plan.patients_of("test")[0]
    for path in list(data.rglob(f"*{hidden}*.nii.gz")):
        shutil.copy(path, path.with_name(path.name.replace(hidden, taught)))
    split = tmp_path / "split.json"
    save_splits(plan.splits, split)
    planted = make_experiment(data, tmp_path / "b" / "out", split_file=str(split), on_leak="stop")
    with pytest.raises(ValueError, match="must not share slices, got .* pairs of nearly identical ones") as error:
        planted.check()
    assert taught in str(error.value) and hidden in str(error.value)


def test_tasks_that_cannot_be_learned_are_refused(phantoms, tmp_path):
    with pytest.raises(ValueError, match="slices must have at least 2 classes to be told apart"):
        make_experiment(phantoms, tmp_path / "out", slice_class="case", tumor="with").check()


def test_parts_without_what_is_measured_are_refused(finished, phantoms, tmp_path):
    store = finished.store
    healthy = [
        name
        for name in store.patients
        if not any(record["mask_pixels"] for record in store.slices if record["patient"] == name)
    ]
    assert healthy, "the digital patients must have healthy ones for this test"
    ill = [name for name in store.patients if name not in healthy]
    cases = [
        (
            {**dict.fromkeys(ill, "train"), **dict.fromkeys(healthy, "validation"), ill[0]: "test"},
            "validation patients",
        ),
        ({**dict.fromkeys(healthy, "train"), **dict.fromkeys(ill, "validation"), ill[0]: "test"}, "training patients"),
        (
            {**dict.fromkeys(store.patients, "train"), ill[0]: "validation"},
            "the split must have test patients, got none",
        ),
        (
            {**dict.fromkeys(ill, "train"), ill[0]: "validation", **dict.fromkeys(healthy, "test")},
            "^test patients must have slices of every class, got none of tumor; take more",
        ),
    ]
    for splits, text in cases:
        path = tmp_path / "split.json"
        save_splits(splits, path)
        with pytest.raises(ValueError, match=text):
            make_experiment(phantoms, finished.folder, split_file=str(path), patients=["all"]).check()
    with pytest.raises(ValueError, match="slice_step must be 1 to segment volumes, got 2: they would have gaps"):
        make_experiment(phantoms, tmp_path / "a" / "out", slice_step=2).check()
    with pytest.raises(ValueError, match="^test patients must have slices with a mask to segment, got none; take"):
        make_experiment(
            phantoms, finished.folder, split_file=str(path), tasks=["segmentation"], patients=["all"]
        ).check()
    with pytest.raises(ValueError, match="an arm must show every class to be told apart, got copied; add real"):
        make_experiment(phantoms, finished.folder, arms=["real", "copied"]).check()
    with pytest.raises(ValueError, match="told apart, got classical.synthetic with healthy=False; add real"):
        make_experiment(phantoms, finished.folder, healthy=False).check()
    for fine in ({"tasks": ["segmentation"]}, {"arms": ["real", "real+synthetic"]}):
        make_experiment(phantoms, finished.folder, healthy=False, **fine).check()
    with pytest.raises(ValueError, match="must have slices without tumor for implanted and copied tumors, got none"):
        make_experiment(phantoms, tmp_path / "b" / "out", tumor="with", tasks=["segmentation"]).check()


def test_a_classifier_is_not_trained_on_one_class(phantoms, tmp_path, monkeypatch):
    """What was trained before is kept."""
    experiment = make_experiment(
        phantoms, tmp_path / "out", tasks=["classification"], arms=["real", "classical+synthetic"], patients=["all"]
    )
    tumors = Slices(np.zeros((4, 1, 32, 32)), np.ones((4, 1, 32, 32)), np.ones(4))
    monkeypatch.setattr(Material, "synthetic", tumors)
    (group,) = experiment.plan.groups()
    text = (
        r"^classification_classical.synthetic_patients4_seed0 must be trained on slices of every class, got none of no_"
    )
    with pytest.raises(ValueError, match=text):
        experiment.run_group(group, torch.get_num_threads())
    real, synthetic = experiment.plan.cells()
    assert experiment.is_measured(real) and not experiment._file("networks", synthetic, "pt").exists()


@pytest.mark.parametrize("arm, said", [["real+synthetic", True], ["real+implanted", False]])
def test_classes_that_the_generator_does_not_make_are_said(phantoms, tmp_path, monkeypatch, caplog, arm, said):
    """Implanted slices all have a tumor, whatever the generator makes."""
    change = {"tasks": ["classification"], "arms": ["real", arm], "patients": ["all"]}
    experiment = make_experiment(phantoms, tmp_path / "out", **change)
    monkeypatch.setattr(
        Material, "of", lambda self, arm: (self.real, self.real.take(np.flatnonzero(self.real.classes)))
    )
    (group,) = experiment.plan.groups()
    with caplog.at_level("WARNING", logger="monai_dcgan.downstream.experiment"):
        experiment.network(Cell("classification", Arm(arm), group), experiment._material(group))
    assert ("makes no slices of the classes [0]" in caplog.text) == said


def test_groups_in_processes_of_their_own_find_the_same(finished, phantoms, tmp_path):
    """Two groups at once, one thread each, give the numbers that one after the other gave with one thread."""
    threads = torch.get_num_threads()
    small = {"arms": ["real", "real+synthetic"], "tasks": ["segmentation"]}
    one, two = (make_experiment(phantoms, tmp_path / str(n) / "out", processes=n, **small) for n in (1, 2))
    two.run()
    for group in one.plan.groups():
        one.run_group(group, max(1, threads // 2))
    torch.set_num_threads(threads)
    for cell in one.plan.cells():
        assert json.loads(one.measured_file(cell).read_text()) == json.loads(two.measured_file(cell).read_text())


def test_classical_augmentation_mirrors_left_and_right_alone(finished):
    """Rows run from anterior to posterior: no head is shown upside down."""
    (flip,) = [make for make in finished.classical if make.func is RandFlipd]
    item = {"image": torch.arange(16.0).reshape(1, 4, 4), "label": torch.arange(16.0).reshape(1, 4, 4)}
    shown = flip(**{**flip.keywords, "prob": 1.0})(item)
    for key in item:
        assert torch.equal(shown[key].as_tensor(), item[key].flip(2))


def test_slices_with_tumor_alone_make_synthetic_ones_of_their_class(phantoms, tmp_path):
    change = {"tumor": "with", "tasks": ["segmentation"], "arms": ["real", "real+synthetic"], "patients": ["all"]}
    experiment = make_experiment(phantoms, tmp_path / "out", slice_class="tumor", **change)
    experiment.run()
    assert all(map(experiment.is_measured, experiment.plan.cells()))
    assert "- not measured: false positives in slices without tumor" in experiment.report().read_text()


def test_a_segmenter_has_to_be_there_for_new_labels(phantoms, tmp_path):
    experiment = make_experiment(phantoms, tmp_path / "out", relabel=True)
    del experiment.tasks["segmentation"]
    experiment.plan.tasks.remove("segmentation")
    with pytest.raises(ValueError, match="tasks must hold segmentation for agreement and relabel, got"):
        experiment.check()


def test_bad_experiments(phantoms, tmp_path):
    for change, text in [
        ({"evaluate_split": "train"}, "evaluate_split must be one of validation, test, got 'train'"),
        ({"tasks": ["detection"]}, "tasks must be one of segmentation, classification, got 'detection'"),
        ({"processes": 0}, "processes must be a whole number of at least 1, got 0"),
        ({"steps": 1}, "validations must be at most the 1 steps, got 2"),
    ]:
        with pytest.raises(RuntimeError) as error:
            make_experiment(phantoms, tmp_path / "out", **change)
        assert text in str(root_cause(error.value))


def test_shuffled_slices_keep_their_images():
    slices = Slices(
        np.random.RandomState(0).rand(50, 1, 4, 4), np.arange(50 * 16).reshape(50, 1, 4, 4) % 2, np.arange(50)
    )
    mixed = shuffled(slices, seed=0)
    assert np.array_equal(mixed.images, slices.images)
    assert sorted(mixed.classes) == list(range(50)) and list(mixed.classes) != list(range(50))
