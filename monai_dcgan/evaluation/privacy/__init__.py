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
"""Whether synthetic slices give training patients away, and whether they serve all groups of patients alike."""

from __future__ import annotations

from monai_dcgan.evaluation.privacy.controls import COPY_KINDS, PlantedCopies, control, planted_copies
from monai_dcgan.evaluation.privacy.distances import DescribedSlices, Nearest, nearest, nearest_features
from monai_dcgan.evaluation.privacy.look_alikes import LookAlikes, look_alikes, strangers
from monai_dcgan.evaluation.privacy.membership import membership_control, membership_inference
from monai_dcgan.evaluation.privacy.memorization import memorization
from monai_dcgan.evaluation.privacy.published import (
    DataCopying,
    auroc,
    authenticity,
    cells_of,
    data_copying,
    mann_whitney_z,
    true_positive_rate,
)
from monai_dcgan.evaluation.privacy.release import privacy_of
from monai_dcgan.evaluation.privacy.subgroups import age_groups, by_subgroup, subgroup_report, tumor_size_groups

__all__ = [
    "COPY_KINDS",
    "DataCopying",
    "DescribedSlices",
    "LookAlikes",
    "Nearest",
    "PlantedCopies",
    "age_groups",
    "auroc",
    "authenticity",
    "by_subgroup",
    "cells_of",
    "control",
    "data_copying",
    "look_alikes",
    "mann_whitney_z",
    "membership_control",
    "membership_inference",
    "memorization",
    "nearest",
    "nearest_features",
    "planted_copies",
    "privacy_of",
    "strangers",
    "subgroup_report",
    "true_positive_rate",
    "tumor_size_groups",
]
