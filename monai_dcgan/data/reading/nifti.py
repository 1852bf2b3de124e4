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
"""NIfTI files, by nibabel; gzip is undone by ISA-L, in a third of the time that zlib takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from isal import igzip, isal_zlib
from nibabel.volumeutils import apply_read_scaling

from monai_dcgan.data.reading.common import Header, Scan, check_file, one_line

__all__ = ["NIFTI_SUFFIXES", "check_whole", "peek", "read"]

NIFTI_SUFFIXES = (".nii", ".nii.gz")
GZIP_MAGIC = b"\x1f\x8b"
# Window bits that tell zlib of a gzip header.
GZIP_STREAM = 31
BAD_GZIP: type[Exception] = isal_zlib.error  # type: ignore[assignment]
# The header of NIfTI-2, the longer of the two.
HEADER_BYTES = 540
# Deflate shrinks by no more than this (RFC 1951: 258 bytes in 2 bits), plus what a small file needs.
MOST_DEFLATED = 1032


def peek(path: Path) -> Header:
    """Read the header of a NIfTI file.

    Args:
        path: ``.nii`` or ``.nii.gz``.

    Returns:
        the header; a 2D file is a volume of one slice, and axes behind the third are channels.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no NIfTI file.
    """
    check_file(path)
    with open(path, "rb") as stream:
        packed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        stream.seek(0)
        try:
            head = igzip.open(stream).read(HEADER_BYTES) if packed else stream.read(HEADER_BYTES)
        except (OSError, EOFError, BAD_GZIP) as error:
            raise ValueError(f"{path} must be a whole gzip file: {error}; copy or download it again") from error
    header = _parse(path, head)
    shape, channels = _sizes(path, header)
    size = path.stat().st_size
    _check_length(path, header, size * MOST_DEFLATED if packed else size)
    return Header(shape, channels, str(header.get_data_dtype()), _affine(path, header))


def read(path: Path) -> Scan:
    """Read a NIfTI file.

    Args:
        path: ``.nii`` or ``.nii.gz``.

    Returns:
        the scan, its array a view in the order of the file; of the file's own type where the header has no scale.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no NIfTI file or cut off; the text names it.
    """
    content, header = _load(path)
    shape, channels = _sizes(path, header)
    array = _voxels(path, content, header)
    return Scan(np.moveaxis(array.reshape((*shape, channels), order="F"), -1, 0), _affine(path, header))


def check_whole(path: Path) -> None:
    """Check that a file holds the voxels that its header declares; other readers fill up what is missing.

    Args:
        path: ``.nii`` or ``.nii.gz``.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no NIfTI file or cut off; the text names it.
    """
    content, header = _load(path)
    _check_length(path, header, len(content))


def _load(path: Path) -> tuple[bytes, Any]:
    """Return the content of a file, with gzip undone, and the header in it."""
    check_file(path)
    content = path.read_bytes()
    if content[: len(GZIP_MAGIC)] == GZIP_MAGIC:
        try:
            # Most files are one stream, which needs no reader that looks for more.
            stream = isal_zlib.decompressobj(GZIP_STREAM)
            first = stream.decompress(content)
            content = first if stream.eof and not stream.unused_data else igzip.decompress(content)
        except (OSError, EOFError, BAD_GZIP) as error:
            raise ValueError(f"{path} must be a whole gzip file: {error}; copy or download it again") from error
    return content, _parse(path, content[:HEADER_BYTES])


def _voxels(path: Path, content: bytes, header: Any) -> np.ndarray:
    """Return the voxels (flat) in the content of a file, without a copy where the header has no scale."""
    start, count = _check_length(path, header, len(content))
    values = np.frombuffer(content, header.get_data_dtype(), count, start)
    try:
        slope, inter = header.get_slope_inter()
    except nibabel.spatialimages.HeaderDataError as error:
        raise ValueError(f"{path} must have a sound scale of its voxels: {error}; correct the header") from error
    return values if slope is None or (slope == 1 and inter == 0) else apply_read_scaling(values, slope, inter)


def _check_length(path: Path, header: Any, length: int) -> tuple[int, int]:
    """Return where the voxels begin and how many there are; an error when ``length`` bytes cannot hold them."""
    start, count = float(header["vox_offset"]), math.prod(int(size) for size in header.get_data_shape())
    needed = count * header.get_data_dtype().itemsize
    if not (start >= 0 and start + needed <= length):
        raise ValueError(
            f"{path} must hold {needed} bytes of voxels from byte {start:g} on as its header says, got "
            f"{max(0, length - start) if start >= 0 else 0:g} at most; copy it again"
        )
    return int(start), count


def _affine(path: Path, header: Any) -> np.ndarray:
    """Return the affine (4, 4) voxel -> mm in RAS+; that of sform before that of qform, as nibabel does."""
    try:
        return np.asarray(header.get_best_affine())
    except (ValueError, nibabel.spatialimages.HeaderDataError) as error:
        raise ValueError(f"{path} must place its voxels in space, got a header with: {error}; correct it") from error


def _parse(path: Path, head: bytes) -> Any:
    """Return the header in the first bytes of a file."""
    for kind in (nibabel.Nifti1Header, nibabel.Nifti2Header):
        size = kind.template_dtype.itemsize
        if len(head) >= size and kind.may_contain_header(head[:size]):
            try:
                header = kind(head[:size], check=False)
                sizes = header["pixdim"][1 : 1 + min(3, int(header["dim"][0]))]
                # Checking would turn a size of 0 into 1 mm without a word.
                if header["sform_code"] == 0 and not (np.isfinite(sizes).all() and (sizes != 0).all()):
                    raise ValueError(f"voxel sizes must be above 0, got {sizes.tolist()} mm; correct pixdim")
                header.check_fix()
                return header
            except Exception as error:
                raise ValueError(f"{path} must have a sound NIfTI header: {one_line(error)}") from error
    raise ValueError(f"{path} must be a NIfTI file, got {len(head)} bytes that hold no header of one")


def _sizes(path: Path, header: Any) -> tuple[tuple[int, int, int], int]:
    """Return the voxels of a volume and the number of channels."""
    sizes = tuple(int(size) for size in header.get_data_shape())
    if not 2 <= len(sizes) <= 5 or min(sizes) < 1:
        raise ValueError(f"{path} must have 2 to 5 axes, each with voxels, got shape {sizes}")
    if header.get_data_dtype().kind not in "iuf":
        raise ValueError(f"{path} must hold numbers, got voxels of type {header.get_data_dtype()}")
    spatial = (*sizes, 1)[:3]
    return spatial, math.prod(sizes[3:])  # type: ignore[return-value]
