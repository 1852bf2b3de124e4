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
"""Generators that were never trained, as a training leaves them: weights and their settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from monai_dcgan.networks import DCGANGenerator
from monai_dcgan.utils.files import write_json, write_tensors

SETTINGS = {
    "image_size": 32,
    "image_channels": 1,
    "mask_channels": 1,
    "latent_size": 8,
    "width": 4,
    "max_channels": 16,
    "num_classes": 0,
    "class_names": [],
    "upsampling": "bilinear",
    "g_residual": False,
    "g_head": 0,
}
NAMES = {"g_residual": "residual", "g_head": "head"}


def with_differing_masks(network: nn.Module) -> None:
    """Draw weights so large that masks differ in size."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)


def write_generator(folder: Path, spread: Callable[[nn.Module], None] = with_differing_masks, **settings: Any) -> Path:
    """Write ``model.pt`` and ``network.json`` to a folder, and return it."""
    settings = {**SETTINGS, **settings}
    torch.manual_seed(0)
    built = {NAMES.get(name, name): value for name, value in settings.items() if name != "class_names"}
    network = DCGANGenerator(**built)
    spread(network)
    write_tensors(folder / "model.pt", network.state_dict())
    write_json(folder / "network.json", settings)
    return folder
