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
"""Training of a generator and a discriminator against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import ignite.distributed as idist
import torch
from monai.engines import Trainer
from monai.engines.workflow import Workflow
from monai.inferers import Inferer, SimpleInferer
from monai.utils import ensure_tuple
from monai.utils.enums import AdversarialIterationEvents as Step
from monai.utils.enums import AdversarialKeys
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from monai_dcgan.inferers import LatentSampler
from monai_dcgan.losses import DiscriminatorLoss, GeneratorLoss, GradientPenalty
from monai_dcgan.transforms import to_pair
from monai_dcgan.utils.checks import check_choice, check_positive_int
from monai_dcgan.utils.devices import autocast_dtype
from monai_dcgan.utils.distributed import average_gradients, broadcast_weights
from monai_dcgan.utils.enums import Keys

__all__ = ["DCGANTrainer", "TERMS", "prepare_pair_batch"]

TERMS = "terms"
"""Key of ``engine.state.output`` that holds the named loss terms and judgments, scalars on the device."""

ChangesPairs = Callable[[torch.Tensor], torch.Tensor]
ChangesSlices = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
COMPILE_MODES = ("default", "reduce-overhead", "max-autotune")


def prepare_pair_batch(
    batchdata: dict[str, torch.Tensor],
    device: torch.device,
    non_blocking: bool = False,
    augmentation: Sequence[ChangesSlices] = (),
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move a batch of slices to the device, change them there, and join image and mask.

    Args:
        batchdata: ``image`` ``(B, C, H, W)`` in [0, 1], ``label`` ``(B, M, H, W)`` in {0, 1}, ``class_index`` ``(B,)``.
        device: where to.
        non_blocking: whether the copy may go on while the host does.
        augmentation: what changes images and masks, in order.

    Returns:
        the pairs ``(B, C + M, H, W)`` in [-1, 1] and the class indices ``(B,)``.
    """
    image = batchdata[Keys.IMAGE].to(device, non_blocking=non_blocking)
    mask = batchdata[Keys.LABEL].to(device, non_blocking=non_blocking)
    for change in augmentation:
        image, mask = change(image, mask)
    return to_pair(image, mask), batchdata[Keys.CLASS_INDEX].to(device, non_blocking=non_blocking)


class DCGANTrainer(Trainer):
    """Train a DCGAN: in every iteration the discriminator takes a step, then the generator.

    One batch of fakes, as large as the batch of reals at hand, serves both steps: the discriminator sees it without
    gradient, the generator is then judged by the discriminator that has just learned. Reals and fakes pass the
    discriminator in separate batches, so that batch normalization does not mix them.

    ``engine.state.output`` holds ``reals`` and ``fakes`` ``(B, C + M, H, W)`` in [-1, 1] and ``terms``, a dictionary of
    scalars on the device: ``d_loss``, ``g_loss``, one ``d_<term>`` and ``g_<term>`` for each weighted loss term, the
    mean probabilities ``d_real`` and ``d_fake`` that the discriminator gives reals and fakes before its step, and
    ``d_real_sign``, the mean sign of its logits of reals. A penalty stands among the terms in the steps that have it.

    ``engine.state.images`` counts the real slices shown; it is saved and restored with the engine's state.

    Where several processes train together (:mod:`ignite.distributed`), each with its part of every batch, they start
    from the weights of the first one and step with the mean of their gradients.

    Events are MONAI's ``AdversarialIterationEvents``, for the steps of the two networks.

    Args:
        device: device of the training.
        max_epochs: number of epochs.
        train_data_loader: gives batches of slices, see :func:`prepare_pair_batch`.
        g_network: generator.
        d_network: discriminator with ``forward_features``.
        g_optimizer: optimizer of the generator.
        d_optimizer: optimizer of the discriminator.
        g_loss: gives the generator's named terms, see :class:`~monai_dcgan.losses.GeneratorLoss`.
        d_loss: gives the discriminator's named terms, see :class:`~monai_dcgan.losses.DiscriminatorLoss`.
        latent_sampler: draws the latents.
        inferer: how the generator is called, ``SimpleInferer`` by default.
        epoch_length: iterations of an epoch, the length of the data loader by default.
        non_blocking: whether copies to the device may go on while the host does.
        prepare_batch: makes ``(pairs, class indices)`` of a batch; takes ``augmentation`` where ``real_augmentation``
            is given.
        key_train_metric: see MONAI's ``Trainer``.
        additional_metrics: see MONAI's ``Trainer``.
        train_handlers: handlers with ``attach``; ``None``, as a switched off one of a config, is passed over.
        amp: mixed precision: ``auto``, ``bfloat16``, ``float16`` or ``off``.
        augmentation: changes real and made pairs before the discriminator sees them, in both steps; one or several in
            order, see :class:`~monai_dcgan.transforms.DifferentiableAugmentation`.
        channels_last: whether networks and pictures lie channels last, which is faster on most devices.
        real_augmentation: changes images and masks of a real batch on the device; one or several in order, see
            :class:`~monai_dcgan.transforms.BatchAugmentation`.
        penalty: adds terms to the loss of the discriminator, see :class:`~monai_dcgan.losses.GradientPenalty`.
        compile_mode: compile both networks by :func:`torch.compile` in this mode: ``default``, ``reduce-overhead``,
            which works with CUDA graphs, or ``max-autotune``; not at all by default.

    Raises:
        ValueError: when ``amp`` does not fit the device, ``compile_mode`` is not known, or ``max_epochs`` is no whole
            number of at least 1.
    """

    def __init__(
        self,
        device: str | torch.device,
        max_epochs: int,
        train_data_loader: Iterable | DataLoader,
        g_network: nn.Module,
        d_network: nn.Module,
        g_optimizer: Optimizer,
        d_optimizer: Optimizer,
        g_loss: GeneratorLoss,
        d_loss: DiscriminatorLoss,
        latent_sampler: LatentSampler,
        inferer: Inferer | None = None,
        epoch_length: int | None = None,
        non_blocking: bool = True,
        prepare_batch: Callable = prepare_pair_batch,
        key_train_metric: dict | None = None,
        additional_metrics: dict | None = None,
        train_handlers: Sequence | None = None,
        amp: str = "off",
        channels_last: bool = True,
        augmentation: ChangesPairs | Sequence[ChangesPairs] = (),
        real_augmentation: ChangesSlices | Sequence[ChangesSlices] = (),
        penalty: GradientPenalty | None = None,
        compile_mode: str | None = None,
    ) -> None:
        check_positive_int("max_epochs", max_epochs)
        if compile_mode is not None:
            check_choice("compile_mode", compile_mode, COMPILE_MODES)
        device = torch.device(device)
        self.amp_dtype = autocast_dtype(amp, device)
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            data_loader=train_data_loader,
            epoch_length=epoch_length,
            non_blocking=non_blocking,
            prepare_batch=prepare_batch,
            key_metric=key_train_metric,
            additional_metrics=additional_metrics,
            handlers=[handler for handler in train_handlers or () if handler is not None],
            amp=self.amp_dtype is not None,
            event_names=[Step],
            decollate=False,
        )
        self.state.images = 0
        self.state_dict_user_keys.append("images")
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.g_network = g_network.to(device, memory_format=self.memory_format)  # type: ignore[call-overload]
        self.d_network = d_network.to(device, memory_format=self.memory_format)  # type: ignore[call-overload]
        self.g_optimizer = g_optimizer
        self.d_optimizer = d_optimizer
        self.g_loss = g_loss
        self.d_loss = d_loss
        self.latent_sampler = latent_sampler
        self.augmentation = ensure_tuple(augmentation)
        self.real_augmentation = ensure_tuple(real_augmentation)
        self.penalty = penalty
        self._judge = self.d_network.forward_features
        if compile_mode is not None:
            self.g_network.compile(mode=compile_mode)
            self._judge = torch.compile(self._judge, mode=compile_mode)
        self.inferer = SimpleInferer() if inferer is None else inferer
        self.scaler: Any = torch.amp.GradScaler(device.type, enabled=self.amp_dtype == torch.float16)

    def run(self) -> None:  # type: ignore[override]
        """Train until ``max_epochs``."""
        if self.state.device.type == "cpu":
            # Saturated losses breed denormal numbers, which a CPU computes with many times slower.
            torch.set_flush_denormal(True)
        broadcast_weights(self.g_network, self.d_network)
        # MONAI's Trainer.run makes a deprecated scaler of its own at this point.
        Workflow.run(self)

    def _autocast(self) -> AbstractContextManager:
        if self.amp_dtype is None:
            return nullcontext()
        return torch.autocast(self.state.device.type, dtype=self.amp_dtype)

    def _shown(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return pairs as the discriminator is to see them."""
        for change in self.augmentation:
            pairs = change(pairs)
        return pairs.contiguous(memory_format=self.memory_format)

    def _step(self, optimizer: Optimizer, loss: torch.Tensor, backward_done: Step) -> None:
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        average_gradients(parameter for group in optimizer.param_groups for parameter in group["params"])
        self.fire_event(backward_done)
        self.scaler.step(optimizer)

    def _iteration(self, engine: DCGANTrainer, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        if batchdata is None:
            raise ValueError("batchdata must be a batch of slices, got None")
        torch.compiler.cudagraph_mark_step_begin()
        changes = {"augmentation": self.real_augmentation} if self.real_augmentation else {}
        real, class_index = self.prepare_batch(
            batchdata, self.state.device, self.non_blocking, **changes, **self.to_kwargs
        )
        real = real.contiguous(memory_format=self.memory_format)
        labels = class_index if self.latent_sampler.num_classes else None
        latents = self.latent_sampler.draw(len(real), labels).to(self.state.device, non_blocking=self.non_blocking)
        self.state.images += len(real) * idist.get_world_size()
        self.state.output = {AdversarialKeys.REALS: real}
        self.g_network.train()
        self.d_network.train()
        with self._autocast():
            # In full precision like the reals, so that the same changes before the discriminator round them alike.
            fake = self.inferer(inputs=latents, network=self.g_network).float()
        self.state.output[AdversarialKeys.FAKES] = fake
        self.fire_event(Step.GENERATOR_FORWARD_COMPLETED)
        terms = self._discriminator_step(real, fake.detach(), labels)
        terms |= self._generator_step(real, fake, labels)
        self.scaler.update()
        self.state.output[AdversarialKeys.FAKES] = fake.detach()
        self.state.output[TERMS] = terms
        return self.state.output

    def _discriminator_step(
        self, real: torch.Tensor, fake: torch.Tensor, labels: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        self.d_network.requires_grad_(True)
        real, fake = self._shown(real), self._shown(fake)
        with self._autocast():
            real_logits, _ = self._judge(real, labels)
            self.fire_event(Step.DISCRIMINATOR_REALS_FORWARD_COMPLETED)
            fake_logits, _ = self._judge(fake, labels)
            self.fire_event(Step.DISCRIMINATOR_FAKES_FORWARD_COMPLETED)
        real_logits, fake_logits = real_logits.float(), fake_logits.float()
        terms = self.d_loss(real_logits, fake_logits)
        if self.penalty is not None:
            terms |= self.penalty(self.d_network, real, fake, labels)
        loss = torch.stack(list(terms.values())).sum()
        self.fire_event(Step.DISCRIMINATOR_LOSS_COMPLETED)
        self._step(self.d_optimizer, loss, Step.DISCRIMINATOR_BACKWARD_COMPLETED)
        self.fire_event(Step.DISCRIMINATOR_MODEL_COMPLETED)
        return {
            "d_loss": loss.detach(),
            **{f"d_{name}": term.detach() for name, term in terms.items()},
            "d_real": torch.sigmoid(real_logits.detach()).mean(),
            "d_fake": torch.sigmoid(fake_logits.detach()).mean(),
            "d_real_sign": torch.sign(real_logits.detach()).mean(),
        }

    def _generator_step(
        self, real: torch.Tensor, fake: torch.Tensor, labels: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        self.d_network.requires_grad_(False)
        real_features: list[torch.Tensor] = []
        real_logits: torch.Tensor | None = None
        shown = self._shown(fake)
        with self._autocast():
            fake_logits, fake_features = self._judge(shown, labels)
            if self.g_loss.needs_real:
                with torch.no_grad():
                    logits, real_features = self._judge(self._shown(real), labels)
                real_logits = logits.float()
        self.fire_event(Step.GENERATOR_DISCRIMINATOR_FORWARD_COMPLETED)
        terms = self.g_loss(fake_logits.float(), real, fake, real_features, fake_features, real_logits)
        loss = torch.stack(list(terms.values())).sum()
        self.fire_event(Step.GENERATOR_LOSS_COMPLETED)
        self._step(self.g_optimizer, loss, Step.GENERATOR_BACKWARD_COMPLETED)
        self.fire_event(Step.GENERATOR_MODEL_COMPLETED)
        return {"g_loss": loss.detach(), **{f"g_{name}": term.detach() for name, term in terms.items()}}
