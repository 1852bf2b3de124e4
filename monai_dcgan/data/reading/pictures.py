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
"""Read pictures (PNG, TIFF, JPEG and what else PIL knows) of one slice each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import optional_import

from monai_dcgan.data.reading.common import Header, Scan, check_file, one_line

__all__ = ["peek", "read"]

Image, _ = optional_import("PIL.Image")

# PIL's mode -> (channels without alpha, type). A palette ("P", "PA") is looked at apart.
MODES = {
    "1": (1, "uint8"),
    "L": (1, "uint8"),
    "LA": (1, "uint8"),
    "I;16": (1, "uint16"),
    "I;16B": (1, "uint16"),
    "I;16L": (1, "uint16"),
    "I;16N": (1, "uint16"),
    "I": (1, "int32"),
    "F": (1, "float32"),
    "RGB": (3, "uint8"),
    "RGBA": (3, "uint8"),
}


def peek(path: str | Path) -> Header:
    """Read the header of a picture.

    Args:
        path: the picture.

    Returns:
        The header: shape (columns, rows), no affine.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it cannot be read, or is not one gray or RGB picture.
    """
    with _open(path) as picture:
        channels, dtype = (_palette_channels(picture), "uint8") if _has_palette(picture) else MODES[picture.mode]
        return Header(tuple(int(size) for size in picture.size), channels, dtype, None)


def read(path: str | Path) -> Scan:
    """Read a picture.

    16 bits are kept. A palette becomes gray where all its colors are gray, and RGB elsewhere; 1-bit pictures become 0
    and 1; alpha is dropped where it is the same all over the picture.

    Args:
        path: the picture.

    Returns:
        Pixels (C, X, Y), X along the columns from left to right and Y along the rows from top to bottom, as MONAI's
        ``PILReader`` has them; no affine.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it cannot be read, is not one gray or RGB picture, or shows part of itself by alpha.
    """
    with _open(path) as picture:
        if _has_palette(picture):
            gray = _palette_channels(picture) == 1
            see_through = picture.mode == "PA" or "transparency" in picture.info
            array = np.asarray(picture.convert("RGBA" if see_through else "RGB"))
            array = array[..., [0, *range(3, array.shape[-1])]] if gray else array
            alpha = see_through
        else:
            array, alpha = np.asarray(picture), picture.mode in ("LA", "RGBA")
            array = array.astype(MODES[picture.mode][1], copy=False)
    if alpha:
        _check_alpha(path, array[..., -1])
        array = array[..., :-1]
    return Scan(array.T if array.ndim == 3 and array.shape[-1] > 1 else array.reshape(array.shape[:2]).T[None], None)


@contextmanager
def _open(path: str | Path) -> Iterator[Any]:
    """Open a picture, checked; what PIL raises, also while it is read, becomes one clear error."""
    path = check_file(path)
    try:
        with Image.open(path) as picture:
            _check_picture(path, picture)
            yield picture
    except _Refused as error:
        raise ValueError(str(error)) from None
    except Image.DecompressionBombError as error:
        raise ValueError(_too_large(path, one_line(error))) from error
    except Exception as error:
        raise ValueError(f"{path} must be a whole picture, got {one_line(error)!r} from PIL; copy it again") from error


class _Refused(Exception):
    """A picture that is read but not taken."""


def _check_picture(path: Path, picture: Any) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and picture.size[0] * picture.size[1] > limit:
        raise _Refused(_too_large(path, f"{picture.size[0]} x {picture.size[1]}"))
    if picture.mode not in MODES and not _has_palette(picture):
        raise _Refused(f"{path} must be a gray or RGB picture, got mode {picture.mode}; convert it")
    pages = getattr(picture, "n_frames", 1)
    if pages != 1:
        raise _Refused(
            f"{path} must hold one slice, got {pages} pages; write each to a picture, or the volume to NIfTI"
        )


def _too_large(path: Path, size: str) -> str:
    return f"{path} must have at most {Image.MAX_IMAGE_PIXELS} pixels (PIL.Image.MAX_IMAGE_PIXELS), got {size}"


def _has_palette(picture: Any) -> bool:
    return picture.mode in ("P", "PA")


def _palette_channels(picture: Any) -> int:
    """Return 1 where all colors of the palette are gray, else 3."""
    colors = np.asarray(picture.getpalette("RGB")).reshape(-1, 3)
    return 1 if (colors == colors[:, :1]).all() else 3


def _check_alpha(path: str | Path, alpha: np.ndarray) -> None:
    if alpha.min() != alpha.max():
        raise ValueError(
            f"{path} must have the same alpha everywhere, got {alpha.min()} to {alpha.max()}; save it without alpha"
        )
