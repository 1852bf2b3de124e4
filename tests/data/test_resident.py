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
"""Slices on the device: the batches are those of a data loader over the store."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from monai.data import DataLoader

from monai_dcgan.data import ResidentLoader, SliceDataset, SliceStore, StreamSampler, resident, training_loader
from monai_dcgan.data.store import StoreFolder, begin_store, finish_store, write_shard
from monai_dcgan.utils import memory

SIZE, NUMBER = 32, 11
BYTES = NUMBER * (2 * SIZE * SIZE * 2 + SIZE * SIZE + 8)


def make_store(path, mask_channels: int = 1) -> SliceStore:
    """Write a store of 11 slices of two classes in three shards."""
    random = np.random.RandomState(0)
    images = random.rand(NUMBER, 2, SIZE, SIZE).astype(np.float32)
    masks = (random.rand(NUMBER, mask_channels, SIZE, SIZE) > 0.8).astype(np.uint8)
    shards = {"a": range(4), "b": range(4, 8), "c": range(8, NUMBER)}
    folder = StoreFolder(path)
    begin_store(folder, "key", {"image_size": SIZE}, list(shards))
    for name, own in shards.items():
        records = [
            {
                "patient": f"p{number // 2}",
                "case": f"c{number}",
                "class_name": "glioma" if number % 3 else "meningioma",
                "fold": "",
                "slice_index": number,
                "axis": "axial",
                "row_spacing": 1.0,
                "column_spacing": 1.0,
                "intensity_low": "0 0",
                "intensity_high": "1 1",
                "tumor_fraction": 0.1,
                "tumor_area": 3.0,
                "foreground_fraction": 0.5,
                "mask_pixels": int(masks[number].sum()),
            }
            for number in own
        ]
        cases = [{"case": f"c{number}", "dropped": {}, "slices": 1} for number in own]
        write_shard(folder, name, images[own.start : own.stop], masks[own.start : own.stop], cases, records)
    finish_store(folder, "key", {"image_size": SIZE}, list(shards))
    return SliceStore(path)


@pytest.fixture
def store(tmp_path) -> SliceStore:
    """A store with masks."""
    return make_store(tmp_path / "store")


def stream(dataset: SliceDataset, batch_size: int = 4) -> StreamSampler:
    """Return a sampler whose epoch is longer than the data set."""
    return StreamSampler(len(dataset), 14, batch_size, seed=3)


def same(batches, others) -> None:
    """Check that the batches of two loaders are equal in all that trainings look at."""
    pairs = list(zip(batches, others, strict=True))
    assert pairs
    for own, other in pairs:
        assert set(own) == {"image", "label", "class_index"}
        for name in own:
            assert torch.equal(own[name], other[name])
            assert own[name].dtype == other[name].dtype


@pytest.mark.parametrize("indices", [None, [7, 2, 2, 9, 0]])
@pytest.mark.parametrize("mask_channels", [1, 0])
def test_batches_are_those_of_a_data_loader(tmp_path, monkeypatch, indices, mask_channels):
    monkeypatch.setattr(resident, "PIECE", 3)
    dataset = SliceDataset(make_store(tmp_path / "store", mask_channels), indices)
    own, other = stream(dataset), stream(dataset)
    loader = ResidentLoader(dataset, own, batch_size=4)
    reference = DataLoader(dataset, batch_size=4, sampler=other)
    assert len(loader) == len(reference) == 4
    for epoch, steps_done in ((1, 0), (2, 0), (5, 3)):
        own.set_epoch(epoch, steps_done)
        other.set_epoch(epoch, steps_done)
        same(loader, reference)
    same(ResidentLoader(dataset, range(5), 2), DataLoader(dataset, batch_size=2, sampler=range(5)))


def test_the_store_is_read_once_and_in_pieces(store, monkeypatch):
    monkeypatch.setattr(resident, "PIECE", 4)
    read: list[int] = []
    as_arrays = store.as_arrays
    monkeypatch.setattr(store, "as_arrays", lambda indices: read.append(len(indices)) or as_arrays(indices))
    dataset = SliceDataset(store)
    loader = ResidentLoader(dataset, stream(dataset), 4)
    assert read == []
    first = next(iter(loader))
    assert read == [4, 4, 3]
    first["image"].zero_()
    again = next(iter(loader))
    assert again["image"].max() > 0
    assert read == [4, 4, 3]
    held = sum(part.numel() * part.element_size() for part in loader._slices)
    assert held == loader.num_bytes == BYTES


def test_slices_that_do_not_fit(store, caplog, monkeypatch):
    dataset = SliceDataset(store)
    text = r"11 slices must fit into 0.1 MiB of cpu to lie there, they need 0.1 MiB; set resident=off"
    with pytest.raises(ValueError, match=text):
        ResidentLoader(dataset, stream(dataset), 4, max_bytes=BYTES - 1)
    assert ResidentLoader(dataset, stream(dataset), 4, max_bytes=BYTES).num_bytes == BYTES
    monkeypatch.setattr(resident, "_usable_bytes", lambda device: BYTES - 1)
    with pytest.raises(ValueError, match=text):
        training_loader(dataset, stream(dataset), 4, resident="on")
    with caplog.at_level(logging.INFO):
        loader = training_loader(dataset, stream(dataset), 4, resident="auto")
    assert isinstance(loader, DataLoader)
    assert "read from the store batch by batch: 11 slices must fit" in caplog.text


def test_free_memory_decides(store, monkeypatch, tmp_path):
    dataset = SliceDataset(store)
    table = tmp_path / "meminfo"
    monkeypatch.setattr(memory, "MEMINFO", table)
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    enough = 2 * BYTES // 1024 + 1
    table.write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {enough} kB\n")
    assert isinstance(training_loader(dataset, stream(dataset), 4), ResidentLoader)
    table.write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {enough - 2} kB\n")
    assert isinstance(training_loader(dataset, stream(dataset), 4), DataLoader)
    table.write_text(f"MemTotal: 99999999 kB\nMemAvailable:   {enough} kB\n")
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text(f"{2 * BYTES + 1000}\n")
    assert isinstance(training_loader(dataset, stream(dataset), 4), ResidentLoader)
    (tmp_path / "memory.max").write_text(f"{2 * BYTES + 998}\n")
    assert isinstance(training_loader(dataset, stream(dataset), 4), DataLoader)
    (tmp_path / "memory.max").write_text("max\n")
    assert isinstance(training_loader(dataset, stream(dataset), 4), ResidentLoader)


def test_choice_and_bad_arguments(store):
    dataset = SliceDataset(store)
    assert isinstance(training_loader(dataset, stream(dataset), 4), ResidentLoader)
    read = training_loader(dataset, stream(dataset), 4, resident="off", num_workers=1)
    assert isinstance(read, DataLoader)
    assert (read.num_workers, read.pin_memory, read.batch_size) == (1, False, 4)
    with pytest.raises(ValueError, match="resident must be one of auto, on, off, got 'yes'"):
        training_loader(dataset, stream(dataset), 4, resident="yes")
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
        ResidentLoader(dataset, stream(dataset), 0)
    with pytest.raises(ValueError, match="max_bytes must be a whole number of at least 1, got 0"):
        ResidentLoader(dataset, stream(dataset), 4, max_bytes=0)
    changed = SliceDataset(store, transform=dict)
    with pytest.raises(ValueError, match="dataset must have no transform to lie on a device, got type; change whole"):
        ResidentLoader(changed, stream(changed), 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu(store):
    dataset = SliceDataset(store)
    loader = ResidentLoader(dataset, stream(dataset), 4, device="cuda")
    assert all(part.is_cuda for part in next(iter(loader)).values())
    batches = ({name: part.cpu() for name, part in batch.items()} for batch in loader)
    same(batches, DataLoader(dataset, batch_size=4, sampler=stream(dataset)))
