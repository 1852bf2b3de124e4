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
"""Features that were computed before, found again by what they were computed of."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_dcgan.evaluation.features.base import FeatureExtractor, batches
from monai_dcgan.utils.files import atomic_path

__all__ = ["cached_features"]

logger = logging.getLogger(__name__)

# Raised where the same extractor and slices no longer give the same features.
_FORMAT = 1


def cached_features(
    extractor: FeatureExtractor, images: Any, cache_dir: str | Path, batch_size: int = 32
) -> np.ndarray:
    """Return the features of many slices, from a file where they were computed before.

    The file is named by the SHA-256 of the slices (shape, type and bytes) and of the extractor (hash of the weights,
    layer, preprocessing), so another set, network or resize is never taken for this one. It is written whole or not at
    all. Features of a GPU and of a CPU count as the same; they differ by rounding.

    Args:
        extractor: what maps slices to features.
        images: (N, C, H, W) in [0, 1], array (also memory-mapped) or tensor; or something that gives such pieces each
            time it is read, a list or a data loader that does not shuffle. It is read once for its hash and, where
            there is no file yet, once more; only a batch of it is in memory.
        cache_dir: folder of the files; it is made.
        batch_size: slices at a time; it changes neither the name of the file nor, beyond rounding, the features.

    Returns:
        (N, d) float32.

    Raises:
        ValueError: when ``images`` can be read only once, gives other slices the second time, or does not fit.
    """
    if isinstance(images, Iterator):
        raise ValueError(
            f"images must be readable twice, got {type(images).__name__}; give an array, a list or a data loader"
        )
    data = _Digest()
    for batch in batches(images, batch_size):
        data.add(batch)
    path = Path(cache_dir) / f"{_key(extractor, data)}.npz"
    found = _read(path, data.count)
    if found is not None:
        return found
    again, parts = _Digest(), []
    for batch in batches(images, batch_size):
        again.add(batch)
        parts.append(extractor(batch).cpu().numpy())
    if again.value() != data.value():
        raise ValueError("images must give the same slices each time they are read, got others; do not shuffle them")
    features = np.concatenate(parts)
    with atomic_path(path) as temporary:
        np.savez(temporary, features=features)
    return features


class _Digest:
    """SHA-256 of slices that come in pieces; how they are cut makes no difference."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._kind: tuple[Any, ...] | None = None
        self.count = 0

    def add(self, batch: torch.Tensor) -> None:
        array = np.ascontiguousarray(batch.detach().cpu().numpy())
        kind = (array.dtype.str, array.shape[1:])
        if self._kind not in (None, kind):
            raise ValueError(f"images must have one type and one shape per slice, got {self._kind} and {kind}")
        self._kind = kind
        self.count += len(array)
        self._digest.update(array.data)

    def value(self) -> str:
        whole = self._digest.copy()
        whole.update(repr((self._kind, self.count)).encode())
        return whole.hexdigest()


def _key(extractor: FeatureExtractor, data: _Digest) -> str:
    parts = [
        _FORMAT, type(extractor).__name__, extractor.sha256, extractor.layer, extractor.preprocessing, data.value(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _read(path: Path, count: int) -> np.ndarray | None:
    """Return what the file holds, or None where there is none or it is damaged (a zip file checks its bytes)."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as content:
            features = content["features"]
        if features.ndim != 2 or len(features) != count or features.dtype != np.float32:
            raise ValueError(f"it holds {features.dtype} {features.shape} where {count} rows of float32 are expected")
    except Exception as error:
        # A damaged zip file raises almost anything: a wrong size MemoryError, a wrong flag NotImplementedError.
        logger.warning("%s is damaged and is made anew: %s", path, error)
        return None
    return features
