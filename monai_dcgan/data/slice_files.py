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
"""The files of a synthetic set."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import nibabel
import numpy as np
from isal import igzip
from monai.utils import optional_import

from monai_dcgan.utils.enums import ImageFormat

__all__ = [
    "DATASET",
    "NIFTI_BRIGHTEST",
    "PNG_BRIGHTEST",
    "PROVENANCE",
    "SUFFIXES",
    "check_slices",
    "description_of",
    "encode_slice",
]

Image, _ = optional_import("PIL.Image")

NIFTI_BRIGHTEST, PNG_BRIGHTEST = 1000, 255
DATASET, PROVENANCE = "dataset.json", "provenance.json"
TOLERANCE = 1e-3
SUFFIXES = {ImageFormat.NIFTI: "nii.gz", ImageFormat.PNG: "png"}


def encode_slice(image_format: str, picture: np.ndarray, mask: np.ndarray, spacing: float) -> tuple[bytes, bytes]:
    """Return the files of an image and its mask; equal slices give equal bytes on one kind of processor.

    Args:
        image_format: ``nifti`` or ``png``.
        picture: (C, H, W) in [0, 1]; what lies beyond is cut off.
        mask: (M, H, W) with values 0 and 1.
        spacing: pixel size in mm, for NIfTI.
    """
    if image_format == ImageFormat.NIFTI:
        values = np.rint(picture.clip(0, 1) * NIFTI_BRIGHTEST).astype(np.int16)
        return _nifti(values, spacing), _nifti(mask.astype(np.uint8), spacing)
    values = np.rint(picture.clip(0, 1) * PNG_BRIGHTEST).astype(np.uint8)
    return _png(values), _png(mask.astype(np.uint8) * PNG_BRIGHTEST)


def check_slices(images: np.ndarray, masks: np.ndarray, image_format: str) -> tuple[int, int]:
    """Return the numbers of channels of a batch of images and masks, or raise ``ValueError`` where it is none."""
    if images.ndim != 4 or masks.ndim != 4 or images.shape[::2] != masks.shape[::2]:
        raise ValueError(
            f"images and masks must be (B, C, H, W) and (B, M, H, W), got {images.shape} and {masks.shape}"
        )
    channels = images.shape[1], masks.shape[1]
    if masks.shape[3] != images.shape[3] or 0 in channels:
        raise ValueError(f"images and masks must have channels and one size, got {images.shape}, {masks.shape}")
    if image_format == ImageFormat.PNG and (channels[0] not in (1, 3) or channels[1] not in (1, 3)):
        raise ValueError(f"PNG holds 1 or 3 channels, got {channels}; use image_format nifti")
    # A comparison with NaN is false.
    if not (images.min() >= -TOLERANCE and images.max() <= 1 + TOLERANCE):
        raise ValueError(f"images must be in [0, 1], got {images.min():g} to {images.max():g}")
    if not ((masks == 0) | (masks == 1)).all():
        raise ValueError("masks must hold 0 and 1 only; threshold them first")
    return channels


def description_of(image_format: str, channels: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the content of ``dataset.json``, as the Medical Segmentation Decathlon has it.

    Args:
        image_format: ``nifti`` or ``png``.
        channels: names of the channels of the images.
        entries: one per slice, with the paths of image and label.
    """
    nifti = image_format == ImageFormat.NIFTI
    brightest = NIFTI_BRIGHTEST if nifti else PNG_BRIGHTEST
    return {
        "name": "synthetic",
        "description": f"synthetic slices with tumor masks; intensities 0 to {brightest} stand for 0 to 1",
        "tensorImageSize": "3D" if nifti else "2D",
        "reference": "",
        "licence": "",
        "modality": {str(channel): name for channel, name in enumerate(channels)},
        "labels": {"0": "background", "1" if nifti else str(PNG_BRIGHTEST): "tumor"},
        "numTraining": len(entries),
        "numTest": 0,
        "training": list(entries),
        "test": [],
    }


def _nifti(array: np.ndarray, spacing: float) -> bytes:
    # (C, H, W) in the order of memory is (W, H, 1, C) in that of the format, whose first axis runs fastest.
    channels, height, width = array.shape
    shape = (width, height, 1) if channels == 1 else (width, height, 1, channels)
    header = _nifti_header(shape, array.dtype.str, spacing)
    return igzip.compress(header + np.ascontiguousarray(array).tobytes(), mtime=0)


@cache
def _nifti_header(shape: tuple[int, ...], dtype: str, spacing: float) -> bytes:
    """Return what precedes the values: slices of a set have it in common, and nibabel takes its time to make it."""
    empty = np.zeros(shape, dtype=dtype)
    image = nibabel.Nifti1Image(empty, np.diag([-spacing, -spacing, spacing, 1.0]))
    image.header.set_xyzt_units("mm")
    return image.to_bytes()[: -empty.nbytes]


def _png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0)).save(stream, format="PNG")
    return stream.getvalue()
