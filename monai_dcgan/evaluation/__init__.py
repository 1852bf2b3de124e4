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
"""What a synthetic set is worth, in numbers and pictures, beside the same for real patients."""

from __future__ import annotations

from monai_dcgan.evaluation.evaluate import evaluate
from monai_dcgan.evaluation.features import (
    FeatureExtractor,
    RadiomicsExtractor,
    RandomConvExtractor,
    TorchScriptExtractor,
    build_extractor,
    cached_features,
    extract,
    extractor_names,
)
from monai_dcgan.evaluation.handler import EvaluationReport
from monai_dcgan.evaluation.report import (
    LossCurves,
    add_readers,
    plot_loss_curves,
    plot_real_beside_synthetic,
    plot_sample_grid,
    plot_suspicious_pairs,
    read_report,
    table,
    write_comparison,
    write_report,
)
from monai_dcgan.evaluation.slices import LabeledSlices, patient_halves

__all__ = [
    "EvaluationReport",
    "FeatureExtractor",
    "LabeledSlices",
    "LossCurves",
    "RadiomicsExtractor",
    "RandomConvExtractor",
    "TorchScriptExtractor",
    "add_readers",
    "build_extractor",
    "cached_features",
    "evaluate",
    "extract",
    "extractor_names",
    "patient_halves",
    "plot_loss_curves",
    "plot_real_beside_synthetic",
    "plot_sample_grid",
    "plot_suspicious_pairs",
    "read_report",
    "table",
    "write_comparison",
    "write_report",
]
