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
"""Heads with the texture of their patient, for the tests of privacy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from monai_dcgan.evaluation import LabeledSlices


def _make(patients: int, per_patient: int = 6, seed: int = 0, name: str = "p", size: int = 64) -> LabeledSlices:
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    images, masks, names = [], [], []
    for patient in range(patients):
        random = np.random.RandomState(1000 * seed + patient)
        radius = np.hypot(x / random.uniform(0.6, 0.7), y / random.uniform(0.7, 0.8))
        common = gaussian_filter(random.randn(size, size), 2)
        for number in range(per_patient):
            own = gaussian_filter(random.randn(size, size), 2)
            texture = (common + own) / (common + own).std()
            images.append((radius < 1) * np.clip(0.5 + 0.12 * texture + 0.3 * (radius > 0.9), 0, 1))
            masks.append((x - 0.1) ** 2 + y**2 < (0.1 * number) ** 2)
            names.append(f"{name}{patient}")
    return LabeledSlices(np.stack(images)[:, None], np.stack(masks)[:, None], names)


@pytest.fixture(scope="session")
def make_heads() -> Callable[..., LabeledSlices]:
    """Make (N, 1, 64, 64) slices, alike within a patient and different between patients."""
    return _make


@pytest.fixture(scope="session")
def training() -> LabeledSlices:
    """60 slices of 10 patients."""
    return _make(10, seed=1, name="train")


@pytest.fixture(scope="session")
def heldout() -> LabeledSlices:
    """100 slices of 10 other patients."""
    return _make(10, 10, seed=2, name="held")


@pytest.fixture(scope="session")
def unseen() -> LabeledSlices:
    """60 slices of 10 more patients, who stand in for a generator that copies nothing."""
    slices = _make(10, seed=3, name="new")
    return LabeledSlices(slices.images, slices.masks)
