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
"""Tests of what is said about too few slices."""

from __future__ import annotations

import re

import pytest

from monai_dcgan.metrics import SUFFICIENCY, sufficiency

CASES = [
    # metric, first, second, features, patients, text or None
    ("frechet_distance", 500, 2000, 2048, None, "500 slices for 2048 features: the covariance is singular"),
    ("frechet_distance", 3000, 2500, 2048, None, "2500 slices for 2048 features bias the Frechet distance upward"),
    ("frechet_distance", 30000, 25000, 2048, None, None),
    ("frechet_infinity", 5000, 6000, 1280, None, "5000 slices for 1280 features: .* take 6405 or more"),
    ("frechet_infinity", 6405, 6405, 1280, None, None),
    ("kernel_distance", 49, 400, None, None, "49 slices give a noisy kernel distance: take 50 or more"),
    ("kernel_distance", 50, 50, None, None, None),
    ("prdc", 5, 400, None, None, "5 slices are no more than the 5 neighbors"),
    ("prdc", 99, 99, None, None, "99 slices give balls that are too wide"),
    ("prdc", 300, 900, None, None, "300 synthetic and 900 real slices: coverage of equal distributions is 0.76"),
    ("prdc", 300, 300, None, None, None),
    ("ssim_best_match", 10, 50, None, None, "50 real slices leave no near match"),
    ("ssim_best_match", 10, 500, None, None, None),
    ("ssim_random_pair", 100, 100, None, 4, "4 patients do not stand for others: .* needs 5 or more"),
    ("ssim_random_pair", 100, 100, None, 5, None),
    (
        "intensity_distance",
        10,
        10,
        None,
        1,
        "10 slices pool .* 1 patient, or one group without names, does",
    ),
    ("spectrum_distance", 60, 60, None, None, None),
    ("spectrum_distance", 49, 60, None, None, "49 slices give a mean spectrum"),
    ("intensity_distance", 200, 200, None, 9, None),
    ("mask_distance", 60, 600, None, None, "60 masks leave gaps"),
]


@pytest.mark.parametrize(("metric", "first", "second", "features", "patients", "text"), CASES)
def test_texts(metric, first, second, features, patients, text):
    found = sufficiency(metric, first, second, features, patients)
    if text is None:
        assert found is None
    else:
        assert re.search(text, str(found))


def test_every_metric_has_a_rule():
    assert {case[0] for case in CASES} == set(SUFFICIENCY)
    for metric in SUFFICIENCY:
        assert sufficiency(metric, 2, 2, 8) is not None
        assert sufficiency(metric, 10**6, 10**6, 8, 100) is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("fid", 9, 9), "metric must be one of frechet_distance, .*, got 'fid'"),
        (("frechet_distance", 9, 9), "num_features must be given for the Frechet distances, got None"),
        (("prdc", -1, 9), "num_first must be a whole number of at least 0, got -1"),
    ],
)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        sufficiency(*arguments)
