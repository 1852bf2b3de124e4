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
"""Figures as PNG files that say what is seen in them."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monai_dcgan.evaluation.report.pictures import ALT_KEY, PART_KEY
from monai_dcgan.utils.files import atomic_path

__all__ = ["save_figure"]

_DPI = 110


def save_figure(figure: Figure, path: str | Path, seen: str, part: str = "pictures") -> None:
    """Write a figure as PNG with the Agg canvas, whatever backend the process uses.

    Args:
        figure: the figure.
        path: file to write; its folder is made.
        seen: what is seen, for those who cannot; it goes into the file, and from there into reports.
        part: the part of a report that the picture belongs to, "training", "privacy" or "pictures".
    """
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, metadata={ALT_KEY: seen, PART_KEY: part})
