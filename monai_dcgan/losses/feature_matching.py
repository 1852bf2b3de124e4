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
"""Feature matching between real and made pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from monai_dcgan.utils.layout import rows

__all__ = ["FeatureMatchingLoss"]


class FeatureMatchingLoss(nn.Module):
    """Squared distance between the batch means of the discriminator's features of real and made pictures.

    Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 3.1, averaged over the levels of the discriminator
    and over the elements of each, so that its size does not depend on the width of the network.
    """

    def forward(self, real_features: Sequence[torch.Tensor], fake_features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Compare the features of two batches.

        Args:
            real_features: one feature map ``(B, C_i, H_i, W_i)`` a level, without gradient.
            fake_features: the same of the made pictures.

        Returns:
            a scalar of at least 0.

        Raises:
            ValueError: when the numbers of levels differ.
        """
        if len(real_features) != len(fake_features):
            raise ValueError(
                f"real_features and fake_features must have as many levels, got {len(real_features)} and "
                f"{len(fake_features)}"
            )
        distances = [
            (_mean_picture(real, fake) - _mean_picture(fake, fake)).square().mean()
            for real, fake in zip(real_features, fake_features)
        ]
        return torch.stack(distances).mean()


def _mean_picture(features: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return rows(features, like).mean(dim=0, dtype=torch.float32)
