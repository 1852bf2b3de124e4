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
"""The numbers of an evaluation as a table for the screen, as files and as a page; runs beside one another."""

from __future__ import annotations

from monai_dcgan.evaluation.report.compare import read_report, write_comparison
from monai_dcgan.evaluation.report.curves import LossCurves, plot_loss_curves
from monai_dcgan.evaluation.report.plots import plot_real_beside_synthetic, plot_sample_grid, plot_suspicious_pairs
from monai_dcgan.evaluation.report.table import table
from monai_dcgan.evaluation.report.write import add_readers, write_report

__all__ = [
    "LossCurves",
    "add_readers",
    "plot_loss_curves",
    "plot_real_beside_synthetic",
    "plot_sample_grid",
    "plot_suspicious_pairs",
    "read_report",
    "table",
    "write_comparison",
    "write_report",
]
