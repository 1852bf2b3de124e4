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
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import nibabel
import numpy as np
import torch
from monai.utils import optional_import

from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import ImageFormat, Keys
from monai_dcgan.utils.files import atomic_path, write_json

__all__ = ["SyntheticSetWriter"]

Image, _ = optional_import("PIL.Image")

IMAGES, LABELS = "imagesTr", "labelsTr"
NIFTI_BRIGHTEST, PNG_BRIGHTEST = 1000, 255
DATASET = "dataset.json"
TOLERANCE = 1e-3


class SyntheticSetWriter:
    """Write images and masks as numbered files with a ``dataset.json`` of the Medical Segmentation Decathlon.

    ``nifti``: int16 images, where 0 is 0 and 1 is 1000, of shape (W, H, 1), or (W, H, 1, C) with several channels;
    uint8 masks with labels 0 and 1. x runs to the patient's left and y to the back, so that a viewer shows an axial
    slice as it was made. The affine is nominal: it is that of an axial slice at the origin whatever the plane of the
    slices was, so that coronal and sagittal slices show upright but bear the wrong axes. ``png``: 8-bit images with 1
    or 3 channels, and masks with 0 and 255.

    Files carry a running number and nothing else; where they come from stands in ``provenance.json``. They are written
    to a temporary folder beside ``out_dir``, which takes its place on ``close``: without that, after an error or at the
    end of the process, nothing is left.

    Args:
        out_dir: folder to make; it must be empty or not exist.
        image_format: ``nifti`` or ``png``.
        provenance: what made the images, JSON-like; no names of patients or paths.
        spacing: pixel size in mm, for NIfTI.
        channel_names: one name per channel of the images, for ``modality`` in ``dataset.json``; ``channel 0`` and so on
            when None.

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
        channel_names: Sequence[str] | None = None,
    ) -> None:
        check_choice("image_format", image_format, ImageFormat)
        given = _jsonable(provenance or {})
        if not spacing > 0:
            raise ValueError(f"spacing must be above 0 mm, got {spacing!r}")
        if channel_names is not None and (
            isinstance(channel_names, str) or not channel_names or len(set(channel_names)) != len(channel_names)
        ):
            raise ValueError(f"channel_names must be a list of different names, got {channel_names!r}")
        self.out_dir = Path(out_dir)
        self._check_out_dir()
        self.channel_names = None if channel_names is None else [str(name) for name in channel_names]
        self.image_format = ImageFormat(image_format)
        self.provenance, self.spacing = given, float(spacing)
        self.entries: dict[int, dict[str, Any]] = {}
        self.channels: tuple[int, int] | None = None
        self.closed = False
        self._folder: Path | None = None

    def __enter__(self) -> SyntheticSetWriter:
        return self

    def __exit__(
        self, error: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.close()
        finally:
            self._discard()

    def write(
        self,
        images: torch.Tensor | np.ndarray,
        masks: torch.Tensor | np.ndarray,
        class_names: Sequence[str] | None = None,
        pictures: Sequence[int] | None = None,
        places: Sequence[int] | None = None,
    ) -> list[dict[str, Any]]:
        """Write a batch.

        Args:
            images: (B, C, H, W) in [0, 1].
            masks: (B, M, H, W) with values 0 and 1.
            class_names: B names of classes, noted in ``dataset.json``.
            pictures: B numbers of pictures of the seed, noted in ``dataset.json``.
            places: B running numbers in the set, from 0, each used once; by default those after the last.

        Returns:
            the B new entries of ``dataset.json``: relative paths ``image`` and ``label``, and ``class_name`` and
            ``picture`` if given.

        Raises:
            ValueError: when shapes, ranges, numbers of channels or places are wrong, or the writer is closed.
        """
        if self.closed:
            raise ValueError(f"a writer must not be closed before write, got {self.out_dir} closed; make another one")
        arrays, labels = (np.asarray(torch.as_tensor(array).detach().float().cpu()) for array in (images, masks))
        self._check(arrays, labels, {"class_names": class_names, "pictures": pictures, "places": places})
        first = max(self.entries, default=-1) + 1
        places = self._free(range(first, first + len(arrays)) if places is None else places)
        self.channels = arrays.shape[1], labels.shape[1]
        folder = self._temporary()
        suffix = "nii.gz" if self.image_format == ImageFormat.NIFTI else "png"
        new = []
        for position, (place, picture, label) in enumerate(zip(places, arrays, labels)):
            name = f"synthetic_{place:06d}.{suffix}"
            entry: dict[str, Any] = {"image": f"./{IMAGES}/{name}", "label": f"./{LABELS}/{name}"}
            if class_names is not None:
                entry[Keys.CLASS_NAME.value] = str(class_names[position])
            if pictures is not None:
                entry[Keys.PICTURE.value] = int(pictures[position])
            if self.image_format == ImageFormat.NIFTI:
                self._write_nifti(
                    folder / entry["image"], np.rint(picture.clip(0, 1) * NIFTI_BRIGHTEST).astype(np.int16)
                )
                self._write_nifti(folder / entry["label"], label.astype(np.uint8))
            else:
                values = np.rint(picture.clip(0, 1) * PNG_BRIGHTEST)
                self._write_png(folder / entry["image"], values.astype(np.uint8))
                self._write_png(folder / entry["label"], label.astype(np.uint8) * PNG_BRIGHTEST)
            self.entries[place] = entry
            new.append(entry)
        return new

    def note(self, **facts: Any) -> None:
        """Add to ``provenance.json`` what became known while the images were made, JSON-like."""
        self.provenance.update(_jsonable(facts))

    def close(self) -> None:
        """Write ``dataset.json`` and ``provenance.json`` and move all to ``out_dir``; a second call does nothing.

        Raises:
            FileExistsError: when ``out_dir`` holds anything by now.
            ValueError: when nothing was written, or places were left out.
        """
        if self.closed:
            return
        if self.channels is None or not self.entries:
            raise ValueError("a synthetic set must hold at least one image, got none; call write before close")
        places = sorted(self.entries)
        if places != list(range(len(places))):
            raise ValueError(f"places must be 0 to {len(places) - 1} with none left out, got up to {places[-1]}")
        nifti = self.image_format == ImageFormat.NIFTI
        brightest = NIFTI_BRIGHTEST if nifti else PNG_BRIGHTEST
        names = self.channel_names or [f"channel {channel}" for channel in range(self.channels[0])]
        description = {
            "name": "synthetic",
            "description": f"synthetic slices with tumor masks; intensities 0 to {brightest} stand for 0 to 1",
            "tensorImageSize": "3D" if nifti else "2D",
            "reference": "",
            "licence": "",
            "modality": {str(channel): name for channel, name in enumerate(names)},
            "labels": {"0": "background", "1" if nifti else str(PNG_BRIGHTEST): "tumor"},
            "numTraining": len(self.entries),
            "numTest": 0,
            "training": [self.entries[place] for place in places],
            "test": [],
        }
        folder = self._temporary()
        write_json(folder / "provenance.json", {"synthetic": True, "count": len(self.entries), **self.provenance})
        write_json(folder / DATASET, description)
        self._check_out_dir()
        _move(folder, self.out_dir)
        self.closed = True
        self._discard()

    def _check_out_dir(self) -> None:
        if self.out_dir.exists() and (not self.out_dir.is_dir() or any(self.out_dir.iterdir())):
            raise FileExistsError(f"out_dir must be empty or new, got {self.out_dir}, which holds something")

    def _temporary(self) -> Path:
        """Return the folder that files go to until ``close``, made on the first call."""
        if self._folder is None:
            target = self.out_dir.absolute()
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
            self._remove = weakref.finalize(self, _remove_folder, self._folder, os.getpid())
        return self._folder

    def _discard(self) -> None:
        """Remove the temporary folder, if there is one."""
        if self._folder is not None:
            self._remove()
            self._folder = None
            self.closed = True

    def _free(self, places: Sequence[int]) -> list[int]:
        """Return ``places`` as whole numbers, which no slice has yet."""
        numbers = [int(place) for place in places]
        if len(set(numbers)) < len(numbers) or min(numbers, default=0) < 0 or self.entries.keys() & set(numbers):
            raise ValueError(f"places must be numbers from 0 that no slice has yet, got {numbers}")
        return numbers

    def _check(self, pictures: np.ndarray, labels: np.ndarray, per_image: Mapping[str, Sequence[Any] | None]) -> None:
        if pictures.ndim != 4 or labels.ndim != 4 or pictures.shape[::2] != labels.shape[::2]:
            raise ValueError(
                f"images and masks must be (B, C, H, W) and (B, M, H, W), got {pictures.shape} and {labels.shape}"
            )
        channels = pictures.shape[1], labels.shape[1]
        if labels.shape[3] != pictures.shape[3] or 0 in channels:
            raise ValueError(f"images and masks must have channels and one size, got {pictures.shape}, {labels.shape}")
        if self.channels not in (None, channels):
            raise ValueError(f"every batch must have the channels of the first, {self.channels}, got {channels}")
        if self.channel_names is not None and len(self.channel_names) != channels[0]:
            raise ValueError(f"channel_names must be one per channel, got {self.channel_names} for {channels[0]}")
        if self.image_format == ImageFormat.PNG and (channels[0] not in (1, 3) or channels[1] not in (1, 3)):
            raise ValueError(f"PNG holds 1 or 3 channels, got {channels}; use image_format nifti")
        if not (np.isfinite(pictures).all() and pictures.min() >= -TOLERANCE and pictures.max() <= 1 + TOLERANCE):
            raise ValueError(f"images must be in [0, 1], got {pictures.min():g} to {pictures.max():g}")
        if not np.isin(labels, (0, 1)).all():
            raise ValueError("masks must hold 0 and 1 only; threshold them first")
        for name, values in per_image.items():
            if values is not None and len(values) != len(pictures):
                raise ValueError(f"{name} must be one per image, got {len(values)} for {len(pictures)}")

    def _write_nifti(self, path: Path, array: np.ndarray) -> None:
        volume = array.transpose(2, 1, 0)[:, :, None]
        image = nibabel.Nifti1Image(
            volume[..., 0] if array.shape[0] == 1 else volume,
            np.diag([-self.spacing, -self.spacing, self.spacing, 1.0]),
        )
        image.header.set_xyzt_units("mm")
        with atomic_path(path) as temporary:
            nibabel.save(image, temporary)

    def _write_png(self, path: Path, array: np.ndarray) -> None:
        with atomic_path(path) as temporary:
            Image.fromarray(array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)).save(temporary)


def _jsonable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``facts`` as a dictionary, or raise ``ValueError`` where JSON cannot hold them."""
    try:
        json.dumps(dict(facts))
    except TypeError as error:
        raise ValueError(f"provenance must hold only what JSON holds: {error}") from error
    return dict(facts)


def _move(folder: Path, target: Path) -> None:
    """Move ``folder`` to ``target``, which is absent or an empty folder."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(folder, 0o777 & ~umask)
    if not target.exists():
        os.rename(folder, target)
        return
    # What is there may be a mount or the working folder, so it stays; the list that makes it a data set comes last.
    for item in sorted(folder.iterdir(), key=lambda item: item.name == DATASET):
        shutil.move(item, target / item.name)


def _remove_folder(folder: Path, process: int) -> None:
    """Remove ``folder``, unless this is a fork of the process that made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
