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
"""Tests of the losses."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from monai_dcgan.losses import (
    AdversarialKind,
    BCEAdversarialLoss,
    DiscriminatorLoss,
    FeatureMatchingLoss,
    GeneratorLoss,
    PairedL1Loss,
    adversarial_loss,
)


def test_bce_is_that_of_the_probabilities():
    real, fake = torch.randn(8, 1), torch.randn(8, 1)
    loss = BCEAdversarialLoss()
    expected = functional.binary_cross_entropy(torch.sigmoid(real), torch.ones(8, 1))
    expected = expected + functional.binary_cross_entropy(torch.sigmoid(fake), torch.zeros(8, 1))
    torch.testing.assert_close(loss.discriminator(real, fake), expected)
    expected = functional.binary_cross_entropy(torch.sigmoid(fake), torch.ones(8, 1))
    torch.testing.assert_close(loss.generator(fake), expected)


def test_bce_does_not_saturate():
    fake = torch.full((4, 1), -500.0, requires_grad=True)
    loss = BCEAdversarialLoss().generator(fake)
    loss.backward()
    assert loss.item() == 500
    torch.testing.assert_close(fake.grad, torch.full((4, 1), -0.25))
    zero = torch.zeros(4, 1)
    assert BCEAdversarialLoss().discriminator(zero, zero).item() == pytest.approx(2 * math.log(2))


def test_one_sided_label_smoothing_moves_the_target_of_real_pairs_alone():
    real, fake = torch.randn(8, 1), torch.randn(8, 1)
    smooth = BCEAdversarialLoss(0.1)
    expected = functional.binary_cross_entropy_with_logits(real, torch.full((8, 1), 0.9))
    expected = expected + functional.binary_cross_entropy_with_logits(fake, torch.zeros(8, 1))
    torch.testing.assert_close(smooth.discriminator(real, fake), expected)
    torch.testing.assert_close(smooth.generator(fake), BCEAdversarialLoss().generator(fake))


# Logits of real and made pairs; loss of the discriminator and of the generator by the formulas of the papers.
REAL, FAKE = torch.tensor([[2.0], [0.5]]), torch.tensor([[-3.0], [1.0]])
ADVERSARIAL_CASES = [
    ["hinge", (0 + 0.5) / 2 + (0 + 2) / 2, (3 - 1) / 2],
    ["least_squares", ((1 + 0.25) / 2 + (9 + 1) / 2) / 2, (16 + 0) / 2 / 2],
    [
        "relativistic",
        (math.log1p(math.exp(-5)) + math.log1p(math.exp(0.5))) / 2,
        (math.log1p(math.exp(5)) + math.log1p(math.exp(-0.5))) / 2,
    ],
]


@pytest.mark.parametrize(("kind", "discriminator", "generator"), ADVERSARIAL_CASES)
def test_adversarial_losses_are_those_of_the_papers(kind, discriminator, generator):
    loss = adversarial_loss(kind)
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(discriminator)
    assert loss.generator(FAKE, REAL).item() == pytest.approx(generator)


@pytest.mark.parametrize("kind", [str(kind) for kind in AdversarialKind])
def test_each_side_gains_where_it_should(kind):
    """The discriminator pulls real logits up and made ones down; the generator pulls made ones up."""
    real, fake = (torch.full((4, 1), 0.5, requires_grad=True) for _ in range(2))
    adversarial_loss(kind).discriminator(real, fake).backward()
    assert real.grad is not None and fake.grad is not None
    assert (real.grad < 0).all() and (fake.grad > 0).all()
    fake.grad = None
    adversarial_loss(kind).generator(fake, real.detach()).backward()
    assert (fake.grad < 0).all()


def test_what_the_adversarial_losses_refuse():
    names = "bce, hinge, least_squares, relativistic, wasserstein"
    with pytest.raises(ValueError, match=f"adversarial_loss must be one of {names}, got 'wgan'"):
        adversarial_loss("wgan")
    with pytest.raises(ValueError, match="label_smoothing goes with adversarial_loss=bce, got 0.1 with hinge"):
        adversarial_loss("hinge", 0.1)
    with pytest.raises(ValueError, match="label_smoothing must be at most 0.5, got 0.7"):
        adversarial_loss("bce", 0.7)
    with pytest.raises(ValueError, match="real_logits must be given to the relativistic loss"):
        adversarial_loss("relativistic").generator(FAKE)


def test_l1_nearest_takes_the_nearest_fake_of_each_real():
    real = torch.stack([torch.full((1, 2, 2), value) for value in (0.0, 1.0, 0.9)])
    fake = torch.stack([torch.full((1, 2, 2), value) for value in (0.8, -0.1, -1.0)])
    # 0.0 -> -0.1, 1.0 -> 0.8, 0.9 -> 0.8
    assert PairedL1Loss("nearest")(real, fake).item() == pytest.approx((0.1 + 0.2 + 0.1) / 3)
    # means: 1.9 / 3 and -0.3 / 3
    assert PairedL1Loss("batch_mean")(real, fake).item() == pytest.approx(2.2 / 3)


def test_l1_gradient_reaches_only_partners():
    real = torch.zeros(2, 1, 2, 2)
    fake = torch.stack([torch.full((1, 2, 2), 0.5), torch.full((1, 2, 2), 0.9)]).requires_grad_()
    PairedL1Loss("nearest")(real, fake).backward()
    assert fake.grad is not None
    assert fake.grad[0].abs().sum() > 0
    assert fake.grad[1].abs().sum() == 0


def test_l1_refuses_other_pairings():
    with pytest.raises(ValueError, match="pairing must be one of nearest, batch_mean, got 'index'"):
        PairedL1Loss("index")


def test_feature_matching_compares_means():
    real = [torch.tensor([[0.0, 2.0], [2.0, 4.0]]), torch.ones(2, 3)]
    fake = [torch.tensor([[3.0, 3.0]]), torch.zeros(2, 3)]
    # level 1: means (1, 3) and (3, 3) -> (4 + 0) / 2; level 2: 1
    assert FeatureMatchingLoss()(real, fake).item() == pytest.approx((2.0 + 1.0) / 2)
    assert FeatureMatchingLoss()(real, [level.flip(0) for level in real]).item() == 0
    with pytest.raises(ValueError, match="as many levels, got 2 and 1"):
        FeatureMatchingLoss()(real, fake[:1])


def test_generator_terms_are_named_weighted_and_switchable():
    logits, real, fake = torch.zeros(2, 1), torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5)
    features = [torch.zeros(2, 3)], [torch.ones(2, 3)]
    terms = GeneratorLoss(l1_weight=2.0, feature_matching_weight=3.0)(logits, real, fake, *features)
    assert {name: round(term.item(), 5) for name, term in terms.items()} == {
        "adversarial": 0.69315,
        "l1": 1.0,
        "feature_matching": 3.0,
    }
    assert list(GeneratorLoss()(logits, real, fake)) == ["adversarial"]
    assert not GeneratorLoss(l1_weight=1.0).needs_real
    assert GeneratorLoss(adversarial_loss("relativistic")).needs_real
    assert list(DiscriminatorLoss()(logits, logits)) == ["adversarial"]
    with pytest.raises(ValueError, match="l1_weight must be a number of at least 0, got -1"):
        GeneratorLoss(l1_weight=-1)


@pytest.mark.parametrize("loss", ["nearest", "batch_mean", "feature_matching"])
def test_gradients_lie_in_memory_as_the_pictures_of_the_network(loss):
    real, fake = torch.randn(4, 3, 8, 8), torch.randn(4, 3, 8, 8)
    gradients = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        made = fake.contiguous(memory_format=memory_format).requires_grad_(True) * 1
        made.register_hook(gradients.append)
        if loss == "feature_matching":
            FeatureMatchingLoss()([real], [made]).backward()
        else:
            PairedL1Loss(loss)(real, made).backward()
        assert gradients[-1].is_contiguous(memory_format=memory_format)
    assert torch.equal(*gradients)
