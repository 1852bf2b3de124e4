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
"""How well a network does: a segmentation of whole volumes, probabilities of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy import ndimage
from scipy.stats import rankdata

__all__ = ["auc", "dice", "lesion_recall", "volume_scores"]

LESION_OVERLAP = 0.1
"""A lesion counts as found when this share of its voxels is."""


def auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the area under the ROC curve, the mean over classes of each against the others.

    By ranks (Mann and Whitney 1947; Bamber 1975), ties counting half.

    Args:
        scores: (n, K) probabilities.
        labels: (n,) class indices.

    Returns:
        the area in [0, 1]; None unless every class has slices and so have the others: without a class it would be the
        mean over fewer and mean something else.
    """
    areas = []
    for number, own in enumerate(scores.T):
        of_class = labels == number
        count, others = int(of_class.sum()), int((~of_class).sum())
        if not count or not others:
            return None
        ranks = rankdata(own)[of_class].sum()
        areas.append((ranks - count * (count + 1) / 2) / (count * others))
    return float(np.mean(areas))


def dice(predicted: np.ndarray, true: np.ndarray) -> float:
    """Return the Dice coefficient of two masks of one shape; 1 where both are empty."""
    size = int(predicted.sum()) + int(true.sum())
    return 1.0 if size == 0 else 2.0 * int(np.logical_and(predicted, true).sum()) / size


def lesion_recall(predicted: np.ndarray, true: np.ndarray) -> float:
    """Return the share of lesions that are found: at least a tenth of their voxels; NaN without a lesion.

    Lesions are connected parts of the true mask; voxels that touch at a corner are connected.
    """
    parts, count = ndimage.label(true, structure=np.ones((3,) * true.ndim))
    if count == 0:
        return float("nan")
    numbers = range(1, count + 1)
    return float(np.mean(ndimage.mean(np.asarray(predicted, dtype=float), parts, numbers) >= LESION_OVERLAP))


def volume_scores(
    predicted: np.ndarray, true: np.ndarray, spacing: Sequence[float], tolerance: float = 2.0
) -> dict[str, float]:
    """Compare two masks of a volume or a picture.

    Args:
        predicted: (X, Y[, Z]) with values {0, 1}.
        true: the same shape.
        spacing: mm of a voxel along each axis.
        tolerance: mm that two surfaces may lie apart and still agree (surface Dice, Nikolov et al. 2021,
            https://arxiv.org/abs/1809.04430).

    Returns:
        ``dice`` in [0, 1]; ``hd95``, 95th percentile of the distances between the surfaces in mm, NaN where a mask is
        empty; ``surface_dice`` in [0, 1], 0 where one mask is empty and 1 where both are; ``lesion_recall`` in [0, 1],
        NaN without a lesion.
    """
    result = {"dice": dice(predicted, true), "lesion_recall": lesion_recall(predicted, true)}
    if predicted.any() and true.any():
        found, wanted = (torch.from_numpy(np.ascontiguousarray(mask)).float()[None, None] for mask in (predicted, true))
        result["hd95"] = float(compute_hausdorff_distance(found, wanted, percentile=95, spacing=list(spacing)))
        result["surface_dice"] = float(compute_surface_dice(found, wanted, [tolerance], spacing=list(spacing)))
    else:
        result["hd95"] = float("nan")
        result["surface_dice"] = float(not predicted.any() and not true.any())
    return result
