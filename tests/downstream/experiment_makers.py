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
"""Experiments of seconds on digital patients."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from monai_dcgan.downstream import Experiment
from monai_dcgan.workflow import DCGANWorkflow, config_file

__all__ = ["ARMS", "SETTINGS", "files_of", "make_experiment"]

ARMS = ["real", "real+classical+synthetic", "real+synthetic+shuffled", "real+implanted+copied", "classical+synthetic"]
SETTINGS = {
    "modalities": ["FLAIR"],
    "image_size": 32,
    "width": 4,
    "latent_size": 8,
    "max_epochs": 1,
    "images_per_epoch": 32,
    "batch_size": 8,
    "val_interval": 1,
    "split_fractions": [0.5, 0.25, 0.25],
    "arms": ARMS,
    "patients": [2, "all"],
    "seeds": [0],
    "steps": 6,
    "validations": 2,
    "network_batch_size": 4,
    "pool_size": 24,
    "plausible": False,
    "on_leak": "warn",
    "segmenter": {
        "_target_": "monai.networks.nets.UNet",
        "_mode_": "callable",
        "spatial_dims": 2,
        "channels": [4, 8],
        "strides": [2],
    },
}


def make_experiment(data: Path, folder: Path, **changes: Any) -> Experiment:
    """Return an experiment of seconds; ``changes`` are settings by id."""
    override = {"dataset_dir": str(data), "output_dir": str(folder), "cache_dir": str(folder.parent / "cache")}
    files = [config_file("train"), config_file("downstream")]
    # MONAI writes nested ids into the settings that it is given.
    settings = copy.deepcopy({**override, **SETTINGS, **changes})
    workflow = DCGANWorkflow(files, settings, workflow_type="train", logging_file=False)
    return workflow.parser.get_parsed_content("experiment")


def files_of(folder: Path) -> dict[Path, int]:
    """Return the files of a folder and when each was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
