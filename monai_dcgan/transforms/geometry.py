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
"""Moving whole batches of pictures on their device, and changing some of a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["change_some", "like_layout", "sampling_grid"]


def sampling_grid(
    cosine: torch.Tensor, sine: torch.Tensor, factor: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """Return where each pixel of B turned and scaled pictures comes from, for ``grid_sample``.

    Pixels turn about the center of the picture, ``((H - 1) / 2, (W - 1) / 2)``; a positive angle turns clockwise as the
    picture is shown, as it does in MONAI's ``Affine`` and ``RandAffine``.

    Args:
        cosine: ``(B,)`` of the angle.
        sine: ``(B,)`` of the angle.
        factor: ``(B,)`` by which the picture grows, above 0.
        size: H and W.

    Returns:
        ``(B, H, W, 2)`` for ``grid_sample(..., align_corners=False)``, in the dtype of ``cosine``.
    """
    height, width = size
    # Distances of the middles of pixels from the center, in pixels. As sums of rows and columns it takes a tenth of the
    # time of affine_grid's product of matrices, which autocast would round to bfloat16 besides.
    down, right = (torch.arange(side, device=cosine.device, dtype=cosine.dtype) - (side - 1) / 2 for side in size)
    cosine, sine = (cosine / factor)[:, None], (sine / factor)[:, None]
    grid = cosine.new_empty(len(cosine), height, width, 2)
    across, along = 2 / width, 2 / height
    torch.add((cosine * right * across)[:, None, :], (sine * down * across)[:, :, None], out=grid[..., 0])
    torch.add((cosine * down * along)[:, :, None], (-sine * right * along)[:, None, :], out=grid[..., 1])
    return grid


def change_some(
    batch: torch.Tensor,
    chosen: torch.Tensor,
    change: Callable[..., torch.Tensor],
    *parameters: torch.Tensor,
) -> torch.Tensor:
    """Change the chosen items of a batch in place; the others stay as they are to the bit, and cost nothing.

    As the choice is known on the host, the host does not wait for the device.

    Args:
        batch: ``(B, ...)``, no leaf that needs a gradient.
        chosen: ``(B,)`` bool, on the CPU.
        change: gets the chosen items and their parameters, returns items of the same shape and dtype.
        parameters: ``(B, ...)`` each, on the device of ``batch``.

    Returns:
        the changed batch, in its own memory or, where all are chosen, in that of ``change``.
    """
    places = chosen.nonzero()[:, 0]
    if len(places) == 0:
        return batch
    if len(places) == len(batch):
        return change(batch, *parameters)
    places = places.to(batch.device, non_blocking=True)
    items = (part.index_select(0, places) for part in (batch, *parameters))
    return batch.index_copy_(0, places, change(*items))


def like_layout(batch: torch.Tensor, model: torch.Tensor) -> torch.Tensor:
    """Return ``batch`` ``(B, C, H, W)`` lying in memory as ``model`` does, channels last or first."""
    last = model.is_contiguous(memory_format=torch.channels_last) and not model.is_contiguous()
    return batch.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
