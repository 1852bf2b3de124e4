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
"""From a run or a synthetic set and a store to a page and its key."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from monai_dcgan import __version__
from monai_dcgan.data import SliceStore, load_splits
from monai_dcgan.evaluation.readers.page import render_page
from monai_dcgan.evaluation.readers.sources import SyntheticSet, draw_real, held_out_patients
from monai_dcgan.evaluation.readers.study import MOST_REPEATS, Candidates, make_study
from monai_dcgan.utils.checks import check_count, check_positive_int
from monai_dcgan.utils.enums import Split
from monai_dcgan.utils.files import sha256_file, write_json, write_text
from monai_dcgan.utils.run_folder import RunFolder
from monai_dcgan.workflow import generate

__all__ = ["key_path", "make_reader_page", "plan_reader_page"]

FEWEST = 4


def make_reader_page(
    source: str | Path,
    real: str | Path,
    out: str | Path,
    num: int = 40,
    seed: int = 0,
    repeats: float = 0.1,
    split: str | Path | None = None,
    part: str = Split.TEST,
    reader_name: str = "",
    masks: bool = True,
) -> tuple[Path, Path]:
    """Write the page of a blinded study, and its key beside it.

    Args:
        source: folder of a run, whose generator makes the slices, or of a synthetic set.
        real: store with the real slices.
        out: HTML file to write; the key takes its name with ``.key.json``. Neither may exist.
        num: slices to judge, half of them real; an even number of at least 4.
        seed: seed of the draws and, with the pixels, of the order.
        repeats: share of the slices that come twice, from 0 to 0.4.
        split: JSON with the patients of each part; that of the run when None.
        part: ``validation`` or ``test``: whose patients the real slices are of.
        reader_name: name that the page shows at the start.
        masks: whether readers can have the outline of the mask shown.

    Returns:
        paths of page and key.

    Raises:
        FileExistsError: when page or key exist.
        FileNotFoundError: when something to read is missing.
        ValueError: when an argument is wrong, or there are too few slices.
    """
    planned = plan_reader_page(source, real, out, num, seed, repeats, split, part)
    store = SliceStore(real)
    patients = held_out_patients(store, load_splits(planned["split"]), part)
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        if planned["kind"] == "run":
            source = generate(source, Path(folder) / "synthetic", num_slices=num // 2, seed=seed)
        synthetic = SyntheticSet(source)
        made = synthetic.draw(num // 2, random)
    found, remarks = draw_real(store, patients, made, synthetic.levels, random)
    if not masks:
        made, found = _without_masks(made), _without_masks(found)
    study = make_study(made, found, seed, repeats, synthetic.channels)
    page, key = Path(out), key_path(out)
    write_text(page, render_page(study, reader_name))
    content = {
        **study.key,
        "part": str(part),
        "remarks": remarks,
        "made_with": __version__,
        "page_sha256": sha256_file(page),
    }
    try:
        write_json(key, content)
    except OSError:
        page.unlink()
        raise
    return page, key


def plan_reader_page(
    source: str | Path,
    real: str | Path,
    out: str | Path,
    num: int,
    seed: int,
    repeats: float,
    split: str | Path | None,
    part: str,
) -> dict[str, str]:
    """Check the arguments of ``make_reader_page`` before anything is made.

    Returns:
        what will be done: ``kind`` of the source ("run" or "synthetic set"), ``split``, ``page`` and ``key``.

    Raises:
        FileExistsError: when page or key exist.
        FileNotFoundError: when something to read is missing.
        ValueError: when an argument is wrong.
    """
    check_positive_int("num", num)
    check_count("seed", seed)
    if num % 2 or num < FEWEST:
        raise ValueError(f"num must be an even number of at least {FEWEST}, half of it real slices, got {num}")
    if not 0 <= repeats <= MOST_REPEATS:
        raise ValueError(f"repeats must be a share from 0 to {MOST_REPEATS}, got {repeats!r}")
    page, key = Path(out), key_path(out)
    for path in (page, key):
        if path.exists():
            raise FileExistsError(
                f"out must be a new file, {path} exists; answers to a page can be scored with its own key alone"
            )
    kind = "run" if (Path(source) / "run.json").is_file() else "synthetic set"
    if kind == "run":
        RunFolder(source).check_trained()
        split = RunFolder(source).split if split is None else split
    else:
        SyntheticSet(source)
    if split is None:
        raise ValueError(
            "split must name the patients that the generator has not seen, got none; give the split.json of the run"
        )
    held_out_patients(SliceStore(real), load_splits(split), part)
    return {"kind": kind, "split": str(split), "page": str(page), "key": str(key)}


def key_path(page: str | Path) -> Path:
    """Return where the key of a page lies: ``study.key.json`` for ``study.html``.

    Raises:
        ValueError: when the page's name does not end in ``.html``.
    """
    path = Path(page)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"out must be a file that ends in .html, got {path}")
    return path.with_suffix(".key.json")


def _without_masks(slices: Candidates) -> Candidates:
    return Candidates(slices.pixels, slices.masks[:, :0], slices.sources, slices.classes, slices.patients)
