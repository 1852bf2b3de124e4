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
"""Which networks an experiment trains, on whom, and in which order."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monai_dcgan.downstream.arms import Arm
from monai_dcgan.utils.checks import check_count
from monai_dcgan.utils.enums import Split

__all__ = ["Cell", "Group", "Plan"]

logger = logging.getLogger(__name__)

MOST_SEED = 2**31


@dataclass(frozen=True)
class Group:
    """Networks that are trained on the same patients with the same seed, and share a generator.

    Attributes:
        patients: number of training patients.
        seed: seed of the choice of patients, of the generator and of the networks.
    """

    patients: int
    seed: int

    @property
    def name(self) -> str:
        """Name for files."""
        return f"patients{self.patients}_seed{self.seed}"


@dataclass(frozen=True)
class Cell:
    """One network of the experiment.

    Attributes:
        task: name of the task.
        arm: what it is trained on.
        group: on whom.
    """

    task: str
    arm: Arm
    group: Group

    @property
    def name(self) -> str:
        """Name for files."""
        return f"{self.task}_{self.arm.name}_{self.group.name}"


class Plan:
    """The cells of an experiment.

    With a seed, fewer patients are part of more: 5 are among the 10, so that a learning curve differs from point to
    point by patients that are added. Validation and test patients are the same everywhere.

    Args:
        splits: patient -> part.
        tasks: names of the tasks.
        arms: names of the arms, see :class:`Arm`.
        patients: numbers of training patients in the order in which they are wanted; ``"all"`` takes all.
        seeds: seeds in the order in which they are wanted.
        known: patients that have slices; others of the split are passed over. None for all.

    Attributes:
        baseline: the arm that others are compared with: real slices alone, with classical augmentation where the plan
            has such an arm.

    Raises:
        ValueError: when an argument is empty or doubled, there are not so many training patients, or no arm shows real
            slices alone.

    Example:
        >>> plan = Plan(splits, ["segmentation"], ["real", "real+synthetic"], patients=[10, 5, "all"], seeds=[0, 1, 2])
        >>> len(list(plan.cells()))
        18
    """

    def __init__(
        self,
        splits: Mapping[str, str],
        tasks: Iterable[str],
        arms: Sequence[str],
        patients: Iterable[int | str],
        seeds: Iterable[int],
        known: Collection[str] | None = None,
    ) -> None:
        named = {str(patient): str(part) for patient, part in splits.items()}
        self.splits = {patient: part for patient, part in named.items() if known is None or patient in known}
        if len(self.splits) < len(named):
            logger.warning("%d of %d patients of the split have no slice", len(named) - len(self.splits), len(named))
        self.training = self.patients_of(Split.TRAIN)
        self.tasks = _distinct("tasks", list(tasks))
        self.arms = [Arm(name) for name in _distinct("arms", list(arms))]
        comparable = [arm for arm in self.arms if arm.real and not arm.made]
        if not comparable:
            raise ValueError(f"arms must hold real or real+classical to compare others with, got {', '.join(arms)}")
        self.baseline = max(comparable, key=lambda arm: arm.classical).name
        self.numbers = _distinct("patients", [self._number(given) for given in patients])
        self.seeds = _distinct("seeds", list(seeds))
        for seed in self.seeds:
            check_count("seeds", seed)
            if seed > MOST_SEED:
                raise ValueError(f"seeds must be at most {MOST_SEED}, got {seed}")

    def groups(self) -> Iterator[Group]:
        """Yield the groups: all seeds of the number of patients that is wanted first, then of the next."""
        for number in self.numbers:
            for seed in self.seeds:
                yield Group(number, seed)

    def cells(self, groups: Iterable[Group] | None = None) -> Iterator[Cell]:
        """Yield the cells of ``groups``, or of all."""
        for group in self.groups() if groups is None else groups:
            for task in self.tasks:
                for arm in self.arms:
                    yield Cell(task, arm, group)

    def patients_of(self, part: str) -> list[str]:
        """Return the patients of a part, sorted."""
        return sorted(patient for patient, own in self.splits.items() if own == str(part))

    def training_patients(self, group: Group) -> list[str]:
        """Return the patients that the networks and the generator of ``group`` are trained on, sorted."""
        order = np.random.RandomState(group.seed).permutation(self.training)
        return sorted(str(patient) for patient in order[: group.patients])

    def splits_of(self, group: Group) -> dict[str, str]:
        """Return the split of ``group``: training patients that it does not use are ``left_out``."""
        chosen = set(self.training_patients(group))
        return {
            patient: str(Split.LEFT_OUT) if part == str(Split.TRAIN) and patient not in chosen else part
            for patient, part in self.splits.items()
        }

    def _number(self, given: int | str) -> int:
        if given == "all":
            return len(self.training)
        if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= len(self.training):
            raise ValueError(
                f"patients must be numbers from 1 to the {len(self.training)} training patients, or 'all', "
                f"got {given!r}"
            )
        return given


def _distinct(name: str, values: Sequence) -> list:
    if not values:
        raise ValueError(f"{name} must hold at least one, got none")
    doubled = sorted({str(value) for value in values if list(values).count(value) > 1})
    if doubled:
        raise ValueError(f"{name} must not hold one twice, got {', '.join(doubled)}")
    return list(values)
