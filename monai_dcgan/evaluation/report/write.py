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
"""Files of a report: numbers as JSON, and a page as HTML and as Markdown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.evaluation.report.blocks import Picture
from monai_dcgan.evaluation.report.content import TITLE, check_metrics, report_blocks
from monai_dcgan.evaluation.report.markdown import render_markdown
from monai_dcgan.evaluation.report.page import render_page
from monai_dcgan.evaluation.report.pictures import load_picture
from monai_dcgan.evaluation.report.values import without_patients
from monai_dcgan.utils.files import read_json, write_json, write_text

__all__ = ["add_readers", "read_metrics", "relative_to", "write_report"]

NUMBERS, PAGE, MARKDOWN = "metrics.json", "report.html", "report.md"


def write_report(
    metrics: Mapping[str, Any],
    out_dir: str | Path,
    pictures: Mapping[str, str | Path] | None = None,
    *,
    title: str | None = None,
    show_patients: bool = False,
) -> Path:
    """Write ``metrics.json``, ``report.md`` and ``report.html`` into a folder.

    The page is one file that asks nothing of any server: its pictures are inside, and it holds no script.

    Args:
        metrics: what :func:`monai_dcgan.evaluation.evaluate` returned; a text under ``heldout_split``, where added, is
            named in the report.
        out_dir: folder to write to; it is made.
        pictures: title and path of each picture to show, PNG or JPEG. The alternative text and the part of the report
            are read from texts in the PNG, ``Description`` and ``Section``, which the plots of this package write.
        title: heading of the report; kept in ``metrics.json``.
        show_patients: keep the names of the patients whose slices seem to be copied. Otherwise they are "P1", "P2", ...
            in all three files; the position of the training slice tells those who hold the data.

    Returns:
        the path of ``report.html``.

    Raises:
        FileNotFoundError: when a picture does not exist.
        ValueError: when a picture is neither PNG nor JPEG, or ``metrics`` is not that of an evaluation.
    """
    folder = Path(out_dir)
    shown = [load_picture(name, path) for name, path in (pictures or {}).items()]
    kept = dict(check_metrics(metrics)) if show_patients else without_patients(check_metrics(metrics))
    if title is not None:
        kept["title"] = title
    kept["pictures"] = {picture.title: relative_to(folder, picture.path) for picture in shown}
    _write(kept, folder, shown)
    return folder / PAGE


def add_readers(report_dir: str | Path, scores: Mapping[str, Any]) -> Path:
    """Put the scores of a reader study into a report that lies in a folder; all three files are written anew.

    Args:
        report_dir: folder with ``metrics.json`` and the pictures that it names.
        scores: what :func:`monai_dcgan.evaluation.readers.score_readers` returned; they replace earlier ones.

    Returns:
        the path of ``report.html``.

    Raises:
        FileNotFoundError: when there is no report, or a picture of it is gone.
        ValueError: when ``metrics.json`` is not that of an evaluation, or a picture is neither PNG nor JPEG.
    """
    folder = Path(report_dir)
    kept = {**read_metrics(folder / NUMBERS), "readers": dict(scores)}
    shown = [load_picture(title, folder / path) for title, path in kept.get("pictures", {}).items()]
    _write(kept, folder, shown)
    return folder / PAGE


def read_metrics(path: str | Path) -> dict[str, Any]:
    """Read a ``metrics.json``.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not that of an evaluation.
    """
    return dict(check_metrics(read_json(path), str(path)))


def relative_to(folder: Path, path: Path) -> str:
    """Return the way from a folder to a file, with slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _write(metrics: Mapping[str, Any], folder: Path, pictures: list[Picture]) -> None:
    title = metrics.get("title", TITLE)
    blocks = report_blocks(metrics, pictures)
    # All are made before any is written.
    texts = {PAGE: render_page(title, blocks), MARKDOWN: render_markdown(title, blocks, folder)}
    write_json(folder / NUMBERS, metrics)
    for name, text in texts.items():
        write_text(folder / name, text)
