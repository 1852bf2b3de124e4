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

import json

import pytest
import torch
from ignite.engine import Events

from monai_dcgan.handlers import (
    EMA,
    GeneratorSaver,
    ResumeTraining,
    SampleGrid,
    TrainingCheckpoint,
    TrainingLog,
    latest_checkpoint,
)
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.networks import DCGANGenerator
from monai_dcgan.utils.weights import load_weights
from tests.training import make_training, training_objects


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


def test_log_writes_means_and_stops_at_nan(tmp_path):
    path = tmp_path / "metrics.jsonl"
    trainer = make_training(max_epochs=1, handlers=[TrainingLog(path, interval=2)])
    losses = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: losses.append(engine.state.output["terms"]["d_loss"].item())
    )
    trainer.run()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["iteration"], line["images"]) for line in lines] == [(2, 8), (4, 16)]
    assert lines[1]["d_loss"] == pytest.approx(sum(losses[2:]) / 2)
    assert lines[0]["images_per_second"] > 0

    trainer = make_training(handlers=[TrainingLog(tmp_path / "bad.jsonl", interval=2)])
    with torch.no_grad():
        trainer.g_network.layers[0].weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="must stay finite, got nan at iteration 2"):
        trainer.run()


def test_resumed_training_ends_with_the_same_bits(tmp_path):
    def run(folder, epochs, resume):
        trainer = make_training(max_epochs=epochs)
        ResumeTraining(folder / "c", training_objects(trainer), resume).attach(trainer)
        TrainingLog(folder / "metrics.jsonl", interval=3).attach(trainer)
        TrainingCheckpoint(folder / "c", training_objects(trainer), keep=2).attach(trainer)
        trainer.run()
        return trainer

    whole = run(tmp_path / "whole", 4, resume=False)
    run(tmp_path / "broken", 2, resume=False)
    # Lines of an epoch that did not reach its checkpoint are dropped, and one that was cut off.
    with open(tmp_path / "broken" / "metrics.jsonl", "a") as stream:
        stream.write(json.dumps({"epoch": 3, "iteration": 9, "images": 36, "d_loss": 7.0}) + "\n")
        stream.write('{"epoch": 3, "iter')
    resumed = run(tmp_path / "broken", 4, resume=True)
    for name, value in training_objects(whole).items():
        if isinstance(value, torch.nn.Module):
            for key, tensor in value.state_dict().items():
                assert torch.equal(tensor, training_objects(resumed)[name].state_dict()[key]), (name, key)
    for key, tensor in whole.ema.state_dict().items():
        assert torch.equal(tensor, resumed.ema.state_dict()[key]), key
    assert resumed.state.images == whole.state.images == 64

    def lines(name):
        records = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key != "images_per_second"} for line in records]

    assert lines("broken") == lines("whole")
    assert [path.name for path in sorted((tmp_path / "broken" / "c").glob("*.pt"))] == [
        "epoch_000003.pt",
        "epoch_000004.pt",
    ]


def test_resume_refuses_a_checkpoint_of_other_networks(tmp_path):
    trainer = make_training(max_epochs=1)
    TrainingCheckpoint(tmp_path, training_objects(trainer)).attach(trainer)
    trainer.run()
    other = make_training(max_epochs=2, num_classes=2)
    ResumeTraining(tmp_path, training_objects(other)).attach(other)
    with pytest.raises(
        ValueError, match=r"epoch_000001.pt must fit DCGANGenerator: 'layers.0.weight' must have the sha"
    ):
        other.run()
    latest_checkpoint(tmp_path).write_bytes(b"PK damaged")
    again = make_training(max_epochs=2)
    ResumeTraining(tmp_path, training_objects(again)).attach(again)
    with pytest.raises(ValueError, match=r"epoch_000001.pt must be a whole checkpoint"):
        again.run()


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


def test_sample_grids_from_step_zero(tmp_path):
    latents = LatentSampler(8)
    trainer = make_training(max_epochs=2)
    SampleGrid(trainer.ema.network, latents, mask_channels=1, folder=tmp_path, number=4).attach(trainer)
    trainer.run()
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "images_000000000.png",
        "images_000000016.png",
        "images_000000032.png",
    ]


def test_bad_arguments():
    with pytest.raises(ValueError, match="half_life must be a number of at least 0, got -1"):
        EMA(DCGANGenerator(width=4), LatentSampler(100), half_life=-1)
    with pytest.raises(ValueError, match="interval must be a whole number of at least 1, got 0"):
        TrainingLog("metrics.jsonl", interval=0)


def test_weights_that_are_not_finite_reach_no_checkpoint(tmp_path):
    """What a training can go on from has passed the log's check."""
    trainer = make_training(max_epochs=3, handlers=[TrainingLog(tmp_path / "metrics.jsonl", interval=3)])
    TrainingCheckpoint(tmp_path / "c", training_objects(trainer)).attach(trainer)

    def spoil(engine):
        # Iteration 8 ends the second epoch, behind the last interval of the log.
        if engine.state.iteration == 7:
            with torch.no_grad():
                trainer.g_network.layers[0].weight.fill_(float("nan"))

    trainer.add_event_handler(Events.ITERATION_COMPLETED, spoil)
    with pytest.raises(FloatingPointError):
        trainer.run()
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["epoch_000001.pt"]
