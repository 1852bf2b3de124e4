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
"""Tests of the networks behind published weights, against the same written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from monai_dcgan.evaluation.features.networks import (
    VisionTransformer,
    dinov2_names,
    load_network,
    radimagenet_names,
    resnet50,
    swav_names,
)
from monai_dcgan.utils.weights import check_weights

CHILDREN = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) / 4


def dinov2_weights(width, depth, patch, grid):
    """Make weights with the names and shapes of DINOv2's release."""
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, grid * grid + 1, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for number in range(depth):
        linear = {"attn.qkv": (3, 1), "attn.proj": (1, 1), "mlp.fc1": (4, 1), "mlp.fc2": (1, 4)}
        for name, (out, into) in linear.items():
            shapes[f"blocks.{number}.{name}.weight"] = (out * width, into * width)
            shapes[f"blocks.{number}.{name}.bias"] = (out * width,)
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[f"blocks.{number}.{name}"] = (width,)
    return {name: noise(*shape, seed=seed) for seed, (name, shape) in enumerate(shapes.items())}


def dinov2_by_hand(weights, images, depth, heads, patch, grid):
    """Run DINOv2 as its paper and release write it, attention and layer scale in full."""
    tokens = functional.conv2d(images, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], patch)
    side, width = tokens.shape[-1], tokens.shape[1]
    positions = weights["pos_embed"][:, 1:].reshape(1, grid, grid, width).permute(0, 3, 1, 2)
    if side != grid:
        scale = (side + 0.1) / grid
        positions = functional.interpolate(positions, scale_factor=(scale, scale), mode="bicubic")
    tokens = (tokens + positions).flatten(2).transpose(1, 2)
    first = (weights["cls_token"] + weights["pos_embed"][:, :1]).expand(len(images), -1, -1)
    x = torch.cat([first, tokens], dim=1)

    def norm(values, name):
        return functional.layer_norm(values, (width,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)

    def linear(values, name):
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    for block in (f"blocks.{number}" for number in range(depth)):
        qkv = linear(norm(x, f"{block}.norm1"), f"{block}.attn.qkv")
        q, k, v = qkv.reshape(*x.shape[:2], 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        share = (q @ k.transpose(-2, -1) * (width // heads) ** -0.5).softmax(-1)
        mixed = linear((share @ v).transpose(1, 2).reshape(x.shape), f"{block}.attn.proj")
        x = x + weights[f"{block}.ls1.gamma"] * mixed
        hidden = functional.gelu(linear(norm(x, f"{block}.norm2"), f"{block}.mlp.fc1"))
        x = x + weights[f"{block}.ls2.gamma"] * linear(hidden, f"{block}.mlp.fc2")
    return norm(x, "norm")[:, 0]


@pytest.mark.parametrize("side", [5, 3, 8])
def test_dinov2_by_hand(side):
    weights = dinov2_weights(width=24, depth=3, patch=4, grid=5)
    network = VisionTransformer(24, 3, 2, 4, 5).eval()
    network.load_state_dict(dinov2_names(weights))
    images = noise(2, 3, 4 * side, 4 * side)
    with torch.no_grad():
        found, expected = network(images), dinov2_by_hand(weights, images, 3, 2, 4, 5)
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_dinov2_has_the_published_size():
    weights = dinov2_weights(width=384, depth=12, patch=14, grid=37)
    assert len(weights) == 175
    check_weights(VisionTransformer(), dinov2_names(weights), "made")
    network = VisionTransformer().eval()
    network.load_state_dict(dinov2_names(weights))
    with torch.no_grad():
        assert network(noise(1, 3, 224, 224)).shape == (1, 384)


def test_dinov2_without_layer_scale():
    weights = dinov2_weights(24, 1, 4, 5)
    del weights["blocks.0.ls2.gamma"]
    with pytest.raises(ValueError, match=r"layer scale in every layer, got none named 'blocks\.0\.ls2\.gamma'"):
        dinov2_names(weights)


@pytest.fixture(scope="module")
def filled():
    """A ResNet-50 with random weights and statistics."""
    network = resnet50().eval()
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        if value.ndim == 1 and "num_batches" not in name:
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
        elif value.ndim == 4:
            value.copy_(torch.randn(value.shape, generator=generator) * value[0].numel() ** -0.5)
    return network


def resnet_by_hand(weights, images):
    """Run torchvision's ResNet-50 by its names: strides in the 3 x 3 convolutions, no bias."""

    def step(x, conv, norm, stride=1):
        kernel = weights[f"{conv}.weight"]
        x = functional.conv2d(x, kernel, None, stride, kernel.shape[-1] // 2)
        values = [weights[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *values, eps=1e-5)

    x = functional.max_pool2d(step(images, "conv1", "bn1", 2).relu(), 3, 2, 1)
    for layer, blocks in enumerate((3, 4, 6, 3), start=1):
        for number in range(blocks):
            name, stride = f"layer{layer}.{number}", 2 if layer > 1 and number == 0 else 1
            out = step(x, f"{name}.conv1", f"{name}.bn1").relu()
            out = step(out, f"{name}.conv2", f"{name}.bn2", stride).relu()
            out = step(out, f"{name}.conv3", f"{name}.bn3")
            short = step(x, f"{name}.downsample.0", f"{name}.downsample.1", stride) if number == 0 else x
            x = (out + short).relu()
    return x.mean(dim=(2, 3))


def test_resnet_by_hand(filled):
    weights = filled.state_dict()
    assert len(weights) == 318
    assert sum(value.numel() for value in filled.parameters()) == 25_557_032 - 2048 * 1000 - 1000
    images = noise(2, 3, 64, 64)
    with torch.no_grad():
        found, expected = filled(images), resnet_by_hand(weights, images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().mean()))


def radimagenet_file(weights):
    return {
        f"backbone.{CHILDREN[name.split('.')[0]]}.{name.split('.', 1)[1]}": value for name, value in weights.items()
    }


def swav_file(weights):
    heads = {"projection_head.0.weight": noise(4, 2), "prototypes.weight": noise(3, 2)}
    return {f"module.{name}": value for name, value in {**weights, **heads}.items()}


@pytest.mark.parametrize(("names", "layout"), [(radimagenet_names, radimagenet_file), (swav_names, swav_file)])
def test_files_of_resnets(names, layout, filled, tmp_path):
    path = tmp_path / "weights.pt"
    content = layout(filled.state_dict())
    # Files of before 2018 do not count batches.
    content = {name: value for name, value in content.items() if not name.endswith("num_batches_tracked")}
    torch.save(content, path)
    network = load_network(resnet50(), path, names)
    assert not network.training
    images = noise(2, 3, 64, 64)
    with torch.no_grad():
        np.testing.assert_array_equal(network(images), filled(images))


def test_files_that_do_not_fit(filled, tmp_path):
    path = tmp_path / "weights.pt"
    content = radimagenet_file(filled.state_dict())
    torch.save({**content, "backbone.9.weight": noise(1)}, path)
    with pytest.raises(ValueError, match=r"must fit ResNet: 'backbone\.9\.weight' is not part of it"):
        load_network(resnet50(), path, radimagenet_names)
    del content["backbone.7.2.bn3.running_var"]
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"must fit ResNet: 'layer4\.2\.bn3\.running_var' is missing"):
        load_network(resnet50(), path, radimagenet_names)


class Evil:
    """Would run a command when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_nothing_in_a_file_is_executed(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"conv1.weight": Evil()}, path)
    with pytest.raises(ValueError, match="must be a whole checkpoint of tensors"):
        load_network(resnet50(), path, swav_names)
