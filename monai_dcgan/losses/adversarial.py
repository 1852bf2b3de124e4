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
"""Adversarial losses on logits."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["BCEAdversarialLoss"]


class BCEAdversarialLoss(nn.Module):
    """Binary cross-entropy of Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661.

    The discriminator minimizes equation 1, the generator its non-saturating form (section 3). Works on logits, so that
    neither the logarithm nor the sigmoid saturates.
    """

    def discriminator(self, real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
        """Loss of the discriminator: ``-E[log D(x)] - E[log(1 - D(G(z)))]``.

        Args:
            real_logits: ``(B, 1)`` logits of real pairs.
            fake_logits: ``(B, 1)`` logits of made pairs.

        Returns:
            the loss, a scalar of at least 0; ``2 log 2`` where the discriminator cannot tell.
        """
        return functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()

    def generator(self, fake_logits: torch.Tensor) -> torch.Tensor:
        """Loss of the generator: ``-E[log D(G(z))]``, a scalar of at least 0.

        Args:
            fake_logits: ``(B, 1)`` logits of made pairs.
        """
        return functional.softplus(-fake_logits).mean()
