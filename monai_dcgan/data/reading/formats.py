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
"""Which module reads which file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from monai_dcgan.data.reading import dicom, itk_formats, nifti, pictures
from monai_dcgan.data.reading.common import Header, Scan
from monai_dcgan.utils.enums import Reader

__all__ = ["LOSSY", "peek", "read"]

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
LOSSY = (".jpg", ".jpeg")


def peek(path: Path, reader: str = Reader.AUTO) -> Header:
    """Read the header of a file, or those of a folder with a DICOM series.

    Args:
        path: file, or folder of a DICOM series.
        reader: one of ``Reader``.

    Raises:
        FileNotFoundError: when there is nothing at ``path``.
        ValueError: when the format is not known or the file is broken; the text names it.
    """
    return _module(path, reader).peek(path)


def read(path: Path, reader: str = Reader.AUTO) -> Scan:
    """Read the voxels of a file, or of a folder with a DICOM series; as ``peek`` otherwise."""
    return _module(path, reader).read(path)


def _module(path: Path, reader: str) -> ModuleType:
    name = path.name.lower()
    if name.endswith(PICTURES):
        return pictures
    is_nifti = name.endswith(nifti.NIFTI_SUFFIXES)
    if str(reader) == str(Reader.NIBABEL) and not is_nifti:
        raise ValueError(f"{path} must be NIfTI or a picture to be read with reader=nibabel; use reader=auto or itk")
    if is_nifti and str(reader) != str(Reader.ITK):
        return nifti
    if name.endswith(tuple(itk_formats.SUFFIXES)):
        return itk_formats
    if path.is_dir() or name.endswith(dicom.SUFFIXES) or dicom.has_mark(path):
        return dicom
    raise ValueError(
        f"{path} must be NIfTI, MetaImage, NRRD, a picture ({', '.join(PICTURES)}), a DICOM file or the folder of a "
        "DICOM series; convert it"
    )
