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

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock
from monai.bundle.utils import ID_SEP_KEY

from monai_dcgan.data import load_splits, save_splits
from monai_dcgan.utils.enums import Split
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import DCGANWorkflow, config_file

__all__ = ["GeneratorTraining", "check_origin"]

_SET_HERE = (
    "dataset_dir", "cache_dir", "seed", "split_file", "split_fractions", "split_seed", "stratify", "validation_folds",
    "test_folds",
)  # fmt: skip


@dataclass(frozen=True)
class GeneratorTraining:
    """Trains the generator of a group by the bundle's ``train.json``.

    Args:
        settings: settings of the training by id, as a run records them; data, split and seed are set here.
        overlay: JSON of what else was given on top of the bundle's configs, see ``DCGANWorkflow``; what ``train.json``
            does not know is of the experiment and passed over.
        machine: settings that do not decide about the generator, such as ``device``.
    """

    settings: Mapping[str, Any]
    overlay: str = "{}"
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def made_of(self) -> dict[str, Any]:
        """What decides about a generator, beside its patients and seed."""
        kept = {name: value for name, value in self.settings.items() if name not in _SET_HERE}
        given = {name: value for name, value in self._own_overlay().items() if name not in self.machine}
        return {"settings": kept, "overlay": given, "val_interval": self.machine.get("val_interval")}

    def is_trained(self, folder: Path) -> bool:
        """Return whether a complete run lies in ``folder``."""
        record = folder / "run.json"
        return record.is_file() and read_json(record)["status"] == "completed"

    def run(self, folder: Path, splits: Mapping[str, str], seed: int) -> Path:
        """Train on the training patients of ``splits``, or go on, or do nothing for a complete run.

        Where another process trains this generator, this one waits until it has ended.

        Args:
            folder: folder of the run.
            splits: patient -> part.
            seed: seed of the training.

        Returns:
            ``folder``.

        Raises:
            ValueError: when the generator that lies there knows patients that it must not know.
        """
        if not self.is_trained(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(f".{folder.name}.lock")):
                if not self.is_trained(folder):
                    self._train(folder, splits, seed)
        check_origin(folder, splits)
        return folder

    def _train(self, folder: Path, splits: Mapping[str, str], seed: int) -> None:
        split_file = folder.with_name(f"{folder.name}_split.json")
        save_splits(splits, split_file)
        override = {
            **self._own_overlay(),
            **self.settings,
            **self.machine,
            "split_file": str(split_file),
            "output_dir": str(folder),
            "seed": seed,
            "resume": (folder / "run.json").exists(),
        }
        workflow = DCGANWorkflow(config_file("train"), override, logging_file=False)
        workflow.initialize()
        workflow.run()
        workflow.finalize()

    def _own_overlay(self) -> dict[str, Any]:
        known = read_json(config_file("train"))
        given = {name.replace(ID_SEP_KEY, "#"): value for name, value in json.loads(self.overlay).items()}
        return {name: value for name, value in given.items() if name.split("#")[0] in known}


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
