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
"""Check the voxels of images and labels, and tell which values labels have."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from monai_dcgan.data.reading.common import Scan
from monai_dcgan.data.reading.formats import LOSSY

__all__ = ["check_background", "check_finite", "values_of", "without_artifacts"]

HALF = 127
# float32 holds no more; programs also mark missing voxels with its largest number.
LARGEST = 1e37


def check_finite(scan: Scan, key: str, path: Path) -> None:
    """Raise ``ValueError`` where voxels are NaN, infinite or beyond what float32 holds."""
    if scan.array.dtype.kind != "f" or not scan.array.size:
        return
    low, high = float(scan.array.min()), float(scan.array.max())
    if low >= -LARGEST and high <= LARGEST:
        return
    bad = int((~np.isfinite(scan.array)).sum())
    if bad:
        raise ValueError(f"{key} must be finite, got {bad} voxels that are NaN or infinite in {path}; replace them")
    raise ValueError(f"{key} must lie within {LARGEST:g}, got {low:g} to {high:g} in {path}; replace such voxels")


def without_artifacts(scan: Scan, path: Path) -> Scan:
    """Cut the label of a JPEG at half: it has values near 0 and near 255."""
    if path.suffix.lower() not in LOSSY:
        return scan
    return Scan((scan.array > HALF).astype(np.uint8), scan.affine)


def check_background(scan: Scan, path: Path) -> None:
    """Refuse labels that say something of every voxel, as one-hot labels with a channel for the background do."""
    if len(scan.array) > 1 and scan.affine is not None and (scan.array != 0).any(axis=0).all():
        raise ValueError(
            f"channels of a label must leave background, got {len(scan.array)} that cover every voxel in {path}; leave "
            "the one of the background out"
        )


def values_of(scan: Scan, path: Path, known: Collection[int] | None) -> set[int]:
    """Return the values of a label besides 0; raise when they are not whole or not known."""
    flat = scan.array.ravel(order="K")
    values = np.unique(flat[flat != 0])
    odd = values[values != np.rint(values)] if values.dtype.kind == "f" else values[:0]
    if len(odd):
        raise ValueError(
            f"labels must be whole numbers, got {odd[0]:g} in {path}; resample label files by nearest neighbor, or "
            "round them before use"
        )
    found = {int(value) for value in values}
    unknown = sorted(found - set(known)) if known is not None else [value for value in sorted(found) if value < 0]
    if unknown:
        rule = f"among {sorted({0, *known})}" if known is not None else "at least 0"
        raise ValueError(
            f"labels must be {rule}, got {unknown[:5]} in {path}; correct the file, or what declares labels"
        )
    return found
