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
"""Find near-identical slices of different patients: one person under two names, or one scan delivered twice."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from monai_dcgan.data.store import SliceStore
from monai_dcgan.metrics.matching import FLIPS, Descriptors, candidates, correlate, describe
from monai_dcgan.utils.checks import check_fraction, check_positive_int
from monai_dcgan.utils.enums import Split

__all__ = ["THRESHOLD", "DuplicatePair", "describe_duplicates", "find_near_duplicates", "warn_of_leaks"]

logger = logging.getLogger(__name__)

# Of 50 patients of TCGA-LGG (1713 FLAIR slices, 64x64 and 128x128), the most alike slices of two patients reach 0.91.
THRESHOLD = 0.93
READ_BLOCK, ROW_BLOCK, COLUMN_BLOCK, PAIR_BLOCK = 256, 1024, 8192, 1024


@dataclass(frozen=True)
class DuplicatePair:
    """Two slices of different patients that are nearly the same picture.

    Args:
        first: index of a slice.
        second: index of the other slice, above ``first``.
        similarity: normalized cross-correlation of the details at the best shift and flip, at most 1.
        patients: patients of the two slices.
        parts: parts of the split of the two patients; ("", "") without a split.
        same_part: whether both lie in one part, or one is left out; False is a leak between parts.
    """

    first: int
    second: int
    similarity: float
    patients: tuple[str, str]
    parts: tuple[str, str]
    same_part: bool


def find_near_duplicates(
    images: np.ndarray | Tensor | Iterable[np.ndarray | Tensor],
    patients: Sequence[str],
    splits: Mapping[str, str] | None = None,
    threshold: float = THRESHOLD,
    max_pairs: int = 100,
) -> list[DuplicatePair]:
    """Find near-identical slices of different patients.

    Slices are reduced to 64x64 pixels and centered on the head. For each, the most alike slices of other patients by a
    16x16 thumbnail are candidates, of which each is compared in detail: the normalized cross-correlation (Lewis 1995,
    Fast Normalized Cross-Correlation, with means of whole slices) of difference-of-Gaussians images, sigma 0.7 and 2
    pixels, at its best shift of up to 6 pixels in steps of half a pixel. Every slice is compared as it is, flipped
    left-right, flipped up-down and turned by 180 degrees.

    It sees through a linear or mild non-linear change of intensities, JPEG, noise with a standard deviation of 3% of
    the range, shifts and flips; not through rotation, scaling by 5%, or heavy noise, and a slice without contrast is
    like no other. Pairs just above the threshold may be one person at two dates instead of a copy.

    Memory: at most 17 KiB per slice and channel; there is no matrix of all pairs. Time grows with the square of the
    number of slices.

    Args:
        images: (N, C, H, W) floats, background lowest, in any linear scaling; or an iterable of such batches, in order.
        patients: patient of each of the N slices.
        splits: patient -> part, to tell leaks between parts from pairs within one.
        threshold: least similarity to report, from 0 to 1.
        max_pairs: most pairs to return.

    Returns:
        pairs, those between different parts first, then by falling similarity.

    Raises:
        ValueError: when an argument is wrong, or ``patients`` and ``images`` or ``splits`` do not agree.

    Example:
        >>> store = SliceStore("store")
        >>> patients = [record["patient"] for record in store.slices]
        >>> print(describe_duplicates(find_near_duplicates(store.images, patients)))
    """
    check_fraction("threshold", threshold)
    check_positive_int("max_pairs", max_pairs)
    unknown = sorted(set(patients) - set(splits)) if splits is not None else []
    if unknown:
        raise ValueError(
            f"splits must hold every patient, got none for {unknown[0]!r} ({len(unknown)} missing); split these cases"
        )
    slices = describe(images, READ_BLOCK)
    if len(slices) != len(patients):
        raise ValueError(f"patients must name one patient a slice, got {len(patients)} for {len(slices)} slices")
    _, groups = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    best: dict[tuple[int, int], float] = {}
    for axes in FLIPS:
        for pair, similarity in _compare(slices, torch.from_numpy(groups), axes, threshold):
            best[pair] = max(similarity, best.get(pair, similarity))
    pairs = [_pair(pair, similarity, patients, splits) for pair, similarity in best.items()]
    return sorted(pairs, key=lambda pair: (pair.same_part, -pair.similarity, pair.first, pair.second))[:max_pairs]


def describe_duplicates(pairs: Sequence[DuplicatePair]) -> str:
    """Say in one line what was found.

    Args:
        pairs: what ``find_near_duplicates`` returned.

    Returns:
        counts, the first pair and what to do.
    """
    if not pairs:
        return "no near-identical slices of different patients"
    people = len({frozenset(pair.patients) for pair in pairs})
    leaks = sum(not pair.same_part for pair in pairs)
    between = f", {leaks} of them between different parts" if any(any(pair.parts) for pair in pairs) else ""
    first = pairs[0]
    names, indices = " and ".join(first.patients), f"{first.first} and {first.second}"
    across = f" ({' and '.join(first.parts)})" if not first.same_part else ""
    return (
        f"{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'} of near-identical slices of different patients"
        f"{between}, in {people} {'pair' if people == 1 else 'pairs'} of patients: "
        f"{names}{across} in slices {indices} with similarity {first.similarity:.3f}; "
        "look at them, and give what is one person one patient name"
    )


def _pair(
    indices: tuple[int, int], similarity: float, patients: Sequence[str], splits: Mapping[str, str] | None
) -> DuplicatePair:
    first, second = (str(patients[index]) for index in indices)
    parts = ("", "") if splits is None else (str(splits[first]), str(splits[second]))
    # Those who are left out leak nowhere.
    same = parts[0] == parts[1] or str(Split.LEFT_OUT) in parts
    return DuplicatePair(*indices, similarity, (first, second), parts, same)


def _compare(
    slices: Descriptors, groups: Tensor, axes: tuple[int, ...], threshold: float
) -> list[tuple[tuple[int, int], float]]:
    """Return the pairs at or above the threshold, lower index first, each with its similarity."""
    rows, columns = candidates(slices, slices, axes, (groups, groups), ROW_BLOCK, COLUMN_BLOCK)
    # Each pair once: turning one picture of a pair or the other is the same.
    pairs = torch.unique(torch.stack([torch.minimum(rows, columns), torch.maximum(rows, columns)]), dim=1)
    values, _ = correlate(slices, slices, pairs[0], pairs[1], axes, PAIR_BLOCK)
    found = torch.nonzero(values >= threshold).flatten().tolist()
    return [((int(pairs[0, index]), int(pairs[1, index])), float(values[index])) for index in found]


def warn_of_leaks(store: SliceStore, splits: Mapping[str, str], max_slices: int = 5000) -> list[DuplicatePair]:
    """Look for near-identical slices in different parts of a split, and warn when there are any.

    Args:
        store: the slices.
        splits: patient -> part.
        max_slices: a larger store is not looked through, which is logged: time grows with the square of it.

    Returns:
        the pairs whose slices lie in different parts, other than ``left_out``.
    """
    if len(store) > max_slices:
        logger.info("%d slices are not searched for near-duplicates; inspect the store with duplicates", len(store))
        return []
    pairs = find_near_duplicates(store.batches(), store.slices.columns["patient"], splits)
    leaks = [pair for pair in pairs if not pair.same_part]
    if leaks:
        logger.warning("%s", describe_duplicates(leaks))
    return leaks
