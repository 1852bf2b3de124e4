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
"""Feature extractors for distances between sets of slices, each with the facts that a distance must carry."""

from __future__ import annotations

from monai_dcgan.evaluation.features.base import FeatureExtractor, batches, extract
from monai_dcgan.evaluation.features.cache import cached_features
from monai_dcgan.evaluation.features.preprocessing import Preprocessing, resize
from monai_dcgan.evaluation.features.pretrained import InceptionExtractor, PretrainedExtractor
from monai_dcgan.evaluation.features.radiomics import RADIOMIC_NAMES, RadiomicsExtractor, radiomic_features
from monai_dcgan.evaluation.features.random_conv import RandomConvExtractor
from monai_dcgan.evaluation.features.registry import PUBLISHED, Published, build_extractor, extractor_names
from monai_dcgan.evaluation.features.script import TorchScriptExtractor

__all__ = [
    "PUBLISHED",
    "RADIOMIC_NAMES",
    "FeatureExtractor",
    "InceptionExtractor",
    "Preprocessing",
    "PretrainedExtractor",
    "Published",
    "RadiomicsExtractor",
    "RandomConvExtractor",
    "TorchScriptExtractor",
    "batches",
    "build_extractor",
    "cached_features",
    "extract",
    "extractor_names",
    "radiomic_features",
    "resize",
]
