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
"""Tests of grids and PNG files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_dcgan.utils.pictures import CONTOUR_COLORS, contour, grid, save_png

SHAPES = [
    # images, columns, scale, expected shape
    [(5, 1, 16, 12), 3, 2, (2 * 34 - 2, 3 * 26 - 2, 3)],
    [(2, 3, 16, 16), 8, 1, (16, 34, 3)],
    [(1, 1, 8, 8), 1, 4, (32, 32, 3)],
]
ERRORS = [
    [{"images": np.zeros((2, 16, 16))}, "images must have the shape"],
    [{"images": np.zeros((0, 1, 16, 16))}, "images must have the shape"],
    [{"images": np.full((1, 1, 4, 4), 2.0)}, r"images must lie in \[0, 1\], got 2 to 2"],
    [{"images": np.full((1, 1, 4, 4), np.nan)}, r"images must lie in \[0, 1\], got nan"],
    [{"images": np.zeros((1, 1, 4, 4)), "channel": 1}, "channel must be from 0 to 0"],
    [{"images": np.zeros((1, 1, 4, 4)), "columns": 0}, "columns must be a whole number"],
    [{"images": np.zeros((1, 1, 4, 4)), "masks": np.zeros((1, 1, 4, 5))}, "masks must have the shape"],
    [{"images": np.zeros((1, 1, 4, 4)), "masks": np.zeros((1, 1, 4, 4)), "colors": ()}, "colors must hold"],
]


@pytest.mark.parametrize(("shape", "columns", "scale", "expected"), SHAPES)
def test_shape(shape, columns, scale, expected):
    picture = grid(np.random.RandomState(0).rand(*shape), columns=columns, scale=scale)
    assert picture.shape == expected
    assert picture.dtype == np.uint8


@pytest.mark.parametrize(("arguments", "text"), ERRORS)
def test_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        grid(**arguments)


def test_values_and_channel():
    images = np.zeros((1, 2, 4, 4))
    images[0, 1] = 1
    assert grid(images).max() == 0
    assert grid(images, channel=1).min() == 255


@pytest.mark.parametrize("smooth", [True, False])
def test_orientation_is_kept(smooth):
    image = np.zeros((1, 1, 8, 8))
    image[0, 0, :4, :4] = 1
    picture = grid(image, scale=3, smooth=smooth)
    assert picture[2, 2, 0] == 255
    assert picture[2, -3, 0] == picture[-3, 2, 0] == 0


def test_contour_is_one_pixel_of_the_enlarged_picture():
    masks = np.zeros((1, 2, 8, 8))
    masks[0, 0, 2:5, 2:6] = 1
    picture = grid(np.zeros((1, 1, 8, 8)), masks, scale=4)
    red = (picture == CONTOUR_COLORS[0]).all(axis=-1)
    assert red.sum() == 2 * (12 + 16) - 4
    assert not red[9:19, 9:23].any()
    assert red[8, 8]
    assert red[19, 23]


def test_mask_channels_have_their_own_color_and_repeat():
    masks = np.zeros((1, 5, 12, 12))
    for channel in range(5):
        masks[0, channel, 2 * channel : 2 * channel + 2] = 1
    picture = grid(np.zeros((1, 1, 12, 12)), masks, scale=1)
    for channel in range(5):
        np.testing.assert_array_equal(picture[2 * channel, 0], CONTOUR_COLORS[channel % 4])


def test_contour_closes_at_the_border_and_keeps_single_pixels():
    full = contour(np.ones((5, 5), dtype=bool))
    assert full.sum() == 16
    single = np.zeros((5, 5), dtype=bool)
    single[2, 2] = True
    np.testing.assert_array_equal(contour(single), single)


def test_inputs_are_unchanged():
    images, masks = np.random.RandomState(0).rand(2, 1, 8, 8), np.ones((2, 1, 8, 8))
    before = images.copy()
    grid(images, masks)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_save_png_round_trip(tmp_path, shape):
    array = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    path = tmp_path / "new" / "picture.png"
    save_png(array, path)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), array)
    assert [file.name for file in path.parent.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("array", [np.zeros((4, 4)), np.zeros((4, 4, 2), dtype=np.uint8), np.zeros(4, dtype=np.uint8)])
def test_save_png_errors(tmp_path, array):
    with pytest.raises(ValueError, match="array must be uint8 of shape"):
        save_png(array, tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())
