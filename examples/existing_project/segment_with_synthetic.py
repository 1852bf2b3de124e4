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
"""Segment tumors slice by slice with a U-Net, as MONAI's tutorials do it."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from monai.data import CacheDataset, DataLoader, Dataset, load_decathlon_datalist
from monai.losses import DiceLoss
from monai.metrics import DiceMetric
from monai.networks.nets import UNet
from monai.transforms import (
    AsDiscreted,
    Compose,
    CropForegroundd,
    EnsureChannelFirstd,
    Lambdad,
    LoadImaged,
    Orientationd,
    RandFlipd,
    RandScaleIntensityd,
    Resized,
    ScaleIntensityRangePercentilesd,
    SelectItemsd,
    SpatialPadd,
    SqueezeDimd,
    Transposed,
)
from monai.utils import set_determinism

from monai_dcgan.data import SyntheticDataset

logger = logging.getLogger(__name__)
KEYS = ["image", "label"]


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train, validate, and return what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder with dataset.json of the Decathlon")
    parser.add_argument("--out", required=True, help="file for the weights")
    parser.add_argument("--synthetic", required=True, help="folder of a run, or of slices that it made")
    parser.add_argument("--channel", type=int, default=0, help="which modality of dataset.json")
    parser.add_argument("--size", type=int, default=64, help="side of the slices in pixels")
    parser.add_argument("--cases", type=int, help="use the first cases only")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    set_determinism(args.seed)

    cases = load_decathlon_datalist(Path(args.data) / "dataset.json", is_segmentation=True)[: args.cases]
    held_out = max(1, len(cases) // 4)
    load = volume_transform(args.channel)
    train_volumes = CacheDataset(cases[:-held_out], load, progress=False)
    validation = CacheDataset(cases[-held_out:], load, progress=False)

    fit = slice_transform(args.size)
    augment = Compose(
        [RandFlipd(KEYS, prob=0.5, spatial_axis=1), RandScaleIntensityd("image", 0.1, prob=0.5), SelectItemsd(KEYS)]
    )
    train_slices = Dataset([item for volume in train_volumes for item in slices_of(volume, fit)], augment)
    train_slices = train_slices + SyntheticDataset(args.synthetic, len(train_slices), transform=augment)
    loader = DataLoader(train_slices, batch_size=16, shuffle=True)

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = UNet(spatial_dims=2, in_channels=1, out_channels=1, channels=(16, 32, 64, 128), strides=(2, 2, 2))
    network = network.to(device)
    loss_function, optimizer = DiceLoss(sigmoid=True), torch.optim.Adam(network.parameters(), 1e-3)
    loss = torch.tensor(float("nan"))
    for epoch in range(args.epochs):
        network.train()
        for batch in loader:
            optimizer.zero_grad()
            loss = loss_function(network(batch["image"].to(device)), batch["label"].to(device))
            loss.backward()
            optimizer.step()
        logger.info("epoch %d, %d slices, loss %.4f", epoch + 1, len(train_slices), loss.item())
    dice = validate(network.eval(), validation, fit, device)
    torch.save(network.state_dict(), args.out)
    return {"slices": len(train_slices), "loss": loss.item(), "dice": dice}


def volume_transform(channel: int) -> Compose:
    """Return what is done to a volume: one channel, upright, in [0, 1], without the empty margin."""
    return Compose(
        [
            LoadImaged(KEYS),
            EnsureChannelFirstd(KEYS),
            Lambdad("image", lambda image: image[[channel]]),
            Orientationd(KEYS, "LPS"),
            # Slices are pictures: rows from front to back, columns from the patient's right to left.
            Transposed(KEYS, (0, 2, 1, 3)),
            AsDiscreted("label", threshold=0.5),
            ScaleIntensityRangePercentilesd("image", 0, 99.5, 0, 1, clip=True),
            CropForegroundd(KEYS, source_key="image", margin=2),
        ]
    )


def slice_transform(size: int) -> Compose:
    """Return what is done to a slice: the longer side to ``size``, the shorter one filled up."""
    resize = Resized(KEYS, size, size_mode="longest", mode=["area", "nearest-exact"])
    return Compose([SqueezeDimd(KEYS, dim=-1), resize, SpatialPadd(KEYS, size)])


def slices_of(volume: Mapping[str, torch.Tensor], fit: Compose) -> list[dict[str, torch.Tensor]]:
    """Return the slices of a volume."""
    return [fit({key: volume[key][..., [z]] for key in KEYS}) for z in range(volume["image"].shape[-1])]


@torch.no_grad()
def validate(network: torch.nn.Module, volumes: CacheDataset, fit: Compose, device: torch.device) -> float:
    """Return the mean Dice coefficient of the volumes, slices put together; those without a tumor do not count."""
    metric = DiceMetric(ignore_empty=True)
    for volume in volumes:
        slices = slices_of(volume, fit)
        images, labels = (torch.stack([item[key].as_tensor() for item in slices]) for key in KEYS)
        predicted = network(images.to(device)).cpu() > 0
        metric(predicted.movedim(0, -1)[None].float(), labels.movedim(0, -1)[None])
    return float(metric.aggregate())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logger.info("%s", main())
