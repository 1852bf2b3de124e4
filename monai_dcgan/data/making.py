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
"""Slices from a generator, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_dcgan.transforms import split_pair
from monai_dcgan.workflow import DCGANWorkflow, inference_workflow, plain_errors

__all__ = ["PictureMaker", "generate_arrays", "parsed"]


class PictureMaker:
    """A generator with its sampler, as ``inference.json`` and what is given on top describe them.

    Args:
        workflow: of ``inference.json``.

    Attributes:
        settings: ``network_settings`` of the bundle.
        selection: says which pictures the set holds, and where.
        batch_size: number of pictures that are made together.
        device: where they are made.

    Raises:
        ValueError: when a setting is wrong, or weights do not fit.
    """

    def __init__(self, workflow: DCGANWorkflow) -> None:
        found = parsed(workflow, "network", "latent_sampler", "selection", "batch", "network_settings", "device")
        self.network, self.device = found["network"].eval(), torch.device(found["device"])
        self.sampler, self.selection = found["latent_sampler"], found["selection"]
        self.batch_size, self.settings = int(found["batch"]), dict(found["network_settings"])

    @torch.inference_mode()
    def make(self, pictures: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return pictures by number: images (B, C, H, W) in [0, 1] and masks (B, M, H, W) of 0 and 1, float32."""
        pairs = self.network(self.sampler.at(pictures).to(self.device)).float().cpu()
        images, masks = split_pair(pairs, self.settings["mask_channels"])
        return images.numpy(), masks.numpy()


def generate_arrays(
    model: str | Path, num_slices: int = 64, seed: int = 0, shard: str | None = None, **override: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Make labeled slices in memory: those that ``monai-dcgan generate`` writes, before values are rounded.

    Args:
        model: folder of a training run or of a bundle, or weights with their ``network.json`` beside them.
        num_slices: number of slices, of all shards together.
        seed: seed; slice ``i`` of a seed is the same whatever ``num_slices``.
        shard: ``I/N`` makes part I of N alone.
        override: further ids of ``inference.json``, such as ``min_mask_area``, ``device``, ``batch_size``.

    Returns:
        images (N, C, H, W) float32 in [0, 1] and masks (N, M, H, W) uint8 with values 0 and 1.

    Raises:
        FileNotFoundError: when there is no model.
        ValueError: when an argument is out of its range or the weights do not fit their settings.

    Example:
        >>> images, masks = generate_arrays("RUN", num_slices=1000, min_mask_area=0.002)
        >>> images.shape, masks.shape
        ((1000, 1, 64, 64), (1000, 1, 64, 64))
    """
    given = {"num_slices": num_slices, "seed": seed, "shard": shard, **override}
    maker = PictureMaker(inference_workflow(model, given))
    own, side = maker.selection.places, maker.settings["image_size"]
    images = np.empty((len(own), maker.settings["image_channels"], side, side), dtype=np.float32)
    masks = np.empty((len(own), maker.settings["mask_channels"], side, side), dtype=np.uint8)
    for pictures in maker.selection.offers(maker.batch_size):
        made, drawn = maker.make(pictures)
        placed = maker.selection.place(pictures, drawn)
        rows, places = list(placed), np.array(list(placed.values()), dtype=np.int64) - own.start
        images[places], masks[places] = made[rows], drawn[rows]
    return images, masks


def parsed(workflow: DCGANWorkflow, *names: str) -> dict[str, Any]:
    """Return contents of ``inference.json`` by their ids."""
    with plain_errors():
        return {name: workflow.parser.get_parsed_content(name) for name in names}
