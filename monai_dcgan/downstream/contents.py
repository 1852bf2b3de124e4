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
"""All that decides about what an experiment keeps: files are named by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from monai_dcgan.downstream.arms import Arm
from monai_dcgan.downstream.batches import Mixing
from monai_dcgan.downstream.generators import GeneratorTraining
from monai_dcgan.downstream.naming import described
from monai_dcgan.downstream.plan import Cell, Group, Plan
from monai_dcgan.downstream.pool import Pool
from monai_dcgan.downstream.tasks import Segmentation, Task
from monai_dcgan.downstream.training import Recipe
from monai_dcgan.utils.enums import Split
from monai_dcgan.utils.run_folder import package_versions

__all__ = ["Contents", "identity"]


@dataclass(frozen=True)
class Contents:
    """What generators, networks and numbers of an experiment are made of, JSON-like.

    Where, how fast and on how many machines they are made is no part of it.

    Args:
        data: digest of the slices.
        plan: cells.
        tasks: name -> what networks learn.
        generator: how generators are trained.
        pool: synthetic slices of a generator.
        mixing: share of synthetic slices in a batch.
        recipe: how networks are trained.
        classical: what makes the classical augmentation.
        evaluate_split: on whom finished networks are measured.

    Attributes:
        versions: of the packages that decide about results.
    """

    data: str
    plan: Plan
    tasks: Mapping[str, Task]
    generator: GeneratorTraining
    pool: Pool
    mixing: Mixing
    recipe: Recipe
    classical: Sequence[Callable[[], Any]]
    evaluate_split: str
    versions: Mapping[str, str] = field(default_factory=package_versions)

    @property
    def conditions(self) -> dict[str, Any]:
        """What a report says about how its numbers came about."""
        return {
            "networks": asdict(self.recipe),
            "synthetic share": asdict(self.mixing),
            "synthetic slices": asdict(self.pool),
            "generator": {name: self.generator.settings.get(name) for name in ("images_per_epoch", "max_epochs")},
            "versions": self.versions,
        }

    def of_generator(self, group: Group) -> dict[str, Any]:
        """Return what decides about the generator of a group."""
        patients = self.plan.training_patients(group)
        made_of = {"seed": group.seed, "training_patients": patients, "versions": self.versions}
        if self.generator.settings.get("keep") == "best":
            made_of["validation_patients"] = self.plan.patients_of(Split.VALIDATION)
        return {**made_of, **self.generator.made_of}

    def of_network(self, cell: Cell) -> dict[str, Any]:
        """Return what decides about the network of a cell."""
        made_of = {
            **identity(cell),
            "store": self.data,
            "training_patients": self.plan.training_patients(cell.group),
            "validation_patients": self.plan.patients_of(Split.VALIDATION),
            "recipe": asdict(self.recipe),
            "network": described(self.tasks[cell.task].network),
            "versions": self.versions,
        }
        if cell.arm.classical:
            made_of |= {"classical": described(self.classical)}
        if cell.arm.generated:
            made_of |= {"generator": self.of_generator(cell.group), "pool": asdict(self.pool)}
            if self.pool.needs_segmenter:
                segmenter = Cell(Segmentation.name, Arm(self.plan.baseline), cell.group)
                made_of |= {"segmenter": self.of_network(segmenter)}
        if cell.arm.made:
            made_of |= {"number": self.pool.number, **({"mixing": asdict(self.mixing)} if cell.arm.real else {})}
        return made_of

    def of_numbers(self, cell: Cell) -> dict[str, Any]:
        """Return what decides about the numbers of a cell on the held-out patients."""
        heldout = self.plan.patients_of(self.evaluate_split)
        how = {"part": self.evaluate_split, "patients": heldout, **self.tasks[cell.task].conditions}
        return self.of_network(cell) | {"measured": how}


def identity(cell: Cell) -> dict[str, Any]:
    """Return which cell of a plan this is, JSON-like."""
    return {"task": cell.task, "arm": cell.arm.name, "patients": cell.group.patients, "seed": cell.group.seed}
