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
"""Pictures that a report shows: PNG and JPEG files that say of themselves what is seen in them.

The plots write a description and the part of the report they belong to as texts into their PNG, so that both stay with
the file wherever it goes.
"""

from __future__ import annotations

import base64
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from monai_dcgan.evaluation.report.blocks import Picture

__all__ = ["ALT_KEY", "PART_KEY", "data_uri", "load_picture", "part_of", "size_of"]

ALT_KEY, PART_KEY = "Description", "Section"
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}


def load_picture(title: str, path: str | Path) -> Picture:
    """Return a picture with the description in its file, or else its title, as alternative text.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is neither PNG nor JPEG.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such picture: {path}; draw it before the report is written")
    return Picture(title, path, _texts(path)[1].get(ALT_KEY, title))


def part_of(picture: Picture) -> str:
    """Return the part of the report that a picture belongs to: "training", "privacy", or else "pictures"."""
    return _texts(picture.path)[1].get(PART_KEY, "pictures")


def size_of(path: Path) -> tuple[int, int]:
    """Return width and height in pixels."""
    with Image.open(path) as image:
        return image.size


def data_uri(path: Path) -> str:
    """Return the file as a ``data:`` address."""
    return f"data:{_texts(path)[0]};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _texts(path: Path) -> tuple[str, dict[str, str]]:
    """Return the media type of a picture and the texts in it."""
    try:
        with Image.open(path) as image:
            kind, texts = image.format, {str(key): value for key, value in image.info.items() if isinstance(value, str)}
    except UnidentifiedImageError:
        kind, texts = None, {}
    if kind not in _TYPES:
        raise ValueError(f"pictures must be PNG or JPEG files, got {path}; save it as PNG")
    return _TYPES[str(kind)], texts
