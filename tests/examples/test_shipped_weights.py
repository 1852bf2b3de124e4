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
"""The example that says how the generator of the package was made."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from PIL import Image

from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import DCGANWorkflow, bundle_root, config_file
from tests.untrained import write_generator


def test_settings_are_those_of_the_bundle(repository, tmp_path):
    overlay = repository / "examples/shipped_weights/train.json"
    workflow = DCGANWorkflow([config_file("train"), overlay], {"output_dir": str(tmp_path)}, logging_file=False)
    settings = read_json(overlay)
    config = read_json(bundle_root() / "configs/inference.json")
    assert config["num_classes"] == settings["num_classes"] == len(config["class_names"])
    for name in ("image_size", "width", "latent_size", "upsampling", "g_residual", "g_head"):
        assert workflow.parser.get_parsed_content(name) == config[name], name
    assert not set(settings["validation_folds"]) & set(settings["test_folds"])


def test_draw(repository, tmp_path):
    model = write_generator(tmp_path, num_classes=2, class_names=["a", "b"])
    script = repository / "examples/shipped_weights/draw.py"
    options = ["--model", model, "--out", tmp_path / "grid.png", "--columns", 3, "--rows", 2]
    done = subprocess.run([sys.executable, script, *map(str, options)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "2 rows of every class: a, b" in done.stdout
    picture = np.asarray(Image.open(tmp_path / "grid.png"))
    assert picture.shape == (4 * 66 - 2, 3 * 66 - 2, 3)
