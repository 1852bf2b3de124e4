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
"""What follows an engine: average of weights, seeds, log, progress, pictures, checkpoints."""

from __future__ import annotations

from monai_dcgan.handlers.checkpoints import GeneratorSaver, ResumeTraining, TrainingCheckpoint, latest_checkpoint
from monai_dcgan.handlers.ema import EMA, EMAHandler
from monai_dcgan.handlers.progress import TrainingProgress
from monai_dcgan.handlers.sample_grid import SampleGrid
from monai_dcgan.handlers.seeding import EpochSeeder
from monai_dcgan.handlers.synthetic_set import SyntheticSetSaver
from monai_dcgan.handlers.training_log import TrainingLog

__all__ = [
    "EMA",
    "EMAHandler",
    "EpochSeeder",
    "GeneratorSaver",
    "ResumeTraining",
    "SampleGrid",
    "SyntheticSetSaver",
    "TrainingCheckpoint",
    "TrainingLog",
    "TrainingProgress",
    "latest_checkpoint",
]
