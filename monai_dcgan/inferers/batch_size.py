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
"""How many pictures to make together."""

from __future__ import annotations

import copy

import torch
from torch import nn

from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.memory import free_bytes

__all__ = ["AUTO", "bytes_per_picture", "pick_batch_size"]

AUTO = "auto"
MOST = {"cpu": 16, "cuda": 1024}
SHARE_OF_FREE_MEMORY = 0.25


def pick_batch_size(
    batch_size: int | str, network: nn.Module, latent_channels: int, device: str | torch.device = "cpu"
) -> int:
    """Return the number of pictures that a generator makes together.

    ``auto`` is the largest power of two for which the feature maps take at most a quarter of the memory that is free,
    up to 16 on a CPU and 1024 on a GPU. On a CPU more make it slower: feature maps of 16 pictures of 64x64 pixels stay
    near the cache, those of 64 do not (``benchmarks/generate.py``). Pictures are the same at any number, but for the
    last bits of the convolutions.

    Args:
        batch_size: a number, or ``auto``.
        network: the generator.
        latent_channels: number of channels of its input, latent variables and classes.
        device: where it computes.

    Raises:
        ValueError: when ``batch_size`` is neither, or not even one picture fits.
    """
    if batch_size != AUTO:
        if isinstance(batch_size, str):
            raise ValueError(f"batch_size must be a whole number of at least 1 or {AUTO!r}, got {batch_size!r}")
        check_positive_int("batch_size", batch_size)
        return batch_size
    device = torch.device(device)
    most = MOST.get(device.type, MOST["cpu"])
    free = free_bytes(device)
    if free is None:
        return most
    needed = bytes_per_picture(network, latent_channels)
    fitting = min(most, int(free * SHARE_OF_FREE_MEMORY) // needed)
    if fitting < 1:
        raise ValueError(
            f"batch_size {AUTO!r} must find memory for one picture, {needed / 2**20:.0f} MiB in a quarter of what is "
            f"free, got {free / 2**20:.0f} MiB free on {device}; free some, or give a number"
        )
    return 1 << (fitting.bit_length() - 1)


def bytes_per_picture(network: nn.Module, latent_channels: int) -> int:
    """Return the bytes of all feature maps of one picture, float32, by shapes alone: nothing is computed.

    It is more than a forward pass without gradients holds at once, which leaves room for what convolutions need beside
    their input and output.

    Args:
        network: the generator; it is left as it is.
        latent_channels: number of channels of its input.
    """
    shadow = copy.deepcopy(network).to("meta").eval()
    total = 0

    def count(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal total
        total += output.numel() * 4

    for module in shadow.modules():
        if not list(module.children()):
            module.register_forward_hook(count)
    with torch.no_grad():
        shadow(torch.empty(1, latent_channels, 1, 1, device="meta"))
    return total
