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
"""Tests of the way from configs to objects."""

from __future__ import annotations

import json

import pytest

from monai_dcgan.workflow import (
    DCGANWorkflow,
    bundle_root,
    config_file,
    generate,
    inference_workflow,
    overlay_file,
    root_cause,
)
from tests.untrained import write_generator


def write(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("override", "text"),
    [
        [{"widht": 8}, "config id 'widht' of the command line is not one that train.json knows; did you mean 'width'?"],
        [{"tran#trainer#amp": "off"}, "config id 'tran' of the command line .* did you mean 'train'?"],
        [{"zzz": 1}, "config id 'zzz' of the command line .*; known are ada_images, ada_target, adam_betas"],
        [{"batch": 1}, "config id 'batch' of the command line .* did you mean 'batch_size'?"],
        [
            {"train#real_augmentatio#rotation": 0.0},
            "config id 'train#real_augmentatio' .* did you mean 'real_augmentation'?",
        ],
    ],
)
def test_unknown_ids_are_refused(override, text):
    with pytest.raises(ValueError, match=text):
        DCGANWorkflow(config_file("train"), override, logging_file=False)


def test_overlays_are_checked_too_and_may_bring_ids_that_are_used(tmp_path):
    bad = write(tmp_path / "bad.json", {"latent_sise": 3})
    with pytest.raises(ValueError, match=r"config id 'latent_sise' of .*bad.json .* did you mean 'latent_size'?"):
        DCGANWorkflow([config_file("train"), bad], logging_file=False)
    good = write(tmp_path / "good.json", {"my_width": 5, "width": "@my_width", "train#trainer#amp": "off"})
    workflow = DCGANWorkflow([config_file("train"), good], logging_file=False)
    assert workflow.parser.get_parsed_content("width") == 5
    assert workflow.parser["train#trainer#amp"] == "off"


def test_bundle_root_is_where_the_configs_lie():
    workflow = DCGANWorkflow(config_file("inference"), logging_file=False, workflow_type="inference")
    assert workflow.parser.get_parsed_content("bundle_root") == str(bundle_root())
    workflow = DCGANWorkflow(config_file("inference"), {"bundle_root": "elsewhere"}, logging_file=False)
    assert workflow.parser.get_parsed_content("ckpt_path") == "elsewhere/models/model.pt"


def test_overlay_is_a_path_or_a_name(tmp_path):
    assert overlay_file("data/figshare").name == "figshare.json"
    path = write(tmp_path / "mine.json", {})
    assert overlay_file(str(path)) == path
    with pytest.raises(FileNotFoundError, match="no config file 'data/nothing'; give .* one of data/brats2013, data/"):
        overlay_file("data/nothing")


def test_every_overlay_of_the_package_fits_the_training():
    root = bundle_root().parent / "configs"
    overlays = sorted(root.rglob("*.json"))
    assert overlays
    for path in overlays:
        files = ["train", "downstream"] if path.parent.name == "segmenter" else ["train"]
        DCGANWorkflow([*map(config_file, files), path], logging_file=False)


def test_root_cause_is_what_the_parser_wrapped():
    inner = ValueError("image_size")
    outer = RuntimeError("Failed to instantiate component")
    outer.__cause__ = inner
    assert root_cause(outer) is inner
    alone = RuntimeError("alone")
    assert root_cause(alone) is alone
    alone.__cause__ = alone
    assert root_cause(alone) is alone


def test_generate_passes_on_what_went_wrong(trained, tmp_path, monkeypatch):
    def out_of_memory(self):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(DCGANWorkflow, "run", out_of_memory)
    with pytest.raises(RuntimeError, match="out of memory") as caught:
        generate(trained, tmp_path / "out", num_slices=1)
    assert root_cause(caught.value) is caught.value


def test_generate_is_a_library_call(trained, tmp_path):
    import nibabel
    from monai.data import load_decathlon_datalist

    folder = generate(trained, tmp_path / "a", num_slices=5, seed=3)
    cases = load_decathlon_datalist(folder / "dataset.json", True, "training")
    assert len(cases) == 5
    more = generate(trained, tmp_path / "b", num_slices=9, seed=3, batch_size=4)
    for case in cases:
        for key in ("image", "label"):
            first = nibabel.load(case[key]).get_fdata()
            again = nibabel.load(case[key].replace(str(folder), str(more))).get_fdata()
            assert abs(first - again).max() <= 1, "slice i of a seed is the same at any number and batch size"
    assert set(nibabel.load(cases[0]["label"]).get_fdata().ravel()) <= {0.0, 1.0}


def test_generate_refuses_what_does_not_fit(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match="no trained generator at .*nothing"):
        generate(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(ValueError, match=r"model.pt must fit DCGANGenerator: 'layers.0.weight' must have the shape"):
        generate(trained, tmp_path / "out", width=8)
    with pytest.raises(ValueError, match="num_slices must be a whole number of at least 1, got 0"):
        generate(trained, tmp_path / "out", num_slices=0)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_generator_without_all_settings_of_its_network_is_refused(tmp_path):
    """The settings of the generator that comes with the package never stand in for those of another."""
    model = write_generator(tmp_path)
    settings = json.loads((model / "network.json").read_text())
    for name in ("class_names", "num_classes", "width"):
        write(model / "network.json", {key: value for key, value in settings.items() if key != name})
        with pytest.raises(ValueError, match=f"network of .*model.pt must be whole, {name} are missing"):
            inference_workflow(model)
    (model / "network.json").unlink()
    with pytest.raises(FileNotFoundError, match="network.json must lie beside .*model.pt"):
        inference_workflow(model / "model.pt")


def test_a_run_inside_of_a_bundle_has_its_own_settings(tmp_path):
    """Somebody trains in the folder of a bundle: the settings beside the weights count, not those of the bundle."""
    (tmp_path / "configs").mkdir()
    write(tmp_path / "configs/inference.json", json.loads(config_file("inference").read_text()))
    for name in ("run", "models"):
        (tmp_path / name).mkdir()
        value = inference_workflow(write_generator(tmp_path / name) / "model.pt").parser.get_parsed_content
        assert (value("width"), value("class_names")) == (4, [])
    (tmp_path / "run/network.json").unlink()
    with pytest.raises(FileNotFoundError, match="network.json must lie beside"):
        inference_workflow(tmp_path / "run")
