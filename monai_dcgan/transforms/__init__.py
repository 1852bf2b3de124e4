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
from monai_dcgan.transforms.batch import BatchAugmentation
from monai_dcgan.transforms.copying import copy_tumors
from monai_dcgan.transforms.cut import CutSlicesd
from monai_dcgan.transforms.differentiable import DifferentiableAugmentation
from monai_dcgan.transforms.head import Head, HeadMask, HeadMaskd, find_head
from monai_dcgan.transforms.intensity import ScaleIntensityInHead, ScaleIntensityInHeadd
from monai_dcgan.transforms.labels import MergeLabels, MergeLabelsd, check_tumor_labels, tumor_of
from monai_dcgan.transforms.meta import tracking_meta
from monai_dcgan.transforms.pairs import split_pair, to_pair
from monai_dcgan.transforms.policy import SlicePolicy
from monai_dcgan.transforms.slices import Frame, fit_frame, plane_spacing, slices_of_volume, volume_of_slices
from monai_dcgan.transforms.softening import InstanceNoise, MaskBlur
from monai_dcgan.transforms.substitute import RandSyntheticSliced
from monai_dcgan.transforms.tumors import RandCopyTumord

__all__ = [
    "BatchAugmentation",
    "CutSlicesd",
    "DifferentiableAugmentation",
    "Frame",
    "Head",
    "HeadMask",
    "HeadMaskd",
    "InstanceNoise",
    "MaskBlur",
    "MergeLabels",
    "MergeLabelsd",
    "RandCopyTumord",
    "RandSyntheticSliced",
    "ScaleIntensityInHead",
    "ScaleIntensityInHeadd",
    "SliceAugmentation",
    "SlicePolicy",
    "check_tumor_labels",
    "copy_tumors",
    "find_head",
    "fit_frame",
    "plane_spacing",
    "slice_augmentation",
    "slices_of_volume",
    "split_pair",
    "to_pair",
    "tracking_meta",
    "tumor_of",
    "volume_of_slices",
]
