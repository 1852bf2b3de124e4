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
"""The numbers that compare synthetic slices with real ones, family by family, and how each becomes an entry."""

from __future__ import annotations

from monai_dcgan.evaluation.quantities.entries import Comparison, Quantity, entry_of
from monai_dcgan.evaluation.quantities.features import feature_quantities
from monai_dcgan.evaluation.quantities.masks import mask_quantities
from monai_dcgan.evaluation.quantities.pictures import picture_quantities
from monai_dcgan.evaluation.quantities.similarity import Similarity, similarity_quantities, within_set_entries

__all__ = [
    "Comparison",
    "Quantity",
    "Similarity",
    "entry_of",
    "feature_quantities",
    "mask_quantities",
    "picture_quantities",
    "similarity_quantities",
    "within_set_entries",
]
