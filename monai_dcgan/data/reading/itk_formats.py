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
"""Read MetaImage (.mha, .mhd), NRRD (.nrrd, .nhdr) and, where ITK is asked for, NIfTI (.nii, .nii.gz) with ITK."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import optional_import

from monai_dcgan.data.reading import nifti
from monai_dcgan.data.reading.common import Header, Scan, check_file, lps_to_ras, one_line

__all__ = ["SUFFIXES", "itk_error", "itk_header", "itk_voxels", "peek", "read"]

itk, _ = optional_import("itk")

SUFFIXES = {
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
    ".nrrd": "NrrdImageIO",
    ".nhdr": "NrrdImageIO",
    ".nii": "NiftiImageIO",
    ".nii.gz": "NiftiImageIO",
}

# ITK's name of a component -> (type as stored, ITK's pixel type to read it with). ITK's Python packages have images of
# few types; the others are read as a wider one that keeps every value (64-bit integers up to 2**53).
# Deflate shrinks by no more than this, see RFC 1951: 258 bytes in 2 bits.
MOST_DEFLATED = 1032
ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
BLOCK = HEAD = 1 << 16
# What says in a header that voxels are compressed, and where voxels in the same file begin.
META = (rb"^CompressedData *= *True", rb"^ElementDataFile *=.*\n")
NRRD = (rb"^encoding: *(gz|gzip) *\r?$", rb"\r?\n\r?\n")
COMPRESSED = {".mha": META, ".mhd": META, ".nrrd": NRRD, ".nhdr": NRRD}
TYPES = {
    "char": ("int8", "SS"),
    "signed_char": ("int8", "SS"),
    "unsigned_char": ("uint8", "UC"),
    "short": ("int16", "SS"),
    "unsigned_short": ("uint16", "US"),
    "int": ("int32", "SI"),
    "unsigned_int": ("uint32", "D"),
    "long": ("int64", "D"),
    "unsigned_long": ("uint64", "D"),
    "long_long": ("int64", "D"),
    "unsigned_long_long": ("uint64", "D"),
    "float": ("float32", "F"),
    "double": ("float64", "D"),
}


def peek(path: str | Path) -> Header:
    """Read the header of a file.

    Args:
        path: a file with a suffix of ``SUFFIXES``.

    Returns:
        The header; a 2D file has an affine as well, whose third axis is the patient's head-foot axis with 1 mm.

    Raises:
        FileNotFoundError: when the file, or the data file that its header names, is not there.
        ValueError: when it cannot be read, or does not hold one 2D or 3D image of one or more channels.
    """
    path = check_file(path)
    return itk_header(_open(path), path)


def read(path: str | Path) -> Scan:
    """Read a file.

    The fourth axis of a 4D file and the components of a vector or RGB file become channels.

    Args:
        path: a file with a suffix of ``SUFFIXES``.

    Returns:
        Voxels (C, I, J[, K]) in the type of the file, with the affine.

    Raises:
        FileNotFoundError: when the file, or the data file that its header names, is not there.
        ValueError: when it cannot be read, or does not hold one 2D or 3D image of one or more channels.
    """
    path = check_file(path)
    image_io = _open(path)
    header = itk_header(image_io, path)
    voxels = itk_voxels(image_io, path)
    _check_whole(path)
    return Scan(voxels, header.affine)


def _open(path: Path) -> Any:
    """Return ITK's reader of the file with its header read."""
    name = path.name.lower()
    kind = next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)
    if kind is None:
        raise ValueError(f"{path} must end with one of {', '.join(SUFFIXES)}, got {path.suffix!r}; convert the file")
    _check_data_file(path)
    image_io = getattr(itk, kind).New()
    if not image_io.CanReadFile(str(path)):
        raise ValueError(f"{path} must be a file that ITK's {kind} reads, got other content; copy or export it again")
    image_io.SetFileName(str(path))
    try:
        image_io.ReadImageInformation()
    except RuntimeError as error:
        raise itk_error(path, error) from error
    return image_io


def data_file(path: Path) -> Path | None:
    """Return the file of voxels that a .mhd or .nhdr names, ``path`` where it holds them, None where it names many."""
    keys = {".mhd": "ElementDataFile", ".nhdr": "data file|datafile"}
    if path.suffix.lower() not in keys:
        return path
    text = path.read_bytes()[:65536].decode("latin-1")
    found = re.search(rf"^(?:{keys[path.suffix.lower()]})\s*[:=]\s*(.+?)\s*$", text, re.MULTILINE | re.IGNORECASE)
    name = found.group(1) if found else "LOCAL"
    if name.upper().split()[0] == "LIST" or "%" in name:
        return None
    return path if name.upper() == "LOCAL" else path.parent / name


def _check_data_file(path: Path) -> None:
    """Check that the one file of voxels that a header names is there; ITK's own text does not tell."""
    try:
        check_file(data_file(path) or path)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(f"{path} must lie beside the data file that it names: {error}") from error


def itk_error(path: Path, error: Exception) -> ValueError:
    """Return an error of one line that names the file, from an exception of ITK."""
    reason = re.sub(r"^.*?(?:ITK ERROR|itk::ERROR): \w+\(0x[0-9a-f]+\): ", "", str(error), flags=re.DOTALL)
    reason = reason.replace("Reason: No such file or directory", "")
    return ValueError(f"{path} must be a whole image, got {one_line(reason)!r} from ITK; copy or export it again")


def itk_header(image_io: Any, path: Path) -> Header:
    """Return the header that a reader of ITK has read.

    Args:
        image_io: an ``itk.ImageIOBase`` after ``ReadImageInformation``.
        path: the file, for errors.

    Returns:
        The header.

    Raises:
        ValueError: when there is no 2D or 3D image of numbers in the file.
    """
    sizes = tuple(int(image_io.GetDimensions(axis)) for axis in range(image_io.GetNumberOfDimensions()))
    components = int(image_io.GetNumberOfComponents())
    dimension = min(len(sizes), 3)
    component = image_io.GetComponentTypeAsString(image_io.GetComponentType())
    if dimension < 2 or len(sizes) > 4 or (len(sizes) == 4 and components > 1):
        raise ValueError(
            f"{path} must hold one 2D or 3D image of one or more channels, got sizes {sizes} of {components} "
            "components; write one time point per file"
        )
    pixel = image_io.GetPixelTypeAsString(image_io.GetPixelType())
    if component not in TYPES or pixel == "complex":
        raise ValueError(f"{path} must hold real numbers, got {pixel} of {component}; convert the file")
    _check_length(image_io, path)
    affine = np.eye(4)
    for axis in range(dimension):
        affine[:dimension, axis] = np.asarray(image_io.GetDirection(axis))[:dimension] * image_io.GetSpacing(axis)
        affine[axis, 3] = image_io.GetOrigin(axis)
    channels = sizes[3] if len(sizes) == 4 else components
    return Header(sizes[:dimension], channels, TYPES[component][0], lps_to_ras(affine))


def _check_length(image_io: Any, path: Path) -> None:
    """Check that the files can hold the voxels that the header declares, before memory is taken for them."""
    count, name = 1, data_file(path)
    for axis in range(image_io.GetNumberOfDimensions()):
        count *= int(image_io.GetDimensions(axis))
    needed = count * image_io.GetNumberOfComponents() * image_io.GetComponentSize()
    if name is None:
        return
    size = name.stat().st_size
    if needed > size * MOST_DEFLATED:
        raise ValueError(f"{name} must hold {needed} bytes of voxels as its header says, got {size}; copy it again")


def _check_whole(path: Path) -> None:
    """Check what ITK does not: that NIfTI files are not cut off, and the checksums of compressed voxels."""
    if path.name.lower().endswith(nifti.NIFTI_SUFFIXES):
        nifti.check_whole(path)
        return
    compressed, last_line = COMPRESSED[path.suffix.lower()]
    with open(path, "rb") as file:
        head = file.read(HEAD)
    end, source = re.search(last_line, head, re.MULTILINE), data_file(path)
    if (
        source is None
        or (source == path and end is None)
        or not re.search(compressed, head, re.MULTILINE | re.IGNORECASE)
    ):
        return
    if re.search(rb"^(line|byte) ?skip:", head, re.MULTILINE):
        return
    stream = zlib.decompressobj(ZLIB_OR_GZIP)
    with open(source, "rb") as file:
        file.seek(end.end() if end is not None and source == path else 0)
        try:
            while not stream.eof and (block := file.read(BLOCK)):
                stream.decompress(block)
        except zlib.error as error:
            raise ValueError(f"{source} must be whole, got {error}; copy or export it again") from error
    if not stream.eof:
        raise ValueError(f"{source} must be whole, got a compressed stream that is cut off; copy or export it again")


def itk_voxels(image_io: Any, path: Path) -> np.ndarray:
    """Read the voxels of a file.

    Args:
        image_io: an ``itk.ImageIOBase`` after ``ReadImageInformation``, whose header ``itk_header`` accepts.
        path: the file.

    Returns:
        Voxels (C, I, J[, K]) in the type of the file.

    Raises:
        ValueError: when ITK cannot read them.
    """
    dimension, components = image_io.GetNumberOfDimensions(), image_io.GetNumberOfComponents()
    dtype, pixel = TYPES[image_io.GetComponentTypeAsString(image_io.GetComponentType())]
    kind = itk.Image if components == 1 else itk.VectorImage
    reader = itk.ImageFileReader[kind[getattr(itk, pixel), dimension]].New(ImageIO=image_io, FileName=str(path))
    try:
        reader.Update()
    except RuntimeError as error:
        raise itk_error(path, error) from error
    array = itk.array_from_image(reader.GetOutput()).astype(dtype, copy=False)
    # NumPy sees ITK's axes in reverse, and components last: transposed, components come first, a fourth axis last.
    if components > 1:
        return array.T
    return np.moveaxis(array.T, 3, 0) if dimension == 4 else array.T[None]
