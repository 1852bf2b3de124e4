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
"""Sums over the shards of a store, for whoever looks at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monai_dcgan.data.datalists.attributes import ATTRIBUTES, check_attributes, count_attributes
from monai_dcgan.data.problems import Problem
from monai_dcgan.data.store.shards import IMAGE_DTYPE, MASK_DTYPE, Shard
from monai_dcgan.utils.enums import Keys

__all__ = ["PICTURE", "Tally"]

QUARTILES = (0, 25, 50, 75, 100)
# In place of a plane.
PICTURE = "picture"


class Tally:
    """Sums over the shards of a store."""

    def __init__(self) -> None:
        self.shards = self.slices = self.cases = self.with_tumor = self.raw_bytes = 0
        self.patients: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.axes: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.areas: list[float] = []
        self.windows: list[list[float]] = []
        self.empty: list[dict[str, Any]] = []
        self.attributes: list[Mapping[str, str | float]] = []
        self.problems: list[Problem] = []
        self.shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None] = (None, None)

    def add(self, shard: Shard) -> None:
        """Count a shard in."""
        self.shards += 1
        for case in shard.cases:
            self.cases += 1
            self.dropped.update(case["dropped"])
            if case["slices"] == 0:
                self.empty.append({"case": case[Keys.CASE], "dropped": dict(case["dropped"])})
            self._add_window(case["window"])
            self.attributes.append(check_attributes(case.get(ATTRIBUTES, {})))
        for record in shard.slices:
            self.slices += 1
            self.patients[record[Keys.PATIENT]] += 1
            self.classes[record[Keys.CLASS_NAME]] += 1
            self.axes[record["axis"] or PICTURE] += 1
            if record["mask_pixels"] > 0:
                self.with_tumor += 1
                self.areas.append(record["tumor_area"])
        self.problems += shard.problems
        if shard.image_shape is not None and shard.mask_shape is not None:
            self.shapes = (shard.image_shape, shard.mask_shape)
            sizes = ((shard.image_shape, IMAGE_DTYPE), (shard.mask_shape, MASK_DTYPE))
            self.raw_bytes += len(shard.slices) * sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in sizes)

    def _add_window(self, window: Sequence[Sequence[float]]) -> None:
        for number, (low, high) in enumerate(window):
            if number == len(self.windows):
                self.windows.append([low, low, high, high])
            least, most, lower, upper = self.windows[number]
            self.windows[number] = [min(least, low), max(most, low), min(lower, high), max(upper, high)]

    def as_dict(self) -> dict[str, Any]:
        """Return the sums, JSON-like; see ``inspect_store``."""
        per_patient = list(self.patients.values())
        return {
            "slices": self.slices,
            "cases": self.cases,
            "patients": len(self.patients),
            "image_shape": None if self.shapes[0] is None else list(self.shapes[0]),
            "mask_shape": None if self.shapes[1] is None else list(self.shapes[1]),
            "classes": {name: self.classes[name] for name in sorted(self.classes) if name},
            "attributes": count_attributes(self.attributes),
            "axes": {name: self.axes[name] for name in sorted(self.axes)},
            "slices_per_patient": _quantiles(per_patient, (0, 50, 100)),
            "slices_with_tumor": self.with_tumor,
            "tumor_area": _quantiles(self.areas, QUARTILES),
            "scaling": [{"low": window[:2], "high": window[2:]} for window in self.windows],
            "dropped": dict(self.dropped.most_common()),
            "cases_without_slices": self.empty,
        }


def _quantiles(values: Sequence[float], percentiles: Sequence[float]) -> list[float] | None:
    return [round(float(value), 2) for value in np.percentile(values, percentiles)] if len(values) else None
