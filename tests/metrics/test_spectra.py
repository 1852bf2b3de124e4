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
"""Tests of intensities and power spectra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.stats import wasserstein_distance

from monai_dcgan.metrics import intensity_distance, intensity_histogram, radial_spectrum, spectrum_distance
from monai_dcgan.metrics import spectra as module

BAD = [
    [np.zeros((2, 8, 8)), r"must have the shape \(N, C, H, W\) with no empty side, got \(2, 8, 8\)"],
    [np.zeros((0, 1, 8, 8)), r"must have the shape \(N, C, H, W\)"],
    [np.full((2, 1, 8, 8), np.nan), r"must lie in \[0, 1\], got nan to nan"],
    [np.full((2, 1, 8, 8), 255.0), r"must lie in \[0, 1\], got 255 to 255; scale the slices"],
]


def _heads(n: int, seed: int, shape: tuple[int, int] = (32, 24), channels: int = 2) -> np.ndarray:
    random = np.random.RandomState(seed)
    images = random.beta(2, 3, (n, channels, *shape))
    images[..., :4] = 0
    return images


def _smooth(images: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(images, (0, 0, 2, 2), mode="wrap") * 0.9


def test_intensity_agrees_with_scipy_on_all_voxels():
    a, b = _heads(5, 0), _heads(7, 1) ** 1.5
    found = intensity_distance(a, b)
    for channel in range(2):
        one, other = (x[:, channel][x[:, channel] > 0] for x in (a, b))
        assert found[channel] == pytest.approx(wasserstein_distance(one, other), abs=1 / 65536)
        assert found[channel] > 0.05


def test_intensity_of_a_shift_of_the_same_set_and_of_scaled_background():
    a = _heads(4, 0) * 0.5
    shifted = np.where(a > 0, a + 0.25, 0)
    assert intensity_distance(a, a) == [0, 0]
    assert intensity_distance(a, a[::-1]) == [0, 0]
    assert intensity_distance(a, shifted) == pytest.approx([0.25, 0.25], abs=1 / 65536)
    assert intensity_distance(np.zeros((1, 1, 8, 8)) + 1e-9, np.ones((1, 1, 8, 8))) == pytest.approx([1], abs=1e-4)
    padded = np.pad(a, ((0, 0), (0, 0), (10, 10), (10, 10)))
    assert intensity_distance(a, padded) == [0, 0]


def test_intensity_of_nothing_is_none():
    a = _heads(3, 0)
    empty = a.copy()
    empty[:, 1] = 0
    found = intensity_distance(a, empty)
    assert found[0] == 0
    assert found[1] is None


def test_histogram():
    images = np.array([0.0, 1e-6, 0.24, 0.5, 1.0, 0.99, 0.0, 0.75]).reshape(1, 1, 2, 4)
    np.testing.assert_array_equal(intensity_histogram(images, 4), [[2, 0, 1, 3]])


@pytest.mark.parametrize("shape", [(32, 32), (24, 40), (33, 21)])
def test_spectrum_agrees_with_a_loop_over_frequencies(shape):
    images = _heads(2, 0, shape)
    found = radial_spectrum(images)
    side = min(shape)
    power = np.abs(np.fft.fft2(images)) ** 2 / (shape[0] * shape[1])
    highest = np.hypot(np.fft.fftfreq(shape[0]).min(), np.fft.fftfreq(shape[1]).min())
    assert found.shape == (2, 2, np.rint(highest * side))
    for ring in range(1, found.shape[2] + 1):
        members = [
            (i, j)
            for i, y in enumerate(np.fft.fftfreq(shape[0]))
            for j, x in enumerate(np.fft.fftfreq(shape[1]))
            if np.rint(np.hypot(y, x) * side) == ring
        ]
        expected = np.log10(np.mean([power[:, :, i, j] for i, j in members], axis=0))
        np.testing.assert_allclose(found[:, :, ring - 1], expected, rtol=1e-9)


def test_spectrum_of_white_noise_is_its_variance():
    noise = np.random.RandomState(0).uniform(0, 1, (400, 1, 32, 32))
    power = (10 ** radial_spectrum(noise)).mean(axis=0)
    np.testing.assert_allclose(power, 1 / 12, rtol=0.15)
    np.testing.assert_allclose(power[0, 3:16], 1 / 12, rtol=0.03)


def test_spectrum_of_a_wave_peaks_at_its_frequency():
    x = np.arange(64) / 64
    for cycles in (3, 17, 32):
        wave = np.broadcast_to(0.5 + 0.5 * np.cos(2 * np.pi * cycles * x), (1, 1, 64, 64))
        assert radial_spectrum(wave)[0, 0].argmax() == cycles - 1


def test_spectrum_of_a_flat_slice_is_the_floor():
    np.testing.assert_array_equal(radial_spectrum(np.zeros((1, 1, 16, 16))), -12)


def test_spectrum_distance():
    a, b = _heads(20, 0), _heads(20, 1)
    np.testing.assert_array_equal(spectrum_distance(a, a), [0, 0])
    np.testing.assert_allclose(spectrum_distance(a, a[::-1]), 0, atol=1e-12)
    np.testing.assert_allclose(spectrum_distance(a, a * 0.1), 2, rtol=1e-9)
    noisy = np.clip(a + 0.02 * np.random.RandomState(2).randn(*a.shape), 0, 1)
    assert (spectrum_distance(a, b) > 0).all()
    assert (spectrum_distance(_smooth(a), _smooth(noisy)) < 0.05).all()


def test_spectrum_sees_a_checkerboard_at_the_end():
    a = _smooth(_heads(20, 0))
    checkered = a + 0.05 * (np.indices((32, 24)).sum(axis=0) % 2)
    change = np.abs(radial_spectrum(checkered) - radial_spectrum(a)).mean(axis=(0, 1))
    assert change.argmax() == len(change) - 1
    assert (spectrum_distance(a, checkered) > spectrum_distance(a, _smooth(_heads(20, 1)))).all()


def test_block_and_type_do_not_matter(monkeypatch):
    images = _heads(9, 0).astype(np.float32)
    whole = radial_spectrum(images)
    np.testing.assert_array_equal(radial_spectrum(torch.from_numpy(images).double()), whole)
    monkeypatch.setattr(module, "_BLOCK", 2 * images[0].size)
    np.testing.assert_allclose(radial_spectrum(images), whole, rtol=1e-12)
    assert intensity_distance(images, images.astype(np.float64)) == [0, 0]


@pytest.mark.parametrize(("images", "text"), BAD)
@pytest.mark.parametrize("function", [intensity_distance, spectrum_distance])
def test_errors(function, images, text):
    good = np.zeros((2, 1, 8, 8))
    with pytest.raises(ValueError, match=f"a {text}"):
        function(images, good)
    with pytest.raises(ValueError, match=f"b {text}"):
        function(good, images)
    with pytest.raises(ValueError, match="a and b must have the same number of channels, got 1 and 2"):
        function(good, np.zeros((2, 2, 8, 8)))


def test_errors_of_size():
    with pytest.raises(ValueError, match=r"a and b must have slices of one size, got \(8, 8\) and \(8, 9\)"):
        spectrum_distance(np.zeros((2, 1, 8, 8)), np.zeros((2, 1, 8, 9)))
    with pytest.raises(ValueError, match=r"images must have sides of at least 4 pixels, got \(3, 8\)"):
        radial_spectrum(np.zeros((2, 1, 3, 8)))


def test_background_is_left_out_of_intensities():
    """A generator's background is seldom exactly 0; with a floor its noise does not count as head."""
    images = np.zeros((4, 1, 16, 16), dtype=np.float32)
    images[:, :, 4:12, 4:12] = 0.5
    noisy = images + 0.01 * (images == 0)
    assert intensity_distance(noisy, images)[0] > 0.3
    assert intensity_distance(noisy, images, background=0.02) == [0.0]
    assert intensity_distance(images, images, background=0.6) == [None]
