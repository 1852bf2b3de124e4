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
"""Tests of the radiomic features, against other implementations and by what the distance must do."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from monai_dcgan.evaluation import build_extractor, extract
from monai_dcgan.evaluation.features import RADIOMIC_NAMES, RadiomicsExtractor, radiomic_features
from monai_dcgan.metrics import frechet_distance


def named(image):
    return dict(zip(RADIOMIC_NAMES, radiomic_features(image[None])[0]))


def brains(n, seed=0, shift=0.0):
    """Make (n, 1, 48, 48) slices: a textured ellipse on black."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[:48, :48]
    slices = []
    for _ in range(n):
        inside = ((y - 24) / (16 + 4 * random.rand())) ** 2 + ((x - 24) / (14 + 4 * random.rand())) ** 2 < 1
        texture = ndimage.gaussian_filter(random.rand(48, 48), 1.5)
        slices.append(inside * (0.2 + 0.1 * random.rand() + texture + shift))
    return np.stack(slices)[:, None].clip(0, 1).astype(np.float32)


def test_first_order_agrees_with_scipy():
    image = brains(1)[0, 0].astype(np.float64)
    found, flat = named(image), image.ravel()
    expected = {
        "mean": flat.mean(),
        "standard deviation": flat.std(),
        "median": np.median(flat),
        "90th percentile": np.quantile(flat, 0.9),
        "maximum": flat.max(),
        "interquartile range": stats.iqr(flat),
        "mean absolute deviation": np.abs(flat - flat.mean()).mean(),
        "mean of squares": (flat**2).mean(),
        "skewness": stats.skew(flat),
        "kurtosis": stats.kurtosis(flat),
    }
    share = np.histogram(flat, 32, (0, 1))[0] / flat.size
    expected["entropy"] = -sum(p * np.log2(p) for p in share if p > 0)
    expected["uniformity"] = (share**2).sum()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name


def test_texture_agrees_with_a_count_by_hand():
    # Levels 0 and 31 in a checkerboard: neighbors along rows and columns differ, diagonal ones are equal.
    board = (np.indices((16, 16)).sum(axis=0) % 2).astype(np.float64)
    found = named(board)
    assert found["contrast at 1"] == pytest.approx(31**2 / 2)
    assert found["dissimilarity at 1"] == pytest.approx(31 / 2)
    assert found["homogeneity at 1"] == pytest.approx((1 / (1 + 31**2) + 1) / 2)
    assert found["angular second moment at 1"] == pytest.approx(0.5, abs=0.005)
    assert found["correlation at 1"] == pytest.approx(0, abs=0.01)
    assert found["joint entropy at 1"] == pytest.approx(1, abs=0.01)
    assert found["contrast at 2"] == 0
    assert found["correlation at 2"] == pytest.approx(1)


def test_flat_slices_have_finite_features():
    found = radiomic_features(np.stack([np.zeros((16, 16)), np.full((16, 16), 0.1), np.ones((16, 16))]))
    assert found.shape == (3, 33)
    assert np.isfinite(found).all()
    assert found[1, RADIOMIC_NAMES.index("skewness")] == 0


def test_every_feature_has_a_name_and_a_unit():
    assert len(set(RADIOMIC_NAMES)) == len(RADIOMIC_NAMES) == radiomic_features(brains(1)[:, 0]).shape[1]
    extractor = build_extractor("radiomics")
    assert extractor.distance_name == "Frechet Radiomic Distance (33 features, no logarithm)"
    assert "fixed units" in extractor.preprocessing
    raw, scaled = radiomic_features(brains(3)[:, 0]), extract(extractor, brains(3))
    assert scaled.dtype == np.float32
    seen = (raw != 0).all(axis=0)
    units = raw[:, seen] / scaled[:, seen]
    assert seen.sum() > 25
    np.testing.assert_allclose(units, np.broadcast_to(units[:1], units.shape), rtol=1e-4)


def test_channels_pass_on_their_own():
    images = np.concatenate([brains(4), brains(4, 1), brains(4, 2)], axis=1)
    extractor = RadiomicsExtractor()
    found = extract(extractor, images)
    assert found.shape == (4, 99)
    for channel in range(3):
        np.testing.assert_array_equal(
            found[:, 33 * channel : 33 * (channel + 1)], extract(extractor, images[:, [channel]])
        )


def test_the_distance_sees_brightness_blur_and_noise():
    extractor = RadiomicsExtractor()
    real, same = (extract(extractor, brains(60, seed)) for seed in (0, 1))
    base = frechet_distance(real, same)
    blurred = ndimage.gaussian_filter(brains(60, 1), (0, 0, 1, 1))
    noisy = (brains(60, 1) + 0.03 * np.random.RandomState(2).randn(60, 1, 48, 48)).clip(0, 1)
    for changed in (brains(60, 1, shift=0.1), blurred, noisy):
        assert frechet_distance(real, extract(extractor, changed)) > 3 * base


def test_units_of_a_reference_set(caplog):
    reference = brains(40, 5)
    with caplog.at_level(logging.WARNING):
        extractor = RadiomicsExtractor(reference)
    assert "10th percentile" in caplog.text
    assert "40 reference slices" in extractor.preprocessing
    assert extractor.sha256 != RadiomicsExtractor().sha256
    assert extractor.sha256 == RadiomicsExtractor([reference[:7], torch.from_numpy(reference[7:])]).sha256
    spread = extract(extractor, reference).std(axis=0)
    varies = radiomic_features(reference[:, 0]).std(axis=0) > 1e-9
    assert 25 < varies.sum() < 33
    np.testing.assert_allclose(spread[varies], 1, rtol=1e-4)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="reference must have at least 2 slices, got 1"):
        RadiomicsExtractor(brains(1))
    with pytest.raises(ValueError, match="sides of more than 4 pixels"):
        RadiomicsExtractor()(torch.zeros(1, 1, 4, 4))
