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
"""By what the slices of a store can be grouped: their class, and what is known of the patient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from monai_dcgan.data.datalists.attributes import ATTRIBUTES, NAMES
from monai_dcgan.data.store.table import SliceTable
from monai_dcgan.utils.enums import Keys

__all__ = ["slice_groups"]


def slice_groups(
    slices: SliceTable, cases: Mapping[str, Mapping[str, Any]], indices: Iterable[int]
) -> dict[str, list[str | float | None]]:
    """Return by what slices can be grouped.

    Args:
        slices: the table of the slices.
        cases: name of a case -> its record.
        indices: which slices.

    Returns:
        ``class``, ``sex``, ``age`` in years, ``scanner`` and ``site``, those that any of these slices has -> the value
        for each, None where the data set gives none.
    """
    columns = slices.columns
    chosen = list(indices)
    classes: list[str | float | None] = [columns[Keys.CLASS_NAME][index] or None for index in chosen]
    known = [cases.get(columns[Keys.CASE][index], {}).get(ATTRIBUTES, {}) for index in chosen]
    found = {"class": classes, **{name: [attributes.get(name) for attributes in known] for name in NAMES}}
    return {name: values for name, values in found.items() if any(value is not None for value in values)}
