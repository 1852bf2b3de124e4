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
"""Batch normalization over the batches of all processes that train together."""

from __future__ import annotations

import ignite.distributed as idist
import torch
from torch import nn
from torch.distributed.nn.functional import all_reduce

__all__ = ["synchronize_batch_norm"]


class _SyncBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization whose statistics in training are those of all processes.

    :class:`torch.nn.SyncBatchNorm` works on GPUs alone and has no second derivative, which gradient penalties need. All
    processes have batches of one size.
    """

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normalize ``(B, C, H, W)``."""
        if not self.training:
            return super().forward(hidden)
        values = hidden.float()
        moments = torch.stack([values.mean(dim=(0, 2, 3)), values.square().mean(dim=(0, 2, 3))])
        mean, square = all_reduce(moments) / idist.get_world_size()
        variance = (square - mean.square()).clamp_min(0)
        self._follow(mean.detach(), variance.detach(), values.numel() // values.shape[1] * idist.get_world_size())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        offset = self.bias - mean * scale
        return (values * scale[:, None, None] + offset[:, None, None]).to(hidden.dtype)

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        """Update the running statistics as :class:`torch.nn.BatchNorm2d` does."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * count / (count - 1), share)


def synchronize_batch_norm(network: nn.Module) -> nn.Module:
    """Replace batch normalization in a network by one over all processes; names and values of its state stay.

    With one process, or without batch normalization, the network stays as it is.

    Args:
        network: changed in place.

    Returns:
        the network.
    """
    if idist.get_world_size() == 1:
        return network
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SyncBatchNorm2d
    return network
