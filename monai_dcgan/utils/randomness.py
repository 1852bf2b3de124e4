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
"""Random numbers that have an address: a seed, what they are for, and the step of the training."""

from __future__ import annotations

import ignite.distributed as idist
import numpy as np
import torch
from monai.utils import StrEnum

from monai_dcgan.utils.checks import check_count

__all__ = ["StepRandom", "Stream", "philox"]


class Stream(StrEnum):
    """What random numbers are for; those of one purpose do not depend on how many another one takes."""

    PICTURES = "pictures"
    LATENTS = "latents"
    SHUFFLE = "shuffle"
    REAL_AUGMENTATION = "real_augmentation"
    AUGMENTATION = "augmentation"
    PENALTY = "penalty"
    NOISE = "noise"
    DOWNSTREAM = "downstream"


_NUMBERS = {str(stream): number for number, stream in enumerate(Stream)}


def philox(seed: int, stream: str, number: int) -> np.random.Generator:
    """Return the generator at an address (Philox, Salmon et al. 2011: its numbers are a function of the address).

    Args:
        seed: seed of the run, at least 0.
        stream: one of :class:`Stream`.
        number: number of the picture, the step or the pass.
    """
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, number, _NUMBERS[str(stream)]]))


class StepRandom:
    """Random numbers of a step of the training, drawn on the CPU.

    What a step draws depends on the seed and the number of the step, and not on what was drawn in the steps before: a
    training can stop after any step and go on with the same numbers. Where several processes train together, each call
    draws for all of them and gives every process its own rows, so that two processes with batches of 32 see what one
    with a batch of 64 sees.

    Args:
        seed: seed of the run.
        stream: one of :class:`Stream`.

    Raises:
        ValueError: when ``seed`` is negative.

    Example:
        >>> random = StepRandom(0, Stream.AUGMENTATION)
        >>> random.set_step(7)
        >>> random.uniform(4, 2).shape
        torch.Size([4, 2])
    """

    def __init__(self, seed: int, stream: str) -> None:
        check_count("seed", seed)
        self.seed = seed
        self.stream = stream
        self.set_step(0)

    def set_step(self, step: int) -> None:
        """Go to the numbers of ``step``."""
        self.step = step
        self._generator = philox(self.seed, self.stream, step)

    def uniform(self, number: int, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Return ``(number, *shape)`` float32, even from ``low`` to ``high``."""
        drawn = self._generator.random(self._all_rows(number, shape), dtype=np.float32)
        return self._own_rows(low + (high - low) * drawn)

    def normal(self, number: int, *shape: int) -> torch.Tensor:
        """Return ``(number, *shape)`` float32, standard normal."""
        return self._own_rows(self._generator.standard_normal(self._all_rows(number, shape), dtype=np.float32))

    def integers(self, number: int, *shape: int, low: int, high: int) -> torch.Tensor:
        """Return ``(number, *shape)`` int64, even from ``low`` to below ``high``."""
        return self._own_rows(self._generator.integers(low, high, self._all_rows(number, shape), dtype=np.int64))

    def chance(self, number: int, probability: float) -> torch.Tensor:
        """Return ``(number,)`` bool, true with ``probability``."""
        return self.uniform(number) < probability

    @staticmethod
    def _all_rows(number: int, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (number * idist.get_world_size(), *shape)

    @staticmethod
    def _own_rows(rows: np.ndarray) -> torch.Tensor:
        own = len(rows) // idist.get_world_size()
        first = idist.get_rank() * own
        return torch.from_numpy(rows[first : first + own])
