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
"""Copies that are planted on purpose: does the search find them, and is it silent on people it has not seen?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.privacy.distances import DescribedSlices
from monai_dcgan.evaluation.privacy.look_alikes import strangers
from monai_dcgan.evaluation.privacy.memorization import Slices, check_patients, described, search
from monai_dcgan.evaluation.slices import patient_halves
from monai_dcgan.utils.checks import check_choice, check_positive_int

__all__ = ["COPY_KINDS", "PlantedCopies", "control", "planted_copies"]

Images = np.ndarray
NOISE = 0.03
MAX_SHIFT = 0.06


def _exact(images: Images, random: np.random.RandomState) -> Images:
    return images.copy()


def _flipped(images: Images, random: np.random.RandomState) -> Images:
    return images[:, :, :, ::-1].copy()


def _shifted(images: Images, random: np.random.RandomState) -> Images:
    """Move each slice by 1 pixel to 6% of its side, either way down and right; what enters is the least value."""
    moved = np.empty_like(images)
    for position, image in enumerate(images):
        steps = []
        for side in image.shape[1:]:
            most = max(1, int(MAX_SHIFT * side))
            steps.append(int(random.randint(1, most + 1)) * int(random.choice([-1, 1])))
        padded = np.pad(image, ((0, 0), *((abs(step),) * 2 for step in steps)), constant_values=float(image.min()))
        starts = [abs(step) - step for step in steps]
        rows, columns = (slice(start, start + side) for start, side in zip(starts, image.shape[1:]))
        moved[position] = padded[:, rows, columns]
    return moved


def _noisy(images: Images, random: np.random.RandomState) -> Images:
    return np.clip(images + NOISE * random.randn(*images.shape), 0, 1).astype(np.float32)


def _scaled(images: Images, random: np.random.RandomState) -> Images:
    """Map intensities x of each slice to a x + b, a from 0.6 to 0.9 and b so that it stays in [0, 1]."""
    slope = random.uniform(0.6, 0.9, (len(images), 1, 1, 1))
    offset = random.uniform(0, 1, slope.shape) * (1 - slope)
    return (slope * images + offset).astype(np.float32)


_CHANGES: dict[str, Callable[[Images, np.random.RandomState], Images]] = {
    "exact": _exact,
    "flipped": _flipped,
    "shifted": _shifted,
    "noisy": _noisy,
    "scaled": _scaled,
}
COPY_KINDS = tuple(_CHANGES)


@dataclass(frozen=True)
class PlantedCopies:
    """Changed copies of slices.

    Attributes:
        images: (K, C, H, W) in [0, 1].
        sources: (K,) which slice each was copied from.
        kinds: the change of each.
    """

    images: np.ndarray
    sources: np.ndarray
    kinds: tuple[str, ...]


def planted_copies(
    training: Any, kinds: Sequence[str] = COPY_KINDS, seed: int = 0, per_kind: int = 100
) -> PlantedCopies:
    """Copy random training slices, each kind from its own draw.

    Args:
        training: (N, C, H, W) in [0, 1].
        kinds: of :data:`COPY_KINDS`: ``exact``; ``flipped`` left-right; ``shifted`` by 1 pixel to 6% of the side down
            or up and right or left; ``noisy``, with Gaussian noise of standard deviation 0.03; ``scaled``, intensities
            mapped to a x + b with a from 0.6 to 0.9.
        seed: seed of the draws.
        per_kind: slices of each kind, at most N, drawn without replacement.

    Raises:
        ValueError: when a kind is not known or none is given, or the images have other dimensions.
    """
    images = np.asarray(training, dtype=np.float32)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"training must be (N, C, H, W) with no empty side, got {images.shape}")
    check_positive_int("per_kind", per_kind)
    if not kinds:
        raise ValueError(f"kinds must name at least one of {', '.join(COPY_KINDS)}, got none")
    for kind in kinds:
        check_choice("kinds", kind, COPY_KINDS)
    random = np.random.RandomState(seed)
    count = min(per_kind, len(images))
    sources = [random.choice(len(images), count, replace=False) for _ in kinds]
    copies = [_CHANGES[kind](images[own], random) for kind, own in zip(kinds, sources)]
    names = tuple(kind for kind in kinds for _ in range(count))
    return PlantedCopies(np.concatenate(copies), np.concatenate(sources), names)


def control(
    training: Slices,
    heldout: Slices,
    extractor: FeatureExtractor | None = None,
    kinds: Sequence[str] = COPY_KINDS,
    seed: int = 0,
    per_kind: int = 100,
    alpha: float = 0.02,
    num_samples: int = 200,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Plant copies among slices of unseen patients and see what :func:`memorization` makes of them.

    Held-out patients who look like training patients are nobody unseen, so they have no part, see
    :func:`~monai_dcgan.evaluation.privacy.look_alikes.look_alikes`. One half of the others calibrates, the other half
    stands in for a generator that copies nothing; the copies are added to it. So false alarms are counted on patients
    whom neither training nor thresholds know.

    Args:
        training: see :func:`memorization`.
        heldout: the same; of at least 2 patients.
        extractor: the same.
        kinds: see :func:`planted_copies`.
        seed: seed of every draw.
        per_kind: copies of each kind.
        alpha: see :func:`memorization`.
        num_samples: the same.
        batch_size: the same.

    Returns:
        a dictionary that JSON can hold: ``recall`` per kind (share of copies found suspicious), ``source_found`` per
        kind (share whose training slice is named, of the copies whose pair was looked for in pixels), ``certain`` per
        kind (share called a copy without statistics), ``false_alarms`` (share of slices of unseen patients found
        suspicious), ``num_copies``, ``num_unseen``, ``num_left_out``, and the verdicts ``with_copies`` and
        ``without_copies`` with ``copied``, ``share``, ``interval``.

    Raises:
        ValueError: see :func:`memorization`; also when ``heldout`` has fewer than 2 patients that are not left out.
    """
    train, everyone = (described(slices, extractor, batch_size) for slices in (training, heldout))
    check_patients(train, everyone)
    real = everyone.take(strangers(train, everyone))
    people = real.people("heldout")
    if len(np.unique(people)) < 2:
        raise ValueError(
            "heldout must name at least 2 patients to be halved, got 1 (those who look like training patients do not "
            "count); name patients, or add some"
        )
    calibrating, standing_in = (real.take(half) for half in patient_halves(people.tolist(), seed))
    planted = planted_copies(train.images, kinds, seed, per_kind)
    both = DescribedSlices(
        np.concatenate([standing_in.images, planted.images]), None, train.extractor, batch_size=batch_size
    )
    count = len(standing_in)
    found, plain = (
        search(slices, train, calibrating, alpha, seed, num_samples, len(both)) for slices in (both, standing_in)
    )
    suspicious, certain = (np.isin(np.arange(len(both)), found.verdict[name]) for name in ("suspicious", "certain"))
    named = np.zeros(len(both), dtype=bool)
    for pair in found.pairs:
        if pair["synthetic"] >= count:
            named[pair["synthetic"]] = pair["training"] == planted.sources[pair["synthetic"] - count]
    rows = {kind: count + np.flatnonzero(np.asarray(planted.kinds) == kind) for kind in dict.fromkeys(kinds)}
    return {
        "recall": {kind: float(suspicious[own].mean()) for kind, own in rows.items()},
        "source_found": {kind: float(named[own].mean()) for kind, own in rows.items()},
        "certain": {kind: float(certain[own].mean()) for kind, own in rows.items()},
        "false_alarms": float(suspicious[:count].mean()),
        "num_copies": len(planted.images),
        "num_unseen": count,
        "num_left_out": len(everyone) - len(real),
        **{
            name: {key: own.verdict[key] for key in ("copied", "share", "interval", "num_certain", "reliable")}
            for name, own in (("with_copies", found), ("without_copies", plain))
        },
    }
