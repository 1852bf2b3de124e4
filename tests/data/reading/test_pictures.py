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
"""Pictures of every mode, as MONAI reads them; broken ones are named."""

from __future__ import annotations

import numpy as np
import pytest
from monai.transforms import LoadImage
from PIL import Image

from monai_dcgan.data.reading.pictures import peek, read
from tests.data.volume_makers import cut_off

GRAY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOR = np.stack([GRAY, GRAY + 1, 255 - GRAY], axis=-1)
DEEP = GRAY.astype(np.uint16) * 257
FULL = np.full_like(GRAY, 128)


def palette(colors: np.ndarray) -> Image.Image:
    picture = Image.fromarray(GRAY // 20)
    picture.putpalette(colors.astype(np.uint8).ravel().tolist())
    return picture


GRAYS = np.repeat(np.arange(256)[:, None], 3, axis=1)
COLORS = np.stack([np.arange(256), 255 - np.arange(256), np.zeros(256)], axis=1)

# picture, suffix, pixels (rows, columns[, C]) that come back, type
TEST_CASES = [
    [Image.fromarray(GRAY), "png", GRAY, "uint8"],
    [Image.fromarray(GRAY), "tif", GRAY, "uint8"],
    [Image.fromarray(GRAY), "bmp", GRAY, "uint8"],
    [Image.fromarray(DEEP), "png", DEEP, "uint16"],
    [Image.fromarray(DEEP), "tif", DEEP, "uint16"],
    [Image.fromarray(GRAY.astype(np.int32) - 100), "tif", GRAY.astype(np.int32) - 100, "int32"],
    [Image.fromarray(GRAY.astype(np.float32) / 7), "tif", GRAY.astype(np.float32) / 7, "float32"],
    [Image.fromarray(GRAY > 100), "png", GRAY > 100, "uint8"],
    [Image.fromarray(GRAY > 100), "tif", GRAY > 100, "uint8"],
    [Image.fromarray(COLOR), "png", COLOR, "uint8"],
    [Image.fromarray(np.dstack([COLOR, FULL])), "png", COLOR, "uint8"],
    [Image.fromarray(np.dstack([GRAY, FULL])), "png", GRAY, "uint8"],
    [palette(GRAYS), "png", GRAY // 20, "uint8"],
    [palette(COLORS), "png", COLORS[GRAY // 20], "uint8"],
    [palette(COLORS), "tif", COLORS[GRAY // 20], "uint8"],
]


@pytest.mark.parametrize(("picture", "suffix", "expected", "dtype"), TEST_CASES)
def test_modes(tmp_path, picture, suffix, expected, dtype):
    path = tmp_path / f"a.{suffix}"
    picture.save(path)
    header, scan = peek(path), read(path)
    expected = expected if expected.ndim == 3 else expected[..., None]
    assert (header.shape, header.channels, header.dtype) == ((4, 3), expected.shape[2], dtype)
    assert scan.array.dtype == dtype and header.affine is None and scan.affine is None
    np.testing.assert_array_equal(scan.array, expected.transpose(2, 1, 0))


@pytest.mark.parametrize("array", [GRAY, DEEP, COLOR])
def test_axes_as_monai_has_them(tmp_path, array):
    Image.fromarray(array).save(tmp_path / "a.png")
    expected = LoadImage(reader="PILReader", image_only=True, ensure_channel_first=True)(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png").array, expected.numpy())


def test_a_transparent_color_of_a_palette(tmp_path):
    palette(COLORS).save(tmp_path / "a.png", transparency=200)
    np.testing.assert_array_equal(read(tmp_path / "a.png").array, COLORS[GRAY // 20].transpose(2, 1, 0))
    palette(COLORS).save(tmp_path / "a.png", transparency=2)
    with pytest.raises(ValueError, match=r"a\.png must have the same alpha everywhere, got 0 to 255"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("array", [COLOR, GRAY])
def test_alpha_that_differs(tmp_path, array):
    Image.fromarray(np.dstack([array, GRAY])).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png must have the same alpha everywhere, got 0 to 220; save it without"):
        read(tmp_path / "a.png")


def test_several_pages(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.tif", save_all=True, append_images=[Image.fromarray(GRAY)] * 2)
    for function in (peek, read):
        with pytest.raises(ValueError, match=r"a\.tif must hold one slice, got 3 pages"):
            function(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_broken_pictures(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(FileNotFoundError, match="must be a file, got nothing"):
        peek(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"a\.{suffix} must hold data, got 0 bytes"):
        read(path)
    path.write_bytes(b"garbage" * 9)
    with pytest.raises(ValueError, match=rf"a\.{suffix} must be a whole picture, got .* from PIL"):
        peek(path)
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (64, 64), dtype=np.uint8)).save(path)
    cut_off(path, 1500)
    with pytest.raises(ValueError, match=rf"a\.{suffix} must be a whole picture, got .* from PIL"):
        read(path)


@pytest.mark.parametrize("limit", [5, 11])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels(tmp_path, monkeypatch, limit):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match=rf"a\.png must have at most {limit} pixels .*, got "):
        peek(tmp_path / "a.png")


def test_other_color_spaces(tmp_path):
    Image.fromarray(COLOR).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match=r"a\.jpg must be a gray or RGB picture, got mode CMYK; convert it"):
        peek(tmp_path / "a.jpg")


@pytest.mark.parametrize("pattern", ["figshare_t1ce_128/glioma/0209*.png", "tcga_lgg_tif/kaggle_3m/*/*_12*.tif"])
def test_real_pictures(real_data, pattern):
    paths = sorted(real_data.glob(pattern))
    assert len(paths) >= 2
    for path in paths:
        header, scan = peek(path), read(path)
        assert scan.array.shape == (header.channels, *header.shape) and scan.array.dtype == header.dtype
        with Image.open(path) as picture:
            np.testing.assert_array_equal(scan.array[0].T, np.asarray(picture).reshape(*header.shape[::-1], -1)[..., 0])
