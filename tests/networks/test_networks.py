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
"""Tests of the generator and the discriminator."""

from __future__ import annotations

import pytest
import torch
from monai.networks.layers import SkipConnection

from monai_dcgan.networks import DCGANDiscriminator, DCGANGenerator
from monai_dcgan.networks.blocks import Blur, MinibatchStdDev, residual_block

SHAPE_CASES = [
    [{"image_size": 32, "image_channels": 1, "mask_channels": 1}, (2, 32, 32)],
    [{"image_size": 64, "image_channels": 2, "mask_channels": 1}, (3, 64, 64)],
    [{"image_size": 128, "image_channels": 4, "mask_channels": 0}, (4, 128, 128)],
    [{"image_size": 64, "image_channels": 1, "mask_channels": 3, "num_classes": 3}, (4, 64, 64)],
    [{"image_size": 512, "image_channels": 1, "mask_channels": 1, "max_channels": 16}, (2, 512, 512)],
]
BAD_CASES = [
    [{"image_size": 48}, "image_size must be a power of two from 32 to 512, got 48"],
    [{"image_size": 1024}, "image_size must be a power of two from 32 to 512, got 1024"],
    [{"image_channels": 0}, "image_channels must be a whole number of at least 1, got 0"],
    [{"mask_channels": -1}, "mask_channels must be a whole number of at least 0, got -1"],
    [{"width": 0}, "width must be a whole number of at least 1, got 0"],
]


@pytest.mark.parametrize(("kwargs", "shape"), SHAPE_CASES)
def test_shapes_and_ranges(kwargs, shape):
    classes = kwargs.get("num_classes", 0)
    generator = DCGANGenerator(latent_size=8, width=4, **kwargs)
    discriminator = DCGANDiscriminator(width=4, **kwargs)
    latent = torch.randn(2, 8 + classes, 1, 1)
    pair = generator(latent)
    assert pair.shape == (2, *shape)
    assert pair.abs().max() <= 1
    labels = torch.tensor([0, classes - 1]) if classes else None
    logits, features = discriminator.forward_features(pair, labels)
    assert logits.shape == (2, 1)
    assert features[-1].shape[-2:] == (4, 4)
    probability = discriminator.eval().probability(pair, labels)
    assert torch.equal(probability, torch.sigmoid(discriminator(pair, labels)))


@pytest.mark.parametrize("network", [DCGANGenerator, DCGANDiscriminator])
@pytest.mark.parametrize(("kwargs", "text"), BAD_CASES)
def test_bad_arguments(network, kwargs, text):
    with pytest.raises(ValueError, match=text):
        network(**kwargs)


def test_layers_follow_the_paper():
    """Radford et al. 2016: all-convolutional, batch norm but in D's first and G's last layer, ReLU / LeakyReLU 0.2."""
    generator, discriminator = DCGANGenerator(width=4), DCGANDiscriminator(width=4)
    kinds = [type(layer).__name__ for layer in generator.layers]
    assert kinds == ["ConvTranspose2d", "BatchNorm2d", "ReLU"] * 4 + ["ConvTranspose2d", "Tanh"]
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in discriminator.levels[0])
    assert all(isinstance(level[1], torch.nn.BatchNorm2d) for level in list(discriminator.levels)[1:])
    slopes = {layer.negative_slope for layer in discriminator.modules() if isinstance(layer, torch.nn.LeakyReLU)}
    assert slopes == {0.2}
    layers = [layer for layer in DCGANGenerator().layers if isinstance(layer, torch.nn.ConvTranspose2d)]
    weights = torch.cat([layer.weight.detach().flatten() for layer in layers])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_the_signal_reaches_the_first_normalization(norm):
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(norm=norm, stem=16, blur=True)
    _, features = discriminator.forward_features(torch.rand(4, 2, 64, 64) * 2 - 1)
    assert all(0.02 < level.std() < 10 for level in features)
    # What normalization adds to the variance must stay small beside it.
    assert features[0].var() > 100 * torch.nn.GroupNorm(1, 1).eps


@pytest.mark.parametrize(("norm", "alone"), [("batch", False), ("group", True), ("instance", True), ("none", True)])
def test_norm_of_the_discriminator(norm, alone):
    """Only with batch normalization does a picture's logit depend on the others; the signal reaches the end in all."""
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(width=8, norm=norm).train()
    pairs = torch.rand(4, 2, 64, 64) * 2 - 1
    others = torch.cat([pairs[:1], -pairs[1:]])
    with torch.no_grad():
        logits, features = discriminator.forward_features(pairs)
        again = discriminator(others)
    assert torch.allclose(logits[0], again[0], atol=1e-5) == alone
    assert features[-1].std() > 0.1
    kinds = {type(layer) for level in list(discriminator.levels)[1:] for layer in level}
    norms = {"batch": torch.nn.BatchNorm2d, "group": torch.nn.GroupNorm, "instance": torch.nn.InstanceNorm2d}
    assert kinds & set(norms.values()) == ({norms[norm]} if norm in norms else set())


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear"])
def test_features_at_full_size_come_before_the_picture(upsampling):
    generator = DCGANGenerator(image_size=64, width=4, head=6, upsampling=upsampling)
    assert [type(layer).__name__ for layer in generator.layers][-4:] == ["BatchNorm2d", "ReLU", "Conv2d", "Tanh"]
    latent = torch.randn(2, 100, 1, 1)
    assert generator.layers[:-2](latent).shape == (2, 6, 64, 64)
    assert generator(latent).shape == (2, 2, 64, 64)
    with pytest.raises(ValueError, match="head must be a whole number of at least 0, got -1"):
        DCGANGenerator(head=-1)


def test_groups_fit_any_width():
    discriminator = DCGANDiscriminator(width=3, norm="group")
    assert discriminator(torch.rand(2, 2, 64, 64)).shape == (2, 1)
    with pytest.raises(ValueError, match="norm must be one of batch, group, instance, none, got 'layer'"):
        DCGANDiscriminator(norm="layer")


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_residual_blocks_follow_the_levels(norm):
    plain, residual = (DCGANDiscriminator(width=4, norm=norm, residual=flag) for flag in (False, True))
    assert [sum(isinstance(module, SkipConnection) for module in level) for level in residual.levels] == [1] * 4
    pairs = torch.randn(2, 2, 64, 64)
    assert residual(pairs).shape == plain(pairs).shape == (2, 1)
    generator = DCGANGenerator(width=4, residual=True)
    assert sum(isinstance(module, SkipConnection) for module in generator.layers) == 3
    assert generator(torch.randn(2, 100, 1, 1)).shape == (2, 2, 64, 64)
    block = residual_block(torch.nn.ReLU())
    assert torch.equal(block(torch.tensor([-1.0, 2.0])), torch.tensor([-1.0, 4.0]))


def test_blur_lies_before_every_strided_convolution_but_that_of_the_picture():
    for stem, number in ((0, 3), (8, 4)):
        discriminator = DCGANDiscriminator(width=4, blur=True, stem=stem)
        assert [isinstance(level[0], Blur) for level in discriminator.levels] == [number == 4, True, True, True]
        assert discriminator(torch.randn(2, 2, 64, 64)).shape == (2, 1)
    flat, checkered = torch.ones(1, 2, 8, 8), torch.ones(1, 2, 8, 8)
    checkered[:, :, ::2, ::2] = checkered[:, :, 1::2, 1::2] = -1
    blur = Blur(2)
    assert torch.allclose(blur(flat)[:, :, 1:-1, 1:-1], torch.ones(6, 6))
    assert blur(checkered)[:, :, 1:-1, 1:-1].abs().max() < 1e-6
    assert "levels.1.0.kernel" not in discriminator.state_dict()


def test_stem_looks_at_the_picture_in_full_size():
    discriminator = DCGANDiscriminator(width=4, stem=8)
    shapes = []
    discriminator.stem.register_forward_hook(lambda module, inputs, output: shapes.append(output.shape))
    discriminator(torch.randn(2, 2, 64, 64))
    assert shapes == [(2, 8, 64, 64)]
    with pytest.raises(ValueError, match="stem must be a whole number of at least 0, got -1"):
        DCGANDiscriminator(stem=-1)


@pytest.mark.parametrize("norm", ["group", "none"])
def test_spectral_norm_bounds_every_convolution(norm):
    torch.manual_seed(0)
    options = {"image_size": 32, "width": 4, "stem": 4, "residual": True, "spectral_norm": True}
    discriminator = DCGANDiscriminator(norm=norm, **options).train()
    for _ in range(100):
        discriminator(torch.randn(2, 2, 32, 32))
    largest = [
        torch.linalg.matrix_norm(module.weight.flatten(1), ord=2).item()
        for module in discriminator.eval().modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    assert len(largest) == 8
    assert all(value == pytest.approx(1, abs=0.02) for value in largest)


def test_minibatch_std_dev_is_the_mean_spread_of_a_group():
    hidden = torch.randn(8, 3, 4, 4)
    appended = MinibatchStdDev(4)(hidden)
    assert torch.equal(appended[:, :3], hidden)
    for group in (0, 1):
        members = hidden[group::2]
        expected = members.std(dim=0, correction=0).mean()
        torch.testing.assert_close(appended[group::2, 3], expected.expand(4, 4, 4), atol=1e-4, rtol=1e-4)
    same = torch.randn(1, 3, 4, 4).expand(6, 3, 4, 4)
    assert MinibatchStdDev(4)(same)[:, 3].abs().max() < 2e-4
    # A batch of 5 cannot be divided by 4: one group of 5.
    odd = torch.randn(5, 3, 4, 4)
    torch.testing.assert_close(
        MinibatchStdDev(4)(odd)[0, 3, 0, 0], odd.std(dim=0, correction=0).mean(), atol=1e-4, rtol=1e-4
    )


def test_minibatch_std_dev_lets_the_discriminator_see_sameness():
    torch.manual_seed(0)
    discriminator = DCGANDiscriminator(width=8, norm="group", minibatch_std=4)
    pairs = torch.rand(4, 2, 64, 64) * 2 - 1
    same = pairs[:1].expand(4, -1, -1, -1)
    assert (discriminator(pairs)[0] - discriminator(same)[0]).abs() > 1e-3
    with pytest.raises(ValueError, match="minibatch_std must be a whole number of at least 0, got -1"):
        DCGANDiscriminator(minibatch_std=-1)


@pytest.mark.parametrize("options", [{}, {"residual": True}])
def test_every_weight_learns(options):
    generator = DCGANGenerator(width=4, num_classes=2, **options)
    discriminator = DCGANDiscriminator(width=4, num_classes=2, minibatch_std=2, stem=4, **options)
    latent = torch.cat([torch.randn(2, 100, 1, 1), torch.eye(2)[:, :, None, None]], dim=1)
    discriminator(generator(latent), torch.tensor([0, 1])).sum().backward()
    for network in (generator, discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_class_changes_the_judgment():
    discriminator = DCGANDiscriminator(width=4, num_classes=2).eval()
    pair = torch.randn(1, 2, 64, 64)
    assert discriminator(pair, torch.tensor([0])) != discriminator(pair, torch.tensor([1]))
    with pytest.raises(ValueError, match="labels must be given exactly when num_classes > 0"):
        discriminator(pair)
    with pytest.raises(ValueError, match="labels given with num_classes=0"):
        DCGANDiscriminator(width=4)(pair, torch.tensor([0]))


def test_bilinear_upsampling_replaces_every_strided_transposed_convolution():
    generator = DCGANGenerator(image_size=128, width=4, upsampling="bilinear")
    assert sum(isinstance(layer, torch.nn.Upsample) for layer in generator.layers) == 5
    assert sum(isinstance(layer, torch.nn.ConvTranspose2d) for layer in generator.layers) == 1
    assert generator(torch.randn(2, 100, 1, 1)).shape == (2, 2, 128, 128)
    with pytest.raises(ValueError, match="upsampling must be one of transposed, bilinear, got 'nearest'"):
        DCGANGenerator(upsampling="nearest")


@pytest.mark.parametrize("options", [{}, {"residual": True}, {"upsampling": "bilinear"}])
def test_generator_scripts(options):
    generator = DCGANGenerator(width=4, **options).eval()
    latent = torch.randn(2, 100, 1, 1)
    assert torch.equal(torch.jit.script(generator)(latent), generator(latent))
