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
"""A data set of digital patients on the disk, laid out as the Medical Segmentation Decathlon's are."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import OptionalImportError, optional_import

from monai_dcgan.data.phantom.anatomy import load_template, template_gradient
from monai_dcgan.data.phantom.contrast import SEQUENCES
from monai_dcgan.data.phantom.patient import DEFAULT_SPACING, check_seed, check_spacing, make_phantom
from monai_dcgan.utils.checks import check_fraction, check_positive_int
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.folders import check_free_folder, new_folder

__all__ = ["LABELS", "is_healthy", "write_phantoms"]

logger = logging.getLogger(__name__)

LABELS = {"0": "background", "1": "necrotic or non-enhancing core", "2": "edema", "3": "enhancing rim"}

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def write_phantoms(
    out_dir: str | Path,
    num_patients: int = 12,
    seed: int = 0,
    spacing: float = DEFAULT_SPACING,
    healthy_fraction: float = 0.2,
    num_workers: int | None = None,
) -> Path:
    """Write a data set of digital patients: brain MRI in four sequences, most of them with a glioma and its mask.

    The brains are made from the MNI152 template that the ``nilearn`` wheel carries: no patient's data, no network.
    Patient ``i`` depends on ``seed`` and ``i`` alone, and the files are the same to the byte whatever ``num_workers``
    is. The folder appears once everything in it is written.

    Args:
        out_dir: folder to make: ``dataset.json``, ``imagesTr/phantom_0000.nii.gz`` (X, Y, Z, 4; int16),
            ``labelsTr/phantom_0000.nii.gz`` (X, Y, Z; uint8). It must be absent or empty.
        num_patients: how many.
        seed: of the data set.
        spacing: edge of a voxel in mm, 1 to 4.
        healthy_fraction: share of the patients without a tumor, 0 to 1.
        num_workers: patients made at a time; all usable cores by default.

    Returns:
        ``out_dir``.

    Raises:
        ValueError: when an argument is out of range.
        FileExistsError: when ``out_dir`` is a file, or a folder with something in it.
        OptionalImportError: when ``nilearn``, ``joblib`` or ``nibabel`` is not installed.

    Example::

        from monai.data import load_decathlon_datalist
        folder = write_phantoms("phantoms", num_patients=12)
        cases = load_decathlon_datalist(folder / "dataset.json")
    """
    check_positive_int("num_patients", num_patients)
    if isinstance(seed, (list, tuple)):
        raise ValueError(f"seed must be one whole number of at least 0, got {seed!r}")
    check_seed(seed)
    check_spacing(spacing)
    check_fraction("healthy_fraction", healthy_fraction)
    workers = _usable_cores() if num_workers is None else num_workers
    check_positive_int("num_workers", workers)
    out_dir = Path(out_dir)
    check_free_folder(out_dir)
    joblib, found = optional_import("joblib")
    if not found:
        raise OptionalImportError('phantoms need joblib, which is not installed: pip install "monai_dcgan[phantom]"')
    # Loaded here once, so that the workers, which are threads, share it.
    load_template()
    for axis in range(3):
        template_gradient(axis)
    healthy = [is_healthy(seed, number, healthy_fraction) for number in range(num_patients)]
    with new_folder(out_dir) as folder:
        for name in ("imagesTr", "labelsTr"):
            (folder / name).mkdir()
        tasks = (joblib.delayed(_write_patient)(folder, seed, i, spacing, healthy[i]) for i in range(num_patients))
        entries = joblib.Parallel(n_jobs=min(workers, num_patients), prefer="threads")(tasks)
        write_json(folder / "dataset.json", _description(entries, seed, spacing, healthy))
    logger.info("%d digital patients, %d of them without a tumor: %s", num_patients, sum(healthy), out_dir)
    return out_dir


def is_healthy(seed: int, number: int, healthy_fraction: float) -> bool:
    """Whether patient ``number`` of data set ``seed`` has no tumor.

    Multiples of the golden ratio fill [0, 1) evenly, so that any first n patients hold close to the share asked for.
    """
    start = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed))).uniform()
    return bool((start + number * _GOLDEN_RATIO) % 1.0 < healthy_fraction)


def _write_patient(folder: Path, seed: int, number: int, spacing: float, healthy: bool) -> dict[str, str]:
    """Make patient ``number``, write its two files and return its entry of ``dataset.json``."""
    nib, found = optional_import("nibabel")
    if not found:
        raise OptionalImportError('phantoms need nibabel, which is not installed: pip install "monai_dcgan[phantom]"')
    image, label, affine = make_phantom((seed, number), spacing, healthy)
    entry = {}
    for key, values in (("image", np.moveaxis(image, 0, -1)), ("label", label)):
        entry[key] = f"./{key}sTr/phantom_{number:04d}.nii.gz"
        nifti = nib.Nifti1Image(np.ascontiguousarray(values), affine)
        nifti.header.set_xyzt_units("mm")
        nib.save(nifti, folder / entry[key])
    logger.debug("phantom_%04d: %s", number, "no tumor" if healthy else "glioma")
    return entry


def _description(entries: list[dict[str, str]], seed: int, spacing: float, healthy: list[bool]) -> dict[str, Any]:
    """Return the content of ``dataset.json``."""
    return {
        "name": "phantoms",
        "description": "Digital phantoms: brain MRI with gliomas, skull stripped. No data of any patient.",
        "reference": "Anatomy deformed from the MNI152 template (ICBM 2009a nonlinear symmetric; Fonov 2011, "
        "doi:10.1016/j.neuroimage.2010.07.033) as nilearn ships it; tumors, contrasts and noise are simulated by "
        "monai_dcgan.data.phantom",
        "licence": "Simulated here, Apache-2.0. Template: Copyright (C) 1993-2004 Louis Collins, McConnell Brain "
        "Imaging Centre, Montreal Neurological Institute, McGill University; may be used, copied, modified and "
        "distributed for any purpose without fee, provided that this copyright notice appears in all copies",
        "release": "1.0",
        "tensorImageSize": "4D",
        "modality": {str(number): name for number, name in enumerate(SEQUENCES)},
        "labels": LABELS,
        "phantom": {
            "seed": seed,
            "spacing_mm": spacing,
            "without_tumor": [f"phantom_{number:04d}" for number, is_so in enumerate(healthy) if is_so],
        },
        "numTraining": len(entries),
        "numTest": 0,
        "training": entries,
        "test": [],
    }


def _usable_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
