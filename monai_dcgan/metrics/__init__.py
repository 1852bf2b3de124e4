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
"""Numbers about sets of slices: pure functions of arrays."""

from __future__ import annotations

from monai_dcgan.metrics.frechet import frechet_distance
from monai_dcgan.metrics.kid import KernelDistance, kernel_distance
from monai_dcgan.metrics.masks import MASK_PROPERTIES, MaskStatistics, mask_distance, mask_statistics, mask_summary
from monai_dcgan.metrics.ssim import best_match, best_match_ssim, pairwise_ssim, random_pair_ssim
from monai_dcgan.metrics.streaming import FrechetDistance

__all__ = [
    "MASK_PROPERTIES",
    "FrechetDistance",
    "KernelDistance",
    "MaskStatistics",
    "best_match",
    "best_match_ssim",
    "frechet_distance",
    "kernel_distance",
    "mask_distance",
    "mask_statistics",
    "mask_summary",
    "pairwise_ssim",
    "random_pair_ssim",
]
