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
"""A store on other file systems, in other processes, larger than what is kept open, and without this package."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys
from pathlib import Path

import fsspec
import joblib
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from monai_dcgan.data import SliceDataset, SliceStore, is_store, prepare
from monai_dcgan.data.store import store as store_module
from tests.data.store_makers import (
    SETTINGS,
    add_case,
    contents,
    count_reads,
    hidden,
    list_cases,
    make_cases,
    same_slices,
)

CASES = 6


@pytest.fixture
def memory():
    """The file system in memory, empty before and after."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def in_memory(system, root):
    return {path.removeprefix(f"{root}/"): bytes(system.cat_file(path)) for path in system.find(root)}


def test_memory(data, whole, memory, monkeypatch):
    store = prepare(data, "memory://bucket/store", **SETTINGS)
    assert in_memory(memory, "/bucket/store") == contents(whole.path)
    assert same_slices(store, whole)
    assert is_store("memory://bucket/store")
    assert not is_store("memory://bucket")
    # Open again: by the data, and as data.
    reads = count_reads(monkeypatch)
    assert same_slices(prepare(data, "memory://bucket/store", **SETTINGS), whole)
    assert same_slices(prepare("memory://bucket/store", **SETTINGS), whole)
    assert same_slices(pickle.loads(pickle.dumps(store)), whole)
    assert reads == []
    with pytest.raises(FileExistsError, match="differs in image_size"):
        prepare(data, "memory://bucket/store", image_size=64)


def test_memory_going_on_and_update(data, memory, tmp_path, monkeypatch):
    own = make_cases(tmp_path / "own", 3)
    prepare(own, "memory://bucket/store", **SETTINGS)
    before = in_memory(memory, "/bucket/store")
    header = json.loads(before["store.json"])
    memory.pipe_file("/bucket/store/store.json", json.dumps({**header, "complete": False}).encode())
    memory.rm_file(f"/bucket/store/shards/{header['shards'][1]}.json")
    reads = count_reads(monkeypatch)
    prepare(own, "memory://bucket/store", **SETTINGS)
    assert reads == ["P01"]
    assert in_memory(memory, "/bucket/store") == before
    add_case(own, 3)
    list_cases(own, [0, 2, 3])
    prepare(own, "memory://bucket/store", update=True, **SETTINGS)
    assert reads == ["P01", "P03"]
    assert in_memory(memory, "/bucket/store") == contents(prepare(own, tmp_path / "fresh", **SETTINGS).path)


def test_memory_without_a_slice_leaves_nothing(data, memory):
    memory.pipe_file("/bucket/other", b"")
    for _ in range(2):
        with pytest.raises(ValueError, match="no slice of 6 cases is left"):
            prepare(data, "memory://bucket/store", tumor="with", min_tumor_area=0.9, **SETTINGS)
        assert memory.find("/bucket") == ["/bucket/other"]
    assert len(prepare(data, "memory://bucket/store", **SETTINGS)) == 4 * CASES


def test_memory_that_holds_something_else(data, memory):
    memory.pipe_file("/bucket/store/thesis.txt", b"")
    with pytest.raises(FileExistsError, match="memory://bucket/store exists and is no slice store"):
        prepare(data, "memory://bucket/store", **SETTINGS)


@pytest.mark.parametrize("slash", ["", "/"])
def test_cache_in_memory(data, whole, memory, slash):
    store = prepare(data, cache_dir=f"memory://cache{slash}", **SETTINGS)
    assert store.path == f"memory://cache/Task42-{store.key[:12]}"
    assert in_memory(memory, store.path.removeprefix("memory:/")) == contents(whole.path)


def test_file_url(data, whole, tmp_path):
    assert contents(tmp_path / "store") == {}
    store = prepare(data, f"file://{tmp_path}/store", **SETTINGS)
    assert contents(tmp_path / "store") == contents(whole.path)
    assert store.folder.local == tmp_path / "store"
    prepare(data, cache_dir=f"file://{tmp_path}/cache", **SETTINGS)
    assert contents(tmp_path / "cache" / f"Task42-{store.key[:12]}") == contents(whole.path)


@pytest.mark.parametrize("name", ["a b", "a::b", "file:a", "50%20#?", "-x", "ünï", "~x", "a" * 200, "x*[y]"])
def test_odd_names_of_folders(data, whole, tmp_path, name):
    assert same_slices(prepare(data, tmp_path / name, **SETTINGS), whole)
    assert contents(tmp_path / name) == contents(whole.path)


def test_deleting_takes_no_pattern(data, tmp_path):
    """A * in the name of a store that comes to nothing is no pattern of what to delete."""
    (tmp_path / "store-of-others").mkdir()
    (tmp_path / "store-of-others" / "thesis.txt").touch()
    with pytest.raises(ValueError, match="no slice of 6 cases is left"):
        prepare(data, tmp_path / "store*", tumor="with", min_tumor_area=0.9, **SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["store-of-others"]
    assert (tmp_path / "store-of-others" / "thesis.txt").exists()


def test_unknown_protocol(data):
    with pytest.raises(ValueError, match=r"a store must be a folder or a URL that fsspec knows, got cloud://bucket/a"):
        prepare(data, "cloud://bucket/a", **SETTINGS)


def test_missing_package(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ImportError, match=r"a store at s3://bucket/store needs a package that is missing: .*s3fs"):
        prepare(data, "s3://bucket/store", **SETTINGS)


def test_folder_of_something_else(data, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="store exists and is no slice store; give an empty or a new folder"):
        prepare(data, tmp_path / "store", **SETTINGS)
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file exists and is no slice store"):
        prepare(data, tmp_path / "file", **SETTINGS)
    (tmp_path / "empty").mkdir()
    assert len(prepare(data, tmp_path / "empty", **SETTINGS)) == 4 * CASES


def test_shards_without_a_header(data, whole, tmp_path, monkeypatch):
    """As a store is that was stopped while it was deleted: they are used."""
    (tmp_path / "store" / "shards").mkdir(parents=True)
    for name, content in contents(whole.path).items():
        if name.startswith("shards"):
            (tmp_path / "store" / name).write_bytes(content)
    reads = count_reads(monkeypatch)
    prepare(data, tmp_path / "store", **SETTINGS)
    assert reads == []
    assert contents(tmp_path / "store") == contents(whole.path)
    (tmp_path / "other" / "shards").mkdir(parents=True)
    (tmp_path / "other" / "shards" / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="is no slice store"):
        prepare(data, tmp_path / "other", **SETTINGS)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_data_loader(whole, method):
    dataset = SliceDataset(whole)
    dataset[0]
    loader = DataLoader(
        dataset,
        batch_size=5,
        num_workers=2,
        multiprocessing_context=method,
        collate_fn=torch.utils.data.default_collate,
    )
    batches = list(loader)
    images, masks = (torch.cat([batch[key] for batch in batches]).numpy() for key in ("image", "label"))
    expected = whole.as_arrays()
    assert np.array_equal(images, expected[0])
    assert np.array_equal(masks, expected[1])
    assert [name for batch in batches for name in batch["patient"]] == expected[2]


def test_pickles_are_small(whole):
    closed = len(pickle.dumps(SliceStore(whole.path)))
    opened = SliceStore(whole.path)
    opened.as_arrays()
    assert len(pickle.dumps(opened)) == closed
    assert closed < 3000 + 250 * len(opened)
    assert same_slices(pickle.loads(pickle.dumps(opened)), whole)


@pytest.mark.parametrize("limit", [1, 2])
def test_more_shards_than_are_kept_open(whole, monkeypatch, limit):
    monkeypatch.setattr(store_module, "OPEN_SHARDS", limit)
    store = SliceStore(whole.path)
    order = np.random.RandomState(0).permutation(np.repeat(np.arange(len(store)), 3))
    images, masks, _ = whole.as_arrays(order)
    for place, index in enumerate(order):
        image, mask = store.read(index)
        assert np.array_equal(image, images[place])
        assert np.array_equal(mask, masks[place])
        assert len(store._shards) <= limit


def test_without_this_package(whole, tmp_path):
    """As ``read_it`` in ``store.json`` says."""
    code = (
        "import blosc2, csv, json, numpy, sys; rows = list(csv.DictReader(open('slices.csv', encoding='utf-8')));"
        "arrays = {kind: numpy.stack([blosc2.open(f'shards/{r[\"shard\"]}.{kind}.b2nd')[int(r['row'])] for r in rows])"
        " for kind in ('images', 'masks')};"
        "numpy.savez(sys.argv[1], cases=[r['case'] for r in rows], **arrays);"
        "cases = [json.loads(line) for line in open('cases.jsonl', encoding='utf-8')];"
        "assert [case['case'] for case in cases] == sorted({r['case'] for r in rows});"
        "assert not any(name.startswith(('monai', 'torch')) for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "read.npz")], check=True, cwd=whole.path)
    read = np.load(tmp_path / "read.npz")
    images, masks, _ = whole.as_arrays()
    assert np.array_equal(read["images"], images)
    assert np.array_equal(read["masks"], masks)
    header = json.loads((Path(whole.path) / "store.json").read_text())
    for name in ("slices.csv", "shards/SHARD.images.b2nd", "blosc2.open", "cases.jsonl"):
        assert name in header["read_it"]
    with open(Path(whole.path) / "slices.csv", encoding="utf-8", newline="") as stream:
        assert [row["case"] for row in csv.DictReader(stream)] == list(read["cases"])


@pytest.mark.parametrize("num_workers", [2, 4])
def test_number_of_workers_does_not_matter(data, whole, tmp_path, num_workers):
    prepare(data, tmp_path / "store", num_workers=num_workers, **SETTINGS)
    assert contents(tmp_path / "store") == contents(whole.path)
    assert hidden(tmp_path / "store") == []


def test_joblib_processes(data, whole, tmp_path, monkeypatch):
    reads = count_reads(monkeypatch)
    with joblib.parallel_config(backend="loky"):
        prepare(data, tmp_path / "store", num_workers=2, **SETTINGS)
    assert reads == []
    assert contents(tmp_path / "store") == contents(whole.path)
