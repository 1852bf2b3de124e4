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
"""The overlay for TensorRT: that it fits the config below it, and that what is missing is said."""

from __future__ import annotations

import pytest
import torch
from monai.bundle import ConfigParser
from torch import nn

from monai_dcgan.sharing import tensorrt
from monai_dcgan.sharing.tensorrt import compiled_network
from monai_dcgan.workflow import DCGANWorkflow, config_file

FILES = [config_file("inference"), config_file("inference_trt")]


class Placed(nn.Linear):
    """A network that only notes where it is to be put."""

    def __init__(self):
        super().__init__(2, 2)
        self.device = None

    def to(self, device):
        """Note the device."""
        self.device = device
        return self


def test_the_overlay_changes_the_network_and_its_batches_alone():
    below, whole = (ConfigParser.load_config_files(files) for files in (FILES[0], list(map(str, FILES))))
    assert {name for name in whole if whole[name] != below.get(name)} == {
        "imports",
        "batch_size",
        "network",
        "trt_args",
    }
    parser = ConfigParser()
    parser.read_config(list(map(str, FILES)))
    size = parser.get_parsed_content("batch_size")
    assert parser.get_parsed_content("trt_args") == {"precision": "fp32", "dynamic_batchsize": [1, size, size]}
    assert len(parser["imports"]) == len(below["imports"]) + 1


def test_the_workflow_of_the_package_knows_its_ids():
    DCGANWorkflow(FILES, {"trt_args#precision": "fp16"}, workflow_type="inference", logging_file=False)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_a_cpu_is_refused(device):
    with pytest.raises(ValueError, match="device must be a CUDA device for TensorRT, got 'cpu'"):
        compiled_network(Placed(), "model.pt", device)


@pytest.mark.parametrize("missing", [["tensorrt"], ["polygraphy"], ["tensorrt", "polygraphy", "cuda-python"]])
def test_missing_packages_are_named(monkeypatch, missing):
    there = {module for module, name in tensorrt._PACKAGES.items() if name not in missing}
    monkeypatch.setattr(tensorrt, "optional_import", lambda module: (None, module in there))
    network = Placed()
    with pytest.raises(ImportError, match=f"TensorRT needs {', '.join(missing)}; pip install {' '.join(missing)}"):
        compiled_network(network, "model.pt", "cuda:0")
    assert network.device is None


def test_monai_compiles_it(monkeypatch, tmp_path):
    """Plans are kept apart by arguments and GPU, and are older than the weights that they are made of never."""
    calls = []
    monkeypatch.setattr(tensorrt, "optional_import", lambda _: (None, True))
    monkeypatch.setattr(tensorrt, "trt_compile", lambda *given, **named: calls.append((given, named)) or given[0])
    network, weights = Placed(), tmp_path / "model.pt"
    weights.write_bytes(b"weights")
    for gpu, precision in (("A", "fp16"), ("A", "fp32"), ("B", "fp16"), ("A", "fp16")):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=gpu: name)
        assert compiled_network(network, str(weights), "cuda:0", {"precision": precision}) is network
        (given, path), named = calls[-1]
        assert given is network and path.startswith(f"{weights}.")
        assert named == {"args": {"precision": precision, "timestamp": int(weights.stat().st_mtime)}}
    paths = [path for (_, path), _ in calls]
    assert len(set(paths)) == 3 and paths[0] == paths[3]
    assert network.device == "cuda:0" and not network.training
