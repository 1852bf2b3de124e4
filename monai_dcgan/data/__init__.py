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
"""From files to batches: datalists, splits by patient, the slice store and its data set, synthetic sets."""

from __future__ import annotations

from monai_dcgan.data.datalists import find_cases
from monai_dcgan.data.dataset import SliceDataset
from monai_dcgan.data.duplicates import DuplicatePair, describe_duplicates, find_near_duplicates, warn_of_leaks
from monai_dcgan.data.exports import stack_into_volumes, to_auto3dseg_datalist, to_nnunet_raw
from monai_dcgan.data.inspection import Survey, inspect_store, inspection_text, survey, survey_text
from monai_dcgan.data.making import generate_arrays
from monai_dcgan.data.placing import CaseVolume, case_volume
from monai_dcgan.data.prepare import default_cache_dir, prepare
from monai_dcgan.data.provenance import provenance
from monai_dcgan.data.resident import Resident, ResidentLoader, training_loader
from monai_dcgan.data.sampling import ProcessShare, StreamSampler
from monai_dcgan.data.set_shards import join_shards
from monai_dcgan.data.settings import Slicing, Source
from monai_dcgan.data.splits import k_folds, load_folds, load_splits, save_folds, save_splits, split_patients
from monai_dcgan.data.store import SliceStore, is_store
from monai_dcgan.data.synthetic import SyntheticDataset
from monai_dcgan.data.synthetic_set import SyntheticSet
from monai_dcgan.data.writer import SyntheticSetWriter

__all__ = [
    "CaseVolume",
    "DuplicatePair",
    "Resident",
    "ResidentLoader",
    "SliceDataset",
    "SliceStore",
    "Slicing",
    "Source",
    "ProcessShare",
    "StreamSampler",
    "Survey",
    "SyntheticDataset",
    "SyntheticSet",
    "SyntheticSetWriter",
    "case_volume",
    "default_cache_dir",
    "describe_duplicates",
    "find_cases",
    "find_near_duplicates",
    "generate_arrays",
    "inspect_store",
    "inspection_text",
    "is_store",
    "join_shards",
    "k_folds",
    "load_folds",
    "load_splits",
    "prepare",
    "provenance",
    "save_folds",
    "save_splits",
    "split_patients",
    "stack_into_volumes",
    "survey",
    "survey_text",
    "to_auto3dseg_datalist",
    "to_nnunet_raw",
    "training_loader",
    "warn_of_leaks",
]
