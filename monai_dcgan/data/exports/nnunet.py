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
"""A synthetic set as a raw data set of nnU-Net."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image

from monai_dcgan.data.slice_files import DATASET
from monai_dcgan.data.synthetic_set import SyntheticSet
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.folders import new_folder

__all__ = ["to_nnunet_raw"]

MOST_ID = 999
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def to_nnunet_raw(set_folder: str | Path, out_dir: str | Path, dataset_id: int, name: str) -> Path:
    """Write a synthetic set as a raw data set of nnU-Net, version 2.

    ``DatasetXXX_Name`` holds ``imagesTr/synthetic_000000_0000.png`` (a file a channel),
    ``labelsTr/synthetic_000000.png`` with labels 0 and 1, ``dataset.json`` and ``provenance.json``. Files are of the
    format of the set, 2D PNG or NIfTI of one slice, from which nnU-Net plans its configuration ``2d`` alone. Format:
    Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z, and ``documentation/reference/dataset-format.md``
    of nnU-Net.

    nnU-Net draws its folds at random from all cases. Where synthetic cases are put beside real ones, give it a
    ``splits_final.json`` that has them in the training parts alone, and a patient's real slices in one part.

    Args:
        set_folder: folder that ``monai-dcgan generate`` wrote.
        out_dir: folder for raw data sets, nnU-Net's ``nnUNet_raw``; it may hold others.
        dataset_id: number of the data set, 1 to 999; no other data set in ``out_dir`` may have it.
        name: name of the data set: letters, digits, ``_`` and ``-``.

    Returns:
        the folder ``DatasetXXX_Name``.

    Raises:
        FileExistsError: when ``out_dir`` has a data set with this number.
        FileNotFoundError: when there is no set, or it is not whole.
        ValueError: when an argument is wrong, or masks have several channels, which may overlap.

    Example:
        >>> to_nnunet_raw("SYNTHETIC", "nnUNet_raw", 501, "SyntheticGlioma")
        PosixPath('nnUNet_raw/Dataset501_SyntheticGlioma')
    """
    if isinstance(dataset_id, bool) or not isinstance(dataset_id, int) or not 1 <= dataset_id <= MOST_ID:
        raise ValueError(f"dataset_id must be a whole number from 1 to {MOST_ID}, got {dataset_id!r}")
    if not NAME.fullmatch(name):
        raise ValueError(f"name must be of letters, digits, _ and -, got {name!r}; such as SyntheticGlioma")
    stored = SyntheticSet(set_folder)
    target = Path(out_dir) / f"Dataset{dataset_id:03d}_{name}"
    taken = sorted(path.name for path in target.parent.glob(f"Dataset{dataset_id:03d}_*") if path != target)
    if taken:
        raise FileExistsError(f"dataset_id must be one that {out_dir} has not, got {dataset_id} of {taken[0]}")
    ending = ".png" if stored.is_png else ".nii.gz"
    with new_folder(target) as folder:
        for index in range(len(stored)):
            _write_case(folder, f"synthetic_{index:06d}", ending, stored, index)
        write_json(folder / "provenance.json", stored.provenance)
        write_json(folder / DATASET, _description(stored, name, ending))
    return target


def _description(stored: SyntheticSet, name: str, ending: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": "synthetic slices, made by monai_dcgan; provenance.json says how",
        "channel_names": {str(number): channel for number, channel in enumerate(stored.channels)},
        "labels": {"background": 0, "tumor": 1},
        "numTraining": len(stored),
        "file_ending": ending,
    }


def _write_case(folder: Path, case: str, ending: str, stored: SyntheticSet, index: int) -> None:
    image, mask = stored.read(index)
    if len(mask) != 1:
        raise ValueError(f"masks must have one channel, got {len(mask)}; labels of nnU-Net cannot overlap")
    if len(image) != len(stored.channels):
        raise ValueError(f"images must have the channels of {DATASET}, {stored.channels}, got {len(image)}")
    for channel, values in enumerate(image):
        _write(folder / "imagesTr" / f"{case}_{channel:04d}{ending}", values, stored, index)
    _write(folder / "labelsTr" / f"{case}{ending}", mask[0], stored, index)


def _write(path: Path, values: np.ndarray, stored: SyntheticSet, index: int) -> None:
    """Write one channel (H, W): 8-bit PNG, or NIfTI (W, H, 1) with the geometry of the set."""
    path.parent.mkdir(exist_ok=True)
    if stored.is_png:
        Image.fromarray(values.astype(np.uint8)).save(path)
        return
    image = nibabel.Nifti1Image(np.ascontiguousarray(values.T[:, :, None]), stored.affine(index))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
