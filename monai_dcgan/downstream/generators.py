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
"""The generators of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_dcgan.data import load_splits, save_splits
from monai_dcgan.utils.enums import Split
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import DCGANWorkflow, config_file

__all__ = ["GeneratorTraining", "check_origin"]


@dataclass(frozen=True)
class GeneratorTraining:
    """Trains the generator of a group by the bundle's ``train.json``.

    Args:
        settings: settings of the training by id, as a run records them; data, split and seed are set here.
    """

    settings: Mapping[str, Any]

    def run(self, folder: Path, splits: Mapping[str, str], seed: int) -> Path:
        """Train on the training patients of ``splits``, or go on, or do nothing for a complete run.

        Args:
            folder: folder of the run.
            splits: patient -> part.
            seed: seed of the training.

        Returns:
            ``folder``.
        """
        record, split_file = folder / "run.json", folder.with_name(f"{folder.name}_split.json")
        if not (record.exists() and read_json(record)["status"] == "completed"):
            save_splits(splits, split_file)
            override = {
                **self.settings,
                "split_file": str(split_file),
                "output_dir": str(folder),
                "seed": seed,
                "resume": record.exists(),
            }
            workflow = DCGANWorkflow(config_file("train"), override, logging_file=False)
            workflow.initialize()
            workflow.run()
            workflow.finalize()
        check_origin(folder, splits)
        return folder


def check_origin(run: Path, splits: Mapping[str, str]) -> None:
    """Refuse a generator that was trained on anyone else than the training patients of ``splits``.

    Raises:
        ValueError: when it was; the text names the part of the first one.
    """
    for patient, part in load_splits(run / "split.json").items():
        if part == Split.TRAIN and str(splits.get(patient)) != str(Split.TRAIN):
            raise ValueError(
                f"the generator in {run} must be trained on training patients alone, got {patient!r} of the part "
                f"{splits.get(patient, 'none')!s}; delete the folder to train it anew"
            )
