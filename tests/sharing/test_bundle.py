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
"""A bundle of a run holds what the run was, and nothing more."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import zipfile

import pytest
import torch
from monai.bundle import ConfigParser

from monai_dcgan.cli import main
from monai_dcgan.data import SliceDataset, SliceStore, load_splits
from monai_dcgan.sharing import BundleLabel, make_bundle, zip_bundle
from monai_dcgan.sharing.checks import LARGE_FILES, check_bundle
from monai_dcgan.workflow import bundle_root, config_file

COMMON = {
    "LICENSE",
    "configs/inference.json",
    "configs/inference_trt.json",
    "configs/logging.conf",
    "configs/metadata.json",
    "docs/README.md",
    "docs/data_license.txt",
    "models/model.pt",
}
TRAINING = {f"configs/{name}.json" for name in ("train", "evaluate", "multi_gpu_train", "downstream")}


def read(path):
    return json.loads(path.read_text())


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def with_package(folder):
    return folder.name.endswith("package")


def test_files(made):
    files = files_of(made)
    if with_package(made):
        assert files == COMMON | TRAINING
        for name in TRAINING:
            assert (made / name).read_bytes() == (bundle_root() / name).read_bytes()
    else:
        scripts = {name for name in files if name.startswith("scripts/")}
        assert files == COMMON | scripts
        assert {"scripts/networks/generator.py", "scripts/data/provenance.py"} <= scripts
        assert "scripts/networks/discriminator.py" not in scripts
        assert all(name.endswith(".py") for name in scripts)


def test_metadata_says_what_the_run_was(made, evaluated):
    metadata = read(made / "configs/metadata.json")
    assert (metadata["version"], metadata["changelog"]) == ("1.2.3", {"1.2.3": "trained"})
    assert metadata["authors"] == "A. Author" and metadata["data_source"] == "digital patients"
    assert metadata["monai_version"] == read(evaluated / "run.json")["versions"]["monai"]
    assert ("monai_dcgan" in metadata["required_packages_version"]) == with_package(made)
    entries = read(evaluated / "evaluation/metrics.json")["metrics"]
    values = {name: entry["value"] for name, entry in entries.items() if entry["value"] is not None}
    assert metadata["eval_metrics"] == values and "frechet_distance" in values
    formats = metadata["network_data_format"]
    assert (formats["inputs"]["image"]["num_channels"], formats["inputs"]["image"]["spatial_shape"]) == (8, [1, 1])
    assert formats["outputs"]["pred"]["channel_def"] == {"0": "FLAIR", "1": "tumor mask"}
    assert formats["outputs"]["pred"]["spatial_shape"] == [32, 32]


def test_the_network_of_the_run_stands_in_the_one_config(made, evaluated):
    config = read(made / "configs/inference.json")
    network = read(evaluated / "network.json")
    assert {name: config[name] for name in network} == network
    if with_package(made):
        assert config == read(config_file("inference")) | network


def test_weights_are_those_of_the_generator_alone(made, evaluated):
    shared = torch.load(made / "models/model.pt", weights_only=True)
    own = torch.load(evaluated / "model.pt", weights_only=True)
    assert list(shared) == list(own)
    assert all(torch.equal(shared[name], own[name]) for name in own)


def test_the_page_says_what_was_measured(made, evaluated):
    text = (made / "docs/README.md").read_text()
    metrics = read(evaluated / "evaluation/metrics.json")
    store, splits = SliceStore(next((evaluated / "cache").glob("data-*"))), load_splits(evaluated / "split.json")
    for fact in (
        "# phantom ",
        "A. Author",
        "Source: digital patients.",
        "3 train, 2 validation, 1 test",
        f"Slices trained with: {len(SliceDataset(store, splits=splits, part='train'))}.",
        "Real slices shown: 64, on cpu. The last generator was kept.",
        f"| {metrics['metrics']['frechet_distance']['value']:.4g} |",
        "random-conv-seed0",
        metrics["privacy"]["membership"]["text"],
        "Not for clinical use",
    ):
        assert fact in text, fact
    assert "not recorded" not in text and "Nothing was measured" not in text


def test_the_page_says_that_nothing_was_measured_or_stated(trained, tmp_path):
    folder = make_bundle(trained, tmp_path / "plain", BundleLabel("plain"))
    text = (folder / "docs/README.md").read_text()
    assert "Nothing was measured" in text
    assert "Copies of training slices were not looked for: there was no evaluation." in text
    assert read(folder / "configs/metadata.json")["eval_metrics"] == {}
    assert "were not stated" in (folder / "docs/data_license.txt").read_text()


def test_the_page_says_how_it_was_trained(made):
    text = (made / "docs/README.md").read_text()
    for fact in (
        "Generator: 8 normal variables, bilinear upsampling and convolutions, residual, batch normalization, ReLU",
        "Discriminator, not in this bundle: smoothed strided convolutions, group normalization",
        "Loss: binary cross-entropy, real labels at 0.9; R1 0.1.",
        "Adam, learning rate 0.0005, betas 0 and 0.99, batch size 8",
        "Augmentation of all that the discriminator sees: brightness 0.25, contrast 0.5, translation 0.125.",
    ):
        assert fact in text, fact
    assert ("multi_gpu_train.json" in text) == with_package(made)


def test_data_without_names_of_patients_and_channels(trained, tmp_path):
    label = BundleLabel("series", patients="series", modalities=("T1ce",))
    folder = make_bundle(trained, tmp_path / "series", label)
    metadata, text = read(folder / "configs/metadata.json"), (folder / "docs/README.md").read_text()
    assert metadata["network_data_format"]["outputs"]["pred"]["channel_def"]["0"] == "T1ce"
    assert "(T1ce)" in metadata["description"] and "trained on slices of 3 series" in metadata["description"]
    assert "Series, split before their slices: 3 train" in text
    assert "The data name no patients: wherever this page says patients, it means series." in text
    options = ["--patients", "series", "--modalities", "T1ce", "T2"]
    assert main(["bundle", str(trained), "--out", str(tmp_path / "other"), *options]) == 1
    assert not (tmp_path / "other").exists()


def test_checking_leaves_no_compiled_modules(trained, tmp_path, monkeypatch):
    """They hold the path that they were compiled at."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = make_bundle(trained, tmp_path / "b", BundleLabel("b"), scripts=True)
    assert not [name for name in files_of(folder) if "__pycache__" in name]
    assert not sys.dont_write_bytecode


def test_terms_of_the_data(trained, tmp_path):
    (tmp_path / "terms.txt").write_text("CC BY 4.0\n")
    options = ["--data-license", str(tmp_path / "terms.txt"), "--data-source", "somewhere"]
    assert main(["bundle", str(trained), "--out", str(tmp_path / "out"), *options]) == 0
    assert (tmp_path / "out/docs/data_license.txt").read_text() == "Source of the data: somewhere\n\nCC BY 4.0\n"


@pytest.mark.parametrize("scripts", [False, True])
def test_equal_runs_give_equal_bundles(trained, tmp_path, scripts):
    folders = [make_bundle(trained, tmp_path / place / "same", BundleLabel("same"), scripts) for place in "ab"]
    archives = [zip_bundle(folder) for folder in folders]
    assert archives[0].name == "same_v0.1.0.zip"
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_a_next_version_keeps_the_changelog(trained, tmp_path):
    first = make_bundle(trained, tmp_path / "1" / "b", BundleLabel("b"))
    with pytest.raises(ValueError, match="version must be above that of the bundle before, 0.1.0, got 0.1.0"):
        make_bundle(trained, tmp_path / "2" / "b", BundleLabel("b"), previous=first)
    second = make_bundle(trained, tmp_path / "2" / "b", BundleLabel("b", "0.10.0", "longer"), previous=first)
    changelog = read(second / "configs/metadata.json")["changelog"]
    assert changelog == {"0.10.0": "longer", "0.1.0": "first version"}


def test_large_weights_need_an_address(trained, tmp_path, monkeypatch):
    small = make_bundle(trained, tmp_path / "small", BundleLabel("b"))
    others = [path for path in small.rglob("*") if path.is_file() and path.name != "model.pt"]
    monkeypatch.setattr("monai_dcgan.sharing.checks.MAX_BYTES", max(path.stat().st_size for path in others))
    with pytest.raises(ValueError, match="weights_url must be given for weights above 25 MB"):
        make_bundle(trained, tmp_path / "b", BundleLabel("b"))
    folder = make_bundle(trained, tmp_path / "b", BundleLabel("b"), weights_url="https://example.org/model.pt")
    [entry] = read(folder / LARGE_FILES)["large_files"]
    assert (entry["path"], entry["url"]) == ("models/model.pt", "https://example.org/model.pt")
    weights = folder / "models/model.pt"
    assert (entry["hash_type"], entry["hash_val"]) == ("sha256", hashlib.sha256(weights.read_bytes()).hexdigest())
    weights.write_bytes(weights.read_bytes() + b"0")
    assert check_bundle(folder) == [f"{LARGE_FILES} must hold the sha256 of models/model.pt that lies in the bundle"]


def test_an_archive_is_not_overwritten_and_holds_no_links(trained, tmp_path):
    folder = make_bundle(trained, tmp_path / "b", BundleLabel("b"))
    archive = zip_bundle(folder)
    with pytest.raises(FileExistsError, match="remove it"):
        zip_bundle(folder)
    archive.unlink()
    (folder / "docs/link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="a bundle must hold no links"):
        zip_bundle(folder)


NETWORKS = [
    [{"num_classes": 2, "class_names": ["glioma", "meningioma"]}, 10, {"0": "FLAIR", "1": "tumor mask"}],
    [{"mask_channels": 0}, 8, {"0": "FLAIR"}],
    [{"image_channels": 3}, 8, {"0": "image 1", "1": "image 2", "2": "image 3", "3": "tumor mask"}],
    [{"mask_channels": 2, "image_size": 64}, 8, {"0": "FLAIR", "1": "tumor mask 1", "2": "tumor mask 2"}],
]


@pytest.mark.parametrize("scripts", [False, True])
@pytest.mark.parametrize("own, latent, channels", NETWORKS)
def test_other_networks_pass_the_checks_too(trained, tmp_path, own, latent, channels, scripts):
    run = tmp_path / "run"
    shutil.copytree(trained, run, ignore=shutil.ignore_patterns("cache"))
    record = read(run / "run.json")
    network = record["network"] | own
    (run / "run.json").write_text(json.dumps(record | {"network": network}))
    config = ConfigParser(read(config_file("inference")) | network)
    torch.save(config.get_parsed_content("network_def").state_dict(), run / "model.pt")
    folder = make_bundle(run, tmp_path / "b", BundleLabel("b"), scripts)
    formats = read(folder / "configs/metadata.json")["network_data_format"]
    assert formats["inputs"]["image"]["num_channels"] == latent
    assert formats["outputs"]["pred"]["channel_def"] == channels
    classes = own.get("class_names", [])
    named = list(formats["inputs"]["image"]["channel_def"].values())[1:]
    assert named == [f"1 for {name}, else 0" for name in classes]
    assert f"Classes: {', '.join(classes) or 'none'}." in (folder / "docs/README.md").read_text()


def test_without_the_store_it_says_what_is_not_known(trained, tmp_path, caplog):
    run = tmp_path / "run"
    shutil.copytree(trained, run, ignore=shutil.ignore_patterns("cache"))
    settings = read(run / "settings.json")
    (run / "settings.json").write_text(json.dumps(settings | {"cache_dir": str(tmp_path / "gone")}))
    folder = make_bundle(run, tmp_path / "b", BundleLabel("b"))
    assert "names of cases are not looked for in it" in caplog.text
    assert "Slices trained with: not recorded." in (folder / "docs/README.md").read_text()


LEVELS = [
    ["privacy", "bad", True],
    ["membership", "bad", True],
    ["membership", "good", False],
    ["fidelity", "bad", False],
]


@pytest.mark.parametrize("topic, level, warned", LEVELS)
def test_a_sign_of_copies_is_said_aloud(evaluated, tmp_path, caplog, topic, level, warned):
    run = tmp_path / "run"
    shutil.copytree(evaluated, run, ignore=shutil.ignore_patterns("cache"))
    path = run / "evaluation/metrics.json"
    metrics = read(path)
    metrics["verdict"]["points"] = [{"topic": topic, "level": level, "text": "A sign."}]
    path.write_text(json.dumps(metrics))
    make_bundle(run, tmp_path / "b", BundleLabel("b"))
    assert ("before you share this: A sign." in caplog.text) == warned
    assert "were not looked for" not in caplog.text


def test_an_evaluation_of_other_weights_is_said_aloud(evaluated, trained, tmp_path, caplog):
    make_bundle(evaluated, tmp_path / "a", BundleLabel("a"))
    assert "older than the weights" not in caplog.text
    run = tmp_path / "run"
    shutil.copytree(evaluated, run)
    (run / "model.pt").touch()
    make_bundle(run, tmp_path / "b", BundleLabel("b"))
    assert "metrics.json is older than the weights" in caplog.text
    make_bundle(trained, tmp_path / "c", BundleLabel("c"))
    assert "copies of training slices were not looked for" in caplog.text


def test_the_command_says_what_it_did_and_what_is_unsaid(trained, tmp_path, capsys):
    assert main(["bundle", str(trained), "--out", str(tmp_path / "b"), "--authors", "A", "--zip"]) == 0
    out = capsys.readouterr().out
    assert f"archive: {tmp_path / 'b_v0.1.0.zip'}" in out
    assert "say --data-source, --data-license;" in out
    assert main(["bundle", str(trained), "--out", str(tmp_path / "b")]) == 1
    assert "error: out must be absent or an empty folder" in capsys.readouterr().err


def test_an_archive_leaves_out_compiled_modules(trained, tmp_path):
    folder = make_bundle(trained, tmp_path / "b", BundleLabel("b"), scripts=True)
    names = files_of(folder)
    (folder / "scripts/__pycache__").mkdir()
    (folder / "scripts/__pycache__/x.pyc").write_bytes(b"/home/someone/b")
    with zipfile.ZipFile(zip_bundle(folder)) as archive:
        assert set(archive.namelist()) == {f"b/{name}" for name in names}


def test_dry_run_writes_nothing(trained, tmp_path, capsys):
    assert main(["bundle", str(trained), "--out", str(tmp_path / "b"), "--dry-run", "--scripts"]) == 0
    assert "monai, and the modules it brings" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
