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
"""Whether a generator hands out its training slices: distances, published tests and a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.privacy.distances import FEATURES, DescribedSlices, Nearest, nearest
from monai_dcgan.evaluation.privacy.look_alikes import LookAlikes, look_alikes
from monai_dcgan.evaluation.privacy.published import authenticity, cells_of, data_copying
from monai_dcgan.evaluation.privacy.verdict import judge, suspicious_pairs, thresholds
from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.metrics.bootstrap import draw_patients, interval_of_defined, some_patients
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["Slices", "check_patients", "common_spaces", "described", "memorization", "search"]

_CELL, _MAX_CELLS = 60, 10
_RATIO_DRAWS = 5
# A distance of 0 is divided by as if it were this.
_TINY = 1e-9

Slices = LabeledSlices | DescribedSlices


def memorization(
    synthetic: Slices,
    training: Slices,
    heldout: Slices,
    extractor: FeatureExtractor | None = None,
    seed: int = 0,
    alpha: float = 0.02,
    num_pairs: int = 20,
    num_samples: int = 200,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Compare how near synthetic slices and those of unseen patients come to the training slices.

    In registered pixels (any linear change of intensities, flips and small shifts are seen through, see
    :mod:`monai_dcgan.metrics.matching`) and, with an extractor or features, in their Euclidean distance, with and
    without a left-right flip. What is too near is calibrated: unseen patients show it in a share ``alpha``. Held-out
    slices that are near-identical to training slices do not calibrate, see
    :func:`~monai_dcgan.evaluation.privacy.look_alikes.look_alikes`; they are reported, and left out of every number.

    It finds copies of slices. It does not find a patient whose anatomy is rendered anew, or a copy that is rotated,
    scaled or pieced together; no alarm is no proof of privacy.

    Args:
        synthetic: slices of the generator; where real slices stand in for them, with patients.
        training: all slices that the generator was trained with, with their patients: a copy of one that is missing
            here is not found.
        heldout: real slices of other patients, with their patients, made as the training slices were.
        extractor: gives the features; unused for :class:`DescribedSlices`, which bring their own.
        seed: seed of every draw.
        alpha: share of slices of unseen patients that may be called suspicious, above 0 and at most 0.5.
        num_pairs: how many of the most suspicious pairs to list.
        num_samples: bootstrap draws of the intervals.
        batch_size: slices that pass through the extractor at a time.

    Returns:
        a dictionary that JSON can hold, without NaN: ``verdict`` (see
        :func:`monai_dcgan.evaluation.privacy.verdict.judge`), ``pairs`` (the most suspicious), ``counts``,
        ``conditions``, and under ``spaces`` for ``pixels`` and ``features`` the ``threshold``, ``quantiles`` of both
        sets' distances, ``data_copying`` (C_T, Meehan 2020, with a bootstrap interval over held-out patients),
        ``authenticity`` (AuthPct, Alaa 2022, of both sets) and ``neighbor_ratio``: ``nearer_to_training``, the share of
        synthetic slices that are nearer to training than to as many held-out slices (0.5 without copying), and the
        median quotient ``ratio`` of the two distances (1 without copying).

    Raises:
        ValueError: when shapes differ, patients of training or held-out slices are not named or are the same, or an
            argument is out of range.
    """
    made, train, everyone = (described(slices, extractor, batch_size) for slices in (synthetic, training, heldout))
    found = search(made, train, everyone, alpha, seed, num_samples, num_pairs)
    limits = thresholds({own.space: own.near_real.distance for own in found.compared}, alpha)
    return {
        "verdict": found.verdict,
        "pairs": found.pairs,
        "spaces": {
            own.space: {"threshold": limits[own.space], **_numbers(own, seed, num_samples)} for own in found.compared
        },
        "counts": {
            "synthetic": len(made),
            "training": len(train),
            "heldout": len(everyone),
            "heldout_patients": len(np.unique(everyone.people("heldout"))),
            "heldout_near_identical": len(found.alike.slices),
            "heldout_left_out": len(found.alike.left_out),
        },
        "conditions": {
            "alpha": alpha,
            "seed": seed,
            "image_size": list(made.images.shape[2:]),
            "extractor": getattr(train.extractor, "name", None),
            "sha256": getattr(train.extractor, "sha256", None),
        },
    }


def described(
    slices: Slices,
    extractor: FeatureExtractor | None,
    batch_size: int = 32,
    cache_dir: str | Path | None = None,
) -> DescribedSlices:
    """Return ``slices`` with what they are compared by; those that have it already are returned as they are."""
    if isinstance(slices, DescribedSlices):
        return slices
    return DescribedSlices(slices.images, slices.patients, extractor, None, batch_size, cache_dir)


def check_patients(
    training: DescribedSlices, heldout: DescribedSlices, names: tuple[str, str] = ("training", "heldout")
) -> np.ndarray:
    """Return the patients of the held-out slices, after checking that none is among those of the training."""
    people = heldout.people(names[1])
    both = sorted(set(training.people(names[0]).tolist()) & set(people.tolist()))
    if both:
        raise ValueError(
            f"{names[1]} must be of other patients than {names[0]}, got {both[0]!r} in both ({len(both)} in all); "
            "split by patient"
        )
    return people


def common_spaces(*sets: DescribedSlices) -> tuple[str, ...]:
    """Return where all sets can be compared, after checking that they can."""
    shapes = {slices.images.shape[1:] for slices in sets}
    if len(shapes) > 1:
        raise ValueError(f"images must have one shape (C, H, W) in all sets, got {sorted(shapes)}; prepare them alike")
    if len({slices.spaces for slices in sets}) > 1:
        raise ValueError("features must be given for all sets or for none, got them for some; use one extractor")
    return sets[0].spaces


@dataclass(frozen=True)
class Compared:
    """Synthetic and held-out slices in one space, with the nearest training slice of each."""

    space: str
    made: DescribedSlices
    train: DescribedSlices
    real: DescribedSlices
    near_made: Nearest
    near_real: Nearest

    def calibrated_by(self, index: np.ndarray) -> Compared:
        """Return the same with the held-out slices at ``index`` alone."""
        if len(index) == len(self.real):
            return self
        near = Nearest(*(values[index] for values in self.near_real))
        return replace(self, real=self.real.take(index), near_real=near)

    def points(self, slices: DescribedSlices) -> np.ndarray:
        """Return what k-means divides into cells: features, or thumbnails of 16x16 pixels."""
        features = slices.features() if self.space == FEATURES else None
        return features if features is not None else slices.descriptors.coarse.flatten(1).double().numpy()


class Found(NamedTuple):
    """What the search for copies came to.

    Attributes:
        verdict: see :func:`monai_dcgan.evaluation.privacy.verdict.judge`.
        pairs: see :func:`monai_dcgan.evaluation.privacy.verdict.suspicious_pairs`.
        compared: of each space the sets, with the held-out slices that calibrate alone.
        alike: which held-out slices look like training slices.
    """

    verdict: dict[str, Any]
    pairs: list[dict[str, Any]]
    compared: list[Compared]
    alike: LookAlikes


def search(
    made: DescribedSlices,
    train: DescribedSlices,
    everyone: DescribedSlices,
    alpha: float,
    seed: int,
    num_samples: int,
    num_pairs: int,
) -> Found:
    """Look for copies, without the published numbers; arguments and errors are those of :func:`memorization`."""
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha <= 0.5:
        raise ValueError(f"alpha must be a number above 0 and at most 0.5, got {alpha!r}")
    check_positive_int("num_pairs", num_pairs)
    check_positive_int("num_samples", num_samples)
    people = check_patients(train, everyone)
    compared = [
        Compared(space, made, train, everyone, nearest(space, made, train), nearest(space, everyone, train))
        for space in common_spaces(made, train, everyone)
    ]
    alike = look_alikes(compared[0].near_real.distance, people)
    kept = np.setdiff1d(np.arange(len(everyone)), alike.left_out)
    compared = [own.calibrated_by(kept) for own in compared]
    near = {own.space: own.near_made for own in compared}
    made_distances = {space: own.distance for space, own in near.items()}
    real_distances = {own.space: own.near_real.distance for own in compared}
    return Found(
        judge(made_distances, real_distances, people[kept], alpha, num_samples, seed, alike, made.patients),
        suspicious_pairs(near, real_distances, train, num_pairs),
        compared,
        alike,
    )


def _numbers(compared: Compared, seed: int, num_samples: int) -> dict[str, Any]:
    """Return quantiles and the published numbers of one space."""
    train = compared.train
    own = np.arange(len(train)).astype(str)
    inner = nearest(compared.space, train, train, (own, own)).distance if len(train) > 1 else None
    sides = (("synthetic", compared.near_made), ("heldout", compared.near_real))
    quantiles = {
        name: dict(zip(("least", "1%", "10%", "median"), np.quantile(found.distance, (0, 0.01, 0.1, 0.5)).tolist()))
        for name, found in sides
    }
    return {
        "quantiles": quantiles,
        "data_copying": _data_copying(compared, seed, num_samples),
        "authenticity": {
            name: None if inner is None else float(authenticity(found.distance, found.reference, inner).mean())
            for name, found in sides
        },
        "neighbor_ratio": _neighbor_ratio(compared, seed),
    }


def _data_copying(compared: Compared, seed: int, num_samples: int) -> dict[str, Any]:
    made, real = compared.near_made.distance, compared.near_real.distance
    num_cells = max(1, min(_MAX_CELLS, min(len(made), len(real)) // _CELL))
    others = [compared.points(slices) for slices in (compared.made, compared.real)]
    made_cells, real_cells = cells_of(compared.points(compared.train), others, num_cells, seed)
    found = data_copying(made, real, made_cells, real_cells)
    people = compared.real.people("heldout")
    values = [
        data_copying(made, real[drawn], made_cells, real_cells[drawn]).value
        for drawn in draw_patients(people, num_samples, np.random.RandomState(seed))
    ]
    enough = found.value is not None and len(np.unique(people)) > 1
    return {
        "value": found.value,
        "interval": interval_of_defined(values) if enough else None,
        "cells": found.cells,
        "heldout_share": found.share,
    }


def _neighbor_ratio(compared: Compared, seed: int) -> dict[str, float]:
    """Compare distances to equally many training and held-out slices, of random patients; the mean over draws."""
    random = np.random.RandomState(seed)
    both = (compared.train, compared.real)
    size = min(map(len, both))
    nearer, ratios = [], []
    for _ in range(_RATIO_DRAWS):
        sides = [slices.take(some_patients(slices.people("sets"), size, random)) for slices in both]
        to_train, to_real = (nearest(compared.space, compared.made, side).distance for side in sides)
        nearer.append(float((to_train < to_real).mean() + (to_train == to_real).mean() / 2))
        ratios.append(float(np.median(to_train / np.maximum(to_real, _TINY))))
    return {"nearer_to_training": float(np.mean(nearer)), "ratio": float(np.mean(ratios))}
