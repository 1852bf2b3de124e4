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
"""A store gives back what was appended, and notices damage."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from monai.data import DataLoader

from monai_dcgan.data import SliceDataset, SliceStore, StoreWriter
from monai_dcgan.transforms import slice_augmentation
from monai_dcgan.utils.files import read_json, write_json

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(10, 2, 32, 32).astype(np.float32)
MASKS = (RANDOM.rand(10, 1, 32, 32) > 0.8).astype(np.uint8)
MASKS[1::2] = 0
MASKS[4] = 0


def record(number: int) -> dict:
    return {
        "patient": f"p{number // 4}",
        "case": f"c{number // 2}",
        "class_name": "glioma" if number < 4 else "meningioma",
        "fold": "",
        "slice_index": number,
        "axis": "axial",
        "row_spacing": 1.0,
        "column_spacing": 0.5,
        "tumor_fraction": 0.0 if number % 2 else 0.25,
        "foreground_fraction": 0.5,
    }


@pytest.fixture
def store(tmp_path) -> SliceStore:
    with StoreWriter(tmp_path / "store", "abc", {"image_size": 32}) as writer:
        for start in range(0, 10, 3):
            part = slice(start, start + 3)
            writer.append(IMAGES[part], MASKS[part], [record(i) for i in range(10)[part]])
    return SliceStore(tmp_path / "store")


def test_content(store):
    assert (len(store), store.image_size, store.image_channels, store.mask_channels) == (10, 32, 2, 1)
    assert np.abs(store.images - IMAGES).max() < 1e-3
    assert np.array_equal(store.masks, MASKS)
    assert store.patients == ["p0", "p1", "p2"]
    assert store.class_names == ["glioma", "meningioma"]
    assert store.slices[3] == {"index": 3, **record(3)}
    assert store.describe()["slices_with_tumor"] == 4, "a tumor smaller than a pixel is not in the mask of slice 4"
    assert store.describe()["tumor_share"] == 0.4
    assert store.describe()["classes"] == {"glioma": 4, "meningioma": 6}
    with pytest.raises(ValueError, match="read-only"):
        store.images[0] = 0


def test_indices_and_arrays(store):
    assert store.indices(["p2", "p0"]).tolist() == [0, 1, 2, 3, 8, 9]
    images, masks, patients = store.as_arrays([8, 0])
    assert images.dtype == np.float32
    assert masks.dtype == np.uint8
    assert patients == ["p2", "p0"]
    assert np.abs(images - IMAGES[[8, 0]]).max() < 1e-3
    with pytest.raises(ValueError, match=r"patients must be in the store .*, got \['px'\]"):
        store.indices(["px"])


def test_pickle_is_small(store):
    data = pickle.dumps(store)
    assert len(data) < store.images.nbytes / 4
    assert np.array_equal(pickle.loads(data).images, store.images)


@pytest.mark.parametrize(
    ("name", "text"), [("images.dat", "has 5 bytes where 40960 are due"), ("slices.csv", "is damaged")]
)
def test_damage(store, name, text):
    (store.path / name).write_bytes(b"index")
    with pytest.raises(ValueError, match=text):
        SliceStore(store.path)
    (store.path / name).unlink()
    with pytest.raises(ValueError, match="missing; delete the folder and prepare it again"):
        SliceStore(store.path)


def test_other_version(store):
    write_json(store.path / "store.json", {**read_json(store.path / "store.json"), "format_version": 99})
    with pytest.raises(ValueError, match="must have format version 1, got 99"):
        SliceStore(store.path)
    with pytest.raises(FileNotFoundError, match="no slice store at"):
        SliceStore(store.path / "deeper")


def test_failed_writer_leaves_nothing(tmp_path):
    records = [record(i) for i in range(10)]

    def write(*batches: np.ndarray) -> None:
        with StoreWriter(tmp_path / "store", "k", {}) as writer:
            for images in batches:
                writer.append(images, MASKS, records)

    with pytest.raises(ValueError, match="must have the shapes"):
        write(IMAGES, IMAGES[:, :1])
    with pytest.raises(ValueError, match="at least one slice"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_two_writers_of_one_store(tmp_path):
    with StoreWriter(tmp_path / "store", "k", {}) as first, StoreWriter(tmp_path / "store", "k", {}) as second:
        for writer in (first, second):
            writer.append(IMAGES, MASKS, [record(i) for i in range(10)])
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert len(SliceStore(tmp_path / "store")) == 10


def test_dataset_items(store):
    item = SliceDataset(store)[4]
    assert item["image"].dtype == item["label"].dtype == torch.float32
    assert torch.allclose(item["image"], torch.from_numpy(IMAGES[4]), atol=1e-3)
    assert torch.equal(item["label"], torch.from_numpy(MASKS[4]).float())
    assert (item["class_index"], item["patient"]) == (1, "p1")
    item["image"].zero_()
    assert SliceDataset(store)[4]["image"].max() > 0
    assert torch.equal(SliceDataset(store)[-1]["image"], SliceDataset(store)[9]["image"])
    with pytest.raises(IndexError):
        SliceDataset(store)[10]


def test_dataset_parts(store):
    splits = {"p0": "train", "p1": "validation", "p2": "test"}
    parts = {part: SliceDataset(store, splits=splits, part=part) for part in splits.values()}
    assert [len(part) for part in parts.values()] == [4, 4, 2]
    assert {record["patient"] for record in parts["test"].data} == {"p2"}
    assert len(SliceDataset(store, patients=["p1", "p2"])) == 6
    assert [record["index"] for record in SliceDataset(store, [7, 2]).data] == [7, 2]
    assert parts["test"].as_arrays()[0].shape == (2, 2, 32, 32)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"indices": [0], "patients": ["p0"]}, "give at most one of"),
        ({"splits": {"p0": "train"}}, "splits together with part"),
        (
            {"splits": {"p0": "train"}, "part": "train"},
            r"splits must name every patient of the store, got none for \['p1'",
        ),
        ({"splits": {"p0": "train"}, "part": "dev"}, "part must be one of train, validation, test"),
        ({"splits": dict.fromkeys(["p0", "p1", "p2"], "train"), "part": "test"}, "the split puts none into 'test'"),
        ({"indices": [10]}, "indices must be from 0 to 9"),
        ({"indices": []}, "at least one slice"),
    ],
)
def test_dataset_bad_arguments(store, kwargs, text):
    with pytest.raises(ValueError, match=text):
        SliceDataset(store, **kwargs)


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_is_seeded(store, workers):
    dataset = SliceDataset(store, transform=slice_augmentation(rotation=1.0))

    def batches() -> torch.Tensor:
        generator = torch.Generator().manual_seed(5)
        loader = DataLoader(dataset, batch_size=5, num_workers=workers, generator=generator)
        return torch.cat([batch["image"] for batch in loader])

    first = batches()
    assert first.shape == (10, 2, 32, 32)
    assert torch.equal(first, batches())
