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
"""Tables of any content beside files: cases that can be used, or a refusal."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monai_dcgan.data.datalists import find_cases

hypothesis = pytest.importorskip("hypothesis", reason="fuzzing needs hypothesis: pip install 'monai_dcgan[dev]'")
st = hypothesis.strategies

# The same examples on every machine; more by hand: FUZZ_EXAMPLES=2000 pytest tests/data/test_fuzz_tables.py
FUZZ = hypothesis.settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for all examples of a test; what is logged of each would bury the rest."""
    logging.disable(logging.ERROR)
    yield tmp_path_factory.mktemp("tables")
    logging.disable(logging.NOTSET)


def lay_out(folder: Path, suffix: str) -> Path:
    """Write an image and a label, which are not read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("P0", "P0_label"):
        (folder / f"{name}{suffix}").write_bytes(b"x")
    return folder


TEXT = st.text(max_size=12) | st.sampled_from(
    ["P0.nii", "./P0.nii", "../P0.nii", "/", ".", "", "0", "1", "\x00", "a" * 300]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("image", "label", "images", "patient", "fold", "class_name"), JUNK | TEXT)
)
DATASET = JUNK | st.fixed_dictionaries(
    {},
    optional={
        "training": JUNK | st.lists(ENTRY, max_size=4),
        "dataset": JUNK | st.dictionaries(TEXT, ENTRY, max_size=3),
        "modality": JUNK | st.dictionaries(TEXT, JUNK, max_size=3),
        "channel_names": JUNK | st.dictionaries(TEXT, TEXT, max_size=3),
        "labels": JUNK | st.dictionaries(TEXT, st.integers(0, 4) | st.lists(st.integers(0, 4)) | TEXT, max_size=4),
        "file_ending": JUNK,
        "numTraining": JUNK,
    },
)
CELL = st.text(max_size=10) | st.sampled_from(["P0.png", "../P0.png", "", "1", 'a"b', "\x00", "x" * 300, "glioma"])
COLUMN = st.text(max_size=6) | st.sampled_from(["image", "mask", "patient", "class", "fold"])


def check_found_or_refused(folder: Path, on_error: str, **options: Any) -> None:
    try:
        cases = find_cases(folder, on_error=on_error, **options)
    except (ValueError, FileNotFoundError):
        return
    for case in cases:
        json.dumps(case, default=str).encode()
        assert case["patient"] and case["case"]


@FUZZ
@hypothesis.given(content=DATASET, on_error=st.sampled_from(["stop", "skip"]), modalities=st.none() | st.lists(TEXT))
def test_dataset_json(place, content, on_error, modalities):
    folder = lay_out(place / "json", ".nii")
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    check_found_or_refused(folder, on_error, modalities=modalities)


@FUZZ
@hypothesis.given(
    rows=st.lists(st.lists(CELL, max_size=5), max_size=5),
    columns=st.lists(COLUMN, max_size=5) | st.just(["image", "mask", "class"]),
    on_error=st.sampled_from(["stop", "skip"]),
)
def test_index_csv(place, rows, columns, on_error):
    folder = lay_out(place / "csv", ".png")
    stream = io.StringIO()
    csv.writer(stream).writerows([columns, *rows])
    (folder / "index.csv").write_bytes(stream.getvalue().encode("utf-8", "replace"))
    check_found_or_refused(folder, on_error)


@FUZZ
@hypothesis.given(content=st.binary(max_size=200))
@pytest.mark.parametrize("name", ["dataset.json", "index.csv"])
def test_bytes_for_a_table(place, content, name):
    folder = lay_out(place / "table", ".png")
    (folder / name).write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError)):
        find_cases(folder)
