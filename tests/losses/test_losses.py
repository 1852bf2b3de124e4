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

from monai_dcgan.losses import BCEAdversarialLoss, DiscriminatorLoss, FeatureMatchingLoss, GeneratorLoss, PairedL1Loss


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
    assert not GeneratorLoss(l1_weight=1.0).needs_real_features
    assert list(DiscriminatorLoss()(logits, logits)) == ["adversarial"]
    with pytest.raises(ValueError, match="l1_weight must be a number of at least 0, got -1"):
        GeneratorLoss(l1_weight=-1)
