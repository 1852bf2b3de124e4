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
"""A fixed choice of real slices, to hold made ones against."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.enums import Keys

__all__ = ["spread_positions", "spread_slices"]


def spread_positions(dataset: Any, number: int) -> list[int]:
    """Return positions that lie evenly from the first to the last item of a data set, nothing picked by hand.

    Args:
        dataset: data set with a length.
        number: how many at most; a smaller data set gives all of its items.

    Example:
        >>> spread_positions(range(10), 4)
        [0, 3, 6, 9]
    """
    check_positive_int("number", number)
    return np.linspace(0, len(dataset) - 1, min(number, len(dataset))).round().astype(int).tolist()


def spread_slices(dataset: Any, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the slices at :func:`spread_positions`.

    Args:
        dataset: map-style data set of ``image`` (C, H, W) in [0, 1] and ``label`` (M, H, W) in {0, 1}.
        number: how many at most.

    Returns:
        images (N, C, H, W) and masks (N, M, H, W), float32.

    Raises:
        ValueError: when the data set changes its slices at random.
    """
    if getattr(dataset, "transform", None) is not None:
        raise ValueError(
            f"real must give slices as they are, got a data set with the transform {type(dataset.transform).__name__}; "
            "give one without"
        )
    items = [dataset[position] for position in spread_positions(dataset, number)]
    images, masks = (torch.stack([torch.as_tensor(item[key]) for item in items]) for key in (Keys.IMAGE, Keys.LABEL))
    return images.float(), masks.float()
