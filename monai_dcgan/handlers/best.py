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
"""The best generator of a training, by a metric of its validation.

MONAI's ``CheckpointSaver`` can keep the best by a metric too, but its memory of what was best names files instead of
holding them, a killed process leaves half of one, and the metric and the images shown are not written beside it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils import StrEnum
from torch import nn

from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.files import write_json, write_tensors

__all__ = ["BestGenerator", "BestMode", "flat_weights"]

logger = logging.getLogger(__name__)


class BestMode(StrEnum):
    """Which of two values of a metric is better."""

    MIN = "min"
    MAX = "max"


def flat_weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of the network's weights and buffers on the CPU."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }


class BestGenerator:
    """Keep the generator that had the best metric in the validations of a training.

    ``best.pt`` holds its weights, flat, as :func:`~monai_dcgan.utils.weights.load_weights` reads them; ``best.json``
    beside it says by which metric, its value, and after how many epochs, steps and images. Both are part of the state
    that a checkpoint saves, so that a training that goes on has forgotten neither, and finds the files as they were
    at that moment.

    Args:
        generator: the network to keep, usually the moving average.
        path: file of the weights.
        validator: evaluator that runs in the course of the training.
        metric: name of its metric; its key metric by default.
        mode: ``min`` where less is better, as for Fréchet and kernel distances, ``max`` where more is.

    Raises:
        ValueError: when ``mode`` is neither; in a training, when the validator has no such metric.
    """

    def __init__(
        self,
        generator: nn.Module,
        path: str | Path,
        validator: Workflow,
        metric: str | None = None,
        mode: str = BestMode.MIN,
    ) -> None:
        check_choice("mode", mode, BestMode)
        self.generator = generator
        self.path = Path(path)
        self.validator = validator
        self.metric = metric
        self.mode = mode
        self.record: dict[str, Any] | None = None
        self.weights: dict[str, torch.Tensor] | None = None

    def attach(self, engine: Workflow) -> None:
        """Compare after every validation in the training ``engine``."""
        engine.add_event_handler(Events.STARTED, self._started)
        self.validator.add_event_handler(Events.COMPLETED, self._compare, engine)

    def state_dict(self) -> dict[str, Any]:
        """Return the best weights so far and what is known of them."""
        return {"record": self.record, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.record, self.weights = state["record"], state["weights"]

    def _started(self, engine: Workflow) -> None:
        """Bring the files to where the training goes on from."""
        if self.weights is not None:
            self._write()
        elif idist.get_rank() == 0:
            # Files of a course of the training that was given up.
            for path in (self.path, self.path.with_suffix(".json")):
                path.unlink(missing_ok=True)

    def _compare(self, validator: Workflow, trainer: Workflow) -> None:
        name = self.metric or validator.state.key_metric_name
        metrics = validator.state.metrics
        if name not in metrics:
            raise ValueError(f"metric must be one of the validator's, {', '.join(sorted(metrics))}, got {name!r}")
        value = float(metrics[name])
        if not math.isfinite(value):
            logger.warning("%s is %s after %d images: not among the best", name, value, trainer.state.images)
            return
        if self.record is not None and not self._better(value, self.record["value"]):
            return
        state = trainer.state
        self.record = {
            "metric": name,
            "value": value,
            "mode": str(self.mode),
            "epoch": state.epoch,
            "iteration": state.iteration,
            "images": state.images,
        }
        self.weights = flat_weights(self.generator)
        self._write()

    def _better(self, value: float, than: float) -> bool:
        return value < than if self.mode == BestMode.MIN else value > than

    def _write(self) -> None:
        if idist.get_rank() == 0:
            write_tensors(self.path, self.weights)
            write_json(self.path.with_suffix(".json"), self.record)
