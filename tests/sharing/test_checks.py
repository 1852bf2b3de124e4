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
"""Every check of the zoo, on the bundle of the repository and on those made from a run; none is left out."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from monai_dcgan.sharing import check_bundle, checks
from monai_dcgan.workflow import bundle_root


@pytest.fixture(scope="session")
def repository_bundle(tmp_path_factory):
    """The bundle as it lies in the repository, below a name that the zoo could take."""
    return shutil.copytree(bundle_root(), tmp_path_factory.mktemp("zoo") / "brain_mri_dcgan")


@pytest.fixture
def copied(repository_bundle, tmp_path):
    """A copy that may be spoiled."""
    return shutil.copytree(repository_bundle, tmp_path / "copied")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No check depends on the working directory."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def test_the_bundle_of_the_repository_passes(repository_bundle):
    assert check_bundle(repository_bundle) == []


def test_a_bundle_of_a_run_passes(made, tmp_path):
    before = sorted(made.rglob("*"))
    assert check_bundle(made) == []
    assert sorted(made.rglob("*")) == before and not list((tmp_path / "elsewhere").iterdir())


def config(name, **values):
    """Return what sets ids of a config; None takes one out."""

    def spoil(folder):
        path = folder / "configs" / f"{name}.json"
        left_out = {name for name, value in values.items() if value is None}
        content = {**json.loads(path.read_text()), **values}
        path.write_text(json.dumps({name: value for name, value in content.items() if name not in left_out}))

    return spoil


def remove(name):
    return lambda folder: (folder / name).unlink()


def formats(side, name, **values):
    """Return what sets values of a tensor in the metadata."""

    def spoil(folder):
        path = folder / "configs/metadata.json"
        metadata = json.loads(path.read_text())
        metadata["network_data_format"][side][name].update(values)
        path.write_text(json.dumps(metadata))

    return spoil


def other_weights(folder):
    torch.save({"layers.0.weight": torch.zeros(2)}, folder / "models/model.pt")


SPOILED = [
    *([remove(name), f"{name} must be in the bundle, it is missing"] for name in checks.REQUIRED),
    [config("metadata", version="9.9.9"), "version must be in the changelog, got 9.9.9 and"],
    [config("metadata", version="1.0"), "configs/metadata.json version: '1.0' does not match"],
    [config("metadata", authors=None), "'authors' is a required property"],
    [config("metadata", eval_metrics={"dice": "0.9"}), "eval_metrics.dice: '0.9' is not of type 'number'"],
    [config("metadata", autors="misspelled"), "'autors' was unexpected"],
    [formats("inputs", "image", num_channels=7), "shapes and types of the network: "],
    [formats("inputs", "image", num_channels="100"), "'100' is not of type 'integer'"],
    [formats("outputs", "pred", num_channels=3), "output channel number `2` doesn't match: `3`"],
    [formats("outputs", "pred", dtype="float64"), "dtype of output data"],
    [formats("outputs", "pred", spatial_shape=[32, 32]), "pred must have the shape [2, 2, 32, 32] for 2 pictures, got"],
    [formats("outputs", "pred", value_range=[0, 1]), "pred must lie in [0, 1], got -"],
    [config("inference", network_def=None), "the ids that MONAI's workflows need: "],
    [config("inference", evaluator=None, run=None), "Property 'evaluator' with config ID"],
    [config("train", val_interval=None, dataset_dir=None), "train.json must define dataset_dir"],
    [config("inference", width=16), "export to TorchScript: "],
    [other_weights, "export to TorchScript: "],
    [lambda folder: (folder / "configs/metadata.json").write_text("{"), "configs/metadata.json must be a JSON file"],
]


@pytest.mark.parametrize("spoil, text", SPOILED)
def test_what_is_wrong_is_found(copied, spoil, text):
    spoil(copied)
    problems = check_bundle(copied)
    assert problems
    assert any(text in problem for problem in problems), problems
    assert not any(str(copied) in problem for problem in problems)


@pytest.mark.parametrize(
    "name, text",
    [
        ["brain_mri_dcgan_v1", "the name must not end in a version"],
        ["brain_v2_mri", "the name must not end in a version"],
        ["brain mri", "the name must be of letters, digits, _ and -"],
        [".hidden", "the name must be of letters, digits, _ and -"],
    ],
)
def test_names(repository_bundle, name, text):
    assert any(text in problem for problem in check_bundle(repository_bundle, name))


LARGE = [
    [None, "models/model.pt must be listed in large_files.json with a url"],
    [{"url": ""}, "must say from which url models/model.pt can be downloaded, got ''"],
    [{"url": "file:///model.pt"}, "must say from which url"],
    [{"url": "https://example.org/m.pt", "hash_val": "00", "hash_type": "sha256"}, "must hold the sha256"],
    [{"url": "https://example.org/m.pt"}, None],
]


@pytest.mark.parametrize("entry, text", LARGE)
@pytest.mark.parametrize("file", ["large_files.json", "large_files.yml"])
def test_large_files_come_by_a_link(copied, monkeypatch, entry, text, file):
    monkeypatch.setattr(checks, "MAX_BYTES", 1_000_000)
    if entry is not None:
        # JSON is YAML.
        (copied / file).write_text(json.dumps({"large_files": [{"path": "models/model.pt", **entry}]}))
    problems = check_bundle(copied)
    assert any(text in problem for problem in problems) if text else problems == []


def test_a_version_is_above_the_one_before_and_keeps_its_changelog(repository_bundle, copied):
    metadata = json.loads((copied / "configs/metadata.json").read_text())
    version = metadata["version"]
    assert check_bundle(copied, previous=repository_bundle) == [
        f"version must be above that of the bundle before, {version}, got {version}"
    ]
    config("metadata", version="10.0.0", changelog={"10.0.0": "new"})(copied)
    [problem] = check_bundle(copied, previous=repository_bundle)
    assert "the changelog must keep the versions before" in problem
    config("metadata", version="10.0.0", changelog={"10.0.0": "new", **metadata["changelog"]})(copied)
    assert check_bundle(copied, previous=repository_bundle) == []


def test_without_the_validator_it_says_what_to_install(repository_bundle, monkeypatch):
    monkeypatch.setattr(checks, "optional_import", lambda *_: (None, False))
    with pytest.raises(ImportError, match="pip install jsonschema"):
        check_bundle(repository_bundle)
