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
from monai_dcgan.data.datalists.attributes import MISSING

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
AGES = ["045Y", "-1", "89+", "n/a", "1e400", "old"]
KEYS = ("image", "label", "images", "patient", "fold", "class_name", "sex", "Age", "scanner", "center")
ENTRY = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JUNK | TEXT | st.sampled_from(AGES)))
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
CELL = st.text(max_size=10) | st.sampled_from(
    ["P0.png", "../P0.png", "", "1", 'a"b', "\x00", "x" * 300, "glioma", *AGES]
)
COLUMN = st.text(max_size=6) | st.sampled_from(["image", "mask", "patient", "class", "fold", "Sex", "age"])


def check_found_or_refused(folder: Path, on_error: str, **options: Any) -> None:
    try:
        cases = find_cases(folder, on_error=on_error, **options)
    except (ValueError, FileNotFoundError):
        return
    for case in cases:
        json.dumps(case, default=str).encode()
        assert case["patient"] and case["case"]
        for name, value in case.get("attributes", {}).items():
            assert 0 <= value <= 130 if name == "age" else value and isinstance(value, str)


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


# Words that a table may hold: any letters, also such as a table must quote.
WORD = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=8).filter(lambda text: text.strip())
GIVEN = st.fixed_dictionaries(
    {"patient": WORD, "fold": WORD, "class": WORD, "name": st.text("ab c-_.", min_size=1, max_size=5)},
    optional={
        "sex": st.sampled_from([("F", "female"), ("male", "male")]),
        "age": st.integers(0, 130).map(lambda years: (f"{years}", float(years))),
        "site": WORD.map(str.strip).filter(lambda text: text.lower() not in MISSING).map(lambda text: (text, text)),
    },
)
SOUND = st.lists(GIVEN, min_size=1, max_size=5)


def files_of(folder: Path, cases: list[dict[str, Any]], suffix: str, mask: str) -> list[tuple[str, str]]:
    """Write images and masks, which are not read; return their names."""
    shutil.rmtree(folder, ignore_errors=True)
    names = []
    for number, case in enumerate(cases):
        stem = f"images {number}/{case['name']}"
        names.append((f"{stem}x{suffix}", f"{stem}x{mask}{suffix}"))
        for name in names[-1]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")
    return names


def check_all_found(folder: Path, cases: list[dict[str, Any]], names: list[tuple[str, str]]) -> None:
    """Check that each case is found once, and is what the table says."""
    found = {str(case["image"].relative_to(folder)): case for case in find_cases(folder)}
    assert found.keys() == {image for image, _ in names}
    for case, (image, mask) in zip(cases, names):
        own = found[image]
        assert str(own["label"].relative_to(folder)) == mask
        assert (own["patient"], own["fold"], own["class_name"]) == (case["patient"], case["fold"], case["class"])
        expected = {name: case[name][1] for name in ("sex", "age", "site") if name in case}
        assert own.get("attributes", {}) == expected


@FUZZ
@hypothesis.given(cases=SOUND)
def test_sound_dataset_json(place, cases):
    folder = place / "sound"
    names = files_of(folder, cases, ".nii", "_seg")
    hypothesis.assume(len({Path(image).name for image, _ in names}) == len(names))
    training = []
    for case, (image, mask) in zip(cases, names):
        told = {name: case[name][0] for name in ("sex", "age", "site") if name in case}
        entry = {"patient": case["patient"], "fold": case["fold"], "class_name": case["class"]}
        training.append({"image": f"./{image}", "label": mask, **entry, **told})
    content = {"modality": {"0": "T1"}, "labels": {"0": "background", "1": "tumor"}, "training": training}
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    check_all_found(folder, cases, names)
    found = find_cases(folder)
    assert (found.modalities, found.label_names) == (["T1"], {0: "background", 1: "tumor"})


COLUMNS = ["image", "mask", "patient", "class", "fold", "SEX", "Age", "site"]


@FUZZ
@hypothesis.given(cases=SOUND, order=st.permutations(COLUMNS))
def test_sound_index_csv(place, cases, order):
    folder = place / "sound"
    names = files_of(folder, cases, ".png", "_m")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, order)
    writer.writeheader()
    for case, (image, mask) in zip(cases, names):
        told = [case.get(name, ("",))[0] for name in ("sex", "age", "site")]
        row = [image, mask, case["patient"], case["class"], case["fold"], *told]
        writer.writerow(dict(zip(COLUMNS, row)))
    (folder / "index.csv").write_bytes(stream.getvalue().encode())
    check_all_found(folder, cases, names)
