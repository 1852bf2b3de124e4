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
"""Numbers from SSIM: synthetic slices with real ones, and pairs within either set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from monai_dcgan.evaluation.quantities.entries import (
    HIGHER,
    NEAR,
    Comparison,
    Quantity,
    interval_of,
    with_ratio,
)
from monai_dcgan.metrics import bootstrap_patients, max_levels, pairwise_ssim, sufficiency

__all__ = ["Similarity", "similarity_quantities", "within_set_entries"]

_GROUP = "ssim"
_SSIM = "SSIM, Gaussian window 11x11, sigma 1.5, valid borders, data range 1, mean over channels"
_PAIRS = "none: pairs of different patients within one set"


@dataclass(frozen=True)
class Similarity:
    """SSIM of all pairs.

    Attributes:
        to_real: source -> (N, M) SSIM with the real slices.
        within: ``synthetic`` and ``real`` -> (N, N) SSIM of the slices of one set with each other.
        within_scales: the same with ``levels`` scales; None where slices are too small for two.
        levels: scales of ``within_scales``.
    """

    to_real: Mapping[str, np.ndarray]
    within: Mapping[str, np.ndarray]
    within_scales: Mapping[str, np.ndarray] | None
    levels: int

    @classmethod
    def of(
        cls, synthetic: np.ndarray, real: np.ndarray, reference: np.ndarray | None, device: torch.device
    ) -> Similarity:
        """Compare slices (N, C, H, W) in [0, 1] on a device."""
        made, others = (torch.as_tensor(images, device=device) for images in (synthetic, real))
        levels = max_levels(*others.shape[2:])
        within = {"synthetic": pairwise_ssim(made, made), "real": pairwise_ssim(others, others)}
        to_real = {"synthetic": pairwise_ssim(made, others), "real": within["real"]}
        if reference is not None:
            to_real["reference"] = pairwise_ssim(torch.as_tensor(reference, device=device), others)
        scales = None
        if levels > 1:
            scales = {
                "synthetic": pairwise_ssim(made, made, levels),
                "real": pairwise_ssim(others, others, levels),
            }
        return cls(to_real, within, scales, levels)


def similarity_quantities(similarity: Similarity) -> list[Quantity]:
    """Return SSIM with the nearest real slice, and with a random one."""
    values = similarity.to_real

    def best(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return float(values[source][np.ix_(i, j)].max(axis=1).mean())

    def pairs(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return float(values[source][np.ix_(i, j)].mean(dtype=np.float64))

    whole = values["synthetic"]
    conditions = {"preprocessing": _SSIM}
    return [
        Quantity(
            "ssim_best_match", "SSIM with the nearest held-out slice", _GROUP, HIGHER, best, "ssim_best_match",
            method="centered", bounds=(-1.0, 1.0),
            std=float(whole.max(axis=1).std()), std_over="synthetic slices", conditions=conditions,
        ),
        Quantity(
            "ssim_random_pair", "SSIM of a random pair, mean over all", _GROUP, NEAR, pairs, "ssim_random_pair",
            std=float(whole.std()), std_over="pairs", conditions=conditions,
        ),
    ]  # fmt: skip


def within_set_entries(similarity: Similarity, comparison: Comparison) -> dict[str, Any]:
    """Return the entries on diversity: pairs within each set, of different patients where these are known.

    A mean over pairs does not depend on the number of slices, so the matched value is the value.
    """
    kinds = [("ssim_within_set", "SSIM of pairs within one set", similarity.within, _SSIM)]
    if similarity.within_scales is not None:
        words = f"MS-SSIM ({similarity.levels} scales) of pairs within one set"
        kinds.append(("ms_ssim_within_set", words, similarity.within_scales, f"{_SSIM}, {similarity.levels} scales"))
    return {key: _within(title, matrices, comparison, how) for key, title, matrices, how in kinds}


def _within(title: str, matrices: Mapping[str, np.ndarray], comparison: Comparison, how: str) -> dict[str, Any]:
    made = _pairs(matrices["synthetic"], [str(position) for position in range(comparison.sizes[0])])
    real = _pairs(matrices["real"], comparison.patients)
    value = _mean_of_pairs(*made, np.arange(comparison.sizes[0]))
    interval = None
    if value is not None:
        found = bootstrap_patients(
            lambda index: _mean_of_pairs(*made, index),
            range(comparison.sizes[0]),
            comparison.num_samples,
            comparison.seed,
        )
        interval = interval_of(found, "percentile", "synthetic slices") | {"num_patients": None}
    entry = {
        "title": title,
        "group": _GROUP,
        "better": NEAR,
        "value": value,
        "std": _std(*made),
        "std_over": "pairs",
        "interval": interval,
        "n_synthetic": comparison.sizes[0],
        "n_real": comparison.sizes[1],
        "matched": _part(made, comparison.sizes[0]),
        "real_vs_real": _part(real, comparison.sizes[1]),
        "note": sufficiency("ssim_random_pair", *comparison.sizes, None, comparison.num_patients),
    }
    reason = None
    if entry["real_vs_real"] is None:
        reason = "pairs are of different patients, and the held-out set has one"
    return with_ratio(entry, reason, {**comparison.conditions, "preprocessing": how, "split": _PAIRS})


def _pairs(values: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return SSIM (N, N) and which pairs count: those of different groups."""
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    return values, np.asarray(codes[:, None] != codes[None])


def _mean_of_pairs(values: np.ndarray, allowed: np.ndarray, index: np.ndarray) -> float | None:
    """Return the mean over the pairs of the slices ``index``, which may hold one several times."""
    weights = np.bincount(index, minlength=len(values)).astype(np.float64)
    count = weights @ allowed @ weights
    return float(weights @ (values * allowed) @ weights / count) if count else None


def _std(values: np.ndarray, allowed: np.ndarray) -> float | None:
    return float(values[allowed].std()) if allowed.any() else None


def _part(pairs: tuple[np.ndarray, np.ndarray], n: int) -> dict[str, Any] | None:
    value = _mean_of_pairs(*pairs, np.arange(n))
    return None if value is None else {"value": value, "std": _std(*pairs), "n": n, "num_splits": 0}
