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
"""Tests of the penalties on the discriminator's gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_dcgan.losses import GradientPenalty, adversarial_loss
from monai_dcgan.networks import DCGANDiscriminator


class Parabola(nn.Module):
    """Logit ``scale * sum(x ** 2) / 2``; its gradient is ``scale * x``."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, pairs: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits."""
        assert pairs.dtype == torch.float32
        return self.scale * pairs.square().flatten(1).sum(1, keepdim=True) / 2


REAL, FAKE = torch.full((3, 1, 2, 2), 0.5), torch.full((3, 1, 2, 2), -1.0)


def test_r1_and_r2_are_the_squared_slopes():
    # |grad|^2 = scale^2 * sum(x^2): 4 * 1 on reals, 4 * 4 on fakes.
    terms = GradientPenalty(r1=10.0, r2=1.0)(Parabola(), REAL, FAKE)
    assert {name: term.item() for name, term in terms.items()} == {"r1": 20.0, "r2": 8.0}


def test_the_penalty_pulls_the_slope_down():
    network = Parabola()
    GradientPenalty(r1=10.0)(network, REAL, FAKE)["r1"].backward()
    # d/dscale of 10 / 2 * scale^2 * 1
    assert network.scale.grad is not None
    assert network.scale.grad.item() == pytest.approx(20.0)
    assert REAL.grad is None and not REAL.requires_grad


def test_wgan_gp_asks_for_slopes_of_one_between_the_two():
    same = torch.full((2, 1, 2, 2), 0.5)
    term = GradientPenalty(wgan_gp=10.0)(Parabola(), same, same)["wgan_gp"]
    # The slope is 2 * |x| = 2.
    assert term.item() == pytest.approx(10.0, rel=1e-4)
    penalty = GradientPenalty(wgan_gp=10.0, seed=1)
    penalty.set_step(3)
    drawn = penalty(Parabola(), REAL, FAKE)["wgan_gp"].item()
    penalty.set_step(4)
    assert drawn != penalty(Parabola(), REAL, FAKE)["wgan_gp"].item()
    penalty.set_step(3)
    assert drawn == penalty(Parabola(), REAL, FAKE)["wgan_gp"].item()
    # Anywhere between: |x| from 0 at x = 0 to 2, so (slope - 1)^2 is at most 9.
    assert 0 < drawn < 90


def test_lazy_penalties_keep_their_mean():
    penalty, network = GradientPenalty(r1=10.0, every=4), Parabola()
    values = []
    for step in range(1, 9):
        penalty.set_step(step)
        assert penalty.due == (step in (4, 8))
        values.append(sum(term.item() for term in penalty(network, REAL, FAKE).values()))
    assert values == [0, 0, 0, 80, 0, 0, 0, 80]


def test_full_precision_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        terms = GradientPenalty(r1=1.0, r2=1.0, wgan_gp=1.0)(
            DCGANDiscriminator(image_size=32, width=4, norm="group"),
            torch.rand(2, 2, 32, 32).bfloat16(),
            torch.rand(2, 2, 32, 32).bfloat16(),
        )
    assert set(terms) == {"r1", "r2", "wgan_gp"}
    assert all(term.dtype == torch.float32 and torch.isfinite(term) for term in terms.values())


def test_no_penalty_asks_for_nothing():
    assert GradientPenalty()(Parabola(), REAL, FAKE) == {}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        [{"r1": -1.0}, "r1 must be a number of at least 0, got -1.0"],
        [{"wgan_gp": float("nan")}, "wgan_gp must be a number of at least 0, got nan"],
        [{"every": 0}, "every must be a whole number of at least 1, got 0"],
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        GradientPenalty(**arguments)


def test_wasserstein_is_the_difference_of_the_means():
    real, fake = torch.tensor([[3.0], [1.0]]), torch.tensor([[-1.0], [0.0]])
    loss = adversarial_loss("wasserstein")
    assert loss.discriminator(real, fake).item() == -2.5
    assert loss.generator(fake).item() == 0.5
