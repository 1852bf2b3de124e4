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
"""Penalties on the gradient of a discriminator."""

from __future__ import annotations

import torch
from torch import nn

from monai_dcgan.utils.checks import check_non_negative, check_positive_int
from monai_dcgan.utils.randomness import StepRandom, Stream

__all__ = ["GradientPenalty"]


class GradientPenalty(nn.Module):
    """Penalize a discriminator whose logit changes fast with its input, as named terms.

    - R1, ``r1 / 2 * E[|grad D(x)|^2]`` on real pairs (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406,
      equation 9);
    - R2, the same with ``r2`` on made ones (equation 10), as R3GAN adds it (Huang et al. 2024,
      https://arxiv.org/abs/2501.05441);
    - ``wgan_gp * E[(|grad D(z)| - 1)^2]`` between real and made pairs (Gulrajani et al. 2017,
      https://arxiv.org/abs/1704.00028, equation 3), which goes with the Wasserstein loss.

    Only every ``every``-th step has penalties, ``every`` times as large (Karras et al. 2020,
    https://arxiv.org/abs/1912.04958, section 3.1). They are computed in full precision, whatever the rest is: squared
    gradients are small numbers. A discriminator with batch normalization mixes the gradients of a batch, for which none
    of the papers argues.

    Args:
        r1: weight of R1; 0 leaves it out.
        r2: weight of R2; 0 leaves it out.
        wgan_gp: weight of the penalty between the two; 0 leaves it out.
        every: steps from one penalty to the next.
        seed: seed of the places between real and made pairs.

    Raises:
        ValueError: when a weight is negative or ``every`` is no whole number of at least 1.
    """

    def __init__(self, r1: float = 0.0, r2: float = 0.0, wgan_gp: float = 0.0, every: int = 1, seed: int = 0) -> None:
        super().__init__()
        for name, weight in (("r1", r1), ("r2", r2), ("wgan_gp", wgan_gp)):
            check_non_negative(name, weight)
        check_positive_int("every", every)
        self.r1, self.r2, self.wgan_gp = r1, r2, wgan_gp
        self.every = every
        self._random = StepRandom(seed, Stream.PENALTY)

    def set_step(self, step: int) -> None:
        """Go to ``step`` of the training, which decides whether penalties are due and where they are taken."""
        self._random.set_step(step)

    @property
    def due(self) -> bool:
        """Whether this step has penalties."""
        return max(self.r1, self.r2, self.wgan_gp) > 0 and self._random.step % self.every == 0

    def forward(
        self, discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor, labels: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return the weighted terms, scalars; none in a step without penalties.

        Args:
            discriminator: gives logits ``(B, 1)`` of pairs and labels.
            real: ``(B, C, H, W)`` real pairs as the discriminator sees them.
            fake: ``(B, C, H, W)`` made pairs as the discriminator sees them.
            labels: ``(B,)`` class indices, where there are classes.
        """
        terms: dict[str, torch.Tensor] = {}
        if not self.due:
            return terms
        with torch.autocast(real.device.type, enabled=False):
            if self.r1 > 0:
                terms["r1"] = self.every * self.r1 / 2 * _squared_slopes(discriminator, real, labels).mean()
            if self.r2 > 0:
                terms["r2"] = self.every * self.r2 / 2 * _squared_slopes(discriminator, fake, labels).mean()
            if self.wgan_gp > 0:
                share = self._random.uniform(len(real), 1, 1, 1).to(real.device, non_blocking=True)
                between = torch.lerp(real.float(), fake.float(), share)
                slopes = (_squared_slopes(discriminator, between, labels) + 1e-12).sqrt()
                terms["wgan_gp"] = self.every * self.wgan_gp * (slopes - 1).square().mean()
        return terms


def _squared_slopes(discriminator: nn.Module, pairs: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
    """Return the squared length ``(B,)`` of the gradient of the logit with respect to each pair."""
    pairs = pairs.detach().float().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(pairs, labels).sum(), pairs, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))
