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
"""The losses of the two networks as named, weighted terms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from monai_dcgan.losses.adversarial import AdversarialLoss, BCEAdversarialLoss
from monai_dcgan.losses.feature_matching import FeatureMatchingLoss
from monai_dcgan.losses.reconstruction import L1Pairing, PairedL1Loss
from monai_dcgan.utils.checks import check_non_negative

__all__ = ["DiscriminatorLoss", "GeneratorLoss"]


class DiscriminatorLoss(nn.Module):
    """Loss of the discriminator as named terms.

    Args:
        adversarial: adversarial loss, binary cross-entropy by default.
    """

    def __init__(self, adversarial: AdversarialLoss | None = None) -> None:
        super().__init__()
        self.adversarial = BCEAdversarialLoss() if adversarial is None else adversarial

    def forward(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the weighted terms, scalars; their sum is the loss.

        Args:
            real_logits: ``(B, 1)`` logits of real pairs.
            fake_logits: ``(B, 1)`` logits of made pairs.
        """
        return {"adversarial": self.adversarial.discriminator(real_logits, fake_logits)}


class GeneratorLoss(nn.Module):
    """Loss of the generator as named terms: adversarial, L1 and feature matching.

    Args:
        adversarial: adversarial loss, binary cross-entropy by default.
        l1_weight: weight of the L1 term; 0 leaves it out.
        l1_pairing: what the L1 term compares, see :class:`~monai_dcgan.losses.PairedL1Loss`.
        feature_matching_weight: weight of feature matching; 0 leaves it out.

    Raises:
        ValueError: when a weight is negative or the pairing unknown.
    """

    def __init__(
        self,
        adversarial: AdversarialLoss | None = None,
        l1_weight: float = 0.0,
        l1_pairing: str = L1Pairing.NEAREST,
        feature_matching_weight: float = 0.0,
    ) -> None:
        super().__init__()
        check_non_negative("l1_weight", l1_weight)
        check_non_negative("feature_matching_weight", feature_matching_weight)
        self.adversarial = BCEAdversarialLoss() if adversarial is None else adversarial
        self.l1_weight = l1_weight
        self.l1 = PairedL1Loss(l1_pairing)
        self.feature_matching_weight = feature_matching_weight
        self.feature_matching = FeatureMatchingLoss()

    @property
    def needs_real_features(self) -> bool:
        """Whether :meth:`forward` looks at the discriminator's features of real pairs."""
        return self.feature_matching_weight > 0

    @property
    def needs_real(self) -> bool:
        """Whether :meth:`forward` looks at what the discriminator makes of real pairs."""
        return self.needs_real_features or self.adversarial.needs_real_logits

    def forward(
        self,
        fake_logits: torch.Tensor,
        real: torch.Tensor,
        fake: torch.Tensor,
        real_features: Sequence[torch.Tensor] = (),
        fake_features: Sequence[torch.Tensor] = (),
        real_logits: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return the weighted terms, scalars; their sum is the loss.

        Args:
            fake_logits: ``(B, 1)`` logits of made pairs.
            real: ``(B, C, H, W)`` real pairs in [-1, 1].
            fake: ``(B, C, H, W)`` made pairs in [-1, 1].
            real_features: the discriminator's feature maps of ``real``, one a level, where they are needed.
            fake_features: the same of ``fake``.
            real_logits: ``(B, 1)`` logits of ``real``, where they are needed.
        """
        terms = {"adversarial": self.adversarial.generator(fake_logits, real_logits)}
        if self.l1_weight > 0:
            terms["l1"] = self.l1_weight * self.l1(real, fake)
        if self.needs_real_features:
            terms["feature_matching"] = self.feature_matching_weight * self.feature_matching(
                real_features, fake_features
            )
        return terms
