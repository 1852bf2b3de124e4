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
"""Bundles under MONAI's own commands, from another working directory; that with scripts without the package."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from monai_dcgan.data import generate_arrays
from monai_dcgan.sharing.scripts import Scripts, names_in, rewritten_config
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import config_file, generate

BLOCKER = "import sys\nsys.modules['monai_dcgan'] = None\n"


@pytest.fixture
def monai(made, tmp_path):
    """Run one of MONAI's bundle commands elsewhere; with scripts, where ``import monai_dcgan`` fails."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    paths = []
    if made.name.endswith("scripts"):
        (tmp_path / "blocker").mkdir()
        (tmp_path / "blocker" / "sitecustomize.py").write_text(BLOCKER)
        paths = [str(tmp_path / "blocker")]

    def run(command, *options, importable=False):
        # As the zoo's own check does, which makes the folder of a bundle importable for all but 'run'.
        path = os.pathsep.join([*paths, *([str(made)] if importable else [])])
        call = [sys.executable, "-m", "monai.bundle", command, *map(str, options)]
        # Other tests look at every file of the bundle.
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(call, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=300)

    run.cwd = elsewhere
    return run


def test_the_blocker_blocks(made, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "import monai_dcgan"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "ModuleNotFoundError" in done.stderr


def test_run_makes_the_slices_of_the_run(made, monai, evaluated, tmp_path):
    options = ["--config_file", made / "configs/inference.json", "--bundle_root", made, "--output_dir", "slices"]
    done = monai("run", *options, "--num_slices", 3, "--seed", 5, "--device", "cpu")
    assert done.returncode == 0, done.stderr[-3000:]
    expected = generate(evaluated, tmp_path / "expected", 3, seed=5, device="cpu")
    for folder in ("imagesTr", "labelsTr"):
        names = sorted(path.name for path in (expected / folder).iterdir())
        assert len(names) == 3
        for name in names:
            assert (monai.cwd / "slices" / folder / name).read_bytes() == (expected / folder / name).read_bytes()
    text = (monai.cwd / "slices/provenance.json").read_text()
    assert "training" not in read_json(monai.cwd / "slices/provenance.json") and str(made) not in text


@pytest.mark.parametrize("inside", ["", "models/model.pt"])
def test_a_bundle_stands_for_its_run(made, evaluated, inside):
    """Also one that brings modules, without having run any of them."""
    images, masks = generate_arrays(made / inside, num_slices=3)
    expected = generate_arrays(evaluated, num_slices=3)
    np.testing.assert_array_equal(images, expected[0])
    np.testing.assert_array_equal(masks, expected[1])
    assert "scripts" not in sys.modules


def test_verify_net_in_out(made, monai):
    files = ["--meta_file", made / "configs/metadata.json", "--config_file", made / "configs/inference.json"]
    done = monai("verify_net_in_out", "network_def", *files, "--bundle_root", made, importable=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_ckpt_export(made, monai, evaluated, tmp_path):
    files = ["--meta_file", made / "configs/metadata.json", "--config_file", made / "configs/inference.json"]
    files += ["--ckpt_file", made / "models/model.pt", "--filepath", tmp_path / "model.ts"]
    done = monai("ckpt_export", "network_def", *files, "--bundle_root", made, importable=True)
    assert done.returncode == 0, done.stderr[-3000:]
    made_slices = torch.jit.load(tmp_path / "model.ts").eval()(torch.zeros(2, 8, 1, 1))
    assert made_slices.shape == (2, 2, 32, 32)


def test_tensorrt_without_a_gpu_says_so(made, monai):
    files = str([str(made / "configs" / name) for name in ("inference.json", "inference_trt.json")])
    options = ["--config_file", files, "--bundle_root", made, "--output_dir", "slices", "--device", "cpu"]
    done = monai("run", *options)
    assert done.returncode != 0
    assert "device must be a CUDA device for TensorRT, got 'cpu'; run without inference_trt.json" in done.stderr
    assert not (monai.cwd / "slices").exists()


def test_scripts_bring_what_is_needed_and_no_more():
    config = read_json(config_file("inference"))
    scripts = Scripts(names_in(config))
    rooms = {module.split(".")[1] for module in scripts.modules if "." in module}
    assert rooms == {"data", "handlers", "inferers", "metrics", "networks", "transforms", "utils"}
    assert "monai_dcgan.networks.generator" in scripts.modules
    assert not {"monai_dcgan.networks.discriminator", "monai_dcgan.data.store.store"} & set(scripts.modules)
    assert {"nibabel", "pytorch-ignite"} <= scripts.requirements()
    assert not {"monai", "torch", "numpy", "monai_dcgan", "dask", "joblib"} & scripts.requirements()


NAMES = [
    [{"a": {"_target_": "monai_dcgan.networks.DCGANGenerator"}}, {"monai_dcgan.networks.DCGANGenerator"}],
    [{"a": {"_target_": "monai.data.DataLoader"}, "b": 1}, set()],
    [
        {"imports": ["$import monai_dcgan.utils.weights as w"], "a": ["$w.load_weights(@w.x, @raw.y)"]},
        {"monai_dcgan.utils.weights.load_weights"},
    ],
    [{"imports": ["$import monai_dcgan.data as d"], "a": "no expression d.nothing"}, set()],
]


@pytest.mark.parametrize("config, names", NAMES)
def test_names_that_a_config_needs(config, names):
    assert names_in(config) == names


def test_a_config_names_the_scripts_instead():
    config = {
        "imports": ["$import monai_dcgan.utils.weights as weights", "$import torch"],
        "network": {"_target_": "monai_dcgan.networks.DCGANGenerator", "width": 4},
        "note": "of the package",
    }
    assert rewritten_config(config) == {
        "imports": ["$import scripts.utils.weights as weights", "$import torch"],
        "network": {"_target_": "scripts.networks.DCGANGenerator", "width": 4},
        "note": "of the package",
    }
    for value in ("$__import__('monai_dcgan')", "$from monai_dcgan.data import prepare"):
        with pytest.raises(ValueError, match="a config must name monai_dcgan in targets and '\\$import ... as ...'"):
            rewritten_config({"a": [value]})


def test_a_name_that_is_not_of_the_package_is_refused():
    with pytest.raises(ValueError, match="there is no monai_dcgan.networks.VAE"):
        Scripts(["monai_dcgan.networks.VAE"])
