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
"""L1 loss of unpaired pictures: it names the partner of each."""

from __future__ import annotations

import torch
from monai.utils import StrEnum
from torch import nn

from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.layout import rows

__all__ = ["L1Pairing", "PairedL1Loss"]


class L1Pairing(StrEnum):
    """The partner of a picture in :class:`PairedL1Loss`."""

    NEAREST = "nearest"
    BATCH_MEAN = "batch_mean"


class PairedL1Loss(nn.Module):
    """Mean absolute difference between real pictures and their made partners.

    A picture made from noise has no target, so an L1 term must say with what it compares:

    - ``nearest``: every real picture with the made one of the batch that is nearest to it (implicit maximum
      likelihood estimation, Li and Malik 2018, https://arxiv.org/abs/1809.09087, algorithm 1). Each real picture pulls
      one made picture, so the term favors covering the data.
    - ``batch_mean``: the mean real picture with the mean made one.

    Args:
        pairing: ``nearest`` or ``batch_mean``.

    Raises:
        ValueError: when ``pairing`` is none of the two.
    """

    def __init__(self, pairing: str = L1Pairing.NEAREST) -> None:
        super().__init__()
        check_choice("pairing", pairing, L1Pairing)
        self.pairing = L1Pairing(pairing)

    def forward(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """Compare two batches.

        Args:
            real: ``(B, C, H, W)``, values in [-1, 1].
            fake: ``(N, C, H, W)``, values in [-1, 1]; ``N`` may differ from ``B``.

        Returns:
            a scalar in [0, 2].
        """
        real, fake = rows(real.float(), fake), rows(fake.float(), fake)
        if self.pairing == L1Pairing.BATCH_MEAN:
            return (real.mean(0) - fake.mean(0)).abs().mean()
        with torch.no_grad():
            nearest = torch.cdist(real, fake).argmin(dim=1)
        return (real - fake.index_select(0, nearest)).abs().mean()
