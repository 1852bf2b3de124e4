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
"""Progress bar of a whole training."""

from __future__ import annotations

import sys

from ignite.engine import Engine, Events
from tqdm import tqdm

from monai_dcgan.engines import TERMS

__all__ = ["TrainingProgress"]


class TrainingProgress:
    """Show images shown, images a second, time left and the two losses of a training.

    Where the output is no terminal, a line a minute is enough.

    Args:
        description: text before the bar.
    """

    def __init__(self, description: str = "train") -> None:
        self.description = description
        self._bar: tqdm | None = None

    def attach(self, engine: Engine) -> None:
        """Follow the training ``engine``."""
        engine.add_event_handler(Events.STARTED, self._started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
        engine.add_event_handler(Events.COMPLETED, self._close)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._failed)

    def _started(self, engine: Engine) -> None:
        self._per_iteration = engine.data_loader.batch_size  # type: ignore[attr-defined]
        self._bar = tqdm(
            total=engine.state.max_epochs * engine.state.epoch_length * self._per_iteration,
            initial=engine.state.images,
            desc=self.description,
            unit="img",
            mininterval=0.5 if sys.stderr.isatty() else 60.0,
        )

    def _advance(self, engine: Engine) -> None:
        if self._bar is None:
            return
        if engine.state.iteration % 50 == 0:
            terms = engine.state.output[TERMS]
            self._bar.set_postfix(d=f"{float(terms['d_loss']):.2f}", g=f"{float(terms['g_loss']):.2f}", refresh=False)
        self._bar.update(engine.state.images - self._bar.n)

    def _close(self, engine: Engine) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _failed(self, engine: Engine, error: BaseException) -> None:
        self._close(engine)
        raise error
