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
"""State of the random number generators that belong to the process: those of torch, numpy and Python."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
import torch.distributed as dist

__all__ = ["random_states", "restore_random_state"]

logger = logging.getLogger(__name__)


def random_states() -> list[dict[str, Any]]:
    """Return the state of the generators of every process of the training, as tensors and plain values.

    Under several processes all of them must call it at the same time.
    """
    own = _state()
    if idist.get_world_size() == 1:
        return [own]
    states: list[Any] = [None] * idist.get_world_size()
    dist.all_gather_object(states, own)
    return states


def restore_random_state(states: Sequence[Mapping[str, Any]]) -> None:
    """Restore the generators of this process from what :func:`random_states` returned.

    Where the number of processes or of GPUs is another one now, they stay as they are, and the log says so.
    """
    if len(states) != idist.get_world_size():
        logger.warning(
            "the checkpoint is of %d processes and there are %d now: the random numbers are others from here on",
            len(states),
            idist.get_world_size(),
        )
        return
    state = states[idist.get_rank()]
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == _gpus():
        torch.cuda.set_rng_state_all(state["cuda"])
    else:
        logger.warning(
            "the checkpoint is of %d GPUs and there are %d now: the random numbers drawn on them are others from here "
            "on",
            len(state["cuda"]),
            _gpus(),
        )
    kind, words, *rest = state["numpy"]
    np.random.set_state((kind, words.numpy().astype(np.uint32), *rest))  # noqa: NPY002 - the global state is meant
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))


def _gpus() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _state() -> dict[str, Any]:
    kind, words, *rest = np.random.get_state()  # noqa: NPY002 - the global state is meant
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": (kind, torch.from_numpy(np.asarray(words).astype(np.int64)), *rest),
        "python": random.getstate(),
    }
