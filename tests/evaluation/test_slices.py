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
"""Tests of sets of slices and their halves by patient."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.evaluation import LabeledSlices, patient_halves

COUNTS = [[1, 1], [5, 5, 5, 5], [40, 3, 2, 30, 7], [88] + [20] * 9, [1, 50]]
IMAGES, MASKS = np.zeros((3, 1, 8, 8)), np.zeros((3, 1, 8, 8))
ERRORS = [
    [{"images": np.zeros((3, 8, 8))}, "images must have four dimensions"],
    [{"images": np.zeros((0, 1, 8, 8))}, "images must have four dimensions and no empty side"],
    [{"images": IMAGES - 1}, r"images must lie in \[0, 1\], got -1 to -1"],
    [{"images": IMAGES * np.nan}, r"images must lie in \[0, 1\], got nan"],
    [{"masks": np.zeros((2, 1, 8, 8))}, "masks must have the shape"],
    [{"masks": np.zeros((3, 1, 8, 4))}, "masks must have the shape"],
    [{"masks": MASKS + 255}, "masks must hold only 0 and 1, got 255.0 to 255.0"],
    [{"patients": ["p", "q"]}, "patients must have one name per slice, 3, got 2 names"],
]


@pytest.mark.parametrize(("arguments", "text"), ERRORS)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        LabeledSlices(**({"images": IMAGES, "masks": MASKS} | arguments))


def test_types_and_rounding():
    slices = LabeledSlices(IMAGES + 1.00001, MASKS.astype(bool), [1, 2, 2])
    assert (slices.images.dtype, slices.masks.dtype, slices.patients) == (np.float32, np.uint8, ["1", "2", "2"])
    assert slices.images.max() == 1


def test_sample_keeps_slices_together():
    images = np.arange(20).reshape(20, 1, 1, 1) / 20 * np.ones((1, 1, 4, 4))
    slices = LabeledSlices(images, (images > 0.5).astype(int), [str(i) for i in range(20)])
    some = slices.sample(7, seed=0)
    assert len(some) == 7
    for image, mask, patient in zip(some.images, some.masks, some.patients):
        assert image[0, 0, 0] == pytest.approx(int(patient) / 20)
        assert mask[0, 0, 0] == (int(patient) > 10)
    assert slices.sample(20, seed=0) is slices


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("seed", range(5))
def test_halves_share_no_patient_and_hold_every_slice(counts, seed):
    patients = np.random.RandomState(0).permutation(np.repeat([f"p{i}" for i in range(len(counts))], counts))
    first, second = patient_halves(list(patients), seed)
    assert not set(patients[first]) & set(patients[second])
    assert sorted([*first, *second]) == list(range(len(patients)))
    assert abs(len(first) - len(second)) <= max(counts)


def test_halves_depend_on_the_seed():
    patients = [f"p{i}" for i in range(12)] * 3
    halves = {tuple(sorted({patients[i] for i in patient_halves(patients, seed)[0]})) for seed in range(10)}
    assert len(halves) > 5
    np.testing.assert_array_equal(patient_halves(patients, 4)[0], patient_halves(patients, 4)[0])


def test_one_patient_has_no_halves():
    with pytest.raises(ValueError, match="patients must name at least 2 patients to be divided into halves, got 1"):
        patient_halves(["p"] * 9)
