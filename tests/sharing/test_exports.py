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
"""Exports make the pictures of the network, or are not there."""

from __future__ import annotations

import json

import onnx
import pytest
import torch
from monai.data import load_net_with_metadata
from safetensors import safe_open

from monai_dcgan.sharing import exports
from monai_dcgan.sharing.exports import ExportFormat, export_model, load_exported, load_generator
from tests.untrained import write_generator

BILINEAR = {"upsampling": "bilinear", "g_residual": True, "g_head": 4, "num_classes": 3, "image_channels": 2}
TRANSPOSED = {"upsampling": "transposed", "g_residual": False, "g_head": 0, "num_classes": 0, "image_channels": 1}


def with_statistics(network):
    """Draw weights of usual scale and statistics of the normalization, as a training leaves them."""
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            module.weight.data.mul_(10)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)


def run(folder, **options):
    return write_generator(folder, with_statistics, **options)


@pytest.fixture(scope="module", params=[BILINEAR, TRANSPOSED], ids=["bilinear", "transposed"])
def exported(request, tmp_path_factory):
    """A run, and its exports in all forms."""
    folder = run(tmp_path_factory.mktemp("run"), **request.param)
    return folder, {made.form: made for made in export_model(folder, folder / "exports")}


@pytest.mark.parametrize("form", list(ExportFormat))
def test_an_export_makes_the_pictures_of_the_network(form, exported):
    folder, made = exported
    generator = load_generator(folder)
    assert made[form].difference <= 1e-5 and 0 < made[form].rounding < 1e-5
    forward = load_exported(made[form].path)
    with torch.inference_mode():
        for size in (1, 3, 17):
            latents = generator.sampler(seed=9).at(range(size))
            expected = generator.network(latents)
            assert 0.05 < expected.std() < 0.9
            torch.testing.assert_close(forward(latents), expected, rtol=0, atol=1e-5)


def test_settings_are_in_the_files(exported):
    folder, made = exported
    settings = load_generator(folder).settings
    assert settings["image_size"] == 32 and settings["upsampling"] in ("bilinear", "transposed")
    paths = {form: str(made[form].path) for form in ExportFormat}
    assert load_net_with_metadata(paths[ExportFormat.TORCHSCRIPT])[1]["network_settings"] == settings
    properties = {found.key: found.value for found in onnx.load(paths[ExportFormat.ONNX]).metadata_props}
    assert json.loads(properties["settings.json"]) == settings
    extra = {"settings.json": ""}
    torch.export.load(paths[ExportFormat.EXPORT], extra_files=extra)
    assert json.loads(extra["settings.json"]) == settings
    with safe_open(paths[ExportFormat.SAFETENSORS], framework="pt") as opened:
        assert json.loads(opened.metadata()["settings.json"]) == settings


def test_one_file_with_a_batch_of_any_size(exported):
    """ONNX keeps its weights in the file, and names the batch."""
    _, made = exported
    path = made[ExportFormat.ONNX].path
    assert sorted(found.name for found in path.parent.iterdir()) == sorted(each.path.name for each in made.values())
    (latent,) = onnx.load(path).graph.input
    batch, *rest = latent.type.tensor_type.shape.dim
    assert batch.dim_param and all(dim.dim_value for dim in rest)


def worse(generator, label=None):
    """Return what an exporter would save that makes other pictures, in one class alone or in all."""

    def forward(latents):
        wrong = torch.full((len(latents), 1, 1, 1), 2e-5)
        if label is not None:
            wrong = wrong * latents[:, generator.settings["latent_size"] + label, None]
        return generator.network(latents) + wrong

    return forward


@pytest.mark.parametrize("label", [None, 0, 1, 2])
def test_an_export_that_makes_other_pictures_is_refused(label, tmp_path, monkeypatch):
    folder = run(tmp_path / "run", **BILINEAR)
    monkeypatch.setitem(exports._LOADERS, ExportFormat.EXPORT, lambda path: worse(load_generator(folder), label))
    text = r"generator.pt2 must make the pictures of the network to 1e-05, got a difference of 2.*e-05; nothing was"
    with pytest.raises(ValueError, match=text):
        export_model(folder, tmp_path / "exports", ["export"])
    assert not list((tmp_path / "exports").iterdir())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        [lambda pairs: pairs[:1], r"pairs must be finite and \(2, 3, 32, 32\), got \(1, 3, 32, 32\)"],
        [lambda pairs: pairs * float("nan"), "pairs must be finite"],
    ],
)
def test_what_is_no_picture_is_refused(change, text, tmp_path):
    generator = load_generator(run(tmp_path, **BILINEAR))
    with pytest.raises(ValueError, match=text):
        exports.compare(generator, lambda latents: change(generator.network(latents)))


def test_wrong_arguments(tmp_path, monkeypatch):
    folder = run(tmp_path / "run", **TRANSPOSED)
    for formats, text in [
        [["caffe"], "formats must be one of torchscript, onnx, export, safetensors, got 'caffe'"],
        [["onnx", "onnx"], "formats must be a list of different ones of torchscript, onnx"],
        [[], "formats must be a list of different ones"],
        ["onnx", "formats must be a list of different ones"],
    ]:
        with pytest.raises(ValueError, match=text):
            export_model(folder, tmp_path / "out", formats)
    with pytest.raises(FileNotFoundError, match="no trained generator"):
        export_model(tmp_path / "none", tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/generator.pt2").write_text("mine")
    with pytest.raises(FileExistsError, match=r"out_dir must not hold generator\.pt2, got"):
        export_model(folder, tmp_path / "out")
    monkeypatch.setattr(exports, "has_safetensors", False)
    with pytest.raises(ImportError, match=r"safetensors needs safetensors, .* pip install 'monai_dcgan\[export\]'"):
        export_model(folder, tmp_path / "out", ["safetensors"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["generator.pt2"]
    assert (tmp_path / "out/generator.pt2").read_text() == "mine"
    with pytest.raises(ValueError, match="form must be one of torchscript"):
        load_exported(folder / "model.pt")


def test_a_trained_run(trained, tmp_path):
    (made,) = export_model(trained, tmp_path, ["safetensors"])
    assert made.difference == 0
