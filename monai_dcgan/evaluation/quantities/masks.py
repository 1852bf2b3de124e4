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
"""Numbers from masks: sizes, places and parts of tumors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monai_dcgan.evaluation.quantities.entries import LOWER, NOT_NEGATIVE, Quantity, remembered
from monai_dcgan.metrics import MASK_PROPERTIES, MaskStatistics, mask_distance

__all__ = ["mask_quantities"]

_GROUP = "masks"
_TITLES = {"area": "area (share of slice)", "row": "row", "column": "column", "parts": "number of parts"}


def mask_quantities(statistics: Mapping[str, MaskStatistics]) -> list[Quantity]:
    """Return the distance of each property of each mask channel.

    Args:
        statistics: source -> what ``mask_statistics`` returned: ``synthetic``, ``real``, and ``reference``.
    """
    channels = statistics["real"].area.shape[1]
    return [
        quantity for channel in range(channels) for quantity in _of_channel(statistics, channel, named=channels > 1)
    ]


def _of_channel(statistics: Mapping[str, MaskStatistics], channel: int, named: bool) -> list[Quantity]:
    def compute(source: str, i: np.ndarray, j: np.ndarray) -> dict[str, float | None]:
        return mask_distance(statistics[source].take(i), statistics["real"].take(j), channel)

    distances = remembered(compute)
    mark, words = (f"_{channel}", f" {channel}") if named else ("", "")

    def quantity(name: str) -> Quantity:
        return Quantity(
            f"mask{mark}_{name}", f"Mask{words} {_TITLES[name]}, Wasserstein", _GROUP, LOWER,
            lambda source, i, j: distances(source, i, j)[name], "mask_distance", method="centered",
            bounds=NOT_NEGATIVE,
            conditions={"preprocessing": "none"},
        )  # fmt: skip

    return [quantity(name) for name in MASK_PROPERTIES]
