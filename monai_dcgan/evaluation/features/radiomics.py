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
"""Radiomic features of whole slices: gray values and texture, computed here, no network and no download."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import numpy as np
import torch
from scipy import stats
from skimage.feature import graycomatrix, graycoprops

from monai_dcgan.evaluation.features.base import FeatureExtractor, batches

__all__ = ["RADIOMIC_NAMES", "RadiomicsExtractor", "radiomic_features"]

logger = logging.getLogger(__name__)

_LEVELS = 32
_DISTANCES = (1, 2, 4)
_ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_TEXTURES = ("contrast", "dissimilarity", "homogeneity", "ASM", "correlation")
# Standard deviation of every feature over slices of real brains, see RadiomicsExtractor; a choice of units.
_SCALES: dict[str, float] = {
    "mean": 0.041,
    "standard deviation": 0.033,
    "10th percentile": 0.056,
    "25th percentile": 0.056,
    "median": 0.056,
    "75th percentile": 0.087,
    "90th percentile": 0.096,
    "maximum": 0.1,
    "interquartile range": 0.09,
    "mean absolute deviation": 0.032,
    "mean of squares": 0.024,
    "skewness": 0.52,
    "kurtosis": 2.3,
    "entropy": 0.47,
    "uniformity": 0.11,
    "contrast at 1": 3.8,
    "contrast at 2": 6.2,
    "contrast at 4": 16,
    "dissimilarity at 1": 0.38,
    "dissimilarity at 2": 0.5,
    "dissimilarity at 4": 0.9,
    "homogeneity at 1": 0.067,
    "homogeneity at 2": 0.073,
    "homogeneity at 4": 0.087,
    "angular second moment at 1": 0.11,
    "angular second moment at 2": 0.11,
    "angular second moment at 4": 0.11,
    "correlation at 1": 0.048,
    "correlation at 2": 0.07,
    "correlation at 4": 0.12,
    "joint entropy at 1": 0.86,
    "joint entropy at 2": 0.89,
    "joint entropy at 4": 0.95,
}
RADIOMIC_NAMES = tuple(_SCALES)


class RadiomicsExtractor(FeatureExtractor):
    """Radiomic features in fixed units: the Frechet distance in them follows the Frechet Radiomic Distance.

    That distance (Konz et al. 2025, "Frechet Radiomic Distance (FRD)", equation 3) divides every feature by its
    standard deviation over the reference set of each comparison, so that no feature outweighs the others. Numbers from
    two comparisons then have two units. Here the units are the same for all: by default constants, the standard
    deviations over 1000 slices each of two public sets of brain MRI (contrast-enhanced T1 of Cheng 2015, FLAIR of Buda
    2019; 64 x 64 pixels; root mean square of both; the two lowest percentiles, which black background makes constant,
    take that of the median), rounded to two digits. A distance of 1 is then a shift of one feature by about what slices
    of real brains differ in it. Where ``reference`` is given its standard deviations are the units, and the hash tells.
    A shift of all features by a constant leaves a Frechet distance as it is, so nothing is subtracted.

    It is not the published number: 33 features of the slice itself where FRD v1 takes 464, also of filtered images, by
    pyradiomics, and no logarithm. Distances compare at one image size only, as texture is counted in pixels.

    Args:
        reference: real slices (N, C, H, W) in [0, 1], such as those of the training, or an iterable of such pieces;
            None for the constants. They must not be a set that is compared, which would fit the units to the answer.
        device: where the result lies; the computation is on the CPU.

    Raises:
        ValueError: when ``reference`` has fewer than 2 slices.
    """

    input_channels = 1

    def __init__(self, reference: Any = None, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        scales, units = np.array(list(_SCALES.values())), "fixed units"
        if reference is not None:
            scales, count = _reference_scales(reference, scales)
            units = f"units of the standard deviations over {count} reference slices"
        self._scales = scales
        self.name = "radiomics"
        rule = f"{_LEVELS} levels, distances {_DISTANCES}, {len(_ANGLES)} directions, {RADIOMIC_NAMES}"
        self.sha256 = hashlib.sha256(rule.encode() + scales.astype("<f8").tobytes()).hexdigest()
        self.layer = f"{len(RADIOMIC_NAMES)} features of gray values and co-occurrence"
        self.preprocessing = f"each channel on its own, no resize, {_LEVELS} gray levels on [0, 1], {units}"

    @property
    def distance_name(self) -> str:
        """What the distance is called, with what sets it apart from the published one."""
        return f"Frechet Radiomic Distance ({len(RADIOMIC_NAMES)} features, no logarithm)"

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        found = radiomic_features(images[:, 0].cpu().numpy()) / self._scales
        return torch.as_tensor(found, dtype=torch.float32, device=self.device)


def _reference_scales(reference: Any, fixed: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the standard deviations over all channels of all reference slices, and how many slices these are."""
    found, count = [], 0
    for batch in batches(reference, 64):
        count += len(batch)
        found.append(radiomic_features(batch.flatten(0, 1).numpy()))
    if count < 2:
        raise ValueError(f"reference must have at least 2 slices, got {count}")
    scales = np.concatenate(found).std(axis=0)
    constant = scales < 1e-9
    if constant.any():
        names = [name for name, own in zip(RADIOMIC_NAMES, constant) if own]
        logger.warning("constant in the reference slices, so these keep their fixed units: %s", ", ".join(names))
    return np.where(constant, fixed, scales), count


def radiomic_features(images: Any) -> np.ndarray:
    """Return first-order and texture features of whole slices, in the order of ``RADIOMIC_NAMES``.

    First order: as the Image Biomarker Standardisation Initiative defines it (Zwanenburg et al. 2020, reference manual,
    intensity statistics and intensity histogram; kurtosis is the excess), with entropy in bits and uniformity of 32
    equal bins on [0, 1]. Texture: of co-occurrence matrices (Haralick et al. 1973) of 32 gray levels at distances of 1,
    2 and 4 pixels, symmetric, the mean over four directions.

    Args:
        images: (N, H, W) in [0, 1], sides of more than 4 pixels.

    Returns:
        (N, 33) float64.

    Raises:
        ValueError: when ``images`` has another shape.
    """
    values = np.asarray(images, dtype=np.float64)
    if values.ndim != 3 or min(values.shape[1:]) <= max(_DISTANCES):
        raise ValueError(
            f"images must have the shape (N, H, W) with sides of more than {max(_DISTANCES)} pixels, got {values.shape}"
        )
    levels = np.clip((values * _LEVELS).astype(np.int64), 0, _LEVELS - 1).astype(np.uint8)
    texture = np.stack([_texture(slice_) for slice_ in levels])
    return np.concatenate([_first_order(values.reshape(len(values), -1), levels), texture], axis=1)


def _first_order(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    low, first, middle, third, high = np.percentile(values, (10, 25, 50, 75, 90), axis=1)
    mean, std = values.mean(axis=1), values.std(axis=1)
    # Of a flat slice neither skewness nor kurtosis is defined; 0 is what pyradiomics gives.
    flat = std < 1e-9
    standard = (values - mean[:, None]) / np.where(flat, 1.0, std)[:, None]
    skewness = np.where(flat, 0.0, (standard**3).mean(axis=1))
    kurtosis = np.where(flat, 0.0, (standard**4).mean(axis=1) - 3)
    bins = np.stack([np.bincount(slice_.ravel(), minlength=_LEVELS) for slice_ in levels]) / values.shape[1]
    entropy = stats.entropy(bins, base=2, axis=1)
    deviation = np.abs(values - mean[:, None]).mean(axis=1)
    columns = (mean, std, low, first, middle, third, high, values.max(axis=1), third - first, deviation)
    return np.stack([*columns, (values**2).mean(axis=1), skewness, kurtosis, entropy, (bins**2).sum(axis=1)], axis=1)


def _texture(levels: np.ndarray) -> np.ndarray:
    matrix = graycomatrix(levels, _DISTANCES, _ANGLES, levels=_LEVELS, symmetric=True, normed=True)
    entropy = stats.entropy(matrix.reshape(_LEVELS**2, len(_DISTANCES), len(_ANGLES)), base=2, axis=0)
    return np.concatenate([*(graycoprops(matrix, name).mean(axis=1) for name in _TEXTURES), entropy.mean(axis=1)])
