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
"""Random numbers by step, so that a training can stop anywhere and go on with the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import ignite.distributed as idist
from ignite.engine import Events
from ignite.utils import manual_seed
from monai.engines.workflow import Workflow

from monai_dcgan.utils.checks import check_count

__all__ = ["StepSeeder"]


class DrawsByStep(Protocol):
    """What draws random numbers by the number of the step."""

    def set_step(self, step: int) -> None:
        """Go to the numbers of ``step``."""


class StepSeeder:
    """Tell everything that draws random numbers which step of the training it is.

    The order of the slices depends on the epoch and the step within it, everything else on the step alone; so a
    training that stopped after any step goes on as if it had not. The random numbers of all others, such as transforms
    in the data set, start anew with every epoch, from the seed, the epoch and the number of the process.

    Args:
        seed: seed of the run.
        batch_sampler: sampler of the slices with ``set_epoch``, see :class:`~monai_dcgan.data.StreamSampler`.
        draws: what draws by step: the latent sampler, augmentations; ``None`` is passed over.

    Raises:
        ValueError: when ``seed`` is negative.
    """

    def __init__(self, seed: int, batch_sampler: Any, draws: Sequence[DrawsByStep | None] = ()) -> None:
        check_count("seed", seed)
        self.seed = seed
        self.batch_sampler = batch_sampler
        self.draws = [draw for draw in draws if draw is not None]

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start_epoch)
        engine.add_event_handler(Events.ITERATION_STARTED, self._start_step)

    def _start_epoch(self, engine: Workflow) -> None:
        state = engine.state
        manual_seed((self.seed * 1_000_003 + state.epoch * 1_009 + idist.get_rank()) % 2**32)
        self.batch_sampler.set_epoch(state.epoch, state.iteration - (state.epoch - 1) * state.epoch_length)

    def _start_step(self, engine: Workflow) -> None:
        for draw in self.draws:
            draw.set_step(engine.state.iteration)
