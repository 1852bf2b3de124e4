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
"""Distances and similarities as Ignite metrics, for validation while a network trains.

Each gathers slices, or what it needs of them, over the batches of an epoch and over the processes, and then calls the
pure function of the same name: its value does not depend on the size of the batches. Results are single numbers, so
that handlers can log them and a checkpoint can be picked by them; NaN where a number is not defined, such as the
centroid of masks that are all empty.
"""

from __future__ import annotations

from monai_dcgan.metrics.streaming.features import (
    FrechetDistance,
    KernelDistanceMetric,
    PrecisionRecall,
    SharedFeatures,
)
from monai_dcgan.metrics.streaming.slices import (
    IntensityDistance,
    MaskDistance,
    NearestSSIM,
    RandomPairSSIM,
    SpectrumDistance,
)

__all__ = [
    "FrechetDistance",
    "IntensityDistance",
    "KernelDistanceMetric",
    "MaskDistance",
    "NearestSSIM",
    "PrecisionRecall",
    "RandomPairSSIM",
    "SharedFeatures",
    "SpectrumDistance",
]
