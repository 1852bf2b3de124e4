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
"""How many slices and patients a number needs before it means something."""

from __future__ import annotations

from collections.abc import Callable

from monai_dcgan.metrics.prdc import expected_coverage
from monai_dcgan.utils.checks import check_choice, check_count

__all__ = ["SUFFICIENCY", "sufficiency"]

_MIN_PATIENTS = 5


def sufficiency(
    metric: str,
    num_first: int,
    num_second: int,
    num_features: int | None = None,
    num_patients: int | None = None,
) -> str | None:
    """Say what is wrong with a number for want of slices or patients.

    The counts for kernel distance, precision and its kin, intensities and spectra are those at which the number told
    real slices that were slightly blurred (a Gaussian of 0.7 pixels) from other real ones: their difference was above
    three standard deviations over random draws (contrast-enhanced T1, 128 x 128 pixels, 1280 features). The SSIM
    pairings did not tell them apart at any count up to 400: they see copies and lack of diversity, not blur.

    Args:
        metric: one of :data:`SUFFICIENCY`.
        num_first: synthetic slices, or those of the first set.
        num_second: real slices, or those of the second set.
        num_features: length of the features; must be given for the Fréchet distances.
        num_patients: patients among the real slices; None leaves the check of patients out.

    Returns:
        what to mind, as sentences, or None when there are enough.

    Raises:
        ValueError: when ``metric`` is unknown, a number is negative or ``num_features`` is missing.

    Example:
        >>> sufficiency("kernel_distance", 30, 400)
        '30 slices give a noisy kernel distance: take 50 or more.'
    """
    check_choice("metric", metric, SUFFICIENCY)
    for name, number in (("num_first", num_first), ("num_second", num_second)):
        check_count(name, number)
    texts = [SUFFICIENCY[metric](num_first, num_second, num_features)]
    if num_patients is not None and num_patients < _MIN_PATIENTS:
        few = f"{num_patients} patients do" if num_patients > 1 else "1 patient, or one group without names, does"
        texts.append(f"{few} not stand for others: an interval over patients needs {_MIN_PATIENTS} or more.")
    return " ".join(text for text in texts if text) or None


def _frechet(first: int, second: int, features: int | None) -> str | None:
    width = _features(features)
    fewest = min(first, second)
    if fewest <= width:
        return (
            f"{fewest} slices for {width} features: the covariance is singular and the Frechet distance mostly bias; "
            f"compare it only with another one of {fewest} slices."
        )
    if fewest < 10 * width:
        return (
            f"{fewest} slices for {width} features bias the Frechet distance upward: compare it only at equal numbers "
            f"of slices (10 x {width} make the bias small)."
        )
    return None


def _infinity(first: int, second: int, features: int | None) -> str | None:
    width = _features(features)
    fewest = min(first, second)
    if fewest < 5 * (width + 1):
        return (
            f"{fewest} slices for {width} features: the smallest subsets are too small for a line in 1 / N; take "
            f"{5 * (width + 1)} or more."
        )
    return None


def _kernel(first: int, second: int, features: int | None) -> str | None:
    return _at_least(50, min(first, second), "slices give a noisy kernel distance")


def _prdc(first: int, second: int, features: int | None) -> str | None:
    k = 5
    if min(first, second) <= k:
        return f"{min(first, second)} slices are no more than the {k} neighbors that set the radius."
    texts = [_at_least(100, min(first, second), "slices give balls that are too wide to tell sets apart")]
    if max(first, second) > 1.25 * min(first, second):
        reached = expected_coverage(second, first, k)
        texts.append(
            f"{first} synthetic and {second} real slices: coverage of equal distributions is {reached:.2f} at these "
            "numbers, and recall and density shift as well; take equal numbers."
        )
    return " ".join(text for text in texts if text) or None


def _best_match(first: int, second: int, features: int | None) -> str | None:
    return _at_least(100, second, "real slices leave no near match for most: the best match rises with their number")


def _pairs(first: int, second: int, features: int | None) -> str | None:
    return _at_least(50, min(first, second), "slices repeat in the pairs")


def _intensity(first: int, second: int, features: int | None) -> str | None:
    return _at_least(200, min(first, second), "slices pool into a histogram that depends on which they are")


def _spectrum(first: int, second: int, features: int | None) -> str | None:
    return _at_least(50, min(first, second), "slices give a mean spectrum that depends on which they are")


def _masks(first: int, second: int, features: int | None) -> str | None:
    return _at_least(100, min(first, second), "masks leave gaps in the distribution of sizes")


def _at_least(needed: int, number: int, text: str) -> str | None:
    return f"{number} {text}: take {needed} or more." if number < needed else None


def _features(features: int | None) -> int:
    if features is None:
        raise ValueError("num_features must be given for the Frechet distances, got None; pass the extractor's d")
    return features


#: The metrics with the rule of each, which takes both numbers of slices and the number of features.
SUFFICIENCY: dict[str, Callable[[int, int, int | None], str | None]] = {
    "frechet_distance": _frechet,
    "frechet_infinity": _infinity,
    "kernel_distance": _kernel,
    "prdc": _prdc,
    "ssim_best_match": _best_match,
    "ssim_random_pair": _pairs,
    "intensity_distance": _intensity,
    "spectrum_distance": _spectrum,
    "mask_distance": _masks,
}
