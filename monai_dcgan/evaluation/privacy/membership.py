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
"""Membership inference against released slices: can a stranger tell who was in the training?"""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.privacy.controls import planted_copies
from monai_dcgan.evaluation.privacy.distances import DescribedSlices, nearest
from monai_dcgan.evaluation.privacy.memorization import Slices, check_patients, common_spaces, described
from monai_dcgan.evaluation.privacy.published import auroc, true_positive_rate
from monai_dcgan.evaluation.slices import patient_halves
from monai_dcgan.metrics.bootstrap import FEW_PATIENTS, draw_patients, percentile_interval
from monai_dcgan.utils.checks import check_fraction, check_positive_int

__all__ = ["membership_control", "membership_inference"]

_FALSE_POSITIVES = 0.05


def membership_inference(
    synthetic: Slices,
    members: Slices,
    nonmembers: Slices,
    extractor: FeatureExtractor | None = None,
    seed: int = 0,
    num_samples: int = 200,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Attack a released set as one who holds slices of a person and asks whether that person was in the training.

    The full black-box attack of Chen et al. 2020, "GAN-Leaks" (section 4.2, eq. 3): the score of a slice is minus its
    distance to the nearest synthetic slice. A patient's score is that of its highest slice.

    Args:
        synthetic: the released slices.
        members: slices of the training, with patients.
        nonmembers: slices of other patients, made in the same way, with patients.
        extractor: gives the features; None for registered pixels only.
        seed: seed of every draw.
        num_samples: bootstrap draws, of patients on both sides.
        batch_size: slices that pass through the extractor at a time.

    Returns:
        a dictionary that JSON can hold: under ``spaces`` for ``pixels`` and ``features`` the ``auc`` over slices with
        its 95% ``interval`` (None with one patient on a side), ``patient_auc``, and ``true_positive_rate`` where 5% of
        the non-members are called members; ``leaks``, whether an interval lies above 0.5, adjusted for the number of
        spaces; ``counts``, ``reliable`` and ``text``. 0.5 means the attacker guesses.

    Raises:
        ValueError: when shapes differ, or patients are not named or are on both sides.
    """
    check_positive_int("num_samples", num_samples)
    released, inside, outside = (
        described(slices, extractor, batch_size) for slices in (synthetic, members, nonmembers)
    )
    check_patients(inside, outside, ("members", "nonmembers"))
    spaces = common_spaces(released, inside, outside)
    level = 1 - 0.05 / len(spaces)
    found = {space: _attack(space, released, inside, outside, level, num_samples, seed) for space in spaces}
    people = [len(np.unique(slices.people("sets"))) for slices in (inside, outside)]
    leaks = any(own["interval"] is not None and own["interval"][0] > 0.5 for own in found.values())
    return {
        "leaks": leaks,
        "reliable": min(people) >= FEW_PATIENTS,
        "text": _text(found, leaks, people),
        "spaces": found,
        "counts": {
            "synthetic": len(released),
            "members": len(inside),
            "member_patients": people[0],
            "nonmembers": len(outside),
            "nonmember_patients": people[1],
        },
        "interval_level": level,
    }


def _attack(
    space: str,
    released: DescribedSlices,
    inside: DescribedSlices,
    outside: DescribedSlices,
    level: float,
    num_samples: int,
    seed: int,
) -> dict[str, Any]:
    scores = [-nearest(space, slices, released).distance for slices in (inside, outside)]
    patients = [slices.people("sets") for slices in (inside, outside)]
    interval = None
    if min(len(np.unique(names)) for names in patients) > 1:
        random = np.random.RandomState(seed)
        draws = zip(*(draw_patients(names, num_samples, random) for names in patients), strict=True)
        interval = percentile_interval([auroc(scores[0][own], scores[1][other]) for own, other in draws], level)
    highest = [
        [own[names == name].max() for name in np.unique(names)] for own, names in zip(scores, patients, strict=True)
    ]
    return {
        "auc": auroc(*scores),
        "interval": interval,
        "patient_auc": auroc(*highest),
        "true_positive_rate": true_positive_rate(scores[0], scores[1], _FALSE_POSITIVES),
    }


def _text(found: dict[str, dict[str, Any]], leaks: bool, people: list[int]) -> str:
    parts = []
    for space, own in found.items():
        interval = own["interval"]
        spread = "no interval with 1 patient" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
        parts.append(f"AUC {own['auc']:.2f} ({spread}) in {space}")
    numbers = f"{', '.join(parts)}, {people[0]} members and {people[1]} non-members; 0.5 is guessing"
    if leaks:
        return f"an attacker can tell members of the training from others: {numbers}; do not share this set"
    doubt = "" if min(people) >= FEW_PATIENTS else ", but this rests on few patients"
    return f"no sign that members of the training can be told from others{doubt}: {numbers}"


def membership_control(
    training: Slices,
    heldout: Slices,
    extractor: FeatureExtractor | None = None,
    seed: int = 0,
    leak: float = 0.5,
    num_samples: int = 200,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Attack a set that leaks and one that does not, to see whether the attack can tell.

    One half of the held-out patients stands in for the slices of a generator that copies nothing, the other for the
    non-members. The set that leaks holds noisy copies of a share of the training slices besides.

    Args:
        training: see :func:`membership_inference`.
        heldout: the non-members there; of at least 2 patients.
        extractor: see there.
        seed: seed of every draw.
        leak: share of the training slices that the leaking set holds noisy copies of, from 0 to 1.
        num_samples: see there.
        batch_size: see there.

    Returns:
        ``independent`` and ``leaking``, each what :func:`membership_inference` returned.

    Raises:
        ValueError: see there; also when ``heldout`` has fewer than 2 patients or no slice would leak.
    """
    check_fraction("leak", leak)
    train, real = (described(slices, extractor, batch_size) for slices in (training, heldout))
    if round(leak * len(train)) < 1:
        raise ValueError(f"leak must be a share of at least one of {len(train)} training slices, got {leak!r}")
    people = real.people("heldout")
    if len(np.unique(people)) < 2:
        raise ValueError("heldout must name at least 2 patients to be halved, got 1; name patients, or add some")
    released, outside = (real.take(half) for half in patient_halves(people.tolist(), seed))
    copies = planted_copies(train.images, ("noisy",), seed, round(leak * len(train))).images
    leaking = DescribedSlices(np.concatenate([released.images, copies]), None, train.extractor, batch_size=batch_size)
    options: dict[str, Any] = {"seed": seed, "num_samples": num_samples}
    return {
        "independent": membership_inference(released, train, outside, **options),
        "leaking": membership_inference(leaking, train, outside, **options),
    }
