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
"""The trainings that ``train.py`` times, each in a process of its own."""

from __future__ import annotations

import logging
import os
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import GanTrainer
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.profiler import ProfilerActivity, profile

from monai_dcgan.engines import TERMS, DCGANTrainer
from monai_dcgan.workflow import DCGANWorkflow, config_file, overlay_file

__all__ = ["run_arm"]

LOSS_TERMS = {"d_adversarial", "g_adversarial", "g_l1", "g_feature_matching"}
JUDGMENTS = {"d_loss", "g_loss", "d_real", "d_fake", "d_real_sign"}


class Turns:
    """Hold a training after each of its turns until the next is called; what the parent process is told by.

    Args:
        connection: to the parent, which sends the number of steps of a turn, 0 to end the training; for a number
            below 0 it is told the share of the time in which the GPU was busy, instead of the images per second.
        batch_size: images of a step.
    """

    def __init__(self, connection: Connection, batch_size: int) -> None:
        self.connection = connection
        self.batch_size = batch_size
        self.left = self.steps = 1
        self.profiler: profile | None = None
        self.since = time.perf_counter()

    def step(self, *_: Any) -> None:
        """Count a step; at the end of a turn tell the images per second and wait for the next."""
        self.left -= 1
        if self.left > 0:
            return
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self.since
        if self.profiler is None:
            self.connection.send(self.steps * self.batch_size / seconds)
        else:
            self.profiler.stop()
            events = self.profiler.key_averages()
            self.connection.send(sum(event.self_device_time_total for event in events) / 1e6 / seconds)
            self.profiler = None
        steps = self.connection.recv()
        if steps == 0:
            os._exit(0)
        if steps < 0:
            self.profiler = profile(activities=[ProfilerActivity.CUDA])
            self.profiler.start()
        self.steps = self.left = abs(steps)
        self.since = time.perf_counter()


def run_arm(connection: Connection, name: str, settings: dict[str, Any], threads: int) -> None:
    """Train as one arm does until the parent ends it."""
    torch.set_num_threads(threads)
    logging.disable(logging.WARNING)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        if name == "denormals_kept":
            torch.set_flush_denormal = lambda _: False  # type: ignore[assignment]
        configs = [config_file("train"), overlay_file("train/paper")]
        workflow = DCGANWorkflow(configs, settings, workflow_type="train", logging_file=False)
        workflow.initialize()
        trainer: DCGANTrainer = workflow.parser.get_parsed_content("train#trainer")
        size = settings["image_size"]
        pairs = torch.rand(4, trainer.d_network.image_channels + trainer.d_network.mask_channels, size, size)
        if not all(torch.equal(change(pairs), pairs) for change in trainer.augmentation):
            raise RuntimeError("the augmentation of what the discriminator sees must be off, other arms have none")
        turns = Turns(connection, settings.get("batch_size", 64))
        train = {"gantrainer": train_gantrainer, "bare": train_bare, "tuned": train_tuned}.get(name, train_ours)
        train(trainer, turns)
    except BaseException:
        connection.send(traceback.format_exc())
        raise


def train_ours(trainer: DCGANTrainer, turns: Turns) -> None:
    """Train by ``DCGANTrainer`` with all its handlers."""

    def check(engine: DCGANTrainer) -> None:
        terms = set(engine.state.output[TERMS])
        if terms - JUDGMENTS != LOSS_TERMS:
            raise RuntimeError(f"the losses must be {sorted(LOSS_TERMS)}, got {sorted(terms - JUDGMENTS)}")

    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=1), check)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, turns.step)
    trainer.run()


def average_of(network: nn.Module) -> AveragedModel:
    """Return PyTorch's moving average of a network."""
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.999))


def plain_networks(trainer: DCGANTrainer) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator in PyTorch's usual layout."""
    for network in (trainer.g_network, trainer.d_network):
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        network.train()
    return trainer.g_network, trainer.d_network


def pairs_of(trainer: DCGANTrainer, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return a batch as the trainer prepares it: moved, augmented, image and mask joined."""
    pairs: torch.Tensor = trainer.prepare_batch(
        batch, trainer.state.device, trainer.non_blocking, augmentation=trainer.real_augmentation
    )[0]
    return pairs


def plain_adam(network: nn.Module) -> torch.optim.Adam:
    """Return Adam as most write it."""
    return torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))


def plain_g_loss(discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Return the loss of the generator: cross-entropy, L1 between each real pair and the nearest, feature matching."""
    logits, fake_features = discriminator.forward_features(fake)  # type: ignore[operator]
    with torch.no_grad():
        real_features = discriminator.forward_features(real)[1]  # type: ignore[operator]
        nearest = torch.cdist(real.flatten(1), fake.flatten(1)).argmin(dim=1)
    levels = [functional.mse_loss(f.mean(0), r.mean(0)) for f, r in zip(fake_features, real_features)]
    adversarial = functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    return adversarial + functional.l1_loss(fake[nearest], real) + torch.stack(levels).mean()


def plain_d_loss(discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of the discriminator."""
    real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
    ones, zeros = torch.ones_like(real_logits), torch.zeros_like(fake_logits)
    entropy = functional.binary_cross_entropy_with_logits
    return entropy(real_logits, ones) + entropy(fake_logits, zeros)


def train_gantrainer(trainer: DCGANTrainer, turns: Turns) -> None:
    """Train by MONAI's ``GanTrainer``."""
    generator, discriminator = plain_networks(trainer)
    average = average_of(generator)
    seen: dict[str, torch.Tensor] = {}

    def d_loss(fake: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        seen["real"] = real
        return plain_d_loss(discriminator, real, fake)

    def latents(num_latents: int, latent_size: int, device: torch.device, **_: Any) -> torch.Tensor:
        return torch.randn(num_latents, latent_size, 1, 1, device=device)

    other = GanTrainer(
        device=trainer.state.device,
        max_epochs=1,
        train_data_loader=trainer.data_loader,  # type: ignore[arg-type]
        g_network=generator,
        g_optimizer=plain_adam(generator),
        g_loss_function=lambda fake: plain_g_loss(discriminator, seen["real"], fake),
        d_network=discriminator,
        d_optimizer=plain_adam(discriminator),
        d_loss_function=d_loss,
        d_train_steps=1,
        latent_shape=100,
        d_prepare_batch=lambda batch, *_, **__: pairs_of(trainer, batch),
        g_prepare_batch=latents,
    )
    other.add_event_handler(Events.ITERATION_COMPLETED, lambda _: average.update_parameters(generator))
    other.add_event_handler(Events.ITERATION_COMPLETED, turns.step)
    other.run()


def train_bare(trainer: DCGANTrainer, turns: Turns) -> None:
    """Train by a loop as in PyTorch's DCGAN tutorial."""
    generator, discriminator = plain_networks(trainer)
    g_optimizer, d_optimizer = plain_adam(generator), plain_adam(discriminator)
    average = average_of(generator)
    for batch in trainer.data_loader:
        real = pairs_of(trainer, batch)
        fake = generator(torch.randn(len(real), 100, 1, 1, device=real.device))
        d_optimizer.zero_grad()
        plain_d_loss(discriminator, real, fake).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        plain_g_loss(discriminator, real, fake).backward()
        g_optimizer.step()
        average.update_parameters(generator)
        turns.step()


def train_tuned(trainer: DCGANTrainer, turns: Turns) -> None:
    """Train by a bare loop in the layout, with the losses and the optimizers of ``DCGANTrainer``."""
    generator, discriminator = trainer.g_network.train(), trainer.d_network.train()
    g_optimizer, d_optimizer = trainer.g_optimizer, trainer.d_optimizer
    average = average_of(generator)
    average.module.to(memory_format=trainer.memory_format)  # type: ignore[call-overload]
    for batch in trainer.data_loader:
        real = pairs_of(trainer, batch).contiguous(memory_format=trainer.memory_format)
        fake = generator(torch.randn(len(real), 100, 1, 1, device=real.device))
        discriminator.requires_grad_(True)
        d_terms = trainer.d_loss(discriminator(real), discriminator(fake.detach()))
        d_optimizer.zero_grad()
        d_terms["adversarial"].backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        logits, fake_features = discriminator.forward_features(fake)
        with torch.no_grad():
            real_features = discriminator.forward_features(real)[1]
        g_terms = trainer.g_loss(logits, real, fake, real_features, fake_features)
        g_optimizer.zero_grad()
        torch.stack(list(g_terms.values())).sum().backward()
        g_optimizer.step()
        average.update_parameters(generator)
        turns.step()
