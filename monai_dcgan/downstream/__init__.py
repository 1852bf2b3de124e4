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
"""What synthetic slices are worth: networks for segmentation and classification, with and without them."""

from __future__ import annotations

from monai_dcgan.downstream.arms import ARMS, Arm, Ingredient
from monai_dcgan.downstream.batches import MixedBatches, Mixing, MixSchedule, Slices
from monai_dcgan.downstream.experiment import Experiment
from monai_dcgan.downstream.generators import GeneratorTraining
from monai_dcgan.downstream.plan import Cell, Group, Plan
from monai_dcgan.downstream.pool import Pool
from monai_dcgan.downstream.tasks import Classification, Segmentation, Task
from monai_dcgan.downstream.training import Recipe, train_network

__all__ = [
    "ARMS",
    "Arm",
    "Cell",
    "Classification",
    "Experiment",
    "GeneratorTraining",
    "Group",
    "Ingredient",
    "MixSchedule",
    "MixedBatches",
    "Mixing",
    "Plan",
    "Pool",
    "Recipe",
    "Segmentation",
    "Slices",
    "Task",
    "train_network",
]
