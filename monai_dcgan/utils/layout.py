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
"""The order of tensors in memory."""

from __future__ import annotations

import torch

__all__ = ["rows"]


def rows(pictures: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Flatten pictures ``(B, C, H, W)`` to ``(B, C * H * W)`` in the order in which ``like`` lies in memory.

    A loss that takes means or picks pictures gives back gradients in the order in which it worked. Where that is not
    the network's own, every layer behind it is several times slower.

    Args:
        pictures: what to flatten.
        like: tells the order, a tensor that the network made.

    Returns:
        one row a picture; rows of one ``like`` can be compared with each other.
    """
    if like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last):
        pictures = pictures.permute(0, 2, 3, 1)
    return pictures.flatten(1)
