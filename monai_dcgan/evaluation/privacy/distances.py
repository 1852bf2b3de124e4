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
"""How far slices are from the nearest of another set: in registered pixels and in features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from monai_dcgan.evaluation.features import FeatureExtractor, cached_features, extract
from monai_dcgan.evaluation.privacy.overlap import overlap_similarity
from monai_dcgan.metrics.matching import FLIPS, Descriptors, best_matches, describe
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["FEATURES", "PIXELS", "DescribedSlices", "Nearest", "nearest", "nearest_features"]

PIXELS, FEATURES = "pixels", "features"
# A training turns slices left-right at most; features are costly, so only that turn is tried in them.
FEATURE_FLIPS: tuple[tuple[int, ...], ...] = ((), (3,))
_TOLERANCE = 1e-4
_BLOCK = 1024


class Nearest(NamedTuple):
    """The nearest reference of each of N queries.

    Attributes:
        distance: (N,) float64, at least 0. In pixels 1 - similarity, see :mod:`monai_dcgan.metrics.matching`, 1 where
            nothing is alike; in features the Euclidean distance.
        reference: (N,) int64, which reference; -1 where none is alike.
        flip: (N,) int64, position in :data:`monai_dcgan.metrics.matching.FLIPS`: how the query was turned.
        shift: (N, 2) float64, by how many pixels the turned query lies below and right of it; NaN in features.
    """

    distance: np.ndarray
    reference: np.ndarray
    flip: np.ndarray
    shift: np.ndarray


class DescribedSlices:
    """Slices with what they are compared by, computed once and when first needed.

    Args:
        images: (N, C, H, W) in [0, 1].
        patients: one name per slice; None for synthetic slices.
        extractor: gives the features; None for pixels only.
        features: (N, d) features of the slices as they are, instead of an extractor; flips are then not tried in them.
        batch_size: slices that pass through the extractor at a time.
        cache_dir: folder where features are kept for the next time; None keeps none.

    Raises:
        ValueError: when shapes, values or numbers do not fit, or both ``extractor`` and ``features`` are given.
    """

    def __init__(
        self,
        images: Any,
        patients: Sequence[str] | None = None,
        extractor: FeatureExtractor | None = None,
        features: Any | None = None,
        batch_size: int = 32,
        cache_dir: str | Path | None = None,
    ) -> None:
        self.images = np.asarray(images, dtype=np.float32)
        if self.images.ndim != 4 or 0 in self.images.shape:
            raise ValueError(f"images must be (N, C, H, W) with no empty side, got {self.images.shape}")
        low, high = float(self.images.min()), float(self.images.max())
        if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
            raise ValueError(f"images must lie in [0, 1], got {low:g} to {high:g}; scale them before they are compared")
        if patients is not None and len(patients) != len(self.images):
            raise ValueError(f"patients must have one name per slice, {len(self.images)}, got {len(patients)} names")
        if extractor is not None and features is not None:
            raise ValueError("features must be None where an extractor is given, got both; give one of them")
        check_positive_int("batch_size", batch_size)
        self.patients = None if patients is None else np.asarray([str(patient) for patient in patients])
        self.extractor, self._batch_size, self._cache_dir = extractor, batch_size, cache_dir
        self._descriptors: Descriptors | None = None
        self._features: dict[tuple[int, ...], np.ndarray] = {}
        if features is not None:
            self._features[()] = _checked(features, len(self.images))

    def __len__(self) -> int:
        return len(self.images)

    def people(self, name: str) -> np.ndarray:
        """Return the patients; an error names the set ``name`` where they are not known."""
        if self.patients is None:
            raise ValueError(
                f"{name} must name the patient of every slice, got patients=None; it is compared by patient"
            )
        return self.patients

    @property
    def spaces(self) -> tuple[str, ...]:
        """Where the slices can be compared: in pixels, and in features where there are any."""
        return (PIXELS, FEATURES) if self.extractor is not None or self._features else (PIXELS,)

    @property
    def descriptors(self) -> Descriptors:
        """What is compared in pixels."""
        if self._descriptors is None:
            self._descriptors = describe(self.images)
        return self._descriptors

    def features(self, flip: tuple[int, ...] = ()) -> np.ndarray | None:
        """Return the features (N, d) of the slices turned along ``flip``; None where they cannot be had."""
        if flip not in self._features:
            if self.extractor is None:
                return None
            turned = np.ascontiguousarray(np.flip(self.images, flip))
            found = (
                extract(self.extractor, turned, self._batch_size)
                if self._cache_dir is None
                else cached_features(self.extractor, turned, self._cache_dir, self._batch_size)
            )
            self._features[flip] = _checked(found, len(self))
        return self._features[flip]

    def take(self, index: np.ndarray) -> DescribedSlices:
        """Return the slices at ``index``, with what was computed of them."""
        patients = None if self.patients is None else self.patients[index].tolist()
        taken = DescribedSlices(self.images[index], patients, self.extractor, None, self._batch_size, self._cache_dir)
        taken._features = {flip: features[index] for flip, features in self._features.items()}
        if self._descriptors is not None:
            details, coarse, offsets, scale = self._descriptors
            places = torch.as_tensor(index)
            taken._descriptors = Descriptors(details[places], coarse[places], offsets[places], scale)
        return taken


def _checked(features: Any, count: int) -> np.ndarray:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or len(array) != count or array.shape[1] == 0:
        raise ValueError(f"features must have the shape ({count}, d), a row per slice, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("features must be finite, got NaN or infinity; look for slices that are not in [0, 1]")
    return array


def nearest(
    space: str,
    queries: DescribedSlices,
    references: DescribedSlices,
    groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> Nearest:
    """Find the nearest reference of every query, which is taken as it is and flipped.

    Args:
        space: ``pixels`` or ``features``.
        queries: slices to find it for.
        references: slices to find it among.
        groups: a name per query and per reference; those of one name are not compared.

    Raises:
        ValueError: when a set has no features, numbers of features differ, or a query has nothing to be compared with.
    """
    if space == PIXELS:
        return _nearest_in_pixels(queries, references, groups)
    flat = references.features()
    best: Nearest | None = None
    for flip in FEATURE_FLIPS:
        turned = queries.features(flip)
        if turned is None or flat is None:
            continue
        distance, reference = nearest_features(turned, flat, groups)
        code = np.full(len(distance), FLIPS.index(flip))
        shift = np.full((len(distance), 2), np.nan)
        if best is None:
            best = Nearest(distance, reference, code, shift)
        else:
            better = distance < best.distance
            best = Nearest(
                np.where(better, distance, best.distance),
                np.where(better, reference, best.reference),
                np.where(better, code, best.flip),
                shift,
            )
    if best is None:
        raise ValueError(f"space must be {PIXELS} where there are no features, got {space!r}; give an extractor")
    return best


def _nearest_in_pixels(
    queries: DescribedSlices, references: DescribedSlices, groups: tuple[np.ndarray, np.ndarray] | None
) -> Nearest:
    """Register every query with its most alike reference; where the overlap alone is more alike, that counts."""
    found = best_matches(queries.descriptors, references.descriptors, groups)
    similarity = found.similarity.copy()
    rows = np.flatnonzero(found.reference >= 0)
    for own in np.split(rows, range(_BLOCK, len(rows), _BLOCK)):
        overlap = overlap_similarity(
            queries.images[own], references.images[found.reference[own]], found.flip[own], found.shift[own]
        )
        similarity[own] = np.maximum(similarity[own], overlap)
    return Nearest(1 - similarity, found.reference, found.flip, found.shift)


def nearest_features(
    queries: Any, references: Any, groups: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the Euclidean distance (N,) of every query to its nearest reference, and which (N,) it is.

    Args:
        queries: (N, d).
        references: (M, d).
        groups: a name per query and per reference; those of one name are not compared.

    Raises:
        ValueError: when d differs, or a query has no reference that it may be compared with.
    """
    first, second = np.asarray(queries, dtype=np.float64), np.asarray(references, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or not len(second):
        raise ValueError(
            f"queries and references must be (N, d) and (M, d) with one d, got {first.shape} and {second.shape}"
        )
    squares = (second**2).sum(axis=1)
    index = np.zeros(len(first), dtype=np.int64)
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = squares - 2 * (first[rows] @ second.T)
        if groups is not None:
            block[np.asarray(groups[0])[rows, None] == np.asarray(groups[1])[None]] = np.inf
        index[rows] = block.argmin(axis=1)
        alone = np.flatnonzero(np.isinf(block.min(axis=1)))
        if len(alone):
            raise ValueError(f"groups must leave every query a reference, got none for query {start + alone[0]}")
    # The difference itself, so that a copy is at distance 0 and not at the square root of rounding.
    return np.linalg.norm(first - second[index], axis=1), index
