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
"""Slices of a data set held on the device of the training, instead of read again in every epoch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import cached_property

import ignite.distributed as idist
import torch
from monai.data import DataLoader
from monai.utils import StrEnum
from torch.utils.data import BatchSampler, Sampler

from monai_dcgan.data.dataset import SliceDataset
from monai_dcgan.utils.checks import check_choice, check_positive_int
from monai_dcgan.utils.enums import Keys
from monai_dcgan.utils.memory import free_bytes

__all__ = ["Resident", "ResidentLoader", "training_loader"]

logger = logging.getLogger(__name__)

PIECE = 256
SHARE_OF_FREE_MEMORY = 0.5


class Resident(StrEnum):
    """Whether a training holds its slices on its device."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class ResidentLoader:
    """Give the batches of a data loader from slices that lie on the device: no worker, no collation, no copy a step.

    Slices lie there as they lie in the store: images float16, masks uint8. They are read in pieces when the first
    batch is asked for. In several processes each holds all slices, as each step of the sampler may ask for any.

    Args:
        dataset: slices, without a transform: what changes them at random works on batches, see
            :class:`~monai_dcgan.transforms.BatchAugmentation`.
        sampler: order of the slices; asked anew in every iteration over the loader.
        batch_size: slices in a batch; the last one of an iteration may hold fewer.
        device: where the slices are to lie, and where the batches come out.
        max_bytes: most memory that the slices may take; by default half of what is free on the device.

    Attributes:
        num_bytes: memory that the slices take.

    Raises:
        ValueError: when ``dataset`` has a transform, or the slices do not fit.

    Example:
        >>> batch = next(iter(ResidentLoader(dataset, sampler, batch_size=64, device="cuda")))
        >>> batch["image"].shape, batch["label"].shape, batch["class_index"].shape
        (torch.Size([64, 1, 64, 64]), torch.Size([64, 1, 64, 64]), torch.Size([64]))
    """

    def __init__(
        self,
        dataset: SliceDataset,
        sampler: Sampler[int],
        batch_size: int,
        device: str | torch.device = "cpu",
        max_bytes: int | None = None,
    ) -> None:
        check_positive_int("batch_size", batch_size)
        if dataset.transform is not None:
            raise ValueError(
                f"dataset must have no transform to lie on a device, got {type(dataset.transform).__name__}; "
                "change whole batches instead (BatchAugmentation), or set resident=off"
            )
        if max_bytes is not None:
            check_positive_int("max_bytes", max_bytes)
        self.dataset = dataset
        self.sampler = sampler
        self.batch_size = batch_size
        self.device = torch.device(device)
        self._batches = BatchSampler(sampler, batch_size, drop_last=False)
        self.num_bytes = _needed_bytes(dataset)
        limit = _usable_bytes(self.device) if max_bytes is None else max_bytes
        if limit is not None and self.num_bytes > limit:
            raise ValueError(
                f"{len(dataset)} slices must fit into {_mib(limit)} of {self.device} to lie there, they need "
                f"{_mib(self.num_bytes)}; set resident=off to read them from the store, or raise max_bytes"
            )

    def __len__(self) -> int:
        """Return the number of batches of an iteration."""
        return len(self._batches)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches.

        Yields:
            ``image`` float32 (B, C, H, W) in [0, 1], ``label`` float32 (B, M, H, W) with values 0 and 1,
            ``class_index`` int64 (B,), all on the device; patients are left out, as their names are no numbers.
        """
        images, masks, classes = self._slices
        for indices in self._batches:
            chosen = torch.tensor(indices, dtype=torch.int64).to(self.device, non_blocking=True)
            yield {
                str(Keys.IMAGE): images.index_select(0, chosen).float(),
                str(Keys.LABEL): masks.index_select(0, chosen).float(),
                str(Keys.CLASS_INDEX): classes.index_select(0, chosen),
            }

    @cached_property
    def _slices(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Images (N, C, H, W) float16, masks (N, M, H, W) uint8 and class indices (N,) int64, on the device."""
        store, number = self.dataset.store, len(self.dataset)
        images = torch.empty((number, *store.image_shape), dtype=torch.float16, device=self.device)
        masks = torch.empty((number, *store.mask_shape), dtype=torch.uint8, device=self.device)
        for start in range(0, number, PIECE):
            own = slice(start, start + PIECE)
            image, mask, _ = store.as_arrays(self.dataset.index[own])
            images[own] = torch.from_numpy(image).half()
            masks[own] = torch.from_numpy(mask)
        logger.info("%d slices lie on %s, %s", number, self.device, _mib(self.num_bytes))
        return images, masks, torch.from_numpy(self.dataset.class_index).to(self.device)


def training_loader(
    dataset: SliceDataset,
    sampler: Sampler[int],
    batch_size: int,
    device: str | torch.device = "cpu",
    resident: str = Resident.AUTO,
    num_workers: int = 0,
    worker_init_fn: Callable[[int], None] | None = None,
) -> ResidentLoader | DataLoader:
    """Return the loader of a training and log which one it is.

    Args:
        dataset: slices.
        sampler: order of the slices.
        batch_size: slices in a batch.
        device: device of the training.
        resident: ``on`` holds the slices on the device, ``off`` reads them from the store batch by batch, ``auto``
            holds them where they fit.
        num_workers: processes that read from the store where the slices are not held.
        worker_init_fn: called with the number of each of these processes when it starts.

    Raises:
        ValueError: when ``resident`` is not known, or ``on`` and the slices cannot be held.
    """
    check_choice("resident", resident, Resident)
    if str(resident) != str(Resident.OFF):
        try:
            return ResidentLoader(dataset, sampler, batch_size, device)
        except ValueError as error:
            if str(resident) == str(Resident.ON):
                raise
            logger.info("slices are read from the store batch by batch: %s", error)
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        worker_init_fn=worker_init_fn,
        pin_memory=torch.device(device).type == "cuda",
    )


def _needed_bytes(dataset: SliceDataset) -> int:
    """Return the bytes of a data set's images (float16), masks (uint8) and class indices (int64)."""
    values = torch.Size(dataset.store.image_shape).numel() * 2 + torch.Size(dataset.store.mask_shape).numel()
    return len(dataset) * (values + 8)


def _usable_bytes(device: torch.device) -> int | None:
    """Return the bytes that slices may take on a device; None where the free memory is not to be known."""
    free = free_bytes(device)
    sharing = 1 if device.type == "cuda" else idist.get_nproc_per_node()
    return None if free is None else int(free * SHARE_OF_FREE_MEMORY / sharing)


def _mib(number: int) -> str:
    return f"{number / 2**20:.1f} MiB"
