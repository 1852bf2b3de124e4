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
"""Adversarial losses on logits.

MONAI's ``PatchAdversarialLoss`` bounds the logit by tanh before the hinge and knows neither smoothing of one side nor
pairs of real and made; these are the losses as their papers write them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from monai.utils import StrEnum
from torch import nn
from torch.nn import functional

from monai_dcgan.utils.checks import check_choice, check_fraction

__all__ = [
    "AdversarialKind",
    "AdversarialLoss",
    "BCEAdversarialLoss",
    "HingeAdversarialLoss",
    "LeastSquaresAdversarialLoss",
    "RelativisticAdversarialLoss",
    "WassersteinAdversarialLoss",
    "adversarial_loss",
]


class AdversarialKind(StrEnum):
    """The adversarial losses by name."""

    BCE = "bce"
    HINGE = "hinge"
    LEAST_SQUARES = "least_squares"
    RELATIVISTIC = "relativistic"
    WASSERSTEIN = "wasserstein"


class AdversarialLoss(nn.Module, ABC):
    """The two sides of an adversarial loss on logits ``(B, 1)``, of real pairs and of made ones; each gives a scalar.

    Attributes:
        needs_real_logits: whether :meth:`generator` looks at the logits of real pairs.
    """

    needs_real_logits = False

    @abstractmethod
    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator minimizes."""

    @abstractmethod
    def generator(self, fake_logits: torch.Tensor, real_logits: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the generator minimizes."""


class BCEAdversarialLoss(AdversarialLoss):
    """Binary cross-entropy of Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661.

    The discriminator minimizes equation 1, ``-E[log D(x)] - E[log(1 - D(G(z)))]``, which is ``2 log 2`` where it cannot
    tell; the generator its non-saturating form (section 3), ``-E[log D(G(z))]``. Works on logits, so that neither the
    logarithm nor the sigmoid saturates.

    Args:
        label_smoothing: how far the target of real pairs lies below 1, from 0 to 0.5; made ones keep 0 (one-sided,
            Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 3.4).

    Raises:
        ValueError: when ``label_smoothing`` is out of its range.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        check_fraction("label_smoothing", label_smoothing)
        if label_smoothing > 0.5:
            raise ValueError(
                f"label_smoothing must be at most 0.5, got {label_smoothing}; above, real pairs count as made ones"
            )
        self.label_smoothing = label_smoothing

    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator minimizes."""
        # Cross-entropy with the target t: softplus(-l) + (1 - t) l.
        real = functional.softplus(-real_logits) + self.label_smoothing * real_logits
        return real.mean() + functional.softplus(fake_logits).mean()

    def generator(self, fake_logits: torch.Tensor, real_logits: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the generator minimizes."""
        return functional.softplus(-fake_logits).mean()


class HingeAdversarialLoss(AdversarialLoss):
    """Hinge loss of Lim and Ye 2017, https://arxiv.org/abs/1705.02894, section 3.2.

    ``E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]`` against ``-E[D(G(z))]``, D the logit.
    """

    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator minimizes."""
        return functional.relu(1 - real_logits).mean() + functional.relu(1 + fake_logits).mean()

    def generator(self, fake_logits: torch.Tensor, real_logits: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the generator minimizes."""
        return -fake_logits.mean()


class LeastSquaresAdversarialLoss(AdversarialLoss):
    """Least squares of Mao et al. 2017, https://arxiv.org/abs/1611.04076, equation 9: targets 1 and 0 of the logit."""

    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator minimizes."""
        return ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2

    def generator(self, fake_logits: torch.Tensor, real_logits: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the generator minimizes."""
        return (fake_logits - 1).square().mean() / 2


class RelativisticAdversarialLoss(AdversarialLoss):
    """Relativistic pairing of Jolicoeur-Martineau 2019, https://arxiv.org/abs/1807.00734, equations 4 and 5.

    Each real pair of the batch against one made pair, ``softplus`` of the difference of their logits, as in R3GAN
    (Huang et al. 2024, https://arxiv.org/abs/2501.05441, equation 2), which adds penalties on the gradient of the
    discriminator.
    """

    needs_real_logits = True

    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator minimizes."""
        return functional.softplus(fake_logits - real_logits).mean()

    def generator(self, fake_logits: torch.Tensor, real_logits: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the generator minimizes."""
        if real_logits is None:
            raise ValueError("real_logits must be given to the relativistic loss of the generator, got None")
        return functional.softplus(real_logits - fake_logits).mean()


class WassersteinAdversarialLoss(AdversarialLoss):
    """Wasserstein loss of Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875, equation 2.

    ``-E[D(x)] + E[D(G(z))]`` against ``-E[D(G(z))]``, D the logit. Without a bound on the slope of the discriminator,
    such as that of :class:`~monai_dcgan.losses.GradientPenalty`, it has no least value.
    """

    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Return what the discriminator minimizes."""
        return fake_logits.mean() - real_logits.mean()

    def generator(self, fake_logits: torch.Tensor, real_logits: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the generator minimizes."""
        return -fake_logits.mean()


def adversarial_loss(kind: str = AdversarialKind.BCE, label_smoothing: float = 0.0) -> AdversarialLoss:
    """Return the loss of a name.

    Args:
        kind: one of :class:`AdversarialKind`.
        label_smoothing: see :class:`BCEAdversarialLoss`; for ``bce`` alone.

    Raises:
        ValueError: when the name is not known, or ``label_smoothing`` does not go with it.
    """
    check_choice("adversarial_loss", kind, AdversarialKind)
    if str(kind) == str(AdversarialKind.BCE):
        return BCEAdversarialLoss(label_smoothing)
    if label_smoothing:
        raise ValueError(
            f"label_smoothing goes with adversarial_loss=bce, got {label_smoothing} with {kind}; set it to 0"
        )
    losses: dict[str, type[AdversarialLoss]] = {
        str(AdversarialKind.HINGE): HingeAdversarialLoss,
        str(AdversarialKind.LEAST_SQUARES): LeastSquaresAdversarialLoss,
        str(AdversarialKind.RELATIVISTIC): RelativisticAdversarialLoss,
        str(AdversarialKind.WASSERSTEIN): WassersteinAdversarialLoss,
    }
    return losses[str(kind)]()
