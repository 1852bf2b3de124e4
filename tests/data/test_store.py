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

from monai_dcgan.data import SliceDataset, SliceStore
from monai_dcgan.data.store import StoreFolder, begin_store, finish_store, write_shard
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
        "intensity_low": "10 0.5",
        "intensity_high": "900 1.5",
        "tumor_fraction": 0.0 if number % 2 else 0.25,
        "tumor_area": 30.0,
        "foreground_fraction": 0.5,
        "mask_pixels": int(MASKS[number].sum()),
    }


def write(path, shards=((0, 3), (3, 6), (6, 9), (9, 10)), complete=True) -> None:
    """Write the slices as a store of shards."""
    folder, names = StoreFolder(path), [f"shard{start}" for start, _ in shards]
    begin_store(folder, "abc", {"image_size": 32}, names)
    for name, (start, stop) in zip(names, shards):
        cases = [{"case": f"c{start}", "dropped": {}, "slices": stop - start}]
        write_shard(folder, name, IMAGES[start:stop], MASKS[start:stop], cases, [record(i) for i in range(start, stop)])
    if complete:
        finish_store(folder, "abc", {"image_size": 32}, names)


@pytest.fixture
def store(tmp_path) -> SliceStore:
    write(tmp_path / "store")
    return SliceStore(tmp_path / "store")


def test_content(store):
    assert (len(store), store.image_size, store.image_channels, store.mask_channels) == (10, 32, 2, 1)
    images, masks, _ = store.as_arrays()
    assert np.abs(images - IMAGES).max() < 1e-3
    assert np.array_equal(masks, MASKS)
    assert store.patients == ["p0", "p1", "p2"]
    assert store.class_names == ["glioma", "meningioma"]
    assert store.slices[3] == {"index": 3, **record(3), "shard": "shard3", "row": 0}
    assert [row["slice_index"] for row in store.slices[-2:]] == [8, 9]
    with pytest.raises(IndexError):
        store.slices[10]
    assert store.describe()["slices_with_tumor"] == 4, "a tumor smaller than a pixel is not in the mask of slice 4"
    assert store.describe()["tumor_share"] == 0.4
    assert store.describe()["classes"] == {"glioma": 4, "meningioma": 6}


def test_one_slice(store):
    image, mask = store.read(7)
    assert (image.dtype, mask.dtype) == (np.float16, np.uint8)
    assert np.array_equal(image, IMAGES[7].astype(np.float16))
    assert np.array_equal(mask, MASKS[7])
    image[:] = 0
    assert store.read(7)[0].max() > 0, "what is read is a copy"
    assert [len(batch) for batch in store.batches(4)] == [4, 4, 2]
    assert np.array_equal(np.concatenate(list(store.batches(4))), store.as_arrays()[0])


def test_it_is_compressed(tmp_path):
    folder, smooth = StoreFolder(tmp_path), np.tile(np.linspace(0, 1, 64, dtype=np.float32), (9, 1, 64, 1))
    shard = write_shard(folder, "s", smooth, np.zeros((9, 1, 64, 64)), [], [record(0)] * 9)
    sizes = {name: entry["bytes"] for name, entry in shard.files.items()}
    assert sizes["s.images.b2nd"] < smooth.size * 2 / 4
    assert sizes["s.masks.b2nd"] < smooth.size / 20
    assert sizes == {name: (tmp_path / "shards" / name).stat().st_size for name in sizes}


def test_equal_content_gives_equal_bytes(tmp_path):
    for name in "ab":
        write(tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 4 * 3 + 4
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_store_that_is_not_complete(tmp_path, caplog):
    write(tmp_path / "store", complete=False)
    (tmp_path / "store" / "shards" / "shard6.json").unlink()
    store = SliceStore(tmp_path / "store")
    assert "it has 3 of 4 shards; run prepare again" in caplog.text
    assert not store.complete
    assert [row["slice_index"] for row in store.slices] == [0, 1, 2, 3, 4, 5, 9]
    assert np.array_equal(store.as_arrays()[1], MASKS[[0, 1, 2, 3, 4, 5, 9]])
    begin_store(StoreFolder(tmp_path / "empty"), "k", {}, ["shard0"])
    with pytest.raises(ValueError, match="holds no slice yet; run prepare again"):
        SliceStore(tmp_path / "empty")


def test_without_masks(tmp_path):
    folder = StoreFolder(tmp_path)
    write_shard(
        folder, "s", IMAGES, np.zeros((10, 0, 32, 32)), [{"case": "c", "dropped": {}}], list(map(record, range(10)))
    )
    finish_store(folder, "k", {}, ["s"])
    store = SliceStore(tmp_path)
    assert store.mask_channels == 0
    assert store.read(3)[1].shape == (0, 32, 32)
    assert SliceDataset(store)[3]["label"].shape == (0, 32, 32)


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
    store.read(0)
    data = pickle.dumps(store)
    assert len(data) < IMAGES.nbytes / 4
    assert np.array_equal(pickle.loads(data).read(4)[0], store.read(4)[0])


@pytest.mark.parametrize("name", ["slices.csv", "cases.jsonl", "shards/shard3.images.b2nd", "shards/shard3.masks.b2nd"])
@pytest.mark.parametrize("content", [None, b"index\n1"])
def test_damage(store, name, content):
    path = store.path / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path.name}.*(missing|damaged|must list).*prepare"):
        _ = SliceStore(store.path).cases and SliceStore(store.path).read(4)


def test_other_version(store):
    write_json(store.path / "store.json", {**read_json(store.path / "store.json"), "format_version": 99})
    with pytest.raises(ValueError, match="must have format version 3, got 99"):
        SliceStore(store.path)
    with pytest.raises(FileNotFoundError, match="no slice store at"):
        SliceStore(store.path / "deeper")
    (store.path / "store.json").write_text("{")
    with pytest.raises(ValueError, match="store.json must be a JSON file"):
        SliceStore(store.path)


def test_shards_must_fit(tmp_path):
    folder = StoreFolder(tmp_path)
    with pytest.raises(ValueError, match="must be as many, got 10, 9, 10"):
        write_shard(folder, "s", IMAGES, MASKS[:9], [], [record(0)] * 10)
    for name, images in (("one", IMAGES), ("two", IMAGES[:, :1])):
        write_shard(folder, name, images, MASKS, [{"case": name, "dropped": {}}], [record(i) for i in range(10)])
    with pytest.raises(ValueError, match=r"same channels, got images of \(2, 32, 32\) and, in two, \(1, 32, 32\)"):
        finish_store(folder, "k", {}, ["one", "two"])
    with pytest.raises(ValueError, match="no slice of 0 cases is left"):
        finish_store(folder, "k", {}, [])


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
