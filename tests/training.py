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
"""A training of seconds on pictures made on the fly, for tests of engines and handlers."""

from __future__ import annotations

import torch
from monai.data import DataLoader
from torch.utils.data import Dataset

from monai_dcgan.data import StreamSampler
from monai_dcgan.engines import DCGANTrainer
from monai_dcgan.handlers import EMA, EMAHandler, StepSeeder
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.losses import DiscriminatorLoss, GeneratorLoss
from monai_dcgan.networks import DCGANDiscriminator, DCGANGenerator


class Squares(Dataset):
    """Gray pictures with a bright square at a place of their own, and its mask."""

    def __init__(self, number: int = 24, size: int = 32) -> None:
        self.items = []
        for index in range(number):
            mask = torch.zeros(1, size, size)
            mask[:, index % 16 : index % 16 + 8, 4:12] = 1
            self.items.append(
                {"image": 0.25 + 0.5 * mask, "label": mask, "class_index": index % 2, "patient": f"p{index % 4}"}
            )

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict:
        """Return one item."""
        return self.items[index]


def make_training(
    max_epochs: int = 2,
    handlers=(),
    num_classes: int = 0,
    seed: int = 0,
    amp: str = "off",
    images_per_epoch: int = 16,
    device: str = "cpu",
    batch_size: int = 4,
    d_norm: str = "batch",
    g_loss: GeneratorLoss | None = None,
    draws=(),
    **trainer_options,
):
    """Return a trainer with its average of weights in ``trainer.ema``."""
    torch.manual_seed(seed)
    data = Squares()
    generator = DCGANGenerator(image_size=32, latent_size=8, width=4, num_classes=num_classes).to(device)
    discriminator = DCGANDiscriminator(image_size=32, width=4, num_classes=num_classes, norm=d_norm).to(device)
    latents = LatentSampler(latent_size=8, num_classes=num_classes, seed=seed)
    sampler = StreamSampler(len(data), images_per_epoch, batch_size, seed=seed)
    ema = EMA(generator, latents, half_life=100, calibration_images=16, batch_size=8)
    trainer = DCGANTrainer(
        device=device,
        max_epochs=max_epochs,
        train_data_loader=DataLoader(data, batch_size=batch_size, sampler=sampler),
        g_network=generator,
        d_network=discriminator,
        g_optimizer=torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999)),
        d_optimizer=torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999)),
        g_loss=g_loss or GeneratorLoss(l1_weight=1.0, feature_matching_weight=1.0),
        d_loss=DiscriminatorLoss(),
        latent_sampler=latents,
        train_handlers=[StepSeeder(seed, sampler, [latents, *draws]), EMAHandler(ema), *handlers],
        amp=amp,
        **trainer_options,
    )
    trainer.ema = ema
    return trainer


def training_objects(trainer) -> dict:
    """Return what a checkpoint of ``trainer`` saves."""
    return {
        "generator": trainer.g_network,
        "discriminator": trainer.d_network,
        "g_optimizer": trainer.g_optimizer,
        "d_optimizer": trainer.d_optimizer,
        "ema": trainer.ema,
    }
