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
"""Whether slices are copies of training slices, by what unseen patients show to the same training slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from monai_dcgan.evaluation.privacy.distances import DescribedSlices, Nearest
from monai_dcgan.evaluation.privacy.look_alikes import LookAlikes
from monai_dcgan.metrics.bootstrap import FEW_PATIENTS, draw_patients, draw_slices, percentile_interval
from monai_dcgan.metrics.matching import FLIP_NAMES, FLIPS

__all__ = ["flagged", "judge", "suspicious_pairs", "thresholds"]

# Nearer than this share of the least distance of any held-out slice, a slice is a copy without statistics.
CERTAIN = 0.5


def thresholds(heldout: Mapping[str, np.ndarray], alpha: float) -> dict[str, float]:
    """Return for each space the distance below which at most its share of ``alpha`` of the held-out slices lie.

    Args:
        heldout: space -> (n,) distance of each held-out slice to its nearest training slice.
        alpha: share of held-out slices that may lie below a threshold, all spaces together.
    """
    share = alpha / len(heldout)
    return {space: float(np.sort(distances)[int(share * len(distances))]) for space, distances in heldout.items()}


def flagged(distances: Mapping[str, np.ndarray], limits: Mapping[str, float]) -> np.ndarray:
    """Return which slices (N,) lie below the threshold of any space."""
    return np.any([distances[space] < limit for space, limit in limits.items()], axis=0)


def judge(
    synthetic: Mapping[str, np.ndarray],
    heldout: Mapping[str, np.ndarray],
    patients: np.ndarray,
    alpha: float,
    num_samples: int,
    seed: int,
    alike: LookAlikes | None = None,
    made_patients: np.ndarray | None = None,
) -> dict[str, Any]:
    """Judge whether synthetic slices are copies.

    Args:
        synthetic: space -> (m,) distance of each synthetic slice to its nearest training slice.
        heldout: the same (n,) of held-out slices, without those of ``alike`` that are left out.
        patients: (n,) patient of each of them.
        alpha: share of held-out slices that may lie below the thresholds.
        num_samples: bootstrap draws of held-out patients and synthetic slices.
        seed: seed of the draws.
        alike: which held-out slices look like training slices.
        made_patients: (m,) patient of each slice where real ones stand in for synthetic ones; these are then drawn by
            patient. None draws slices one by one.

    Returns:
        ``copied``; ``share`` of suspicious slices with its 95% ``interval``; ``expected`` (alpha); ``unseen``, the
        ``share`` and ``interval`` of held-out slices by thresholds of the other patients, None with one patient;
        ``num_certain``; the positions ``suspicious`` and ``certain``; ``reliable``, ``remarks``, ``text``. ``copied``
        is True where the interval lies above alpha and above that of unseen patients, or a slice is certain.
    """
    limits = thresholds(heldout, alpha)
    suspicious = flagged(synthetic, limits)
    certain = flagged(synthetic, {space: CERTAIN * float(distances.min()) for space, distances in heldout.items()})
    people = len(np.unique(patients))
    random = np.random.RandomState(seed)
    shares = []
    draws = draw_patients(patients, num_samples, random)
    made_draws = (
        draw_slices(len(suspicious), num_samples, random)
        if made_patients is None
        else draw_patients(made_patients, num_samples, random)
    )
    for real, made in zip(draws, made_draws, strict=True):
        drawn = thresholds({space: distances[real] for space, distances in heldout.items()}, alpha)
        shares.append(float(flagged(synthetic, drawn)[made].mean()))
    interval = percentile_interval(shares)
    unseen = _unseen(heldout, patients, alpha, num_samples, random) if people > 1 else None
    # One patient drawn again and again is the same patient: the interval then knows nothing of other patients.
    enough = people >= FEW_PATIENTS and int(alpha / len(heldout) * len(patients)) >= 1
    # Near-identical slices that still calibrate may hide copies.
    doubtful = alike is not None and len(alike.slices) > 0 and len(alike.left_out) == 0
    notes = [alike.note] if alike is not None and alike.note is not None else []
    many = unseen is not None and interval[0] > max(alpha, unseen["interval"][1])
    copied = bool(many or certain.any())
    found = {
        "copied": copied,
        "share": float(suspicious.mean()),
        "interval": interval,
        "expected": alpha,
        "unseen": unseen,
        "num_certain": int(certain.sum()),
        "suspicious": np.flatnonzero(suspicious).tolist(),
        "certain": np.flatnonzero(certain).tolist(),
        "reliable": enough and not doubtful,
        "remarks": _remarks(len(heldout), patients, alpha) + notes,
    }
    doubt = "" if enough else ", but this rests on too little: add held-out patients"
    doubt = f"{doubt}, but people may be on both sides: find near-duplicates" if doubtful else doubt
    return found | {"text": _text(found, len(suspicious), people, doubt)}


def _unseen(
    heldout: Mapping[str, np.ndarray],
    patients: np.ndarray,
    alpha: float,
    num_samples: int,
    random: np.random.RandomState,
) -> dict[str, Any]:
    """Return which share is suspicious of patients who had no part in the thresholds, and an interval."""
    alarms = np.zeros(len(patients), dtype=bool)
    for name in np.unique(patients):
        own = patients == name
        limits = thresholds({space: distances[~own] for space, distances in heldout.items()}, alpha)
        alarms[own] = flagged({space: distances[own] for space, distances in heldout.items()}, limits)
    shares = [float(alarms[drawn].mean()) for drawn in draw_patients(patients, num_samples, random)]
    return {"share": float(alarms.mean()), "interval": percentile_interval(shares)}


def _text(found: Mapping[str, Any], count: int, people: int, doubt: str) -> str:
    low, high = found["interval"]
    unseen = ""
    if found["unseen"] is not None:
        share, (least, most) = found["unseen"]["share"], found["unseen"]["interval"]
        unseen = f", as {share:.1%} ({least:.1%} to {most:.1%}) of the slices of unseen patients do"
    numbers = (
        f"{len(found['suspicious'])} of {count} synthetic slices ({found['share']:.1%}, 95% interval {low:.1%} to "
        f"{high:.1%}) lie nearer to a training slice than {1 - found['expected']:.0%} of the slices of {people} "
        f"held-out {'patient' if people == 1 else 'patients'}{unseen}; {found['num_certain']} lie nearer than half the "
        "least distance of any"
    )
    if found["copied"]:
        return f"training slices are copied: {numbers}; look at the pairs, and do not share this set"
    return f"no sign of copying{doubt}: {numbers}"


def _remarks(num_spaces: int, patients: np.ndarray, alpha: float) -> list[str]:
    remarks = []
    people = len(np.unique(patients))
    if people == 1:
        remarks.append(
            "the held-out slices are of 1 patient or one group without names: only copies that are certain count, and "
            "the interval holds for no other patient"
        )
    elif people < FEW_PATIENTS:
        remarks.append(f"{people} held-out patients are few: the thresholds may be far off for others")
    if int(alpha / num_spaces * len(patients)) < 1:
        need = int(np.ceil(num_spaces / alpha))
        remarks.append(
            f"{len(patients)} held-out slices are too few for alpha={alpha:g}: the thresholds are the least distances "
            f"seen, take at least {need}"
        )
    return remarks


def suspicious_pairs(
    synthetic: Mapping[str, Nearest], heldout: Mapping[str, np.ndarray], training: DescribedSlices, num_pairs: int
) -> list[dict[str, Any]]:
    """List the synthetic slices that are the most out of the ordinary, worst first, each with its training slice.

    A distance is ranked by its quotient with the least distance of a held-out slice in the same space; the worst space
    of each slice counts.

    Returns:
        per slice ``synthetic`` and ``training`` (positions), ``patient``, ``space``, ``distance``, ``heldout_share``
        (share of held-out slices that are as near), ``flip`` and ``shift`` (down and right, in pixels; None in
        features).
    """
    names = list(synthetic)
    floor = {name: max(float(heldout[name].min()), np.finfo(np.float64).tiny) for name in names}
    ratios = np.stack([synthetic[name].distance / floor[name] for name in names])
    worst, spaces = ratios.min(axis=0), ratios.argmin(axis=0)
    pairs = []
    for position in np.argsort(worst, kind="stable")[:num_pairs]:
        name = names[spaces[position]]
        found = synthetic[name]
        reference = int(found.reference[position])
        if reference < 0:
            continue
        shift = found.shift[position]
        pairs.append(
            {
                "synthetic": int(position),
                "training": reference,
                "patient": None if training.patients is None else str(training.patients[reference]),
                "space": name,
                "distance": float(found.distance[position]),
                "heldout_share": float((heldout[name] <= found.distance[position]).mean()),
                "flip": FLIP_NAMES[FLIPS[int(found.flip[position])]],
                "shift": None if np.isnan(shift).any() else [float(value) for value in shift],
            }
        )
    return pairs
