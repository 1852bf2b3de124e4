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

from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils.enums import AdversarialKeys
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

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
        engine.add_event_handler(Events.COMPLETED, self._close)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._failed)

    def _advance(self, engine: Workflow) -> None:
        state = engine.state
        terms = state.output[TERMS]
        if self._bar is None:
            batch = len(state.output[AdversarialKeys.REALS])
            self._bar = tqdm(
                total=state.max_epochs * state.epoch_length * batch,
                initial=state.images - batch,
                desc=self.description,
                unit="img",
                mininterval=0.5 if sys.stderr.isatty() else 60.0,
            )
        if state.iteration % 50 == 0:
            self._bar.set_postfix(d=f"{float(terms['d_loss']):.2f}", g=f"{float(terms['g_loss']):.2f}", refresh=False)
        self._bar.update(state.images - self._bar.n)

    def _close(self, engine: Workflow) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _failed(self, engine: Workflow, error: BaseException) -> None:
        self._close(engine)
        raise error
