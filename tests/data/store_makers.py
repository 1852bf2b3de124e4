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
"""Data sets of many small cases, stores to compare, and processes that prepare them and die on the way."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_dcgan.data import SliceStore, case_volume, prepare
from monai_dcgan.data import work as work_module
from monai_dcgan.data.store import StoreFolder, shard_ids
from monai_dcgan.utils.files import read_json, write_json
from tests.data.volume_makers import cut_off, head_volume, save
from tests.dying import die_at

SETTINGS: dict[str, Any] = {"image_size": 32}
# Leaves every voxel as it is.
UNSCALED: dict[str, Any] = {"image_size": 64, "fit": "pad", "crop_head": False, "min_foreground": 0.0}
SHAPE = (24, 28, 4)
# What a data set may say of three patients.
PEOPLE: list[dict[str, Any]] = [{"sex": "F", "age": 61, "site": "A"}, {"Sex": "m", "age": "n/a", "site": "B"}, {}]


def add_case(folder: Path, number: int, seed: int | None = None) -> None:
    """Write image and label of a case, without listing it."""
    image, label = head_volume(number if seed is None else seed, SHAPE)
    save(image, folder / f"imagesTr/P{number:02}.nii.gz")
    save(label, folder / f"labelsTr/P{number:02}.nii.gz")


def break_case(folder: Path, number: int) -> None:
    """Cut the image of a case short, which its header does not tell."""
    cut_off(folder / f"imagesTr/P{number:02}.nii.gz", 400)


def list_cases(folder: Path, numbers: range | list[int]) -> None:
    """Write ``dataset.json``."""
    names = [f"P{number:02}.nii.gz" for number in numbers]
    training = [{"image": f"imagesTr/{name}", "label": f"labelsTr/{name}"} for name in names]
    write_json(folder / "dataset.json", {"modality": {"0": "FLAIR"}, "training": training})


def tell(folder: Path, *entries: dict[str, Any]) -> None:
    """Add to the entries of ``dataset.json``, in their order."""
    content = read_json(folder / "dataset.json")
    for entry, more in zip(content["training"], entries):
        entry |= more
    write_json(folder / "dataset.json", content)


def make_cases(folder: Path, count: int) -> Path:
    """Make a data set of small volumes."""
    for number in range(count):
        add_case(folder, number)
    list_cases(folder, range(count))
    return folder


def contents(store: str | Path) -> dict[str, bytes]:
    """Return the files of a store; hidden ones are what dying processes left."""
    paths = [path for path in Path(store).rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(store)): path.read_bytes() for path in paths}


def hidden(store: str | Path) -> list[Path]:
    """Return the files of a store that processes left half-written."""
    return [path for path in Path(store).rglob(".*") if path.is_file()]


def open_partly(path: Path, whole: SliceStore) -> int:
    """Check that what there is of a store is as in the whole one; return its number of slices."""
    folder = StoreFolder(path)
    if not folder.exists("store.json"):
        return 0
    if not shard_ids(folder):
        with pytest.raises(ValueError, match="holds no slice yet"):
            SliceStore(path)
        return 0
    store = SliceStore(path)
    place = {(row["case"], row["slice_index"]): row["index"] for row in whole.slices}
    for row in store.slices:
        other = place[row["case"], row["slice_index"]]
        assert store.read(row["index"])[0].tobytes() == whole.read(other)[0].tobytes()
        assert store.read(row["index"])[1].tobytes() == whole.read(other)[1].tobytes()
    assert len(store) == len(whole) or not store.complete
    return len(store)


def same_slices(store: SliceStore, other: SliceStore) -> bool:
    """Return whether two stores hold the same images, masks and patients, in the same order."""
    return all(np.array_equal(one, two) for one, two in zip(store.as_arrays(), other.as_arrays(), strict=True))


def check_voxels(store: SliceStore, name: str, image: np.ndarray, label: np.ndarray) -> None:
    """Check that the slices of a case that were not resized are its voxels.

    Args:
        store: made with ``UNSCALED``.
        name: name of the case.
        image: the case's voxels (X, Y[, Z]) in LPS orientation.
        label: the same of its label; what is above 0 is tumor.
    """
    back = case_volume(store, name)
    low, high = store.cases[name]["window"][0]
    head = back.image[0] > 0
    expected = np.clip((image.astype(np.float64) - low) / (high - low), 0, 1)
    assert head.any()
    assert np.abs(back.image[0] - expected)[head].max() < 5e-4, "float16 in [0, 1]"
    assert image[~head].max(initial=low) < low + 0.1 * (high - low), "what is set to 0 is background"
    assert np.array_equal(back.mask[0], label > 0)
    assert back.filled.all()


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the names of the cases that are read in this process."""
    names: list[str] = []
    read = work_module.read_case

    def noting(case: Any, *args: Any) -> Any:
        names.append(case["case"])
        return read(case, *args)

    monkeypatch.setattr(work_module, "read_case", noting)
    return names


def _forking() -> Any:
    # A process of its own imports torch once and forks others: this one may have threads, which forks do not survive.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "tests.data.store_makers"])
    return context


def start(function: Callable[..., None], *args: Any) -> tuple[BaseProcess, Connection]:
    """Start ``function(connection, *args)`` in a process; return it when it has said that it is ready."""
    context = _forking()
    ours, theirs = context.Pipe()
    process = context.Process(target=function, args=(theirs, *args), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(60)
    assert ours.recv() == "ready"
    return process, ours


def prepare_in_child(connection: Connection, data: Path, store: Path, options: dict[str, Any]) -> None:
    """Say ready, wait for the word to go, prepare, tell the number of slices."""
    connection.send("ready")
    connection.recv()
    made = prepare(data, store, **SETTINGS, **options)
    connection.send((len(made), made.complete))


def die_in_child(
    connection: Connection, data: Path, store: Path, options: dict[str, Any], call: str, number: int, after: bool
) -> None:
    """Prepare, but die at one call of ``os.<call>``: before it, or after."""
    die_at(call, number, after)
    prepare_in_child(connection, data, store, options)


def process_of(item: Any) -> int:
    """Return the number of the process that is called."""
    return os.getpid()


def die(item: Any) -> None:
    """End the process that is called."""
    os.kill(os.getpid(), signal.SIGKILL)
