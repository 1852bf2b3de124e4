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
"""Order in which a training sees its slices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from monai_dcgan.utils.checks import check_count, check_positive_int

__all__ = ["StreamSampler"]

STREAM = 2
"""Keeps these random numbers apart from those of :class:`~monai_dcgan.inferers.LatentSampler`."""


class StreamSampler(Sampler[int]):
    """Cut an endless stream of shuffled passes over the data into epochs of a fixed number of images.

    Small data sets so get epochs that are worth a checkpoint, every batch is full, and every slice is seen equally
    often. The stream depends on the seed alone: epoch ``e`` of a resumed training is epoch ``e`` of an unbroken one.

    Args:
        num_items: size of the data set.
        images_per_epoch: images of an epoch, rounded up to whole batches.
        batch_size: size of a batch.
        seed: seed of the shuffles.

    Raises:
        ValueError: when a number is out of its range.
    """

    def __init__(self, num_items: int, images_per_epoch: int, batch_size: int, seed: int = 0) -> None:
        check_positive_int("num_items", num_items)
        check_positive_int("images_per_epoch", images_per_epoch)
        check_positive_int("batch_size", batch_size)
        check_count("seed", seed)
        self.num_items = num_items
        self.length = -(-images_per_epoch // batch_size) * batch_size
        self.seed = seed
        self.set_epoch(1)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 1, that the next iteration gives."""
        check_positive_int("epoch", epoch)
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        position = (self.epoch - 1) * self.length
        end = position + self.length
        while position < end:
            number, offset = divmod(position, self.num_items)
            take = min(self.num_items - offset, end - position)
            order = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, number, STREAM]))
            yield from order.permutation(self.num_items)[offset : offset + take].tolist()
            position += take
