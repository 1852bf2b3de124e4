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
"""A training in MLflow."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.handlers import MLFlowHandler

from monai_dcgan.handlers.events import TrainingEvents, training_log_of
from monai_dcgan.utils.files import read_json, write_json

__all__ = ["MLflowTracking"]

logger = logging.getLogger(__name__)

MAX_PARAMS = 100
"""Parameters that MLflow takes at once."""


class MLflowTracking:
    """Send the lines of a training's log to MLflow, with the settings as parameters and files as artifacts.

    MONAI's ``MLFlowHandler`` does the talking; left to itself it would read the losses from the device in every
    iteration and count in iterations. Here the step of every metric is the number of images shown, and a resumed
    training goes on in its MLflow run. A run that did not reach its end stays ``RUNNING`` there.

    Where several processes train together, the first one writes. MLflow itself reports anonymous usage to its makers
    unless ``MLFLOW_DISABLE_TELEMETRY=true`` is set.

    Args:
        tracking_uri: ``sqlite:///path/mlflow.db`` or the URL of a server; the environment variable
            ``MLFLOW_TRACKING_URI`` takes precedence, as MONAI has it.
        record: JSON file that remembers the MLflow run, best in the run folder.
        experiment_name: experiment of MLflow.
        run_name: name of the run in it; the time of the start is added.
        params: settings of the training, by name; of a resumed training only those that MLflow does not have yet.
        artifacts: files and folders to send at the end of the training.

    Raises:
        ImportError: when MLflow is not installed.
        ValueError: when MLflow cannot keep anything at ``tracking_uri``, or no ``TrainingLog`` stands before it among
            the handlers.
    """

    def __init__(
        self,
        tracking_uri: str,
        record: str | Path,
        experiment_name: str = "monai_dcgan",
        run_name: str = "train",
        params: Mapping[str, Any] | None = None,
        artifacts: Sequence[str | Path] = (),
    ) -> None:
        if find_spec("mlflow") is None:
            raise ImportError("tracking_uri needs MLflow, which is not installed; pip install 'monai_dcgan[mlflow]'")
        self.record = Path(record)
        self.params = dict(params or {})
        self.handler: MLFlowHandler | None = None
        if idist.get_rank() == 0:
            self.handler = MLFlowHandler(
                tracking_uri=tracking_uri,
                iteration_log=False,
                epoch_log=False,
                experiment_name=experiment_name,
                run_name=f"{run_name} {datetime.now(timezone.utc).isoformat(timespec='milliseconds')}",
                artifacts=[Path(path) for path in artifacts],
                close_on_complete=True,
            )

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        log = training_log_of(engine, "MLflowTracking")
        if self.handler is None:
            return
        engine.add_event_handler(Events.STARTED, self._find_run)
        self.handler.attach(engine)
        engine.add_event_handler(Events.STARTED, self._send_params)
        engine.add_event_handler(TrainingEvents.LINE_WRITTEN, lambda: self._send(log.line))

    def _find_run(self, engine: Workflow) -> None:
        """Go on in the run of a resumed training."""
        assert self.handler is not None
        if engine.state.iteration and self.record.is_file():
            run_id = read_json(self.record)["run_id"]
            self.handler.client.update_run(run_id, status="RUNNING")
            self.handler.cur_run = self.handler.client.get_run(run_id)

    def _send_params(self, engine: Workflow) -> None:
        from mlflow.entities import Param

        client, run_id = self._run()
        write_json(self.record, {"run_id": run_id})
        known = client.get_run(run_id).data.params
        new = [Param(name, str(value)) for name, value in self.params.items() if name not in known]
        for start in range(0, len(new), MAX_PARAMS):
            client.log_batch(run_id, params=new[start : start + MAX_PARAMS])

    def _send(self, line: Mapping[str, Any]) -> None:
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        client, run_id = self._run()
        now = round(datetime.now(timezone.utc).timestamp() * 1000)
        values = {name: value for name, value in line.items() if name != "images"}
        metrics = [Metric(name, value, now, line["images"]) for name, value in values.items()]
        try:
            client.log_batch(run_id, metrics=metrics)
        except MlflowException as error:
            # A server that is away for a moment is no reason to lose a training; metrics.jsonl has the line.
            logger.warning("MLflow did not take the line of %d images: %s", line["images"], error)

    def _run(self) -> tuple[Any, str]:
        assert self.handler is not None and self.handler.cur_run is not None
        return self.handler.client, self.handler.cur_run.info.run_id
