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
"""How alike two registered slices are where they overlap: what moved out of one, and what came in, does not count."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from monai_dcgan.metrics.matching import FINE_SIGMA, FLAT, FLIPS, SIDE, WIDE_SIGMA

__all__ = ["overlap_similarity"]

# Half a pixel of 64, the step of the search for the shift, is a whole pixel here.
_SIDE = 2 * SIDE
# What enters at an edge is smeared into its neighbors where slices are resized: as many pixels more are cut off.
_SMEARED = 2
# A smaller part of the slice than this is too little to compare.
_LEAST_OVERLAP = 0.5


def overlap_similarity(
    queries: np.ndarray, references: np.ndarray, flips: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """Correlate the overlap of pairs of slices that were registered before.

    The search for the shift (:mod:`monai_dcgan.metrics.matching`) goes round: what leaves a slice at one edge comes in
    at the other. A shifted copy of a slice whose head reaches the edge therefore seems less alike than it is. Here both
    slices are cut to what they share, halved, and compared as there: the normalized cross-correlation of difference of
    Gaussians (with masks it is that of Padfield 2012, "Masked Object Registration in the Fourier Domain", eq. 2, at one
    shift and with rectangles for masks; filters do not reach over the cut).

    Args:
        queries: (P, C, H, W) in [0, 1].
        references: (P, C, H, W) in [0, 1].
        flips: (P,) position in :data:`monai_dcgan.metrics.matching.FLIPS`: how each query is turned.
        shifts: (P, 2) by how many pixels of the slice the turned query lies below and right of the reference.

    Returns:
        (P,) float64 in [-1, 1]; 0 where less than half of the slice overlaps or a picture is without contrast.
    """
    similarity = np.zeros(len(queries))
    steps = np.rint(shifts * _SIDE / np.array(queries.shape[2:])).astype(np.int64)
    places, inverse = np.unique(np.column_stack([flips, steps]), axis=0, return_inverse=True)
    for number, (flip, down, right) in enumerate(places.tolist()):
        if (_SIDE - abs(down)) * (_SIDE - abs(right)) < _LEAST_OVERLAP * _SIDE**2:
            continue
        own = np.flatnonzero(inverse.ravel() == number)
        first = _cut(_pictures(queries[own]).flip(FLIPS[flip]), down, right)
        second = _cut(_pictures(references[own]), -down, -right)
        similarity[own] = _correlation(_details(first), _details(second)).numpy()
    return similarity


def _pictures(images: np.ndarray) -> Tensor:
    pictures = torch.from_numpy(np.ascontiguousarray(images)).float()
    if pictures.shape[2:] == (_SIDE, _SIDE):
        return pictures
    return F.interpolate(pictures, (_SIDE, _SIDE), mode="bilinear", antialias=True)


def _cut(pictures: Tensor, down: int, right: int) -> Tensor:
    """Return the part of pictures that lie ``down`` and ``right`` of others that these others hold, too."""
    rows, columns = (
        slice(max(step, 0) + _SMEARED, _SIDE + min(step, 0) - _SMEARED) if step else slice(None)
        for step in (down, right)
    )
    return pictures[:, :, rows, columns]


def _details(pictures: Tensor) -> Tensor:
    """Return the difference of Gaussians (P, C, pixels), each channel of mean 0 and norm 1, or all 0 where flat."""
    small = F.avg_pool2d(pictures, 2)
    small = small - small.amin((2, 3), keepdim=True)
    span = small.amax((2, 3), keepdim=True)
    small = torch.where(span > FLAT, small / span.clamp_min(FLAT), 0.0)
    fine, wide = (
        _gaussian(small.shape[2], sigma) @ small @ _gaussian(small.shape[3], sigma).T
        for sigma in (FINE_SIGMA, WIDE_SIGMA)
    )
    details = (fine - wide).flatten(2)
    details = details - details.mean(2, keepdim=True)
    norms = details.norm(dim=2, keepdim=True)
    return torch.where(norms > FLAT, details / norms.clamp_min(FLAT), 0.0)


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    """Return the correlation (P,) over the channels that are not flat, which weigh alike."""
    present = [(details != 0).any(2).sum(1) for details in (first, second)]
    whole = (first * second).sum((1, 2)).double()
    return (whole / (present[0] * present[1]).clamp_min(1).double().sqrt()).clamp(-1.0, 1.0)


@lru_cache(maxsize=64)
def _gaussian(side: int, sigma: float) -> Tensor:
    """Return the (side, side) matrix that smooths columns, mirrored at the edges."""
    return torch.from_numpy(gaussian_filter1d(np.eye(side), sigma, axis=0, mode="mirror", truncate=3.0)).float()
