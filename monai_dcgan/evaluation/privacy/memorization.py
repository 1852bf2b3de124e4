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

from typing import Any

import numpy as np

from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.privacy.distances import FEATURES, DescribedSlices, Nearest, nearest
from monai_dcgan.evaluation.privacy.published import authenticity, cells_of, data_copying
from monai_dcgan.evaluation.privacy.resampling import draw_patients, percentile_interval, some_patients
from monai_dcgan.evaluation.privacy.verdict import judge, suspicious_pairs, thresholds
from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["Slices", "check_patients", "common_spaces", "described", "memorization"]

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
    without a left-right flip. What is too near is calibrated: unseen patients show it in a share ``alpha``.

    It finds copies of slices. It does not find a patient whose anatomy is rendered anew, or a copy that is rotated,
    scaled or pieced together; no alarm is no proof of privacy.

    Args:
        synthetic: slices of the generator.
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
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha <= 0.5:
        raise ValueError(f"alpha must be a number above 0 and at most 0.5, got {alpha!r}")
    check_positive_int("num_pairs", num_pairs)
    check_positive_int("num_samples", num_samples)
    made, train, real = (described(slices, extractor, batch_size) for slices in (synthetic, training, heldout))
    people = check_patients(train, real)
    spaces = common_spaces(made, train, real)
    near = {space: (nearest(space, made, train), nearest(space, real, train)) for space in spaces}
    made_distances = {space: own[0].distance for space, own in near.items()}
    real_distances = {space: own[1].distance for space, own in near.items()}
    limits = thresholds(real_distances, alpha)
    return {
        "verdict": judge(made_distances, real_distances, people, alpha, num_samples, seed),
        "pairs": suspicious_pairs({space: own[0] for space, own in near.items()}, real_distances, train, num_pairs),
        "spaces": {
            space: {"threshold": limits[space], **_numbers(space, made, train, real, *near[space], seed, num_samples)}
            for space in spaces
        },
        "counts": {
            "synthetic": len(made),
            "training": len(train),
            "heldout": len(real),
            "heldout_patients": len(np.unique(people)),
        },
        "conditions": {
            "alpha": alpha,
            "seed": seed,
            "image_size": list(made.images.shape[2:]),
            "extractor": getattr(train.extractor, "name", None),
            "sha256": getattr(train.extractor, "sha256", None),
        },
    }


def described(slices: Slices, extractor: FeatureExtractor | None, batch_size: int = 32) -> DescribedSlices:
    """Return ``slices`` with what they are compared by; those that have it already are returned as they are."""
    if isinstance(slices, DescribedSlices):
        return slices
    return DescribedSlices(slices.images, slices.patients, extractor, batch_size=batch_size)


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


def _numbers(
    space: str,
    made: DescribedSlices,
    train: DescribedSlices,
    real: DescribedSlices,
    near_made: Nearest,
    near_real: Nearest,
    seed: int,
    num_samples: int,
) -> dict[str, Any]:
    """Return quantiles and the published numbers of one space."""
    own = np.arange(len(train)).astype(str)
    inner = nearest(space, train, train, (own, own)).distance if len(train) > 1 else None
    quantiles = {
        name: dict(zip(("least", "1%", "10%", "median"), np.quantile(found.distance, (0, 0.01, 0.1, 0.5)).tolist()))
        for name, found in (("synthetic", near_made), ("heldout", near_real))
    }
    return {
        "quantiles": quantiles,
        "data_copying": _data_copying(space, made, train, real, near_made, near_real, seed, num_samples),
        "authenticity": {
            name: None if inner is None else float(authenticity(found.distance, found.reference, inner).mean())
            for name, found in (("synthetic", near_made), ("heldout", near_real))
        },
        "neighbor_ratio": _neighbor_ratio(space, made, train, real, seed),
    }


def _points(space: str, slices: DescribedSlices) -> np.ndarray:
    """Return what k-means divides into cells: features, or thumbnails of 16x16 pixels."""
    features = slices.features() if space == FEATURES else None
    return features if features is not None else slices.descriptors.coarse.flatten(1).double().numpy()


def _data_copying(
    space: str,
    made: DescribedSlices,
    train: DescribedSlices,
    real: DescribedSlices,
    near_made: Nearest,
    near_real: Nearest,
    seed: int,
    num_samples: int,
) -> dict[str, Any]:
    num_cells = max(1, min(_MAX_CELLS, min(len(made), len(real)) // _CELL))
    made_cells, real_cells = cells_of(
        _points(space, train), [_points(space, made), _points(space, real)], num_cells, seed
    )
    found = data_copying(near_made.distance, near_real.distance, made_cells, real_cells)
    values, people = [], real.people("heldout")
    for drawn in draw_patients(people, num_samples, np.random.RandomState(seed)):
        value = data_copying(near_made.distance, near_real.distance[drawn], made_cells, real_cells[drawn]).value
        values += [] if value is None else [value]
    enough = found.value is not None and len(np.unique(people)) > 1 and len(values) > num_samples / 2
    return {
        "value": found.value,
        "interval": percentile_interval(values) if enough else None,
        "cells": found.cells,
        "heldout_share": found.share,
    }


def _neighbor_ratio(
    space: str, made: DescribedSlices, train: DescribedSlices, real: DescribedSlices, seed: int
) -> dict[str, float]:
    """Compare distances to equally many training and held-out slices, of random patients; the mean over draws."""
    random = np.random.RandomState(seed)
    size = min(len(train), len(real))
    nearer, ratios = [], []
    for _ in range(_RATIO_DRAWS):
        sides = [slices.take(some_patients(slices.people("sets"), size, random)) for slices in (train, real)]
        to_train, to_real = (nearest(space, made, side).distance for side in sides)
        nearer.append(float((to_train < to_real).mean() + (to_train == to_real).mean() / 2))
        ratios.append(float(np.median(to_train / np.maximum(to_real, _TINY))))
    return {"nearer_to_training": float(np.mean(nearer)), "ratio": float(np.mean(ratios))}
