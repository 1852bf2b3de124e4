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
"""All numbers about a synthetic set: each with its interval, and beside the same number between real patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_dcgan.evaluation.bias import subgroups
from monai_dcgan.evaluation.divisions import divide
from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.privacy import DescribedSlices, privacy_of
from monai_dcgan.evaluation.privacy.memorization import described
from monai_dcgan.evaluation.quantities import (
    Comparison,
    Similarity,
    entry_of,
    feature_quantities,
    mask_quantities,
    picture_quantities,
    similarity_quantities,
    within_set_entries,
)
from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.evaluation.verdict import verdict_of
from monai_dcgan.metrics import mask_statistics, mask_summary
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["FORMAT_VERSION", "evaluate"]

FORMAT_VERSION = 2
# A class of less than this many slices in one set is not compared on its own.
MIN_CLASS = 10
CLASS_THRIFT = 4


@dataclass(frozen=True)
class _Options:
    seed: int
    max_ssim_slices: int
    num_splits: int
    num_samples: int


def evaluate(
    synthetic: LabeledSlices,
    heldout: LabeledSlices,
    extractor: FeatureExtractor,
    seed: int = 0,
    max_slices: int = 2000,
    max_ssim_slices: int = 500,
    num_splits: int = 5,
    num_samples: int = 200,
    batch_size: int = 32,
    training: LabeledSlices | None = None,
    privacy: bool = True,
    cache_dir: str | Path | None = None,
) -> dict[str, Any]:
    """Compare synthetic slices with those of held-out patients.

    Most of these numbers depend on how many slices are compared, and real patients differ too. So beside the number
    from all synthetic to all held-out slices stand two of equal size: ``matched``, from n synthetic slices to n slices
    of one half of the held-out patients, and ``real_vs_real``, from n slices of the other half to those same slices.
    Both are means over ``num_splits`` random divisions of the patients; their quotient is the ``ratio``, 1 where
    synthetic slices are as near to unseen patients as other patients are. Intervals resample held-out patients, with
    all slices of each, and synthetic slices.

    Args:
        synthetic: synthetic slices; ``patients`` may be None.
        heldout: real slices of patients that the generator did not see; their ``classes`` and ``groups`` are compared.
        extractor: gives the features for the distances; its device also computes SSIM.
        seed: seed of every draw.
        max_slices: more slices than these are subsampled at random.
        max_ssim_slices: the same for SSIM, which compares all pairs.
        num_splits: how many divisions into halves.
        num_samples: resamples of an interval; slow numbers take a quarter.
        batch_size: slices that pass through the extractor at a time.
        training: all slices that the generator was trained with, and their patients; needed for ``privacy``. They
            stand in for one of the halves where the held-out slices are not of two patients.
        privacy: look for copies of training slices, and attack the set as an outsider would.
        cache_dir: folder where features are kept for the next time; None keeps none.

    Returns:
        a dictionary that JSON can hold, without NaN. ``metrics`` maps a key to an entry with ``title``, ``group``,
        ``better`` ("lower", "higher" or "near real"), ``value``, ``std`` and ``std_over`` (what it is taken over),
        ``interval`` (None, or a dictionary with ``low``, ``high``, ``level``, ``num_samples``, ``num_patients``,
        ``method``, ``over``, ``note``), ``n_synthetic``, ``n_real``, ``matched`` and ``real_vs_real`` (each ``{"value",
        "std", "n", "num_splits"}``, or None), ``ratio``, ``reason`` (text where one of these is None, else None),
        ``note`` (text where there are too few slices or patients for it, else None) and ``conditions``. ``classes``
        holds the same for each class that both sets have, ``masks`` summaries of the masks of both sets, ``privacy``
        what :func:`~monai_dcgan.evaluation.privacy.privacy_of` found, ``subgroups`` what
        :func:`~monai_dcgan.evaluation.bias.subgroups` did, ``counts`` the numbers of slices and patients, and
        ``verdict`` all of it in words.

    Raises:
        ValueError: when shapes differ, a set has fewer than 2 slices, the held-out patients are not named, or one of
            them is among those of the training.
    """
    numbers = {"max_slices": max_slices, "max_ssim_slices": max_ssim_slices, "num_splits": num_splits}
    for name, number in (numbers | {"num_samples": num_samples}).items():
        check_positive_int(name, number)
    _check_sets(synthetic, heldout, min(max_slices, max_ssim_slices))
    _check_strangers(heldout, training)
    sets = {"synthetic": synthetic.sample(max_slices, seed), "real": heldout.sample(max_slices, seed)}
    if training is not None and len(set(heldout.patients or ())) < 2:
        # Other patients stand in for a half.
        sets["reference"] = training.sample(max_slices, seed)
    seen = {source: described(own, extractor, batch_size, cache_dir) for source, own in sets.items()}
    features = {source: _features(own) for source, own in seen.items()}
    options = _Options(seed, max_ssim_slices, num_splits, num_samples)
    metrics, similarity, few = _measure(sets, features, extractor, options)
    found, reason = (
        privacy_of(seen["synthetic"], training, seen["real"], extractor, seed, num_samples, batch_size, cache_dir)
        if privacy
        else (None, "it was not asked for")
    )
    report = {
        "format": FORMAT_VERSION,
        "counts": {
            "synthetic": len(synthetic),
            "synthetic_used": len(sets["synthetic"]),
            "heldout": len(heldout),
            "heldout_used": len(sets["real"]),
            "heldout_patients": len(set(heldout.patients or ())),
        },
        "metrics": metrics,
        "classes": _classes(sets, features, extractor, options),
        "masks": {
            name: [mask_summary(statistics, channel) for channel in range(statistics.area.shape[1])]
            for name, statistics in ((name, mask_statistics(sets[name].masks)) for name in ("synthetic", "real"))
        },
        "privacy": found,
        "privacy_reason": reason,
        "subgroups": subgroups(similarity, few["synthetic"], few["real"], seed, num_samples),
        "readers": None,
    }
    return {"verdict": verdict_of(report), **report}


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


def _check_strangers(heldout: LabeledSlices, training: LabeledSlices | None) -> None:
    both = sorted(set(heldout.patients or ()) & set((training and training.patients) or ()))
    if both:
        raise ValueError(
            f"heldout must be of other patients than training, got {both[0]!r} in both ({len(both)} in all); split by "
            "patient"
        )


def _features(slices: DescribedSlices) -> np.ndarray:
    found = slices.features()
    if found is None:
        raise ValueError("extractor must be given, got None")
    return found


def _measure(
    sets: Mapping[str, LabeledSlices],
    features: Mapping[str, np.ndarray],
    extractor: FeatureExtractor,
    options: _Options,
) -> tuple[dict[str, Any], Similarity, dict[str, LabeledSlices]]:
    """Return the entries, and what SSIM compared: its values and the slices."""
    seed = options.seed
    whole = _comparison(sets, options, next(iter(features.values())).shape[1])
    few = {source: own.sample(options.max_ssim_slices, seed) for source, own in sets.items()}
    part = _comparison(few, options)
    reference = few["reference"].images if "reference" in few else None
    similarity = Similarity.of(few["synthetic"].images, few["real"].images, reference, extractor.device)
    patients = list(whole.patients)
    by_features = feature_quantities(features, extractor, patients, options.num_samples, seed)
    by_pictures = [
        *picture_quantities({source: own.images for source, own in sets.items()}),
        *mask_quantities({source: mask_statistics(own.masks) for source, own in sets.items()}),
    ]
    entries = {
        **{quantity.key: entry_of(quantity, whole) for quantity in by_features},
        **{quantity.key: entry_of(quantity, part) for quantity in similarity_quantities(similarity)},
        **within_set_entries(similarity, part),
        **{quantity.key: entry_of(quantity, whole) for quantity in by_pictures},
    }
    return entries, similarity, few


def _comparison(sets: Mapping[str, LabeledSlices], options: _Options, num_features: int | None = None) -> Comparison:
    made, real = sets["synthetic"], sets["real"]
    divisions = divide(made, real, options.num_splits, options.seed, sets.get("reference"))
    conditions = {
        "heldout": real.digest(),
        "image_size": list(real.images.shape[2:]),
        "seed": options.seed,
        "split": divisions.text,
    }
    return Comparison(
        (len(made), len(real)),
        real.patients or [],
        divisions,
        options.num_samples,
        options.seed,
        conditions,
        num_features,
    )


def _classes(
    sets: Mapping[str, LabeledSlices],
    features: Mapping[str, np.ndarray],
    extractor: FeatureExtractor,
    options: _Options,
) -> dict[str, Any]:
    """Return counts and entries of each class that both sets have enough slices of."""
    made, real = sets["synthetic"].classes, sets["real"].classes
    if made is None or real is None:
        return {}
    few = _Options(
        options.seed, options.max_ssim_slices, options.num_splits, max(1, options.num_samples // CLASS_THRIFT)
    )
    classes = {}
    for name in sorted(set(made) & set(real) - {""}):
        rows = {
            source: np.flatnonzero([own == name for own in slices.classes or []]) for source, slices in sets.items()
        }
        if min(len(rows["synthetic"]), len(rows["real"])) < MIN_CLASS:
            continue
        chosen = {source: own for source, own in rows.items() if len(own)}
        own = {source: sets[source].take(index) for source, index in chosen.items()}
        classes[name] = {
            "counts": {
                "synthetic": len(own["synthetic"]),
                "heldout": len(own["real"]),
                "heldout_patients": len(set(own["real"].patients or ())),
            },
            "metrics": _measure(
                own, {source: features[source][index] for source, index in chosen.items()}, extractor, few
            )[0],
        }
    return classes
