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
"""Whether a synthetic set serves all groups of patients alike: numbers by subgroup."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_dcgan.evaluation.privacy import age_groups, subgroup_report, tumor_size_groups
from monai_dcgan.evaluation.quantities import Similarity
from monai_dcgan.evaluation.slices import LabeledSlices

__all__ = ["subgroups"]

AGE = "age"
CLASS, TUMOR_SIZE = "class", "tumor size"
NEAREST_SYNTHETIC = "SSIM with the nearest synthetic slice"
BEYOND_PATIENTS = f"{NEAREST_SYNTHETIC}, less that with the nearest slice of another patient"
NEAREST_REAL = "SSIM with the nearest held-out slice"


def subgroups(
    similarity: Similarity, synthetic: LabeledSlices, heldout: LabeledSlices, seed: int = 0, num_samples: int = 200
) -> dict[str, Any]:
    """Compare subgroups of patients by how well synthetic slices stand for them.

    Some patients have anatomy that is nearer to that of others, with or without a generator. So the similarity of each
    held-out slice to the nearest synthetic one is also given less that to the nearest real slice of another patient: a
    subgroup that the generator neglects lies lower than others in both.

    Args:
        similarity: SSIM of all pairs of both sets.
        synthetic: the synthetic slices that it compared.
        heldout: the held-out slices that it compared, with their ``classes`` and ``groups``.
        seed: seed of the draws.
        num_samples: bootstrap draws.

    Returns:
        ``heldout`` and ``synthetic``, each what :func:`~monai_dcgan.evaluation.privacy.subgroup_report` returned:
        grouping -> measure -> rows and gap. Slices are grouped by tumor size, by class where there are classes, and by
        every one of ``groups``; ages into "under 40", "40 to 59" and "60 and over".
    """
    to_real = similarity.to_real["synthetic"]
    quality = {NEAREST_SYNTHETIC: to_real.max(axis=0)}
    codes = np.unique(np.asarray(heldout.patients), return_inverse=True)[1]
    if codes.max() > 0:
        others = np.where(codes[:, None] == codes[None], -np.inf, similarity.within["real"]).max(axis=1)
        quality[BEYOND_PATIENTS] = quality[NEAREST_SYNTHETIC] - others
    return {
        "heldout": subgroup_report(heldout, _groupings(heldout), quality, seed, num_samples),
        "synthetic": subgroup_report(
            synthetic, _groupings(synthetic), {NEAREST_REAL: to_real.max(axis=1)}, seed, num_samples
        ),
    }


def _groupings(slices: LabeledSlices) -> dict[str, list[Any]]:
    """Return the groupings of slices: tumor size, and what is known of them."""
    groupings: dict[str, list[Any]] = {TUMOR_SIZE: tumor_size_groups(slices.masks)}
    if slices.classes is not None and len(set(slices.classes)) > 1:
        groupings[CLASS] = list(slices.classes)
    for name, values in slices.groups.items():
        groupings[name] = age_groups(values) if name == AGE else list(values)
    return groupings
