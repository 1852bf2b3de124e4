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
"""Trainings without networks: their terms are made up, so that handlers can be shown any course of events."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine, Events

BATCH = 100


@pytest.fixture
def make_course():
    """Return a function that makes an engine whose terms at iteration ``i`` are ``terms(i)``, 100 images each."""

    def make(terms, handlers=(), images: int = 0):
        def step(engine, batch):
            engine.state.images += BATCH
            return {"terms": {name: torch.tensor(value) for name, value in terms(engine.state.iteration).items()}}

        engine = Engine(step)
        engine.state.device = torch.device("cpu")
        engine.state.images = images
        engine.state_dict_user_keys.append("images")
        for handler in handlers:
            handler.attach(engine)
        return engine

    return make


@pytest.fixture
def run_course():
    """Return a function that runs an engine for ``epochs`` of ``length`` iterations, or stops it behind one."""

    def run(engine, epochs: int = 1, length: int = 10, stop_after: int | None = None):
        if stop_after is not None:
            engine.add_event_handler(Events.ITERATION_COMPLETED(once=stop_after), lambda: engine.terminate())
        engine.run(range(length), max_epochs=epochs, epoch_length=length)
        return engine

    return run
