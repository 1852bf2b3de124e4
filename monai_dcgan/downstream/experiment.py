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
"""Do synthetic slices help? Train networks with and without them and measure all on the same held-out patients."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from monai_dcgan.data import SliceDataset, SliceStore
from monai_dcgan.downstream.arms import Arm, Ingredient
from monai_dcgan.downstream.batches import MixedBatches, Mixing, slices_of
from monai_dcgan.downstream.checks import OnLeak, check_arms, check_leaks, check_parts, check_shown, not_measured
from monai_dcgan.downstream.contents import Contents, identity
from monai_dcgan.downstream.generators import GeneratorTraining
from monai_dcgan.downstream.material import Material
from monai_dcgan.downstream.memory import PeakMemory
from monai_dcgan.downstream.naming import digest
from monai_dcgan.downstream.plan import Cell, Group, Plan
from monai_dcgan.downstream.pool import Pool
from monai_dcgan.downstream.processes import completed, like_a_new_process, seeded
from monai_dcgan.downstream.report import Result, write_report
from monai_dcgan.downstream.results import costs_of, generator_costs, tables_of
from monai_dcgan.downstream.tasks import Segmentation, Task, predict
from monai_dcgan.downstream.training import Recipe, train_network
from monai_dcgan.utils.checks import check_choice, check_positive_int
from monai_dcgan.utils.enums import Keys, Split
from monai_dcgan.utils.files import absolute, read_json, write_json, write_tensors
from monai_dcgan.utils.weights import load_weights

__all__ = ["Experiment"]

logger = logging.getLogger(__name__)


class Experiment:
    """Train and measure every cell of a plan, each kept in files of its own.

    ``folder`` holds ``generators/<group>`` (runs of the training), ``networks/<cell>.pt`` (weights),
    ``networks/<cell>.json`` (how they came about: course on the validation patients, time, memory) and
    ``measured/<cell>.json`` (numbers on held-out patients). Names end in a hash of all that decides about the
    content: what is there is not made again, and experiments with other settings can share a folder. A generator's
    training that was stopped goes on.

    Choose on the validation patients: run experiments with other settings by ``evaluate_split="validation"`` and
    compare their reports; look at the test patients with the settings that are kept.

    Args:
        store: slices of all patients; its classes are those of the generators and of the classification.
        plan: cells.
        tasks: what networks learn.
        generator: how generators are trained.
        pool: synthetic slices of a generator.
        mixing: share of synthetic slices in a batch.
        recipe: how networks are trained.
        folder: folder of the experiment.
        classical: what makes the classical augmentation: of each transform of ``image`` and ``label`` a
            ``functools.partial``, so that every network has new ones and they can be told from others.
        evaluate_split: ``validation`` or ``test``: on whom finished networks are measured.
        processes: groups at once, each with its share of the threads that PyTorch has here.
        on_leak: one of :class:`OnLeak`: what becomes of an experiment when near-identical slices lie in different parts
            of the split.
        device: device of the networks.
        dask: address of a Dask scheduler whose workers do a group each, see
            :func:`~monai_dcgan.downstream.processes.completed`; None for none.

    Raises:
        ValueError: when an argument is out of its range, or a task of the plan is not there.
    """

    def __init__(
        self,
        store: SliceStore,
        plan: Plan,
        tasks: Sequence[Task],
        generator: GeneratorTraining,
        pool: Pool,
        mixing: Mixing,
        recipe: Recipe,
        folder: str | Path,
        classical: Sequence[Callable[[], Any]],
        evaluate_split: str = Split.TEST,
        processes: int = 1,
        on_leak: str = OnLeak.STOP,
        device: str | torch.device = "cpu",
        dask: str | None = None,
    ) -> None:
        check_choice("evaluate_split", evaluate_split, (Split.VALIDATION, Split.TEST))
        check_positive_int("processes", processes)
        check_choice("on_leak", on_leak, OnLeak)
        self.tasks = {task.name: task for task in tasks}
        for name in plan.tasks:
            check_choice("tasks", name, self.tasks)
        self.store = store
        self.store_path = absolute(store.path)
        self.plan = plan
        self.generator = generator
        self.pool = pool
        self.mixing = mixing
        self.recipe = recipe
        self.folder = Path(folder)
        self.classical = classical
        self.evaluate_split = str(evaluate_split)
        self.processes = processes
        self.on_leak = str(on_leak)
        self.device = torch.device(device)
        self.dask = dask
        self.contents = Contents(
            store.digest, plan, self.tasks, generator, pool, mixing, recipe, classical, self.evaluate_split
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the slices out and name places so that processes find them that were started elsewhere."""
        return {name: own for name, own in self.__dict__.items() if name != "store"} | {"folder": self.folder.resolve()}

    @cached_property
    def store(self) -> SliceStore:
        """Slices of all patients, in another process opened anew."""
        store = SliceStore(self.store_path)
        if store.digest != self.contents.data:
            raise ValueError(f"{self.store_path} must hold the same slices on every machine, got others; prepare anew")
        return store

    def check(self) -> None:
        """Refuse an experiment that could not give an honest answer, before anything is trained.

        Raises:
            ValueError: see :mod:`~monai_dcgan.downstream.checks`.
        """
        for name in self.plan.tasks:
            self._new_network(self.tasks[name], seed=0)
        if self.pool.needs_segmenter and Segmentation.name not in self.tasks:
            raise ValueError(f"tasks must hold {Segmentation.name} for agreement and relabel, got {list(self.tasks)}")
        check_arms(self.plan, self.pool.healthy, self.store.class_names)
        check_parts(self.store, self.plan, self.evaluate_split)
        check_leaks(self.store, self.plan, self.on_leak)

    def outlook(self) -> dict[str, Any]:
        """Return what there is to do: patients of each part, and how many generators and networks are still missing."""
        cells = list(self.plan.cells())
        missing = [cell for cell in cells if not self.is_measured(cell)]
        generators = {self.generator_folder(cell.group) for cell in missing if cell.arm.generated}
        return {
            "patients of each part": {
                str(part): len(self.plan.patients_of(part)) for part in (Split.TRAIN, Split.VALIDATION, Split.TEST)
            },
            "networks to train": f"{len(missing)} of {len(cells)}",
            "generators to train": sum(not self.generator.is_trained(folder) for folder in generators),
        }

    def run(self) -> None:
        """Make what is not there yet: generators, networks, and their numbers on the held-out patients.

        Raises:
            GroupFailed: when a group cannot be completed by another process.
            OSError: when the Dask scheduler does not answer, or the cluster loses the work.
        """
        groups = [group for group in self.plan.groups() if not all(map(self.is_measured, self.plan.cells([group])))]
        for group in completed(self.run_group, groups, self.processes, self.dask, self.folder):
            logger.info("%s is complete", group.name)

    def report(self) -> Path:
        """Compare the arms by what is measured so far, and write ``report.md`` with numbers and pictures.

        It lies in a folder of its own for every plan, part and settings.

        Returns:
            the path of the report.

        Raises:
            ValueError: when the arm to compare with is not measured.
        """
        cells = [cell for cell in self.plan.cells() if self.is_measured(cell)]
        measured = [read_json(self.measured_file(cell)) for cell in cells]
        tables = tables_of(measured, self.plan.tasks, self.plan.baseline, self.store)
        if not tables:
            raise ValueError(f"{self.plan.baseline} must be measured to compare others with it; run the experiment")
        runs = filter(Path.is_file, (self.generator_folder(group) / "run.json" for group in self.plan.groups()))
        records = filter(Path.is_file, (self._file("networks", cell, "json") for cell in cells))
        costs = costs_of(map(read_json, records)) | generator_costs(map(read_json, runs))
        made_of = digest({"cells": sorted(self.measured_file(cell).name for cell in self.plan.cells())})
        folder = self.folder / "reports" / f"{self.evaluate_split}-{made_of}"
        return write_report(Result(tables, self._conditions(len(cells)), costs), folder)

    def _conditions(self, measured: int) -> dict[str, Any]:
        parts = self.outlook()["patients of each part"]
        return {
            "measured on": f"{parts[self.evaluate_split]} {self.evaluate_split} patients",
            "patients": ", ".join(f"{number} {part}" for part, number in parts.items()),
            "cells": f"{measured} of {len(list(self.plan.cells()))}",
            "seeds": self.plan.seeds,
            "slices": f"{len(self.store)} of {self.store.image_shape[-1]} x {self.store.image_shape[-1]} pixels",
            **not_measured(self.store, self.plan.tasks),
            **self.contents.conditions,
        }

    def run_group(self, group: Group, threads: int | None = None) -> Group:
        """Train the generator of a group and its networks where that is still to do, and measure them."""
        like_a_new_process(torch.get_num_threads() if threads is None else threads)
        material = self._material(group)
        for cell in self.plan.cells([group]):
            if not self.is_measured(cell):
                task, network = self.tasks[cell.task], self.network(cell, material)
                heldout = SliceDataset(self.store, splits=material.splits, part=self.evaluate_split)
                numbers = {"cell": identity(cell), "part": self.evaluate_split}
                write_json(self.measured_file(cell), {**numbers, **task.measure(network, heldout, self.device)})
        return group

    def network(self, cell: Cell, material: Material) -> torch.nn.Module:
        """Return the network of a cell, trained first on ``material`` of its group where that is still to do."""
        weights = self._file("networks", cell, "pt")
        network = self._new_network(self.tasks[cell.task], cell.group.seed)
        if not (weights.is_file() and weights.with_suffix(".json").is_file()):
            self._train(cell, network, material)
        return load_weights(network, weights).to(self.device)

    def is_measured(self, cell: Cell) -> bool:
        """Return whether the numbers of a cell are there."""
        return self.measured_file(cell).is_file()

    def measured_file(self, cell: Cell) -> Path:
        """Return the file with the numbers of a cell on the held-out patients."""
        return self._file("measured", cell, "json")

    def _material(self, group: Group) -> Material:
        splits = self.plan.splits_of(group)

        def segment(images: np.ndarray) -> np.ndarray:
            network = self.network(Cell(Segmentation.name, Arm(self.plan.baseline), group), material)
            return (predict(network, images, self.device) > 0).numpy().astype(np.uint8)

        # Called when synthetic slices are made, when this name stands for what is returned here.
        material = Material(
            self.store, group, splits, self.generator, self.generator_folder(group), self.pool, segment, self.device
        )
        return material

    def _train(self, cell: Cell, network: torch.nn.Module, material: Material) -> None:
        task, recipe, seed = self.tasks[cell.task], self.recipe, cell.group.seed
        real, made = material.of(cell.arm)
        transform = Compose([make() for make in self.classical]) if cell.arm.classical else None
        batches = MixedBatches(real, made, self.mixing, recipe.batch_size, recipe.steps, transform, seed)
        check_shown(cell, batches.classes, self.store.class_names)
        if batches.real_alone and Ingredient.SYNTHETIC in cell.arm.made:
            logger.warning("%s: the generator makes no slices of the classes %s", cell.name, batches.real_alone)
        chosen_on = SliceDataset(self.store, splits=material.splits, part=Split.VALIDATION)
        patients = [record[Keys.PATIENT] for record in chosen_on.data]
        validate = partial(task.score, slices=slices_of(chosen_on), patients=patients, device=self.device)
        like_a_new_process(torch.get_num_threads())
        started = time.monotonic()
        with PeakMemory(self.device) as memory, seeded(seed):
            trained = train_network(network, batches, task.loss, task.target, recipe, validate, self.device)
        record = {
            "cell": identity(cell),
            "real_slices": 0 if real is None else len(real),
            "made_slices": 0 if made is None else len(made),
            "classes_shown_real_alone": batches.real_alone,
            "seconds": round(time.monotonic() - started, 2),
            "peak_mebibytes": memory.mebibytes,
            "threads": torch.get_num_threads(),
            "pool": material.pool_record if cell.arm.generated else None,
            "step": trained.step,
            "validation_score": trained.score,
            "course": trained.course,
            "made_of": self.contents.of_network(cell),
        }
        write_tensors(self._file("networks", cell, "pt"), trained.network.state_dict())
        write_json(self._file("networks", cell, "json"), record)
        logger.info("%s: %.3f on the validation patients after %d steps", cell.name, trained.score, trained.step)

    def generator_folder(self, group: Group) -> Path:
        """Return the folder of the run that trains the generator of a group."""
        return self.folder / "generators" / f"{group.name}-{digest(self.contents.of_generator(group))}"

    def _new_network(self, task: Task, seed: int) -> torch.nn.Module:
        """Return a new network; those of one seed begin with the same weights in every arm."""
        with seeded(seed):
            return task.build(self.store.image_channels, self.store.mask_channels, len(self.store.class_names))

    def _file(self, folder: str, cell: Cell, suffix: str) -> Path:
        made_of = self.contents.of_numbers(cell) if folder == "measured" else self.contents.of_network(cell)
        return self.folder / folder / f"{cell.name}-{digest(made_of)}.{suffix}"
