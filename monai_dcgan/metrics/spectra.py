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
"""Intensities and power spectra of two sets of slices, and how far they are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

__all__ = [
    "BACKGROUND",
    "distance_of_spectra",
    "intensity_distance",
    "intensity_histogram",
    "radial_spectrum",
    "spectrum_distance",
]

NUM_BINS = 1 << 16
# Where the head begins for slices of a generator, whose background is noise about 0.
BACKGROUND = 0.05
# Power of a wave with an amplitude of a millionth; pictures of 8 bits have 1e-6 in every ring from rounding alone.
POWER_FLOOR = 1e-12
_TOLERANCE = 1e-4
# Pixels that are transformed at a time.
_BLOCK = 1 << 21


def intensity_distance(a: Any, b: Any, background: float = 0.0) -> list[float | None]:
    """Wasserstein-1 distance between the intensities inside the head of two sets, for each channel.

    The mean shift of intensity that turns one histogram into the other. All slices of a set are pooled. Values are
    sorted into 65536 bins, so memory does not grow with the sets and the error is at most 1 / 65536.

    Args:
        a: (N, C, H, W) in [0, 1].
        b: (M, C, H', W') in [0, 1].
        background: intensities up to this one are no head. A generator's background is seldom exactly 0.

    Returns:
        C distances in [0, 1], in units of intensity; None for a channel where a set has nothing but background.

    Raises:
        ValueError: when a set has another shape or is empty, a value is not in [0, 1], or C differs.
    """
    first, second = _checked_pair(a, b)
    centers = (np.arange(NUM_BINS) + 0.5) / NUM_BINS
    distances: list[float | None] = []
    for one, other in zip(
        *(intensity_histogram(images, background=background) for images in (first, second)), strict=True
    ):
        present = one.sum() > 0 and other.sum() > 0
        distances.append(float(wasserstein_distance(centers, centers, one, other)) if present else None)
    return distances


def intensity_histogram(images: Any, num_bins: int = NUM_BINS, background: float = 0.0) -> np.ndarray:
    """Count the intensities above the background of a set of slices in bins of equal width over [0, 1].

    Args:
        images: (N, C, H, W) in [0, 1].
        num_bins: how many bins.
        background: intensities up to this one are not counted.

    Returns:
        (C, num_bins) int64 counts.

    Raises:
        ValueError: when the shape is another or a value is not in [0, 1].
    """
    array = _checked("images", images)
    counts = np.zeros((array.shape[1], num_bins), dtype=np.int64)
    for part in array:
        for channel, plane in enumerate(part):
            inside = plane[plane > background].astype(np.float64)
            bins = np.minimum((inside * num_bins).astype(np.int64), num_bins - 1)
            counts[channel] += np.bincount(bins, minlength=num_bins)
    return counts


def radial_spectrum(images: Any) -> np.ndarray:
    """Radially averaged log power spectrum of every slice.

    The azimuthal integral of Durall et al. 2020 ("Watch your Up-Convolution: CNN Based Generative Deep Neural Networks
    are Failing to Reproduce Spectral Distributions") as a mean over rings: the power ``|F|^2 / (H W)`` of the
    discrete Fourier transform, averaged over the frequencies of each ring one cycle wide, then its log10. White noise
    of variance v has log10(v) in every ring. Transposed convolutions show as a rise or a peak at the end.

    Args:
        images: (N, C, H, W) in [0, 1].

    Returns:
        (N, C, K) float64 for frequencies of 1 to K cycles per length of the shorter side, K about 0.71 min(H, W): rings
        go on to the highest diagonal frequency, where a checkerboard lies. At least -12, which is also that of a slice
        without any structure. The mean intensity (frequency 0) is left out.

    Raises:
        ValueError: when the shape is another, a side is below 4 pixels or a value is not in [0, 1].
    """
    array = _checked("images", images)
    height, width = array.shape[2:]
    if min(height, width) < 4:
        raise ValueError(f"images must have sides of at least 4 pixels, got {(height, width)}; a ring needs room")
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    ring = np.rint(np.hypot(rows, columns) * min(height, width)).astype(np.int64)
    # rfft2 keeps one of each pair of mirrored frequencies, which counts twice.
    twice = np.where((columns > 0) & (columns < 0.5), 2.0, 1.0) * np.ones_like(rows)
    counted = np.bincount(ring.ravel(), twice.ravel())[1:]
    spectra = np.empty((*array.shape[:2], len(counted)))
    size = max(1, _BLOCK // array[0].size)
    for start in range(0, len(array), size):
        part = array[start : start + size].astype(np.float64)
        power = np.abs(np.fft.rfft2(part)) ** 2 / (height * width) * twice
        sums = np.stack([np.bincount(ring.ravel(), one)[1:] for one in power.reshape(-1, ring.size)])
        spectra[start : start + size] = (sums / counted).reshape(*part.shape[:2], -1)
    return np.log10(np.maximum(spectra, POWER_FLOOR))


def spectrum_distance(a: Any, b: Any) -> np.ndarray:
    """Mean absolute difference of the mean radial log power spectra of two sets, for each channel.

    Args:
        a: (N, C, H, W) in [0, 1].
        b: (M, C, H, W) in [0, 1], of the same H and W.

    Returns:
        (C,) float64 in [0, 15) in units of log10 of power: 0.1 is a mean deviation of power by a factor of 1.26.

    Raises:
        ValueError: see :func:`radial_spectrum`; also when C, H or W differ.
    """
    first, second = _checked_pair(a, b)
    if first.shape[2:] != second.shape[2:]:
        raise ValueError(
            f"a and b must have slices of one size, got {first.shape[2:]} and {second.shape[2:]}; resize one set"
        )
    return distance_of_spectra(radial_spectrum(first), radial_spectrum(second))


def distance_of_spectra(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return :func:`spectrum_distance` (C,) of two sets whose spectra (N, C, K) and (M, C, K) are known."""
    return np.asarray(np.abs(a.mean(axis=0) - b.mean(axis=0)).mean(axis=-1))


def _checked(name: str, images: Any) -> np.ndarray:
    array = np.asarray(images)
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(f"{name} must have the shape (N, C, H, W) with no empty side, got {array.shape}")
    low, high = float(array.min()), float(array.max())
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
        raise ValueError(f"{name} must lie in [0, 1], got {low:g} to {high:g}; scale the slices")
    return array


def _checked_pair(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    first, second = _checked("a", a), _checked("b", b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"a and b must have the same number of channels, got {first.shape[1]} and {second.shape[1]}")
    return first, second
