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
"""The generator that comes with the package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import load
from monai.data import load_decathlon_datalist

from monai_dcgan.cli import main
from monai_dcgan.data import SyntheticDataset, generate_arrays
from monai_dcgan.sharing import zip_bundle
from monai_dcgan.sharing.exports import ExportFormat, export_model
from monai_dcgan.sharing.leaks import find_leaks
from monai_dcgan.utils.files import read_json, sha256_file
from monai_dcgan.utils.weights import bundle_weights
from monai_dcgan.workflow import bundle_root, weights_of

CLASSES = ["glioma", "meningioma", "pituitary"]


@pytest.fixture(scope="module")
def slices():
    """Images and masks of 48 slices, classes in turn."""
    return generate_arrays(bundle_root(), num_slices=48, seed=1)


def test_weights_are_small_and_those_of_a_generator():
    path = weights_of(bundle_root())
    assert path.stat().st_size < 15 * 2**20
    weights = torch.load(path, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in weights.values())
    # The first layer takes noise and classes, which no discriminator does.
    assert next(iter(weights.values())).shape[0] == 100 + len(CLASSES)


def test_slices_look_like_what_they_say(slices):
    images, masks = slices
    shares = masks.mean(axis=(1, 2, 3))
    heads = (images > 0.1).mean(axis=(1, 2, 3))
    assert (shares > 0).mean() > 0.9 and shares.max() < 0.3
    assert (heads > 0.3).all() and (heads < 0.95).all()
    # Tumors take up contrast agent: within masks it is brighter than within heads.
    inside = [image[mask > 0].mean() for image, mask in zip(images, masks) if mask.any()]
    outside = [image[(mask == 0) & (image > 0.1)].mean() for image, mask in zip(images, masks)]
    assert np.median(inside) > np.median(outside)
    # No two are alike.
    flat = images.reshape(len(images), -1)
    apart = np.abs(flat[:, None] - flat[None]).mean(axis=-1) + np.eye(len(flat))
    assert apart.min() > 0.01


def test_classes_differ_with_the_same_noise():
    generator = torch.load(weights_of(bundle_root()), weights_only=True)
    embeddings = next(iter(generator.values()))[100:]
    distances = torch.pdist(embeddings.flatten(1))
    assert len(embeddings) == 3 and (distances > 0.1 * embeddings.flatten(1).norm(dim=1).mean()).all()


def test_one_command_makes_labeled_slices(tmp_path, capsys):
    assert main(["generate", "--out", str(tmp_path / "set"), "--num", "6"]) == 0
    cases = load_decathlon_datalist(tmp_path / "set/dataset.json", True, "training")
    assert [case["class_name"] for case in cases] == CLASSES * 2
    record = read_json(tmp_path / "set/provenance.json")
    assert record["model_sha256"] == sha256_file(weights_of(bundle_root()))


def test_slices_of_one_class():
    data = SyntheticDataset(bundle_root(), num=4, class_name="pituitary")
    images, _ = generate_arrays(bundle_root(), num_slices=12)
    made = np.stack([np.asarray(data[number]["image"]) for number in range(4)])
    np.testing.assert_allclose(made, images[2::3], atol=1e-3)


@pytest.mark.parametrize("root", [(), ("--bundle_root", str(bundle_root()))])
def test_monai_runs_it_from_another_working_directory(root, tmp_path):
    options = ["--config_file", bundle_root() / "configs/inference.json", "--output_dir", "set", "--num_slices", 3]
    command = [sys.executable, "-m", "monai.bundle", "run", *map(str, options), *root]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    record = read_json(tmp_path / "set/provenance.json")
    assert (record["count"], record["model_sha256"]) == (3, sha256_file(weights_of(bundle_root())))


def test_the_working_directory_comes_first(tmp_path, monkeypatch):
    """Somebody's own weights are taken where their bundle is the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(bundle_root()))
    assert bundle_weights() == str(weights_of(bundle_root()))
    (tmp_path / "models").mkdir()
    (tmp_path / "models/model.pt").write_bytes(b"own")
    assert bundle_weights() == "models/model.pt"
    assert bundle_weights(tmp_path / "nowhere") == str(tmp_path / "nowhere/models/model.pt")


def test_exports_make_its_pictures_of_every_class(tmp_path):
    for made in export_model(bundle_root(), tmp_path):
        assert made.difference <= max(1e-5, 2 * made.rounding) and made.rounding < 1e-4
        if made.form != ExportFormat.ONNX:
            assert made.difference <= 1e-5


def test_a_bundle_can_be_given_in_the_place_of_a_run(tmp_path):
    folder = shutil.copytree(bundle_root(), tmp_path / "copy")
    config = read_json(folder / "configs/inference.json")
    (folder / "configs/inference.json").write_text(json.dumps({**config, "seed": 3}))
    images, _ = generate_arrays(folder, num_slices=2, seed=3)
    expected, _ = generate_arrays(bundle_root(), num_slices=2, seed=3)
    np.testing.assert_array_equal(images, expected)
    (folder / "models/model.pt").unlink()
    with pytest.raises(FileNotFoundError, match="no trained generator at .*copy/models/model.pt"):
        generate_arrays(folder)


def test_the_archive_loads_and_holds_nothing_of_a_machine(tmp_path):
    folder = shutil.copytree(bundle_root(), tmp_path / "brain_t1ce_dcgan")
    assert find_leaks(folder, [str(bundle_root().parent.resolve())]) == []
    for path in filter(Path.is_file, folder.rglob("*")):
        # Names of series and of files, as the training saw them.
        assert not re.search(rb"fold\d-from|\d{4}_mask", path.read_bytes()), path
    archive = zip_bundle(folder)
    with zipfile.ZipFile(archive) as content:
        names = content.namelist()
        assert all(name.startswith("brain_t1ce_dcgan/") and ".." not in name for name in names)
        content.extractall(tmp_path / "elsewhere")
    network = load("brain_t1ce_dcgan", bundle_dir=str(tmp_path / "elsewhere"), workflow_type="inference")
    network.eval()
    latents = torch.zeros(3, 103, 1, 1)
    latents[range(3), range(100, 103)] = 1
    with torch.inference_mode():
        pairs = network(latents)
    assert pairs.shape == (3, 2, 64, 64) and pairs.abs().max() <= 1


def test_the_page_names_the_source_and_what_was_measured():
    text = (bundle_root() / "docs/README.md").read_text()
    metadata = read_json(bundle_root() / "configs/metadata.json")
    value = metadata["eval_metrics"]["frechet_distance"]
    for fact in ("CC BY 4.0", "1512427", f"{value:.4g}", "series", *CLASSES):
        assert fact in text or fact in (bundle_root() / "docs/data_license.txt").read_text(), fact
