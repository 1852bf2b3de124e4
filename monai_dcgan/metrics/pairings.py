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
"""SSIM of synthetic and real slices in the four pairings that papers report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from monai_dcgan.metrics.ssim import best_match_ssim, random_pair_ssim

__all__ = ["PAIRINGS", "ssim_pairings"]

PAIRINGS = ("best_match", "random_pair", "within_synthetic", "within_real")


def ssim_pairings(
    synthetic: Any,
    real: Any,
    num_pairs: int = 1000,
    seed: int = 0,
    patients: Sequence[Any] | None = None,
    levels: int = 1,
) -> dict[str, np.ndarray]:
    """SSIM in the four pairings that papers report, which are not to be mixed up.

    Args:
        synthetic: (N, C, H, W) in [0, 1], at least 2 slices.
        real: (M, C, H, W) in [0, 1], held-out slices, at least 2.
        num_pairs: how many random pairs to draw for each of the last three.
        seed: seed of the draws.
        patients: the patient of each real slice: real pairs are then of different patients.
        levels: see :func:`pairwise_ssim`.

    Returns:
        under each of :data:`PAIRINGS` float32 values: ``best_match`` (N,), of each synthetic slice with the nearest
        real one (fidelity); ``random_pair`` (num_pairs,), synthetic with real; ``within_synthetic`` and ``within_real``
        (num_pairs,), pairs of one set, lower where it is more diverse (Odena et al. 2017, section 4.2, with MS-SSIM).

    Raises:
        ValueError: see :func:`pairwise_ssim` and :func:`random_pair_ssim`.
    """
    return {
        "best_match": best_match_ssim(synthetic, real, levels=levels),
        "random_pair": random_pair_ssim(synthetic, real, num_pairs, seed, levels=levels),
        "within_synthetic": random_pair_ssim(synthetic, None, num_pairs, seed, levels=levels),
        "within_real": random_pair_ssim(real, None, num_pairs, seed, patients, levels),
    }
