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
"""The networks behind published weights, and how the names in those files map to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from monai.networks.nets import ResNet
from torch import nn
from torch.nn import functional

from monai_dcgan.utils.weights import check_weights, read_checkpoint

__all__ = ["VisionTransformer", "dinov2_names", "load_network", "radimagenet_names", "resnet50", "swav_names"]

Weights = dict[str, torch.Tensor]

# RadImageNet's file is of nn.Sequential(*list(torchvision.models.resnet50().children())[:9]) below "backbone".
_RADIMAGENET_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
# SwAV trains these behind the pooled features; they are no part of the features.
_SWAV_HEAD = ("projection_head.", "prototypes.")
# Of DINOv2 only the training uses it.
_MASK_TOKEN = "mask_token"


def resnet50() -> nn.Module:
    """Return a ResNet-50 (He et al. 2016, table 1) without its classifier, (B, 3, H, W) -> (B, 2048).

    MONAI's network with a stem of stride 2 is torchvision's, layer for layer and name for name.
    """
    return ResNet(
        "bottleneck", [3, 4, 6, 3], [64, 128, 256, 512], spatial_dims=2, n_input_channels=3, conv1_t_stride=2,
        feed_forward=False, bias_downsample=False,
    )  # fmt: skip


class VisionTransformer(nn.Module):
    """A vision transformer (Dosovitskiy et al. 2021, equations 1 to 4) as DINOv2 (Oquab et al. 2024) trains it.

    Torch's encoder layers, normalized first. The layer scale of DINOv2 (a factor per feature behind attention and
    behind the two linear layers) is folded into the weights before it, see :func:`dinov2_names`.

    Args:
        width: features of a token.
        depth: number of layers.
        heads: heads of attention.
        patch: side length of a patch in pixels.
        grid: patches along a side in training, the number of learned positions; for other sizes the positions are
            resized as DINOv2's release of 2023 does it (``interpolate_pos_encoding``), bicubic with an offset of 0.1.

    Example:
        >>> VisionTransformer()(torch.rand(2, 3, 224, 224)).shape
        torch.Size([2, 384])
    """

    def __init__(self, width: int = 384, depth: int = 12, heads: int = 6, patch: int = 14, grid: int = 37) -> None:
        super().__init__()
        self.patch, self.grid = patch, grid
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, grid * grid + 1, width))
        self.patch_embed = nn.Conv2d(3, width, patch, stride=patch)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the class token (B, width) of ``images`` (B, 3, H, W), H and W multiples of the patch."""
        patches = self.patch_embed(images)
        tokens = patches.flatten(2).transpose(1, 2) + self._positions(patches.shape[2], patches.shape[3])
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        tokens = torch.cat([first, tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens[:, 0])

    def _positions(self, rows: int, columns: int) -> torch.Tensor:
        learned = self.pos_embed[:, 1:]
        if (rows, columns) == (self.grid, self.grid):
            return learned
        maps = learned.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        scale = ((rows + 0.1) / self.grid, (columns + 0.1) / self.grid)
        return functional.interpolate(maps, scale_factor=scale, mode="bicubic").flatten(2).transpose(1, 2)


def radimagenet_names(weights: Mapping[str, torch.Tensor]) -> Weights:
    """Map the names of the official PyTorch release, ``backbone.4.0.conv1.weight``, to those of a ResNet-50."""
    named = {}
    for name, value in weights.items():
        match = re.fullmatch(r"backbone\.(\d)\.(.+)", name)
        child = _RADIMAGENET_CHILDREN.get(match[1]) if match else None
        named[f"{child}.{match[2]}" if match and child else name] = value
    return named


def swav_names(weights: Mapping[str, torch.Tensor]) -> Weights:
    """Map the names of SwAV's release, ``module.layer1.0.conv1.weight``, to those of a ResNet-50."""
    named = {name.removeprefix("module."): value for name, value in weights.items()}
    return {name: value for name, value in named.items() if not name.startswith(_SWAV_HEAD)}


def dinov2_names(weights: Mapping[str, torch.Tensor]) -> Weights:
    """Map the names of DINOv2's release to :class:`VisionTransformer`, the layer scale folded in.

    With the factors g, g * (W x + b) is (diag(g) W) x + g * b.

    Raises:
        ValueError: when a layer has no layer scale.
    """
    renamed = (
        (r"patch_embed\.proj\.", "patch_embed."),
        (r"(blocks\.\d+)\.attn\.qkv\.", r"\1.self_attn.in_proj_"),
        (r"(blocks\.\d+)\.attn\.proj\.", r"\1.self_attn.out_proj."),
        (r"(blocks\.\d+)\.mlp\.fc1\.", r"\1.linear1."),
        (r"(blocks\.\d+)\.mlp\.fc2\.", r"\1.linear2."),
    )
    scaled = {"attn.proj": "ls1.gamma", "mlp.fc2": "ls2.gamma"}
    named = {}
    for name, value in weights.items():
        if name == _MASK_TOKEN or name.endswith((".ls1.gamma", ".ls2.gamma")):
            continue
        match = re.fullmatch(r"(blocks\.\d+)\.(attn\.proj|mlp\.fc2)\.(weight|bias)", name)
        if match:
            factor = f"{match[1]}.{scaled[match[2]]}"
            if factor not in weights:
                raise ValueError(f"weights must have a layer scale in every layer, got none named {factor!r}")
            value = weights[factor].reshape(-1, *[1] * (value.ndim - 1)) * value
        for pattern, replacement in renamed:
            name = re.sub(f"^{pattern}", replacement, name)
        named[name] = value
    return named


def load_network(
    network: nn.Module, path: str | Path, names: Callable[[Mapping[str, torch.Tensor]], Weights]
) -> nn.Module:
    """Fill ``network`` with the weights of ``path``, every one and no other.

    Args:
        network: changed in place.
        path: file of ``torch.save`` with tensors only; nothing in it is executed.
        names: maps the names in the file to those of the network.

    Returns:
        ``network``, for inference.

    Raises:
        ValueError: when the file cannot be read or does not fit.
    """
    weights = names(read_checkpoint(path))
    # How many batches a batch normalization has seen is of no use here, and old files lack it.
    counters = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    weights = {**counters, **weights}
    check_weights(network, weights, path)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)
