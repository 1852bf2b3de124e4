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
"""The numbers that networks are compared by, and how each is said."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monai_dcgan.utils.checks import check_choice

__all__ = ["METRICS", "Metric", "metric_of"]


@dataclass(frozen=True)
class Metric:
    """How a number is said.

    Attributes:
        title: name for readers.
        higher_is_better: whether more is better.
        unit: unit of the number once it is multiplied by ``scale``.
        scale: factor from the value of a row to what is said, such as 100 for points.
        highest: greatest value of a row; the least is 0.
    """

    title: str
    higher_is_better: bool = True
    unit: str = "points"
    scale: float = 100.0
    highest: float = 1.0

    def number(self, value: float) -> str:
        """Return a value or a difference in the unit, without it: one decimal, more for what would read as 0."""
        text = f"{self.scale * value:.1f}"
        if float(text) == 0:
            text = f"{self.scale * value:.1g}" if abs(self.scale * value) >= 1e-6 else "0.0"
        return text

    def amount(self, value: float) -> str:
        """Return the size of a difference with its unit, without a sign."""
        return f"{self.number(abs(value))} {self.unit}"


METRICS = {
    "dice": Metric("Dice"),
    "surface_dice": Metric("surface Dice"),
    "lesion_recall": Metric("lesions found"),
    "hd95": Metric("HD95", higher_is_better=False, unit="mm", scale=1.0, highest=math.inf),
    "auc": Metric("AUC"),
    "accuracy": Metric("accuracy"),
    "balanced_accuracy": Metric("balanced accuracy"),
    "sensitivity_at_specificity": Metric("sensitivity at fixed specificity"),
}
"""Key of a metric -> how it is said; shares from 0 to 1 are said in points, times 100."""


def metric_of(key: str) -> Metric:
    """Return how the metric ``key`` is said.

    Raises:
        ValueError: when it is not in :data:`METRICS`.
    """
    check_choice("metric", key, METRICS)
    return METRICS[key]
