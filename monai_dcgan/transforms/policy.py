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
"""Which slices of a volume to take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monai_dcgan.utils.checks import check_choice, check_fraction, check_positive_int
from monai_dcgan.utils.enums import SliceChoice, TumorPolicy

__all__ = ["SlicePolicy"]

BINS_WITH_TUMOR = 3


@dataclass(frozen=True)
class SlicePolicy:
    """Rules for slices; shares are of the pixels of a slice at the scan's own resolution, cropped to the head or not.

    Args:
        tumor: ``any`` slice, only slices ``with`` or only slices ``without`` tumor.
        min_foreground: least share of a slice that is head, from 0 to 1.
        min_tumor_area: least share of a slice that is tumor, from 0 to 1, for ``tumor="with"``.
        slice_step: take only slices whose index is a multiple of this.
        slice_choice: how to choose when there may be only so many: ``spread`` evenly over the volume, or
            ``tumor_area`` from slices without, with a small, a middle and a large tumor (thirds of the volume's slices
            with tumor) in turn.

    Raises:
        ValueError: when an argument is out of range.
    """

    tumor: str = TumorPolicy.ANY
    min_foreground: float = 0.1
    min_tumor_area: float = 0.001
    slice_step: int = 1
    slice_choice: str = SliceChoice.SPREAD

    def __post_init__(self) -> None:
        check_choice("tumor", self.tumor, TumorPolicy)
        check_fraction("min_foreground", self.min_foreground)
        check_fraction("min_tumor_area", self.min_tumor_area)
        check_positive_int("slice_step", self.slice_step)
        check_choice("slice_choice", self.slice_choice, SliceChoice)

    def choose(self, foreground: np.ndarray, tumor: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """Apply the rules to the slices of a volume.

        Args:
            foreground: (N,) share of head of each slice.
            tumor: (N,) share of tumor of each slice.

        Returns:
            indices to keep, ascending, and how many slices each rule removed.
        """
        enough = foreground >= self.min_foreground
        if str(self.tumor) == str(TumorPolicy.WITH):
            fits = (tumor > 0) & (tumor >= self.min_tumor_area)
            rule = f"tumor below min_tumor_area {self.min_tumor_area} (tumor=with)"
        elif str(self.tumor) == str(TumorPolicy.WITHOUT):
            fits, rule = tumor == 0, "tumor present (tumor=without)"
        else:
            fits, rule = np.ones_like(enough), "tumor=any"
        due = np.arange(len(tumor)) % self.slice_step == 0
        dropped = {
            f"head below min_foreground {self.min_foreground}": int((~enough).sum()),
            rule: int((enough & ~fits).sum()),
            f"between steps of {self.slice_step} slices": int((enough & fits & ~due).sum()),
        }
        return np.flatnonzero(enough & fits & due), {name: count for name, count in dropped.items() if count}

    def limit(self, keep: np.ndarray, tumor: np.ndarray, most: int | None) -> np.ndarray:
        """Choose at most ``most`` of the indices ``keep``; ``tumor`` is the share of tumor of each of these."""
        if most is None or len(keep) <= most:
            return keep
        if str(self.slice_choice) == str(SliceChoice.SPREAD):
            return keep[_spread(len(keep), most)]
        by_area = np.argsort(tumor, kind="stable")
        first_with = int((tumor == 0).sum())
        bins = [by_area[:first_with], *np.array_split(by_area[first_with:], BINS_WITH_TUMOR)]
        return np.sort(keep[np.concatenate([group[_spread(len(group), n)] for group, n in _shares(bins, most)])])


def _spread(count: int, most: int) -> np.ndarray:
    """Return ``most`` of ``count`` positions, evenly spread."""
    return np.floor((np.arange(most) + 0.5) * count / most).astype(np.int64) if most else np.empty(0, np.int64)


def _shares(bins: list[np.ndarray], most: int) -> list[tuple[np.ndarray, int]]:
    """Give the bins turns, the largest tumors first, until ``most`` are taken."""
    taken = [0] * len(bins)
    while sum(taken) < most:
        for number in reversed(range(len(bins))):
            if taken[number] < len(bins[number]) and sum(taken) < most:
                taken[number] += 1
    return list(zip(bins, taken))
