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

from monai_dcgan.handlers.adaptive import AdaptiveAugmentation
from monai_dcgan.handlers.best import BestGenerator
from monai_dcgan.handlers.checkpoints import GeneratorSaver, TrainingCheckpoint
from monai_dcgan.handlers.collapse import Collapse, CollapseGuard
from monai_dcgan.handlers.config import named
from monai_dcgan.handlers.convergence import LossConvergence
from monai_dcgan.handlers.ema import EMA, EMAHandler
from monai_dcgan.handlers.events import TrainingEvents
from monai_dcgan.handlers.progress import TrainingProgress
from monai_dcgan.handlers.resume import ResumeTraining, latest_checkpoint
from monai_dcgan.handlers.sample_grid import SampleGrid
from monai_dcgan.handlers.seeding import StepSeeder
from monai_dcgan.handlers.signals import StopOnSignal, TrainingStopped, leave_signals_to_the_training
from monai_dcgan.handlers.synthetic_set import SyntheticSetSaver
from monai_dcgan.handlers.tracking import MLflowTracking
from monai_dcgan.handlers.training_log import TrainingLog

__all__ = [
    "AdaptiveAugmentation",
    "BestGenerator",
    "Collapse",
    "CollapseGuard",
    "EMA",
    "EMAHandler",
    "StepSeeder",
    "GeneratorSaver",
    "LossConvergence",
    "MLflowTracking",
    "ResumeTraining",
    "SampleGrid",
    "StopOnSignal",
    "SyntheticSetSaver",
    "TrainingCheckpoint",
    "TrainingEvents",
    "TrainingLog",
    "TrainingProgress",
    "TrainingStopped",
    "latest_checkpoint",
    "leave_signals_to_the_training",
    "named",
]
