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
"""MONAI transforms: from volumes to slices, image and mask as a pair, augmentation."""

from __future__ import annotations

from monai_dcgan.transforms.augment import SliceAugmentation, slice_augmentation
from monai_dcgan.transforms.head import HeadMask, HeadMaskd
from monai_dcgan.transforms.intensity import ScaleIntensityInHead, ScaleIntensityInHeadd, check_percentiles
from monai_dcgan.transforms.labels import MergeLabels, MergeLabelsd
from monai_dcgan.transforms.meta import tracking_meta
from monai_dcgan.transforms.pairs import split_pair, to_pair
from monai_dcgan.transforms.slices import SelectSlicesd, fit_slices, head_box, plane_spacing, slices_of_volume
from monai_dcgan.transforms.volumes import CheckCased, OrientCased, case_to_slices, load_case

__all__ = [
    "CheckCased",
    "HeadMask",
    "HeadMaskd",
    "MergeLabels",
    "MergeLabelsd",
    "OrientCased",
    "ScaleIntensityInHead",
    "ScaleIntensityInHeadd",
    "SelectSlicesd",
    "SliceAugmentation",
    "case_to_slices",
    "check_percentiles",
    "fit_slices",
    "head_box",
    "load_case",
    "plane_spacing",
    "slice_augmentation",
    "slices_of_volume",
    "split_pair",
    "to_pair",
    "tracking_meta",
]
