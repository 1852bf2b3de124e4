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
"""Tests of what follows a training."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Events

from monai_dcgan.handlers import (
    EMA,
    GeneratorSaver,
)
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.networks import DCGANGenerator
from monai_dcgan.utils.weights import load_weights
from tests.training import make_training


def test_ema_is_the_average_by_images():
    trainer = make_training(max_epochs=3)
    trainer.ema.ramp_up = 1.0
    weights, expected, shown = [], None, 0
    first = trainer.g_network.layers[0].weight

    def follow():
        nonlocal expected, shown
        shown += 4
        weight = first.detach().clone()
        decay = 0.5 ** (4 / min(100, shown))
        expected = weight if expected is None else decay * expected + (1 - decay) * weight
        weights.append(weight)

    trainer.add_event_handler(Events.ITERATION_COMPLETED, follow)
    trainer.run()
    averaged = trainer.ema.network.layers[0].weight
    torch.testing.assert_close(averaged, expected)
    assert not torch.equal(averaged, weights[-1])


def test_ema_buffers_are_measured_and_never_aliased():
    trainer = make_training()
    trainer.run()
    buffers = dict(trainer.ema.network.named_buffers())
    for name, live in trainer.g_network.named_buffers():
        assert buffers[name].data_ptr() != live.data_ptr(), name
    # With its own statistics the averaged network normalizes its first layer to the scale and bias it has learned.
    network = trainer.ema.network
    with torch.no_grad():
        normalized = network.layers[1](network.layers[0](trainer.ema.calibration_sampler.at(range(16))))
    torch.testing.assert_close(normalized.mean((0, 2, 3)), network.layers[1].bias, atol=1e-2, rtol=1e-2)
    assert not network.training


def test_ema_without_half_life_follows():
    trainer = make_training()
    trainer.ema.half_life = 0
    trainer.run()
    assert torch.equal(trainer.ema.network.layers[0].weight, trainer.g_network.layers[0].weight)


def test_saved_generator_is_flat_and_loads(tmp_path):
    trainer = make_training(max_epochs=1)
    GeneratorSaver(trainer.ema.network, tmp_path / "model.pt").attach(trainer)
    trainer.run()
    loaded = load_weights(DCGANGenerator(image_size=32, latent_size=8, width=4), tmp_path / "model.pt").eval()
    latent = LatentSampler(8).at(range(2))
    assert torch.equal(loaded(latent), trainer.ema.network(latent))
    with pytest.raises(ValueError, match=r"model.pt must fit DCGANGenerator: 'layers.0.weight' must have the shape"):
        load_weights(DCGANGenerator(image_size=64, latent_size=8, width=4), tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_weights(loaded, tmp_path / "none.pt")


def test_bad_arguments():
    with pytest.raises(ValueError, match="half_life must be a number of at least 0, got -1"):
        EMA(DCGANGenerator(width=4), LatentSampler(100), half_life=-1)
