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
"""Threads that write slices while the next ones are made."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from monai_dcgan.data.slice_files import encode_slice
from monai_dcgan.utils.checks import check_positive_int

__all__ = ["SlicePool"]

BATCHES_AHEAD = 2


class SlicePool:
    """Write batches of slices by threads, a few batches behind the one that hands them over.

    Encoders and the system leave the interpreter to others while they work.

    Args:
        num_workers: number of threads.

    Attributes:
        threads: what writes.

    Raises:
        ValueError: when ``num_workers`` is no whole number of at least 1.
    """

    def __init__(self, num_workers: int) -> None:
        check_positive_int("num_workers", num_workers)
        self.num_workers = num_workers
        self.threads = ThreadPoolExecutor(num_workers)
        self._pending: deque[tuple[list[Future[None]], Callable[[], None]]] = deque()

    def add(
        self,
        folder: Path,
        files: Sequence[tuple[str, str]],
        images: np.ndarray,
        masks: np.ndarray,
        image_format: str,
        spacing: float,
        written: Callable[[], None],
    ) -> None:
        """Hand over a batch; wait while too many are not written yet.

        Args:
            folder: folder of the set, with those of images and masks in it.
            files: B names, below ``folder``, of an image and its mask; files that are there stay as they are.
            images: (B, C, H, W) in [0, 1], not changed from now on.
            masks: (B, M, H, W) with values 0 and 1, not changed from now on.
            image_format: ``nifti`` or ``png``.
            spacing: pixel size in mm, for NIfTI.
            written: called when all files of the batch are whole, batch after batch.

        Raises:
            OSError: when files of a batch before could not be written.
        """
        parts = np.array_split(np.arange(len(files)), max(1, min(self.num_workers, len(files))))
        jobs = [
            self.threads.submit(
                _write_slices, folder, [files[row] for row in rows], images[rows], masks[rows], image_format, spacing
            )
            for rows in parts
        ]
        self._pending.append((jobs, written))
        self.wait(BATCHES_AHEAD)

    def wait(self, ahead: int = 0) -> None:
        """Wait until at most ``ahead`` batches are not written yet.

        Raises:
            OSError: when files could not be written; a later call raises it again.
        """
        while len(self._pending) > ahead:
            jobs, written = self._pending[0]
            for job in jobs:
                job.result()
            written()
            self._pending.popleft()

    def stop(self) -> None:
        """End the threads; what they have not begun is not written."""
        self.threads.shutdown(cancel_futures=True)


def _write_slices(
    folder: Path,
    files: Sequence[tuple[str, str]],
    images: np.ndarray,
    masks: np.ndarray,
    image_format: str,
    spacing: float,
) -> None:
    """Write slices, see :meth:`SlicePool.add`."""
    for names, image, mask in zip(files, images, masks, strict=True):
        for name, content in zip(names, encode_slice(image_format, image, mask, spacing)):
            _place(f"{folder}/{name}", content)


def _place(path: str, content: bytes) -> None:
    """Write a file, whole or not at all where the process is killed; one that is there stays as it is.

    This is :func:`~monai_dcgan.utils.files.atomic_path` for many small files: it makes no folder, asks little of the
    system, and threads may call it.
    """
    if os.path.exists(path):
        return
    part = f"{path}.part"
    with open(part, "wb") as stream:
        stream.write(content)
    os.replace(part, path)
