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
"""Write synthetic slices as a data set that segmentation projects read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import nibabel
import numpy as np
import torch
from monai.utils import optional_import

from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import ImageFormat
from monai_dcgan.utils.files import atomic_path, write_json

__all__ = ["SyntheticSetWriter"]

Image, _ = optional_import("PIL.Image")

IMAGES, LABELS = "imagesTr", "labelsTr"
NIFTI_BRIGHTEST, PNG_BRIGHTEST = 1000, 255
TOLERANCE = 1e-3


class SyntheticSetWriter:
    """Write images and masks as numbered files with a ``dataset.json`` of the Medical Segmentation Decathlon.

    ``nifti``: int16 images, where 0 is 0 and 1 is 1000, of shape (W, H, 1), or (W, H, 1, C) with several channels;
    uint8 masks with labels 0 and 1. x runs to the patient's left and y to the back, so that a viewer shows an axial
    slice as it was made. ``png``: 8-bit images with 1 or 3 channels, and masks with 0 and 255.

    Files carry a running number and nothing else; where they come from stands in ``provenance.json``.

    Args:
        out_dir: folder to write to; it must be empty or not exist.
        image_format: ``nifti`` or ``png``.
        provenance: what made the images, JSON-like; no names of patients or paths.
        spacing: pixel size in mm, for NIfTI.

    Raises:
        FileExistsError: when ``out_dir`` holds anything.
        ValueError: when an argument is wrong.

    Example:
        >>> with SyntheticSetWriter("synthetic", "nifti", {"seed": 0}) as writer:
        ...     writer.write(images, masks)
        >>> load_decathlon_datalist("synthetic/dataset.json")[0]["image"]
        'synthetic/imagesTr/synthetic_000000.nii.gz'
    """

    def __init__(
        self,
        out_dir: str | Path,
        image_format: str = ImageFormat.NIFTI,
        provenance: Mapping[str, Any] | None = None,
        spacing: float = 1.0,
    ) -> None:
        check_choice("image_format", image_format, ImageFormat)
        if not spacing > 0:
            raise ValueError(f"spacing must be above 0 mm, got {spacing!r}")
        try:
            json.dumps(dict(provenance or {}))
        except TypeError as error:
            raise ValueError(f"provenance must hold only what JSON holds: {error}") from error
        self.out_dir = Path(out_dir)
        if self.out_dir.exists() and (not self.out_dir.is_dir() or any(self.out_dir.iterdir())):
            raise FileExistsError(f"out_dir must be empty or new, got {self.out_dir}, which holds something")
        self.image_format = ImageFormat(image_format)
        self.provenance, self.spacing = dict(provenance or {}), float(spacing)
        self.entries: list[dict[str, Any]] = []
        self.channels: tuple[int, int] | None = None

    def __enter__(self) -> SyntheticSetWriter:
        return self

    def __exit__(
        self, error: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()

    def write(
        self,
        images: torch.Tensor | np.ndarray,
        masks: torch.Tensor | np.ndarray,
        class_names: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Append a batch.

        Args:
            images: (B, C, H, W) in [0, 1].
            masks: (B, M, H, W) with values 0 and 1.
            class_names: B names of classes, noted in ``dataset.json``.

        Returns:
            the B new entries of ``dataset.json``: relative paths ``image`` and ``label``, and ``class_name`` if given.

        Raises:
            ValueError: when shapes, ranges or numbers of channels are wrong.
        """
        pictures, labels = (np.asarray(torch.as_tensor(array).detach().float().cpu()) for array in (images, masks))
        self._check(pictures, labels, class_names)
        self.channels = pictures.shape[1], labels.shape[1]
        suffix = "nii.gz" if self.image_format == ImageFormat.NIFTI else "png"
        new = []
        for position, (picture, label) in enumerate(zip(pictures, labels)):
            name = f"synthetic_{len(self.entries):06d}.{suffix}"
            entry = {"image": f"./{IMAGES}/{name}", "label": f"./{LABELS}/{name}"}
            if class_names is not None:
                entry["class_name"] = str(class_names[position])
            if self.image_format == ImageFormat.NIFTI:
                self._write_nifti(entry["image"], np.rint(picture.clip(0, 1) * NIFTI_BRIGHTEST).astype(np.int16))
                self._write_nifti(entry["label"], label.astype(np.uint8))
            else:
                self._write_png(entry["image"], np.rint(picture.clip(0, 1) * PNG_BRIGHTEST).astype(np.uint8))
                self._write_png(entry["label"], label.astype(np.uint8) * PNG_BRIGHTEST)
            self.entries.append(entry)
            new.append(entry)
        return new

    def close(self) -> None:
        """Write ``dataset.json`` and ``provenance.json``.

        Raises:
            ValueError: when nothing was written.
        """
        if self.channels is None or not self.entries:
            raise ValueError("a synthetic set must hold at least one image, got none; call write before close")
        nifti = self.image_format == ImageFormat.NIFTI
        brightest = NIFTI_BRIGHTEST if nifti else PNG_BRIGHTEST
        description = {
            "name": "synthetic",
            "description": f"synthetic slices with tumor masks; intensities 0 to {brightest} stand for 0 to 1",
            "tensorImageSize": "3D" if nifti else "2D",
            "reference": "",
            "licence": "",
            "modality": {str(channel): f"channel {channel}" for channel in range(self.channels[0])},
            "labels": {"0": "background", "1" if nifti else str(PNG_BRIGHTEST): "tumor"},
            "numTraining": len(self.entries),
            "numTest": 0,
            "training": self.entries,
            "test": [],
        }
        write_json(self.out_dir / "provenance.json", {"synthetic": True, "count": len(self.entries), **self.provenance})
        write_json(self.out_dir / "dataset.json", description)

    def _check(self, pictures: np.ndarray, labels: np.ndarray, class_names: Sequence[str] | None) -> None:
        if pictures.ndim != 4 or labels.ndim != 4 or pictures.shape[::2] != labels.shape[::2]:
            raise ValueError(
                f"images and masks must be (B, C, H, W) and (B, M, H, W), got {pictures.shape} and {labels.shape}"
            )
        channels = pictures.shape[1], labels.shape[1]
        if labels.shape[3] != pictures.shape[3] or 0 in channels:
            raise ValueError(f"images and masks must have channels and one size, got {pictures.shape}, {labels.shape}")
        if self.channels not in (None, channels):
            raise ValueError(f"every batch must have the channels of the first, {self.channels}, got {channels}")
        if self.image_format == ImageFormat.PNG and (channels[0] not in (1, 3) or channels[1] not in (1, 3)):
            raise ValueError(f"PNG holds 1 or 3 channels, got {channels}; use image_format nifti")
        if not (np.isfinite(pictures).all() and pictures.min() >= -TOLERANCE and pictures.max() <= 1 + TOLERANCE):
            raise ValueError(f"images must be in [0, 1], got {pictures.min():g} to {pictures.max():g}")
        if not np.isin(labels, (0, 1)).all():
            raise ValueError("masks must hold 0 and 1 only; threshold them first")
        if class_names is not None and len(class_names) != len(pictures):
            raise ValueError(f"class_names must be one per image, got {len(class_names)} for {len(pictures)}")

    def _write_nifti(self, name: str, array: np.ndarray) -> None:
        volume = array.transpose(2, 1, 0)[:, :, None]
        image = nibabel.Nifti1Image(
            volume[..., 0] if array.shape[0] == 1 else volume,
            np.diag([-self.spacing, -self.spacing, self.spacing, 1.0]),
        )
        image.header.set_xyzt_units("mm")
        with atomic_path(self.out_dir / name) as temporary:
            nibabel.save(image, temporary)

    def _write_png(self, name: str, array: np.ndarray) -> None:
        with atomic_path(self.out_dir / name) as temporary:
            Image.fromarray(array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)).save(temporary)
