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
"""Tests of the adversarial training."""

from __future__ import annotations

import copy
import shutil

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader
from monai.utils.enums import AdversarialIterationEvents as Step
from torch.nn import functional

from monai_dcgan.engines import TERMS, DCGANEvaluator, prepare_pair_batch
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.losses import DiscriminatorLoss, GeneratorLoss, adversarial_loss
from monai_dcgan.metrics import FrechetDistance
from monai_dcgan.networks import DCGANGenerator
from monai_dcgan.utils.enums import EvaluationKeys
from tests.training import Squares, make_training


def test_one_iteration_is_that_of_a_bare_loop():
    """The same weights after one iteration as a loop written out by hand."""
    trainer = make_training()
    g, d = copy.deepcopy(trainer.g_network), copy.deepcopy(trainer.d_network)
    g_opt = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    d_opt = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    batch = next(iter(DataLoader(Squares(), batch_size=4)))
    trainer.latent_sampler.set_step(1)
    trainer._iteration(trainer, batch)

    trainer.latent_sampler.set_step(1)
    real = torch.cat([batch["image"] * 2 - 1, batch["label"] * 2 - 1], dim=1)
    fake = g(trainer.latent_sampler.draw(4))
    real_logits, fake_logits = d(real), d(fake.detach())
    d_loss = functional.binary_cross_entropy_with_logits(real_logits, torch.ones(4, 1))
    d_loss = d_loss + functional.binary_cross_entropy_with_logits(fake_logits, torch.zeros(4, 1))
    d_loss.backward()
    d_opt.step()
    fake_logits, fake_features = d.forward_features(fake)
    with torch.no_grad():
        real_features = d.forward_features(real)[1]
    nearest = torch.cdist(real.flatten(1), fake.detach().flatten(1)).argmin(1)
    g_loss = functional.binary_cross_entropy_with_logits(fake_logits, torch.ones(4, 1))
    g_loss = g_loss + (real - fake[nearest]).abs().mean()
    levels = [(a.mean(0) - b.mean(0)).square().mean() for a, b in zip(real_features, fake_features)]
    g_loss = g_loss + sum(levels) / len(levels)
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()

    terms = trainer.state.output[TERMS]
    torch.testing.assert_close(terms["d_loss"], d_loss.detach())
    torch.testing.assert_close(terms["g_loss"], g_loss.detach())
    for ours, theirs in ((trainer.g_network, g), (trainer.d_network, d)):
        for (name, value), expected in zip(ours.state_dict().items(), theirs.state_dict().values()):
            torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-5, msg=name)


def test_the_discriminator_sees_only_what_the_augmentation_makes():
    trainer, seen = make_training(), []
    trainer.augmentation = (lambda pairs: pairs + 1, lambda pairs: pairs.clamp(-0.25, 0.25))
    trainer.d_network.levels[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    before = [parameter.clone() for parameter in trainer.g_network.parameters()]
    trainer._iteration(trainer, next(iter(DataLoader(Squares(), batch_size=4))))
    # Reals and fakes in the step of the discriminator, fakes and reals in that of the generator.
    assert len(seen) == 4
    assert all(pairs.abs().max() <= 0.25 for pairs in seen)
    assert trainer.state.output["reals"].abs().max() == 1
    assert any(not torch.equal(a, b) for a, b in zip(before, trainer.g_network.parameters()))


def test_a_relativistic_generator_is_judged_against_real_pairs():
    trainer = make_training()
    loss = adversarial_loss("relativistic")
    trainer.d_loss, trainer.g_loss = DiscriminatorLoss(loss), GeneratorLoss(loss)
    trainer._iteration(trainer, next(iter(DataLoader(Squares(), batch_size=4))))
    terms = trainer.state.output[TERMS]
    assert set(terms) == {"d_loss", "d_adversarial", "d_real", "d_fake", "d_real_sign", "g_loss", "g_adversarial"}
    assert 0 < terms["g_loss"].item() < 10


def test_terms_are_named_and_add_up():
    trainer = make_training()
    trainer.run()
    terms = trainer.state.output[TERMS]
    assert set(terms) == {
        "d_loss",
        "d_adversarial",
        "d_real",
        "d_fake",
        "d_real_sign",
        "g_loss",
        "g_adversarial",
        "g_l1",
        "g_feature_matching",
    }
    assert terms["g_loss"].item() == pytest.approx(
        sum(terms[name].item() for name in ("g_adversarial", "g_l1", "g_feature_matching")), rel=1e-5
    )
    assert 0 < terms["d_real"] < 1
    assert trainer.state.images == 32


def test_fakes_are_sized_by_the_batch_at_hand():
    trainer = make_training()
    batch = next(iter(DataLoader(Squares(3), batch_size=4)))
    output = trainer._iteration(trainer, batch)
    assert len(output["fakes"]) == len(output["reals"]) == 3


def test_events_come_in_order():
    trainer = make_training(max_epochs=1, images_per_epoch=4)
    seen = []
    for event in Step:
        trainer.add_event_handler(event, lambda _, name: seen.append(name), event)
    trainer.run()
    assert seen == [
        Step.GENERATOR_FORWARD_COMPLETED,
        Step.DISCRIMINATOR_REALS_FORWARD_COMPLETED,
        Step.DISCRIMINATOR_FAKES_FORWARD_COMPLETED,
        Step.DISCRIMINATOR_LOSS_COMPLETED,
        Step.DISCRIMINATOR_BACKWARD_COMPLETED,
        Step.DISCRIMINATOR_MODEL_COMPLETED,
        Step.GENERATOR_DISCRIMINATOR_FORWARD_COMPLETED,
        Step.GENERATOR_LOSS_COMPLETED,
        Step.GENERATOR_BACKWARD_COMPLETED,
        Step.GENERATOR_MODEL_COMPLETED,
    ]


def test_steps_touch_their_own_network_alone():
    trainer = make_training(max_epochs=1, images_per_epoch=4)
    before = {}

    def remember(name, network):
        before[name] = [parameter.detach().clone() for parameter in network.parameters()]

    def same(name, network):
        return all(torch.equal(old, new) for old, new in zip(before[name], network.parameters()))

    found = {}
    remember("g", trainer.g_network)
    remember("d", trainer.d_network)
    trainer.add_event_handler(
        Step.DISCRIMINATOR_MODEL_COMPLETED,
        lambda: found.update(g_after_d=same("g", trainer.g_network), d_after_d=same("d", trainer.d_network)),
    )
    trainer.add_event_handler(Step.DISCRIMINATOR_MODEL_COMPLETED, lambda: remember("d", trainer.d_network))
    trainer.run()
    assert found == {"g_after_d": True, "d_after_d": False}
    assert same("d", trainer.d_network)
    assert not same("g", trainer.g_network)


def test_classes_reach_both_networks():
    trainer = make_training(num_classes=2)
    trainer.run()
    assert torch.isfinite(trainer.state.output[TERMS]["g_loss"])


def test_bfloat16_trains_in_full_precision_weights():
    trainer = make_training(amp="bfloat16")
    trainer.run()
    fakes = trainer.state.output["fakes"]
    assert fakes.dtype == torch.float32
    assert torch.equal(fakes, fakes.bfloat16().float()), "computed in bfloat16"
    assert {parameter.dtype for parameter in trainer.g_network.parameters()} == {torch.float32}
    assert torch.isfinite(trainer.state.output[TERMS]["g_loss"])


@pytest.mark.parametrize(
    ("amp", "text"),
    [["float16", "amp must be auto, bfloat16 or off on a CPU, got 'float16'"], ["half", "amp must be one of auto"]],
)
def test_bad_amp(amp, text):
    with pytest.raises(ValueError, match=text):
        make_training(amp=amp)


def test_same_seed_same_weights():
    first, second, other = (make_training(seed=seed) for seed in (1, 1, 2))
    for trainer in (first, second, other):
        trainer.run()
    weights = [trainer.g_network.layers[0].weight for trainer in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("amp", ["off", "auto", "float16"])
def test_trains_on_a_gpu(amp):
    trainer = make_training(amp=amp, device="cuda:0", num_classes=2)
    trainer.run()
    assert trainer.state.output["fakes"].is_cuda
    assert torch.isfinite(trainer.state.output[TERMS]["g_loss"])
    assert {parameter.device.type for parameter in trainer.ema.network.parameters()} == {"cuda"}


def test_prepare_batch_joins_image_and_mask():
    batch = next(iter(DataLoader(Squares(), batch_size=4)))
    pair, index = prepare_pair_batch(batch, torch.device("cpu"))
    assert pair.shape == (4, 2, 32, 32)
    assert set(pair[:, 1].unique().tolist()) == {-1.0, 1.0}
    assert set(pair[:, 0].unique().tolist()) == {-0.5, 0.5}
    assert index.tolist() == [0, 1, 0, 1]


def test_evaluator_makes_the_same_pictures_at_any_batch_size():
    generator = DCGANGenerator(image_size=32, latent_size=8, width=4)
    made = {}
    for batch_size in (3, 24):
        evaluator = DCGANEvaluator(
            device="cpu",
            val_data_loader=DataLoader(Squares(), batch_size=batch_size),
            generator=generator,
            latent_sampler=LatentSampler(8),
            mask_channels=1,
            key_val_metric={"frechet": FrechetDistance(lambda images: images.flatten(1)[:, ::64])},
        )
        pictures = []
        evaluator.add_event_handler(
            Events.ITERATION_COMPLETED, lambda engine, kept: kept.append(engine.state.output), pictures
        )
        evaluator.run()
        evaluator.run()
        made[batch_size] = torch.cat([output[EvaluationKeys.SYNTHETIC_IMAGE] for output in pictures])[:24]
        real = torch.cat([output[EvaluationKeys.REAL_IMAGE] for output in pictures])[:24]
        torch.testing.assert_close(real, torch.stack([item["image"] for item in Squares().items]))
        made[f"distance {batch_size}"] = evaluator.state.metrics["frechet"]
    torch.testing.assert_close(made[3], made[24], atol=1e-5, rtol=1e-4)
    assert made["distance 3"] == pytest.approx(made["distance 24"], rel=1e-3)
    assert made["distance 3"] > 0


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_networks_train_the_same():
    losses = []
    for mode in (None, "default"):
        trainer = make_training(max_epochs=1, compile_mode=mode)
        trainer.run()
        losses.append(trainer.state.output[TERMS])
        # Names of the state stay those of the plain networks.
        assert not any(
            "_orig_mod" in name for name in [*trainer.g_network.state_dict(), *trainer.d_network.state_dict()]
        )
    for name, value in losses[0].items():
        torch.testing.assert_close(losses[1][name], value, rtol=1e-3, atol=1e-4, msg=name)
    with pytest.raises(
        ValueError, match="compile_mode must be one of default, reduce-overhead, max-autotune, got 'max'"
    ):
        make_training(compile_mode="max")
