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
"""Slices stand upright, fit the square, and find the way back."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.transforms import Frame, fit_frame, plane_spacing, slices_of_volume, volume_of_slices

# x to the left, y to the back, z up.
SHAPE = (5, 6, 7)
VOLUME = np.arange(5 * 6 * 7, dtype=np.float32).reshape(SHAPE)


@pytest.mark.parametrize(
    ("axis", "shape", "corner"),
    [
        # voxel that must lie in row 0, column 0 of slice 0
        ("axial", (7, 6, 5), (0, 0, 0)),
        ("coronal", (6, 7, 5), (0, 0, 6)),
        ("sagittal", (5, 7, 6), (0, 0, 6)),
    ],
)
def test_display_orientation(axis, shape, corner):
    stack = slices_of_volume(VOLUME, axis)
    assert stack.shape == shape
    assert stack[0, 0, 0] == VOLUME[corner]
    assert np.array_equal(volume_of_slices(stack, axis), VOLUME)


def test_columns_run_to_the_left_and_rows_to_the_back():
    stack = slices_of_volume(VOLUME, "axial")
    assert stack[3, 0, 4] == VOLUME[4, 0, 3]
    assert stack[3, 5, 0] == VOLUME[0, 5, 3]


def test_picture_is_one_slice():
    picture = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(slices_of_volume(picture, "coronal"), picture.T[None])


@pytest.mark.parametrize(
    ("axis", "expected"), [("axial", (2.0, 1.0)), ("coronal", (5.0, 1.0)), ("sagittal", (5.0, 2.0))]
)
def test_plane_spacing(axis, expected):
    assert plane_spacing((1.0, 2.0, 5.0), axis) == expected


def test_bad_arguments():
    with pytest.raises(ValueError, match="axis must be one of axial, coronal, sagittal"):
        slices_of_volume(VOLUME, "oblique")
    with pytest.raises(ValueError, match="volume must be"):
        slices_of_volume(np.zeros((1, 4, 4, 4)))
    with pytest.raises(ValueError, match="fit must be one of resize, pad"):
        fit_frame((10, 10), 64, fit="squeeze")
    with pytest.raises(ValueError, match="image_size must be a power of two"):
        fit_frame((10, 10), 48)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, dtype=np.float32)


@pytest.mark.parametrize(("height", "width"), [(128, 128), (100, 60), (20, 31), (64, 64)])
def test_resize_keeps_proportions_and_range(height, width):
    result = fit_frame((height, width), 64).fit(ones(2, height, width))
    assert result.shape == (2, 64, 64)
    assert (result[0] > 0.99).mean() == pytest.approx(min(height, width) / max(height, width), abs=0.02)
    assert result.min() == (0 if height != width else pytest.approx(1))
    assert result.max() == pytest.approx(1)


def test_resize_goes_by_millimeters():
    # 20 rows of 5 mm are as long as 100 columns of 1 mm.
    assert fit_frame((20, 100), 64, spacing=(5.0, 1.0)).fit(ones(1, 20, 100)).min() > 0.999


def test_downsampling_does_not_alias():
    stripes = np.zeros((1, 256, 256), dtype=np.float32)
    stripes[..., ::5] = 1
    result = fit_frame((256, 256), 32).fit(stripes)[..., 4:-4]
    assert result.std() < 0.03
    assert result.mean() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("side", [40, 64, 100])
def test_pad_leaves_pixels(side):
    picture = np.random.RandomState(0).rand(1, side, side).astype(np.float32)
    frame = fit_frame((side, side), 64, fit="pad")
    result = frame.fit(picture)
    inner = min(side, 64)
    a, b = (64 - inner) // 2, (side - inner) // 2
    assert np.array_equal(result[:, a : a + inner, a : a + inner], picture[:, b : b + inner, b : b + inner])
    back = frame.restore(result)
    assert np.array_equal(back[:, b : b + inner, b : b + inner], picture[:, b : b + inner, b : b + inner])
    assert back.sum() == pytest.approx(picture[:, b : b + inner, b : b + inner].sum())


def test_pixels_of_a_given_size():
    frame = fit_frame((100, 50), 64, fit="pad", spacing=(0.5, 2.0), pixel_spacing=2.0)
    assert frame.scaled == (25, 50)
    assert (frame.fit(ones(1, 100, 50)) > 0).sum() == 25 * 50


@pytest.mark.parametrize("box", [None, (10, 80, 20, 50)])
def test_way_back_of_a_resized_slice(box):
    y, x = np.mgrid[:100, :70] / 100
    smooth = (0.5 + 0.4 * np.sin(5 * x + 3 * y))[None].astype(np.float32)
    frame = fit_frame((100, 70), 64, box=box)
    rows, columns = slice(*frame.box[:2]), slice(*frame.box[2:])
    back = Frame.from_dict(frame.as_dict()).restore(frame.fit(smooth[:, rows, columns]))
    assert np.abs(back - smooth)[:, rows, columns][:, 2:-2, 2:-2].max() < 0.02
    outside = np.ones_like(back, dtype=bool)
    outside[:, rows, columns] = False
    assert (back[outside] == 0).all()
