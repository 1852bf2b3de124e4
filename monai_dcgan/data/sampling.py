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

import ignite.distributed as idist
from torch.utils.data import Sampler

from monai_dcgan.utils.checks import check_count, check_positive_int
from monai_dcgan.utils.randomness import Stream, philox

__all__ = ["ProcessShare", "StreamSampler"]


class StreamSampler(Sampler[int]):
    """Cut an endless stream of shuffled passes over the data into epochs of a fixed number of images.

    Small data sets so get epochs that are worth a checkpoint, every batch is full, and every slice is seen equally
    often. The stream depends on the seed alone: epoch ``e`` of a resumed training is epoch ``e`` of an unbroken one.
    Where several processes train together, each takes its own part of every batch.

    Args:
        num_items: size of the data set.
        images_per_epoch: images of an epoch over all processes, rounded up to whole batches.
        batch_size: size of a batch of one process.
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
        self.batch_size = batch_size
        self.steps = -(-images_per_epoch // (batch_size * idist.get_world_size()))
        self.seed = seed
        self._pass: tuple[int, list[int]] | None = None
        self.set_epoch(1)

    def set_epoch(self, epoch: int, steps_done: int = 0) -> None:
        """Choose what the next iteration gives.

        Args:
            epoch: the epoch, counted from 1.
            steps_done: batches of it to leave out, because they have been shown.
        """
        check_positive_int("epoch", epoch)
        check_count("steps_done", steps_done)
        self.epoch = epoch
        self.steps_done = steps_done

    def __len__(self) -> int:
        return self.steps * self.batch_size

    def __iter__(self) -> Iterator[int]:
        whole_batch = self.batch_size * idist.get_world_size()
        own = idist.get_rank() * self.batch_size
        first_step = (self.epoch - 1) * self.steps
        for step in range(first_step + self.steps_done, first_step + self.steps):
            yield from self._items(step * whole_batch + own, self.batch_size)

    def _items(self, position: int, count: int) -> Iterator[int]:
        """Return ``count`` items of the stream from ``position`` on."""
        while count > 0:
            number, offset = divmod(position, self.num_items)
            taken = self._order(number)[offset : offset + count]
            yield from taken
            position += len(taken)
            count -= len(taken)

    def _order(self, number: int) -> list[int]:
        """Return the order of a pass over the data; that of the last one asked for is kept."""
        if self._pass is None or self._pass[0] != number:
            order = philox(self.seed, Stream.SHUFFLE, number).permutation(self.num_items).tolist()
            self._pass = (number, order)
        return self._pass[1]


class ProcessShare(Sampler[int]):
    """Give each of several processes its share of the items, or of some that are spread evenly over them.

    No item is given twice, so the shares may differ by one. With one process these are all items in their order.

    Args:
        num_items: size of the data set.
        max_items: take at most so many; all by default.

    Raises:
        ValueError: when a number is out of its range.
    """

    def __init__(self, num_items: int, max_items: int | None = None) -> None:
        check_positive_int("num_items", num_items)
        if max_items is not None:
            check_positive_int("max_items", max_items)
        most = num_items if max_items is None else min(num_items, max_items)
        chosen = [number * num_items // most for number in range(most)]
        self.own = chosen[idist.get_rank() :: idist.get_world_size()]

    def __len__(self) -> int:
        return len(self.own)

    def __iter__(self) -> Iterator[int]:
        return iter(self.own)
