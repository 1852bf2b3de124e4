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
"""All numbers about a synthetic set: each beside the same number between two halves of the real patients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from monai_dcgan.evaluation.divisions import Divisions, divide
from monai_dcgan.evaluation.features import FeatureExtractor, extract
from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.metrics import (
    MASK_PROPERTIES,
    MaskStatistics,
    frechet_distance,
    kernel_distance,
    mask_distance,
    mask_statistics,
    mask_summary,
    pairwise_ssim,
    random_pair_ssim,
)
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["evaluate"]

# measure(source, i, j): the metric from the slices i of a source, "synthetic" or "real", to the real slices j.
Measure = Callable[[str, np.ndarray, np.ndarray], float | None]

_LOWER, _HIGHER, _NEAR = "lower", "higher", "near real"
_SSIM = "SSIM, Gaussian window 11x11, sigma 1.5, valid borders, data range 1, mean over channels"
_MASK_TITLES = {"area": "area (share of slice)", "row": "row", "column": "column", "parts": "number of parts"}
_WITHIN_PAIRS = 2000


def evaluate(
    synthetic: LabeledSlices,
    heldout: LabeledSlices,
    extractor: FeatureExtractor,
    seed: int = 0,
    max_slices: int = 2000,
    max_ssim_slices: int = 500,
    num_splits: int = 5,
    batch_size: int = 32,
    reference: LabeledSlices | None = None,
) -> dict[str, Any]:
    """Compare synthetic slices with those of held-out patients.

    Most of these numbers depend on how many slices are compared, and real patients differ too. So beside the number
    from all synthetic to all held-out slices stand two of equal size: ``matched``, from n synthetic slices to n slices
    of one half of the held-out patients, and ``real_vs_real``, from n slices of the other half to those same slices.
    Both are means over ``num_splits`` random divisions of the patients; their quotient is the ``ratio``, 1 where
    synthetic slices are as near to unseen patients as other patients are.

    Args:
        synthetic: synthetic slices; ``patients`` may be None.
        heldout: real slices of patients that the generator did not see.
        extractor: gives the features for the distances; its device also computes SSIM.
        seed: seed of every draw.
        max_slices: more slices than these are subsampled at random.
        max_ssim_slices: the same for SSIM, which compares all pairs.
        num_splits: how many divisions into halves.
        batch_size: slices that pass through the extractor at a time.
        reference: real slices of other patients, such as those of the training; they stand in for one of the halves
            where the held-out slices are not of two patients, or their patients are not known.

    Returns:
        a dictionary that JSON can hold, without NaN. ``metrics`` maps a key to an entry with ``title``, ``better``
        ("lower", "higher" or "near real"), ``value``, ``std`` and ``std_over`` (what it is taken over),
        ``n_synthetic``, ``n_real``, ``matched`` and ``real_vs_real`` (each ``{"value", "std", "n", "num_splits"}``, or
        None), ``ratio``, ``reason`` (text where one of these is None, else None) and ``conditions``. ``masks`` holds
        summaries of the masks of both sets, ``counts`` the numbers of slices and patients.

    Raises:
        ValueError: when shapes differ, a set has fewer than 2 slices, or the held-out patients are not named.
    """
    for name, number in (("max_slices", max_slices), ("max_ssim_slices", max_ssim_slices), ("num_splits", num_splits)):
        check_positive_int(name, number)
    _check_sets(synthetic, heldout, min(max_slices, max_ssim_slices))
    made, real = synthetic.sample(max_slices, seed), heldout.sample(max_slices, seed)
    few_made, few_real = made.sample(max_ssim_slices, seed), real.sample(max_ssim_slices, seed)
    others = None if reference is None else reference.sample(max_slices, seed)
    few_others = None if others is None else others.sample(max_ssim_slices, seed)
    splits = divide(made, real, num_splits, seed, others)
    few_splits = divide(few_made, few_real, num_splits, seed, few_others)
    conditions = {
        "extractor": None,
        "sha256": None,
        "layer": None,
        "preprocessing": _SSIM,
        "image_size": list(real.images.shape[2:]),
        "seed": seed,
        "split": splits.text,
    }
    features = conditions | {
        "extractor": extractor.name,
        "sha256": extractor.sha256,
        "layer": extractor.layer,
        "preprocessing": extractor.preprocessing,
    }
    sets = {"synthetic": made, "real": real, **({} if others is None else {"reference": others})}
    few_conditions = conditions | {"split": few_splits.text}
    measured = {name: mask_statistics(slices.masks) for name, slices in sets.items()}
    channels = range(real.masks.shape[1])
    return {
        "counts": {
            "synthetic": len(synthetic),
            "synthetic_used": len(made),
            "heldout": len(heldout),
            "heldout_used": len(real),
            "heldout_patients": len(set(heldout.patients or ())),
        },
        "metrics": {
            **_feature_metrics(made, real, others, splits, extractor, features, batch_size),
            **_ssim_metrics(few_made, few_real, few_others, few_splits, extractor.device, few_conditions),
            **_mask_metrics(measured, splits, conditions | {"preprocessing": "none"}),
        },
        "masks": {
            name: [mask_summary(measured[name], channel) for channel in channels] for name in ("synthetic", "real")
        },
    }


def _check_sets(synthetic: LabeledSlices, heldout: LabeledSlices, most: int) -> None:
    for name, slices in (("synthetic", synthetic), ("heldout", heldout)):
        if min(len(slices), most) < 2:
            raise ValueError(f"{name} must keep at least 2 slices, got {len(slices)} of which at most {most} are used")
    for kind in ("images", "masks"):
        made, real = getattr(synthetic, kind).shape[1:], getattr(heldout, kind).shape[1:]
        if made != real:
            raise ValueError(
                f"{kind} of synthetic and heldout must have the same shape per slice, got {made} and {real}; "
                "prepare both with the same image_size and channels"
            )
    if heldout.patients is None:
        raise ValueError("heldout must name the patient of every slice, got patients=None; halves are made by patient")


def _entry(
    title: str,
    better: str,
    measure: Measure,
    sizes: tuple[int, int],
    splits: Divisions,
    conditions: dict[str, Any],
    std: float | None = None,
    std_over: str | None = None,
) -> dict[str, Any]:
    """Return one entry of the dictionary: the number over all slices, and the two of equal size."""
    value = _finite(measure("synthetic", np.arange(sizes[0]), np.arange(sizes[1])))
    matched = _spread([measure("synthetic", made, second) for made, _, second in splits.parts], splits.n)
    real = _spread([measure(splits.first_source, first, second) for _, first, second in splits.parts], splits.n)
    reason = splits.reason
    if value is None:
        reason = "not defined for these slices: a set has no mask to compare"
    elif reason is None and (matched is None or real is None):
        reason = "not defined for every half: one has no mask to compare"
    return _with_ratio(
        {
            "title": title,
            "better": better,
            "value": value,
            "std": _finite(std),
            "std_over": std_over,
            "n_synthetic": sizes[0],
            "n_real": sizes[1],
            "matched": matched,
            "real_vs_real": real,
        },
        reason,
        conditions,
    )


def _with_ratio(entry: dict[str, Any], reason: str | None, conditions: dict[str, Any]) -> dict[str, Any]:
    """Add ``ratio``, ``reason`` and ``conditions``."""
    ratio = None
    if entry["matched"] is not None and entry["real_vs_real"] is not None:
        base = entry["real_vs_real"]["value"]
        if base > 0:
            ratio = entry["matched"]["value"] / base
        else:
            reason = f"the real-vs-real value is {base:.3g}, not above 0, so there is no ratio to it"
    return entry | {"ratio": _finite(ratio), "reason": reason, "conditions": conditions}


def _spread(values: list[float | None], n: int) -> dict[str, Any] | None:
    """Return mean and standard deviation over the divisions, or None when one of them has no value."""
    numbers = [value for value in map(_finite, values) if value is not None]
    if not numbers or len(numbers) < len(values):
        return None
    return {"value": float(np.mean(numbers)), "std": float(np.std(numbers)), "n": n, "num_splits": len(numbers)}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _feature_metrics(
    synthetic: LabeledSlices,
    real: LabeledSlices,
    reference: LabeledSlices | None,
    splits: Divisions,
    extractor: FeatureExtractor,
    conditions: dict[str, Any],
    batch_size: int,
) -> dict[str, Any]:
    features = {
        "synthetic": extract(extractor, synthetic.images, batch_size),
        "real": extract(extractor, real.images, batch_size),
    }
    if reference is not None and splits.first_source == "reference":
        features["reference"] = extract(extractor, reference.images, batch_size)
    sizes = len(synthetic), len(real)

    def frechet(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return frechet_distance(features[source][i], features["real"][j])

    def kernel(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return kernel_distance(features[source][i], features["real"][j], seed=conditions["seed"]).value

    whole = kernel_distance(features["synthetic"], features["real"], seed=conditions["seed"])
    subsets = f"{whole.num_subsets} subsets of {whole.subset_size}"
    return {
        "frechet_distance": _entry(f"Frechet distance ({extractor.name})", _LOWER, frechet, sizes, splits, conditions),
        "kernel_distance": _entry(
            f"Kernel distance ({extractor.name})", _LOWER, kernel, sizes, splits, conditions, whole.std, subsets
        ),
    }


def _ssim_metrics(
    synthetic: LabeledSlices,
    real: LabeledSlices,
    reference: LabeledSlices | None,
    splits: Divisions,
    device: torch.device,
    conditions: dict[str, Any],
) -> dict[str, Any]:
    made_pixels, real_pixels = (torch.as_tensor(slices.images, device=device) for slices in (synthetic, real))
    values = {"synthetic": pairwise_ssim(made_pixels, real_pixels)}
    if splits.parts and splits.first_source == "real":
        values["real"] = pairwise_ssim(real_pixels, real_pixels)
    elif splits.parts and reference is not None:
        values["reference"] = pairwise_ssim(torch.as_tensor(reference.images, device=device), real_pixels)
    sizes = len(synthetic), len(real)

    def best(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return float(values[source][np.ix_(i, j)].max(axis=1).mean())

    def pairs(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return float(values[source][np.ix_(i, j)].mean(dtype=np.float64))

    whole = values["synthetic"]
    return {
        "ssim_best_match": _entry(
            "SSIM with the nearest held-out slice",
            _HIGHER,
            best,
            sizes,
            splits,
            conditions,
            float(whole.max(axis=1).std()),
            "synthetic slices",
        ),
        "ssim_random_pair": _entry(
            "SSIM of a random pair, mean over all", _NEAR, pairs, sizes, splits, conditions, float(whole.std()), "pairs"
        ),
        "ssim_within_set": _within_set(synthetic, real, made_pixels, real_pixels, conditions),
    }


def _within_set(
    synthetic: LabeledSlices,
    real: LabeledSlices,
    made_pixels: torch.Tensor,
    real_pixels: torch.Tensor,
    conditions: dict[str, Any],
) -> dict[str, Any]:
    """Return the entry on diversity: random pairs within each set, of different patients where these are known.

    A mean over pairs does not depend on the number of slices, so the matched value is the value.
    """
    seed = conditions["seed"]

    def spread(slices: LabeledSlices, pixels: torch.Tensor) -> dict[str, Any] | None:
        if slices.patients is not None and len(set(slices.patients)) < 2:
            return None
        drawn = random_pair_ssim(pixels, num_pairs=_WITHIN_PAIRS, seed=seed, groups=slices.patients)
        return {"value": float(drawn.mean()), "std": float(drawn.std()), "n": len(slices), "num_splits": 0}

    made, others = spread(synthetic, made_pixels), spread(real, real_pixels)
    names = [name for name, found in (("synthetic", made), ("held-out", others)) if found is None]
    entry = {
        "title": "SSIM of random pairs within one set",
        "better": _NEAR,
        "value": made["value"] if made else None,
        "std": made["std"] if made else None,
        "std_over": f"{_WITHIN_PAIRS} pairs",
        "n_synthetic": len(synthetic),
        "n_real": len(real),
        "matched": made,
        "real_vs_real": others,
    }
    reason = f"pairs are of different patients, and the {' and the '.join(names)} set has one" if names else None
    return _with_ratio(entry, reason, conditions | {"split": "none: pairs of different patients within one set"})


def _mask_metrics(
    statistics: dict[str, MaskStatistics], splits: Divisions, conditions: dict[str, Any]
) -> dict[str, Any]:
    sizes = len(statistics["synthetic"].area), len(statistics["real"].area)
    channels = statistics["real"].area.shape[1]
    entries = {}
    for channel in range(channels):
        for name in MASK_PROPERTIES:

            def distance(
                source: str, i: np.ndarray, j: np.ndarray, name: str = name, channel: int = channel
            ) -> float | None:
                return mask_distance(statistics[source].take(i), statistics["real"].take(j), channel)[name]

            mark, words = (f"_{channel}", f" {channel}") if channels > 1 else ("", "")
            title = f"Mask{words} {_MASK_TITLES[name]}, Wasserstein"
            entries[f"mask{mark}_{name}"] = _entry(title, _LOWER, distance, sizes, splits, conditions)
    return entries
