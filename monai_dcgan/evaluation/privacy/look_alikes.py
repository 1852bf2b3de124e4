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
"""Held-out slices that look like training slices: likely one person under two names, from whom nothing is learned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monai_dcgan.evaluation.privacy.distances import PIXELS, DescribedSlices, nearest

__all__ = ["SAME_PERSON", "LookAlikes", "look_alikes", "strangers"]

# Similarity from which two patients of one study are likely one person; see monai_dcgan.data.duplicates.
SAME_PERSON = 0.93
# Where more slices are alike, this is how slices of the set look, and no sign of a person.
_MOST_ALIKE = 0.05
# Where more slices would go with their patients, what is called a patient is rather a group of them.
_MOST_LEFT_OUT = 0.5


class LookAlikes(NamedTuple):
    """Held-out slices that are near-identical to training slices.

    Attributes:
        slices: their positions, ascending.
        left_out: positions of the slices that must not calibrate, ascending: of every patient with such a slice all.
        note: what was found and done, or None where there are none.
    """

    slices: np.ndarray
    left_out: np.ndarray
    note: str | None


def look_alikes(distances: np.ndarray, patients: np.ndarray) -> LookAlikes:
    """Find the held-out slices that must not set thresholds for copies.

    A person who is on both sides makes a copy seem ordinary. The rule looks at real slices only, never at synthetic
    ones: a patient of whom a slice has a similarity of at least 0.93 with a training slice is left out. Where that
    would take more than half of the slices, as with groups for patients, these slices alone are; and where more than 5%
    of the slices are that alike, none is, as unrelated slices of such a set are alike.

    Args:
        distances: (N,) distance in pixels of each held-out slice to its nearest training slice.
        patients: (N,) patient of each.
    """
    alike = np.flatnonzero(distances <= 1 - SAME_PERSON)
    if not len(alike):
        return LookAlikes(alike, alike, None)
    found = (
        f"{len(alike)} held-out slices (first: {alike[0]}) are near-identical to training slices, similarity up to "
        f"{1 - distances.min():.3f}"
    )
    if len(alike) > _MOST_ALIKE * len(distances):
        note = (
            f"{found}; with so many nothing is left out: either unrelated slices of this set look that much alike, or "
            "the split lets people be on both sides, which hides copies; find near-duplicates"
        )
        return LookAlikes(alike, alike[:0], note)
    left_out = np.flatnonzero(np.isin(patients, patients[alike]))
    whose = "with the other slices of their patients"
    if len(left_out) > _MOST_LEFT_OUT * len(distances):
        left_out, whose = alike, "alone, as their patients are half of the slices"
    note = (
        f"{found}: some person may be on both sides, which hides copies, so they are left out {whose} ({len(left_out)} "
        "slices); find near-duplicates, and give one person one patient name"
    )
    return LookAlikes(alike, left_out, note)


def strangers(training: DescribedSlices, heldout: DescribedSlices) -> np.ndarray:
    """Return the positions of the held-out slices that :func:`look_alikes` does not leave out, ascending.

    Args:
        training: all slices of the training.
        heldout: slices of other patients, with their patients.
    """
    found = look_alikes(nearest(PIXELS, heldout, training).distance, heldout.people("heldout"))
    return np.setdiff1d(np.arange(len(heldout)), found.left_out)
