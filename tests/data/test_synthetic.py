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
"""Synthetic slices as a data set: those of ``generate``, whoever asks in whatever order."""

from __future__ import annotations

import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, load_decathlon_datalist
from monai.transforms import (
    Compose,
    EnsureTyped,
    Flipd,
    LoadImaged,
    Orientationd,
    RandFlipd,
    SelectItemsd,
    SqueezeDimd,
    Transposed,
)

from monai_dcgan.data import SyntheticDataset, SyntheticSetWriter
from monai_dcgan.workflow import generate
from tests.untrained import write_generator

KEYS = ["image", "label"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_generator(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory):
    return write_generator(tmp_path_factory.mktemp("classes"), num_classes=2, image_channels=3)


def equal(first, second):
    return set(first) == set(second) and all(
        torch.equal(first[key], second[key]) if key in KEYS else first[key] == second[key] for key in first
    )


def test_items(run):
    data = SyntheticDataset(run, num=70, seed=3)
    item = data[69]
    assert len(data) == 70 and list(item) == ["image", "label", "synthetic"] and item["synthetic"] is True
    for key in KEYS:
        assert isinstance(item[key], MetaTensor) and item[key].dtype == torch.float32 and item[key].shape == (1, 32, 32)
    assert 0 <= item["image"].min() < item["image"].max() <= 1
    assert set(item["label"].unique().tolist()) <= {0.0, 1.0}
    assert equal(data[-1], item) and len(data[:5]) == 5
    with pytest.raises(IndexError):
        data[70]
    assert not equal(data[0], SyntheticDataset(run, num=1, seed=4)[0])
    assert len(SyntheticDataset(run)) == 64, "as in inference.json"


CASES = [
    ["run", {}],
    ["run", {"batch_size": 7}],
    ["run", {"min_mask_area": 0.005, "max_mask_area": 0.03}],
    ["two_classes", {}],
    ["two_classes", {"min_mask_area": 0.2}],
]


@pytest.mark.parametrize("image_format", ["nifti", "png"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_item_is_the_slice_of_generate(name, options, image_format, request, tmp_path):
    source = request.getfixturevalue(name)
    written = SyntheticDataset(generate(source, tmp_path / "set", 70, 3, image_format, **options))
    made = SyntheticDataset(source, 70, 3, **options)
    assert len(made) == len(written) == 70
    areas = {float(made[i]["label"].mean()) for i in range(70)}
    assert len(areas) > 10, "slices differ"
    for i in np.random.RandomState(0).permutation(70):
        if image_format == "nifti":
            assert equal(made[i], written[i])
        else:
            assert torch.equal(made[i]["label"], written[i]["label"])
            assert torch.allclose(made[i]["image"], written[i]["image"], atol=0.003)
    if "min_mask_area" in options:
        unfiltered = SyntheticDataset(source, 70, 3)
        assert min(areas) >= options["min_mask_area"] > min(float(unfiltered[i]["label"].mean()) for i in range(70))


def test_classes(two_classes, tmp_path):
    names = ["glioma", "meningioma"]
    everything = SyntheticDataset(two_classes, 20, class_names=names)
    assert [everything[i]["class_index"] for i in range(4)] == [0, 1, 0, 1]
    for index, name in enumerate(names):
        data = SyntheticDataset(two_classes, 10, class_name=name, class_names=names)
        assert len(data) == 10
        assert all(equal(data[i], everything[2 * i + index]) for i in range(10))
    folder = generate(two_classes, tmp_path / "set", 20)
    stored = SyntheticDataset(folder, 5, class_name="meningioma", class_names=names)
    assert len(stored) == 5 and all(equal(stored[i], everything[2 * i + 1]) for i in range(5))


def test_class_names_of_a_folder(tmp_path):
    images = np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1).repeat(32, 2).repeat(32, 3) / 10
    with SyntheticSetWriter(tmp_path / "set") as writer:
        writer.write(images, np.zeros((6, 1, 32, 32)), ["b", "a", "b", "b", "a", "b"])
    data = SyntheticDataset(tmp_path / "set")
    assert [data[i]["class_index"] for i in range(6)] == [1, 0, 1, 1, 0, 1]
    chosen = SyntheticDataset(tmp_path / "set", class_name="a")
    assert [round(float(chosen[i]["image"].max()), 1) for i in range(len(chosen))] == [0.1, 0.4]
    named = SyntheticDataset(tmp_path / "set", class_names=["c", "b", "a"])
    assert [named[i]["class_index"] for i in range(2)] == [1, 2]


def test_slices_are_made_on_demand_and_once(run):
    data = SyntheticDataset(run, num=64, batch_size=8)
    slices = data.data.slices
    calls = []
    slices.maker.network.register_forward_hook(lambda *_: calls.append(1))
    assert not slices.made.any()
    first = data[17]
    assert slices.made.nonzero()[0].tolist() == [2] and equal(data[17], first) and len(calls) == 1
    first["image"].zero_()
    assert data[17]["image"].any(), "an item is a copy"
    assert slices.images.nbytes + slices.masks.nbytes <= 64 * 32 * 32 * (2 + 1 / 8)


def test_workers_share_what_they_make(run):
    data = SyntheticDataset(run, num=64, batch_size=8)
    loader = DataLoader(data, batch_size=16, num_workers=2, multiprocessing_context="fork")
    batches = torch.cat([batch["image"] for batch in loader])
    assert data.data.slices.made.all(), "what workers made is there for the next epoch"
    alone = SyntheticDataset(run, num=64, batch_size=8)
    assert all(torch.equal(batches[i], alone[i]["image"]) for i in range(64))


def first_item(data):
    return {key: value.numpy() for key, value in data[0].items() if key in KEYS}


def test_pickling(run, tmp_path):
    made = SyntheticDataset(run, num=20, batch_size=5)
    made[3]
    stored = SyntheticDataset(generate(run, tmp_path / "set", 20))
    for data in (made, stored):
        copy = pickle.loads(pickle.dumps(data))
        assert all(equal(copy[i], data[i]) for i in range(20))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for data in (SyntheticDataset(run, num=20, batch_size=5), stored):
            other = pool.apply(first_item, (data,))
            assert all(np.array_equal(other[key], made[0][key].numpy()) for key in KEYS)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_beside_other_items(run, dimensions):
    transform = Compose([RandFlipd(KEYS, prob=0.5), SelectItemsd(KEYS), EnsureTyped(KEYS, track_meta=dimensions == 2)])
    affine = torch.eye(dimensions + 1)
    own = Dataset([{key: MetaTensor(torch.zeros(1, 32, 32), affine=affine) for key in KEYS}] * 20, transform)
    mixed = own + SyntheticDataset(run, 20, transform=transform)
    batches = [batch["image"] for batch in DataLoader(mixed, batch_size=8, shuffle=True)]
    assert sum(len(batch) for batch in batches) == 40
    assert sum(bool(image.any()) for batch in batches for image in batch) == 20


def test_keys(run):
    named = SyntheticDataset(run, 1, image_key="img", label_key="seg")[0]
    assert list(named) == ["img", "seg", "synthetic"]


@pytest.mark.parametrize("axcodes", ["LPS", "RAS"])
def test_slices_as_volumes_are_indexed(run, tmp_path, axcodes):
    """The docstring says how to bring slices to the axes of a project; its reader is the judge."""
    folder = generate(run, tmp_path / "set", 3)
    load = Compose(
        [LoadImaged(KEYS, ensure_channel_first=True), Orientationd(KEYS, axcodes), SqueezeDimd(KEYS, dim=-1)]
    )
    expected = [load(case) for case in load_decathlon_datalist(folder / "dataset.json")]
    turned = Compose([Transposed(KEYS, (0, 2, 1)), *([Flipd(KEYS, (0, 1))] if axcodes == "RAS" else [])])
    data = SyntheticDataset(folder, transform=turned)
    for i, item in enumerate(expected):
        assert torch.allclose(data[i]["image"], item["image"] / 1000) and torch.equal(data[i]["label"], item["label"])


@pytest.mark.parametrize(
    ("name", "kwargs", "text"),
    [
        ["run", {"num": 0}, "num must be a whole number of at least 1, got 0"],
        ["run", {"seed": -1}, "seed must be a whole number of at least 0, got -1"],
        ["run", {"min_mask_are": 0.1}, "config id 'min_mask_are' .* did you mean 'min_mask_area'"],
        ["run", {"min_mask_area": 0.999}, "at least 1% of the slices pass"],
        ["run", {"width": 8}, "must fit DCGANGenerator"],
        ["run", {"class_name": "a"}, "class_name must be one of the classes, got 'a'; class_names must name"],
        [
            "run",
            {"class_names": ["a", "b"]},
            r"class_names must name the classes of the generator, 0, got \['a', 'b'\]",
        ],
        ["two_classes", {"class_name": "c", "class_names": ["a", "b"]}, "class_name must be one of a, b, got 'c'"],
        ["two_classes", {"class_names": ["a", "a"]}, "class_names must be a list of different names"],
    ],
)
def test_wrong_arguments(name, kwargs, text, request):
    with pytest.raises(ValueError, match=text):
        SyntheticDataset(request.getfixturevalue(name), **kwargs)


def test_wrong_arguments_for_a_folder(run, tmp_path):
    folder = generate(run, tmp_path / "set", 5)
    for kwargs, text in [
        [{"num": 6}, "num must be at most the slices of the set, 5, got 6"],
        [{"seed": 1, "min_mask_area": 0.1}, "seed, min_mask_area must be left out for a set that is made"],
        [{"class_name": "a", "class_names": ["a"]}, "class_name must be a class of the set, got 'a'"],
    ]:
        with pytest.raises(ValueError, match=text):
            SyntheticDataset(folder, **kwargs)
    with pytest.raises(FileNotFoundError, match="no trained generator"):
        SyntheticDataset(tmp_path)


def test_a_trained_run(trained):
    data = SyntheticDataset(trained, num=4)
    assert data[0]["image"].shape == (1, 32, 32) and data[0]["image"].max() > 0
