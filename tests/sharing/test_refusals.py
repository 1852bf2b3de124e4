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
"""Calls that cannot make a bundle say why, and write nothing."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from monai_dcgan.sharing import BundleLabel, make_bundle


def read(path):
    return json.loads(path.read_text())


def spoil_nothing(run):
    pass


def spoil_status(run):
    record = read(run / "run.json")
    (run / "run.json").write_text(json.dumps(record | {"status": "running"}))


def spoil_network(run):
    record = read(run / "run.json")
    (run / "run.json").write_text(json.dumps(record | {"network": record["network"] | {"width": 8}}))


def spoil_setting(run):
    record = read(run / "run.json")
    (run / "run.json").write_text(json.dumps(record | {"network": record["network"] | {"depth": 8}}))


def spoil_weights(run):
    (run / "model.pt").unlink()


def add_discriminator(run):
    weights = torch.load(run / "model.pt", weights_only=True)
    torch.save({**weights, "discriminator.weight": torch.zeros(2)}, run / "model.pt")


WRONG = [
    [spoil_weights, {}, FileNotFoundError, "there is no"],
    [spoil_status, {}, ValueError, "run must be a finished training, .* is 'running'; go on with it: --resume"],
    [spoil_network, {}, ValueError, "must have the shape"],
    [spoil_setting, {}, ValueError, "that inference.json of this version has, got another set, by depth"],
    [add_discriminator, {}, ValueError, "'discriminator.weight' is not part of it"],
    [spoil_nothing, {"label": BundleLabel("b", version="1.0")}, ValueError, "must pass the checks of the zoo"],
    [spoil_nothing, {"out": "name_v1"}, ValueError, "the name must not end in a version"],
]


@pytest.mark.parametrize("spoil, options, kind, text", WRONG)
def test_a_wrong_call_writes_nothing(trained, tmp_path, spoil, options, kind, text):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    spoil(run)
    out = tmp_path / "bundles" / options.get("out", "bundle")
    with pytest.raises(kind, match=text):
        make_bundle(run, out, options.get("label", BundleLabel("b")))
    assert not out.parent.exists() or not list(out.parent.iterdir())


def test_a_folder_that_holds_something_is_left_as_it_is(trained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="out must be absent or an empty folder"):
        make_bundle(trained, tmp_path, BundleLabel("b"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
