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
from monai_dcgan.evaluation.report import (
    plot_loss_curves,
    plot_real_beside_synthetic,
    plot_sample_grid,
    plot_suspicious_pairs,
    table,
    write_report,
)
from monai_dcgan.evaluation.slices import LabeledSlices
from monai_dcgan.utils.enums import EvaluationKeys, Keys

__all__ = ["EvaluationReport"]

logger = logging.getLogger(__name__)


class EvaluationReport:
    """Compare the synthetic slices of a :class:`~monai_dcgan.engines.DCGANEvaluator` with the real ones beside them.

    Writes ``report.html``, which holds everything, ``metrics.json``, ``report.md`` and the pictures; the table goes to
    the log.

    Args:
        extractor: gives the features for the distances.
        output_dir: folder of the report.
        split: part of the data that the real slices are from, named in the report.
        seed: seed of every draw.
        training_log: ``metrics.jsonl`` of the training.
        training: slices of the training, see :func:`~monai_dcgan.evaluation.evaluate`; without them copies are not
            looked for.
        heldout: the data set behind the engine's real slices, in their order; tells their classes and groups.
        privacy: see :func:`~monai_dcgan.evaluation.evaluate`.
        num_samples: the same.
        cache_dir: the same.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        output_dir: str | Path,
        split: str,
        seed: int = 0,
        training_log: str | Path | None = None,
        training: SliceDataset | None = None,
        heldout: SliceDataset | None = None,
        privacy: bool = True,
        num_samples: int = 200,
        cache_dir: str | Path | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.split, self.training_log = split, training_log
        self.training, self.heldout = training, heldout
        self.extractor, self.seed = extractor, seed
        self.options: dict[str, Any] = {"privacy": privacy, "num_samples": num_samples, "cache_dir": cache_dir}
        self._batches: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        """Follow ``engine``."""
        engine.add_event_handler(Events.STARTED, lambda _: self._batches.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._gather)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def write(self, engine: Engine | None = None) -> dict[str, Any]:
        """Evaluate what was gathered, write the report and return the numbers."""
        real, synthetic = self._real(), self._synthetic(engine)
        training = None if self.training is None else _slices_of(self.training)
        numbers = evaluate(synthetic, real, self.extractor, seed=self.seed, training=training, **self.options)
        pictures = self._draw(synthetic, real, training, numbers)
        report = write_report({"heldout_split": self.split, **numbers}, self.output_dir, pictures)
        logger.info("synthetic against held-out patients (%s)\n%s\nreport: %s", self.split, table(numbers), report)
        return numbers

    def _real(self) -> LabeledSlices:
        patients = [name for batch in self._batches for name in batch[EvaluationKeys.PATIENT]]
        classes: list[str] | None = None
        groups: dict[str, list[Any]] = {}
        if self.heldout is not None:
            if patients != [record[Keys.PATIENT] for record in self.heldout.data]:
                raise ValueError("heldout must be the data set that the engine went through, in its order")
            classes, groups = _classes_and_groups(self.heldout)
        return LabeledSlices(
            self._gathered(EvaluationKeys.REAL_IMAGE),
            self._gathered(EvaluationKeys.REAL_MASK),
            patients,
            classes,
            groups,
        )

    def _synthetic(self, engine: Engine | None) -> LabeledSlices:
        sampler = getattr(engine, "latent_sampler", None)
        classes = None
        if self.heldout is not None and sampler is not None and sampler.num_classes:
            # The engine asks the generator for the class of the real slice beside.
            classes, _ = _classes_and_groups(self.heldout)
        images, masks = (self._gathered(key) for key in (EvaluationKeys.SYNTHETIC_IMAGE, EvaluationKeys.SYNTHETIC_MASK))
        return LabeledSlices(images, masks, classes=classes)

    def _draw(
        self, synthetic: LabeledSlices, real: LabeledSlices, training: LabeledSlices | None, numbers: dict[str, Any]
    ) -> dict[str, Path]:
        """Draw the pictures and return title and path of each."""
        names = {"Real beside synthetic": "real_beside_synthetic", "Synthetic slices": "sample_grid"}
        pictures = {title: self.output_dir / f"{name}.png" for title, name in names.items()}
        plot_real_beside_synthetic(synthetic, real, pictures["Real beside synthetic"], seed=self.seed)
        plot_sample_grid(synthetic, pictures["Synthetic slices"])
        if self.training_log is not None:
            pictures["Loss curves"] = self.output_dir / "loss_curves.png"
            plot_loss_curves(self.training_log, pictures["Loss curves"])
        pairs = numbers["privacy"] and numbers["privacy"]["memorization"]["pairs"]
        if pairs and training is not None:
            pictures["Most suspicious pairs"] = self.output_dir / "suspicious_pairs.png"
            plot_suspicious_pairs(synthetic, training, pairs, pictures["Most suspicious pairs"])
        return pictures

    def _gather(self, engine: Engine) -> None:
        output: Any = engine.state.output
        self._batches.append({key: value.cpu() if hasattr(value, "cpu") else value for key, value in output.items()})

    def _gathered(self, key: EvaluationKeys) -> Any:
        return torch.cat([batch[key] for batch in self._batches]).numpy()


def _slices_of(dataset: SliceDataset) -> LabeledSlices:
    classes, groups = _classes_and_groups(dataset)
    return LabeledSlices(*dataset.as_arrays(), classes, groups)


def _classes_and_groups(dataset: SliceDataset) -> tuple[list[str] | None, dict[str, list[Any]]]:
    """Return the class of each slice, where the data has classes, and what else is known of its patient."""
    classes = [record[Keys.CLASS_NAME] for record in dataset.data]
    return (classes if any(classes) else None), dataset.groups()
