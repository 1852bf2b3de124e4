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
"""Two processes that train together do what one does with the same batches."""

from __future__ import annotations

import socket
from pathlib import Path

import ignite.distributed as idist
import pytest
import torch
from ignite.engine import Events
from torch import nn

from monai_dcgan.data import ProcessShare
from monai_dcgan.engines import TERMS, DCGANEvaluator
from monai_dcgan.losses import GeneratorLoss, GradientPenalty
from monai_dcgan.metrics import FrechetDistance
from monai_dcgan.networks import DCGANGenerator, synchronize_batch_norm
from monai_dcgan.transforms import BatchAugmentation, DifferentiableAugmentation
from monai_dcgan.utils.distributed import mean_over_processes
from tests.training import Squares, make_training


def _together(work, *arguments) -> None:
    """Run ``work(rank, *arguments)`` in two processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    idist.spawn("gloo", work, arguments, nproc_per_node=2, master_port=port)


def _train(batch_size: int, d_norm: str, synchronized: bool) -> dict[str, torch.Tensor]:
    """Return the losses of every step, averaged over processes, and the weights at the end."""
    random = [
        DifferentiableAugmentation(mask_channels=1, brightness=0.25, translation=0.125),
        BatchAugmentation(rotation=0.5, contrast=0.5),
        GradientPenalty(r1=0.1, every=2),
    ]
    trainer = make_training(
        batch_size=batch_size,
        d_norm=d_norm,
        g_loss=GeneratorLoss(),
        augmentation=random[0],
        real_augmentation=random[1],
        penalty=random[2],
        draws=random,
    )
    if idist.get_rank() == 1:
        # Every process must start from the weights of the first.
        nn.init.zeros_(trainer.d_network.head.weight)
    if synchronized:
        synchronize_batch_norm(trainer.g_network)
        synchronize_batch_norm(trainer.d_network)
        synchronize_batch_norm(trainer.ema.network)
    losses = []

    @trainer.on(Events.ITERATION_COMPLETED)
    def note(engine) -> None:
        terms = engine.state.output[TERMS]
        losses.append(mean_over_processes(torch.stack([terms["d_loss"], terms["g_loss"]])))

    trainer.run()
    weights = torch.cat([parameter.detach().flatten() for parameter in trainer.ema.network.parameters()])
    return {"losses": torch.stack(losses), "weights": weights, "images": torch.tensor(trainer.state.images)}


def _train_and_save(rank: int, d_norm: str, synchronized: bool, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.save(_train(2, d_norm, synchronized), folder / f"{rank}.pt")


@pytest.mark.parametrize("d_norm", ["group", "batch"])
def test_two_processes_give_the_losses_of_one(d_norm, tmp_path):
    alone = _train(4, d_norm, synchronized=False)
    _together(_train_and_save, d_norm, True, tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert len(alone["losses"]) == 8
    assert first["images"] == alone["images"] == 32
    torch.testing.assert_close(first["losses"], alone["losses"], rtol=1e-3, atol=1e-4)
    assert torch.equal(first["weights"], second["weights"])
    torch.testing.assert_close(first["weights"], alone["weights"], rtol=1e-2, atol=1e-3)


def test_without_common_statistics_batch_norm_sees_its_own_part(tmp_path):
    alone = _train(4, "batch", synchronized=False)
    _together(_train_and_save, "batch", False, tmp_path)
    losses = torch.load(tmp_path / "0.pt")["losses"]
    assert (losses - alone["losses"]).abs().max() > 1e-2


class _Features(nn.Module):
    """Mean and spread of a picture as features."""

    name = "moments"

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return ``(B, 2)``."""
        return torch.stack([images.mean((1, 2, 3)), images.std((1, 2, 3))], dim=1)


def _distance() -> float:
    torch.manual_seed(0)
    data = Squares(9)
    trainer = make_training()
    loader = torch.utils.data.DataLoader(data, batch_size=2, sampler=ProcessShare(len(data)))
    evaluator = DCGANEvaluator(
        device="cpu",
        val_data_loader=loader,
        generator=DCGANGenerator(image_size=32, latent_size=8, width=4),
        latent_sampler=trainer.latent_sampler,
        mask_channels=1,
        key_val_metric={"distance": FrechetDistance(_Features())},
    )
    evaluator.run()
    return evaluator.state.metrics["distance"]


def _measure_and_save(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.save(_distance(), folder / f"{rank}.pt")


def test_validation_is_shared_and_gives_the_same_number(tmp_path):
    alone = _distance()
    _together(_measure_and_save, tmp_path)
    assert [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)] == pytest.approx([alone] * 2, rel=1e-6)
