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
"""Other networks of MONAI as the segmenter of an experiment, by the overlays that come with the package."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import DynUNet, SegResNet

from monai_dcgan.downstream.tasks import predict
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import overlay_file
from tests.downstream.experiment_makers import make_experiment

CASES = [("segmenter/dynunet", DynUNet), ("segmenter/segresnet", SegResNet)]
SMALL = {"arms": ["real"], "tasks": ["segmentation"], "patients": ["all"]}


@pytest.fixture(scope="module")
def unet(phantoms, tmp_path_factory):
    experiment = make_experiment(phantoms, tmp_path_factory.mktemp("networks") / "out", **SMALL)
    experiment.run()
    return experiment


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_another_segmenter(unet, phantoms, name, kind):
    experiment = make_experiment(phantoms, unet.folder, **SMALL, **read_json(overlay_file(name)))
    (cell,) = experiment.plan.cells()
    assert experiment.measured_file(cell) != unet.measured_file(cell)
    assert experiment._file("networks", cell, "pt") != unet._file("networks", cell, "pt")
    experiment.run()
    network = experiment.network(cell, None)
    assert type(network) is kind
    images, masks, _ = experiment.store.as_arrays(range(4))
    assert predict(network, images, torch.device("cpu")).shape == masks.shape
    new, trained = experiment._new_network(experiment.tasks["segmentation"], 0).state_dict(), network.state_dict()
    weights = [key for key in trained if key.endswith("conv.weight")]
    assert weights and not any(torch.equal(new[key], trained[key]) for key in weights)
    assert set(trained) != set(unet.network(cell, None).state_dict())
