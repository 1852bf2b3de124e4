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
"""Volumes of synthetic slices, for projects whose readers and networks take nothing else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from monai_dcgan.data.slice_files import DATASET, NIFTI_BRIGHTEST
from monai_dcgan.data.synthetic_set import SyntheticSet
from monai_dcgan.utils.checks import check_positive, check_positive_int
from monai_dcgan.utils.enums import Keys
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.folders import new_folder

__all__ = ["stack_into_volumes"]

logger = logging.getLogger(__name__)

NOTE = "independent synthetic slices, stacked: there is no anatomy across slices"


def stack_into_volumes(
    set_folder: str | Path, out_dir: str | Path, depth: int, slice_spacing: float | None = None
) -> Path:
    """Stack synthetic slices into volumes.

    What such a volume is: a container. It lets slices pass through readers, samplers and networks made for volumes.
    What it is not: a head. The generator makes every slice by itself, so that neighbors in a volume are of different
    made-up patients and at different heights; nothing along z is anatomy, a mask has no third dimension, and tumor
    volumes, surface distances and shapes across slices mean nothing. A network with kernels across slices learns that
    slices are unrelated, which is wrong of real volumes: use such volumes where a project cuts volumes into slices, or
    with kernels and patches of one slice, and judge by real patients whether they help.

    Volumes are of consecutive slices of one class; what is left over of a class, fewer than ``depth``, is left out and
    counted in ``provenance.json``.

    Args:
        set_folder: folder that ``monai-dcgan generate`` wrote, NIfTI or PNG.
        out_dir: folder to make; absent or empty. It gets ``imagesTr/volume_0000.nii.gz``, int16 (W, H, D), or (W, H, D,
            C) with several channels, where 0 is 0 and 1 is 1000; ``labelsTr``, uint8 with 0 and 1; ``dataset.json`` of
            the Medical Segmentation Decathlon; ``provenance.json``.
        depth: D, slices in a volume, from 2.
        slice_spacing: spacing across slices in mm, nominal; that of the set when None.

    Returns:
        ``out_dir``.

    Raises:
        FileExistsError: when ``out_dir`` holds anything.
        FileNotFoundError: when there is no set, or it is not whole.
        ValueError: when an argument is out of its range, or no class has ``depth`` slices.

    Example:
        >>> stack_into_volumes("SYNTHETIC", "VOLUMES", depth=32)
        PosixPath('VOLUMES')
    """
    check_positive_int("depth", depth)
    if depth < 2:
        raise ValueError(f"depth must be at least 2, got {depth}; the set itself has volumes of one slice")
    if slice_spacing is not None:
        check_positive("slice_spacing", slice_spacing)
    stored = SyntheticSet(set_folder)
    stacks, left_out = _stacks(stored, depth)
    affine = stored.affine(0)
    if slice_spacing is not None:
        affine[2, 2] = slice_spacing
    with new_folder(out_dir) as folder:
        entries = [_write_volume(folder, number, stored, stack, affine) for number, stack in enumerate(stacks)]
        stacking = {"depth": depth, "slices": depth * len(stacks), "left_out": left_out, "note": NOTE}
        write_json(folder / "provenance.json", {**stored.provenance, "count": len(stacks), "stacking": stacking})
        write_json(folder / DATASET, _description(stored, entries))
    if left_out:
        logger.info("%d of %d slices fill no volume and are left out", left_out, len(stored))
    return Path(out_dir)


def _stacks(stored: SyntheticSet, depth: int) -> tuple[list[list[int]], int]:
    """Return the slices of each volume, in the order of their first ones, and how many are left out."""
    names = stored.class_names
    classes: dict[int | None, list[int]] = {}
    for index in range(len(stored)):
        classes.setdefault(stored.class_index(index, names), []).append(index)
    stacks = [
        members[first : first + depth]
        for members in classes.values()
        for first in range(0, len(members) - depth + 1, depth)
    ]
    if not stacks:
        most = max(map(len, classes.values()))
        raise ValueError(f"depth must be at most the slices of the largest class, {most}, got {depth}; generate more")
    return sorted(stacks), len(stored) - depth * len(stacks)


def _write_volume(
    folder: Path, number: int, stored: SyntheticSet, stack: list[int], affine: np.ndarray
) -> dict[str, Any]:
    images, masks = (np.stack(arrays) for arrays in zip(*map(stored.read, stack)))
    scaled = np.rint(images / stored.levels * NIFTI_BRIGHTEST).astype(np.int16)
    entry: dict[str, Any] = {}
    for key, values in ((Keys.IMAGE.value, scaled), (Keys.LABEL.value, masks)):
        # (D, C, H, W) to (W, H, D, C)
        volume = values.transpose(3, 2, 0, 1)
        image = nibabel.Nifti1Image(volume[..., 0] if volume.shape[3] == 1 else volume, affine)
        image.header.set_xyzt_units("mm")
        entry[key] = f"./{key}sTr/volume_{number:04d}.nii.gz"
        path = folder / entry[key]
        path.parent.mkdir(exist_ok=True)
        nibabel.save(image, path)
    name = stored.entries[stack[0]].get(Keys.CLASS_NAME.value)
    return entry if name is None else {**entry, Keys.CLASS_NAME.value: name}


def _description(stored: SyntheticSet, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": "synthetic volumes",
        "description": f"{NOTE}; intensities 0 to {NIFTI_BRIGHTEST} stand for 0 to 1",
        "tensorImageSize": "3D" if len(stored.channels) == 1 else "4D",
        "reference": "",
        "licence": "",
        "modality": {str(number): name for number, name in enumerate(stored.channels)},
        "labels": {"0": "background", "1": "tumor"},
        "numTraining": len(entries),
        "numTest": 0,
        "training": entries,
        "test": [],
    }
