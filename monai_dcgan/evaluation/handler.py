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
"""Evaluation as an Ignite handler: gather what an engine makes, then report."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_dcgan.data import SliceDataset
from monai_dcgan.evaluation.evaluate import evaluate
from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.plots import plot_loss_curves, plot_real_beside_synthetic, plot_sample_grid
from monai_dcgan.evaluation.report import table, write_report
from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.utils.enums import EvaluationKeys

__all__ = ["EvaluationReport"]

logger = logging.getLogger(__name__)


class EvaluationReport:
    """Compare the synthetic slices of a :class:`~monai_dcgan.engines.DCGANEvaluator` with the real ones beside them.

    Writes ``metrics.json``, ``report.md``, ``sample_grid.png``, ``real_beside_synthetic.png`` and, where a log of the
    training is given, ``loss_curves.png``; the table goes to the log.

    Args:
        extractor: gives the features for the distances.
        output_dir: folder of the report.
        split: part of the data that the real slices are from, named in the report.
        seed: seed of every draw.
        training_log: ``metrics.jsonl`` of the training.
        reference: real slices of other patients, see :func:`~monai_dcgan.evaluation.evaluate`: a data set with
            ``as_arrays``.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        output_dir: str | Path,
        split: str,
        seed: int = 0,
        training_log: str | Path | None = None,
        reference: SliceDataset | None = None,
    ) -> None:
        self.extractor = extractor
        self.output_dir = Path(output_dir)
        self.split = split
        self.seed = seed
        self.training_log = training_log
        self.reference = reference
        self._batches: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        """Follow ``engine``."""
        engine.add_event_handler(Events.STARTED, lambda _: self._batches.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._gather)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.write())

    def write(self) -> dict[str, Any]:
        """Evaluate what was gathered, write the report and return the numbers."""
        patients = [name for batch in self._batches for name in batch[EvaluationKeys.PATIENT]]
        heldout = LabeledSlices(
            self._gathered(EvaluationKeys.REAL_IMAGE), self._gathered(EvaluationKeys.REAL_MASK), patients
        )
        synthetic = LabeledSlices(
            self._gathered(EvaluationKeys.SYNTHETIC_IMAGE), self._gathered(EvaluationKeys.SYNTHETIC_MASK)
        )
        reference = None
        if self.reference is not None and len(set(patients)) < 2:
            reference = LabeledSlices(*self.reference.as_arrays())
        numbers = evaluate(synthetic, heldout, self.extractor, seed=self.seed, reference=reference)
        metrics = {"heldout_split": self.split, **numbers}
        pictures = {
            "Real beside synthetic": self.output_dir / "real_beside_synthetic.png",
            "Synthetic slices": self.output_dir / "sample_grid.png",
        }
        plot_real_beside_synthetic(synthetic, heldout, pictures["Real beside synthetic"], seed=self.seed)
        plot_sample_grid(synthetic, pictures["Synthetic slices"])
        if self.training_log is not None:
            pictures["Loss curves"] = self.output_dir / "loss_curves.png"
            plot_loss_curves(self.training_log, pictures["Loss curves"])
        report = write_report(metrics, self.output_dir, pictures)
        logger.info("synthetic against held-out patients (%s)\n%s\nreport: %s", self.split, table(metrics), report)
        return metrics

    def _gather(self, engine: Engine) -> None:
        output: Any = engine.state.output
        self._batches.append({key: value.cpu() if hasattr(value, "cpu") else value for key, value in output.items()})

    def _gathered(self, key: EvaluationKeys) -> Any:
        return torch.cat([batch[key] for batch in self._batches]).numpy()
