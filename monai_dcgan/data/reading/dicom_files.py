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
"""Tell DICOM files apart by their first bytes, without a library."""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["has_mark", "is_enhanced", "is_no_slice", "is_seg", "storage_class"]

# Classes of files, https://dicom.nema.org/medical/dicom/current/output/chtml/part04/sect_B.5.html
STORAGE = "1.2.840.10008.5.1.4.1.1."
SEGMENTATIONS = (f"{STORAGE}66.4", f"{STORAGE}66.7")
ENHANCED = (
    f"{STORAGE}2.1",
    f"{STORAGE}2.2",
    f"{STORAGE}4.1",
    f"{STORAGE}4.3",
    f"{STORAGE}4.4",
    f"{STORAGE}128.1",
    f"{STORAGE}130",
)
DIRECTORY = "1.2.840.10008.1.3.10"
# Spectroscopy, waveforms, presentation states, raw data with registrations and segmentations, real world values,
# reports, encapsulated documents, tractography, plans of radiotherapy.
NO_SLICE = (
    "4.2",
    "9.",
    "11.",
    "66",
    "67",
    "88.",
    "104.",
    "481.3",
    "481.4",
    "481.5",
    "481.6",
    "481.7",
    "481.8",
    "481.9",
)
HEAD = 8192


def has_mark(path: Path) -> bool:
    """Return whether a file has the mark of DICOM, "DICM" at byte 128."""
    with open(path, "rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def storage_class(path: Path) -> str | None:
    """Return the UID of what a DICOM file holds (MediaStorageSOPClassUID); None where it cannot be told."""
    with open(path, "rb") as stream:
        head = stream.read(HEAD)
    place = 132 if head[128:132] == b"DICM" else len(head)
    # The group 0002 is always in explicit little endian: tag, type, length (PS3.10, section 7.1).
    while place + 12 <= len(head) and head[place : place + 2] == b"\x02\x00":
        long = head[place + 4 : place + 6] in (b"OB", b"UN")
        start = place + (12 if long else 8)
        (length,) = struct.unpack_from("<I" if long else "<H", head, place + (8 if long else 6))
        if head[place + 2 : place + 4] == b"\x02\x00":
            return head[start : start + length].decode("ascii", "replace").strip("\0 ")
        place = start + length
    return None


def is_seg(path: str | Path) -> bool:
    """Return whether a file is a DICOM segmentation (SEG), by its first bytes."""
    path = Path(path)
    return path.is_file() and storage_class(path) in SEGMENTATIONS


def is_no_slice(kind: str) -> bool:
    """Return whether files of a class are no slices of a series."""
    if kind == DIRECTORY:
        return True
    rest = kind.removeprefix(STORAGE)
    return rest != kind and any(
        rest == name.rstrip(".") or rest.startswith(f"{name.rstrip('.')}.") for name in NO_SLICE
    )


def is_enhanced(kind: str | None) -> bool:
    """Return whether files of a class say per frame where it lies."""
    return kind in ENHANCED
