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
"""What would keep an experiment from an honest answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from monai.utils import StrEnum

from monai_dcgan.data import SliceDataset, SliceStore, warn_of_leaks
from monai_dcgan.data.work import WITH_TUMOR, WITHOUT_TUMOR
from monai_dcgan.downstream.arms import Ingredient
from monai_dcgan.downstream.plan import Cell, Plan
from monai_dcgan.downstream.tasks import Classification, Segmentation
from monai_dcgan.utils.enums import Split, TumorPolicy

__all__ = ["OnLeak", "check_arms", "check_leaks", "check_parts", "check_shown", "not_measured"]


class OnLeak(StrEnum):
    """What becomes of an experiment whose parts share slices."""

    STOP = "stop"
    WARN = "warn"


def check_leaks(store: SliceStore, plan: Plan, on_leak: str = OnLeak.STOP) -> None:
    """Raise ``ValueError``, or warn, when a slice of one part is nearly the same picture as one of another part.

    All slices are compared, however many there are: time grows with the square of their number.
    """
    leaks = warn_of_leaks(store, plan.splits, max_slices=len(store))
    if leaks and str(on_leak) == str(OnLeak.STOP):
        raise ValueError(
            f"train, validation and test must not share slices, got {len(leaks)} pairs of nearly identical ones, "
            f"such as slices {leaks[0].first} and {leaks[0].second} of {' and '.join(leaks[0].patients)}; see "
            "monai-dcgan inspect STORE --duplicates, mend the data, or set on_leak=warn"
        )


def check_parts(store: SliceStore, plan: Plan, evaluate_split: str) -> None:
    """Check that there is what networks learn from and are measured by.

    Raises:
        ValueError: when a part has no patient, the slices of a group, of the validation patients or of those who are
            measured lack a class or any tumor, those of a group have none without tumor that an arm needs, or volumes
            have gaps.
    """
    for part in (Split.TRAIN, Split.VALIDATION, evaluate_split):
        if not plan.patients_of(part):
            raise ValueError(f"the split must have {part!s} patients, got none; see split_fractions and {part!s}_folds")
    needs_healthy = any({Ingredient.IMPLANTED, Ingredient.COPIED} & set(arm.made) for arm in plan.arms)
    groups = {f"training patients of {group.name}": plan.training_patients(group) for group in plan.groups()}
    heldout = {f"{part!s} patients": plan.patients_of(part) for part in (Split.VALIDATION, evaluate_split)}
    for name, patients in {**groups, **heldout}.items():
        dataset = SliceDataset(store, patients=patients)
        missing = _missing(dataset.class_index, store.class_names)
        if Classification.name in plan.tasks and missing:
            raise ValueError(f"{name} must have slices of every class, got none of {', '.join(missing)}; take more")
        if Segmentation.name in plan.tasks and not any(record["mask_pixels"] for record in dataset.data):
            raise ValueError(f"{name} must have slices with a mask to segment, got none; take others, or more")
        if name in groups and needs_healthy and all(record["mask_pixels"] for record in dataset.data):
            raise ValueError(
                f"{name} must have slices without tumor for implanted and copied tumors, got none; set tumor=any, or "
                "leave these arms out"
            )
    gaps = {"slice_step": (1, None), "max_slices_per_patient": (None,)}
    for setting, whole in gaps.items():
        if Segmentation.name in plan.tasks and store.settings.get(setting) not in whole:
            raise ValueError(
                f"{setting} must be {whole[0]} to segment volumes, got {store.settings[setting]}: they would have gaps"
            )


def check_arms(plan: Plan, healthy: bool, class_names: Sequence[str]) -> None:
    """Raise ``ValueError`` when an arm cannot show every class that is to be told apart.

    Args:
        plan: cells.
        healthy: whether synthetic slices without tumor are shown.
        class_names: names of the classes.
    """
    tumor_or_none = set(class_names) == {WITH_TUMOR, WITHOUT_TUMOR}
    for arm in plan.arms if Classification.name in plan.tasks else ():
        if not arm.real and (arm.on_real_slices or (tumor_or_none and not healthy)):
            setting = "" if arm.on_real_slices else " with healthy=False"
            raise ValueError(
                f"an arm must show every class to be told apart, got {arm.name}{setting}; add real, or leave it out"
            )


def check_shown(cell: Cell, shown: np.ndarray, class_names: Sequence[str]) -> None:
    """Raise ``ValueError`` when a network that is to tell classes apart is not shown all of them.

    Args:
        cell: the network.
        shown: class indices of what it is trained on.
        class_names: names of the classes.
    """
    missing = _missing(shown, class_names)
    if cell.task == Classification.name and missing:
        raise ValueError(
            f"{cell.name} must be trained on slices of every class, got none of {', '.join(missing)}; train the "
            f"generator longer, take a larger pool, or leave the arm {cell.arm.name} out"
        )


def not_measured(store: SliceStore, tasks: Sequence[str]) -> dict[str, str]:
    """Return what the numbers of ``tasks`` leave open because the store has no such slices, for a report."""
    if Segmentation.name not in tasks or str(store.settings.get("tumor")) != str(TumorPolicy.WITH):
        return {}
    return {"not measured": "false positives in slices without tumor, which the data leave out (tumor=with)"}


def _missing(shown: np.ndarray, class_names: Sequence[str]) -> list[str]:
    """Return the names of the classes that are not among ``shown``."""
    return [name for number, name in enumerate(class_names) if number not in shown]
