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

from monai_dcgan.metrics.bootstrap import PatientInterval, bootstrap_patients
from monai_dcgan.metrics.frechet import FrechetInfinity, frechet_distance, frechet_infinity
from monai_dcgan.metrics.kid import KernelDistance, KernelInterval, kernel_distance, kernel_interval
from monai_dcgan.metrics.mask_rules import MaskRules
from monai_dcgan.metrics.masks import MASK_PROPERTIES, MaskStatistics, mask_distance, mask_statistics, mask_summary
from monai_dcgan.metrics.pairings import PAIRINGS, ssim_pairings
from monai_dcgan.metrics.prdc import PRDC, expected_coverage, prdc
from monai_dcgan.metrics.spectra import intensity_distance, intensity_histogram, radial_spectrum, spectrum_distance
from monai_dcgan.metrics.ssim import (
    best_match,
    best_match_ssim,
    max_levels,
    pairwise_ssim,
    random_pair_ssim,
)
from monai_dcgan.metrics.streaming import (
    FrechetDistance,
    IntensityDistance,
    KernelDistanceMetric,
    MaskDistance,
    NearestSSIM,
    PrecisionRecall,
    RandomPairSSIM,
    SharedFeatures,
    SpectrumDistance,
)
from monai_dcgan.metrics.sufficiency import SUFFICIENCY, sufficiency

__all__ = [
    "MASK_PROPERTIES",
    "PAIRINGS",
    "PRDC",
    "SUFFICIENCY",
    "FrechetDistance",
    "FrechetInfinity",
    "IntensityDistance",
    "KernelDistance",
    "KernelDistanceMetric",
    "KernelInterval",
    "MaskDistance",
    "MaskRules",
    "MaskStatistics",
    "NearestSSIM",
    "PatientInterval",
    "PrecisionRecall",
    "RandomPairSSIM",
    "SharedFeatures",
    "SpectrumDistance",
    "best_match",
    "best_match_ssim",
    "bootstrap_patients",
    "expected_coverage",
    "frechet_distance",
    "frechet_infinity",
    "intensity_distance",
    "intensity_histogram",
    "kernel_distance",
    "kernel_interval",
    "mask_distance",
    "mask_statistics",
    "mask_summary",
    "max_levels",
    "pairwise_ssim",
    "prdc",
    "radial_spectrum",
    "random_pair_ssim",
    "spectrum_distance",
    "ssim_pairings",
    "sufficiency",
]
