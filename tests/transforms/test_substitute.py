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
"""Synthetic slices take the place of real ones: how often, which, in what form, and what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose, RandScaleIntensityd

from monai_dcgan.transforms import RandSyntheticSliced

KEYS = ["image", "label"]


def source(count=10, size=8, channels=1):
    """Slice ``i`` has the value ``i + 1`` in image and label."""
    return [
        {"image": torch.full((channels, size, size), i + 1.0), "label": torch.full((1, size, size), i + 1.0)}
        for i in range(count)
    ]


def item(size=8):
    return {"image": torch.zeros(1, size, size), "label": torch.zeros(1, size, size), "patient": "a"}


def drawn(transform, count):
    return [int(transform(item())["image"][0, 0, 0]) for _ in range(count)]


@pytest.mark.parametrize(("prob", "low", "high"), [(0.0, 0, 0), (0.3, 0.25, 0.35), (1.0, 1, 1)])
def test_share_and_choice(prob, low, high):
    transform = RandSyntheticSliced(KEYS, source(), prob=prob).set_random_state(0)
    values = drawn(transform, 2000)
    replaced = [value for value in values if value]
    assert low <= len(replaced) / 2000 <= high
    assert not replaced or set(replaced) == set(range(1, 11))


def test_image_and_label_are_of_one_slice_and_the_rest_is_untouched():
    transform = RandSyntheticSliced(KEYS, source(), prob=1.0).set_random_state(0)
    given = item()
    before = copy.deepcopy(given)
    for _ in range(20):
        result = transform(given)
        assert result["image"].unique() == result["label"].unique() > 0
        assert result["patient"] == "a" and list(result) == list(given)
        result["image"].fill_(99)
    assert all(torch.equal(given[key], before[key]) for key in KEYS)
    assert max(value["image"].max() for value in transform.source) == 10, "the source is not written to"


def test_random_state_alone_and_in_a_compose():
    def make(seed):
        chain = Compose([RandSyntheticSliced(KEYS, source(), prob=0.5), RandScaleIntensityd("image", 0.5, prob=0.5)])
        return chain.set_random_state(seed)

    assert drawn(RandSyntheticSliced(KEYS, source()).set_random_state(1), 50) == drawn(
        RandSyntheticSliced(KEYS, source()).set_random_state(1), 50
    )
    first, second, other = ([float(chain(item())["image"].mean()) for _ in range(50)] for chain in map(make, (1, 1, 2)))
    assert first == second != other


def test_random_transforms_of_the_source_are_seeded():
    def values(seed):
        augmented = Dataset(source(1), RandScaleIntensityd("image", 0.5, prob=1.0))
        transform = RandSyntheticSliced(KEYS, augmented, prob=1.0).set_random_state(seed)
        return [float(transform(item())["image"].mean()) for _ in range(5)]

    assert values(3) == values(3) != values(4)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_in_a_data_loader(num_workers):
    data = Dataset([item() for _ in range(32)], RandSyntheticSliced(KEYS, source(200), prob=1.0))
    torch.manual_seed(0)
    loader = DataLoader(data, batch_size=4, num_workers=num_workers)
    values = torch.cat([batch["image"][:, 0, 0, 0] for batch in loader])
    assert len(values.unique()) > 24, "workers draw different slices"


KINDS = [
    [np.zeros((1, 8, 8), np.float64), np.ndarray],
    [np.zeros((1, 8, 8), np.uint8), np.ndarray],
    [torch.zeros(1, 8, 8, dtype=torch.float16), torch.Tensor],
    [MetaTensor(torch.zeros(1, 8, 8), affine=torch.eye(4) * 2, meta={"filename_or_obj": "a"}), MetaTensor],
]


@pytest.mark.parametrize(("value", "kind"), KINDS)
def test_kind_and_dtype_are_those_of_the_item(value, kind):
    transform = RandSyntheticSliced("image", source(), prob=1.0)
    result = transform({"image": value})["image"]
    assert type(result) is kind and result.dtype == value.dtype and float(result.max()) > 0
    if kind is MetaTensor:
        assert torch.equal(result.affine, value.affine)
        assert "filename_or_obj" not in result.meta and not result.applied_operations


@pytest.mark.parametrize("size", [4, 16, (4, 16)])
def test_sizes(size):
    made = source(1)
    made[0]["image"] = torch.rand(1, 8, 8)
    made[0]["label"] = (torch.arange(64).reshape(1, 8, 8) % 8 < 3).float()
    height, width = (size, size) if isinstance(size, int) else size
    given = {key: torch.zeros(1, height, width) for key in KEYS}
    result = RandSyntheticSliced(KEYS, made, prob=1.0, spatial_size=size)(given)
    assert result["image"].shape == (1, height, width)
    assert set(result["label"].unique().tolist()) == {0.0, 1.0}
    assert float(result["image"].mean()) == pytest.approx(float(made[0]["image"].mean()), abs=0.05)
    if size == 4:
        blocks = made[0]["image"].reshape(1, 4, 2, 4, 2).mean(dim=(2, 4))
        assert torch.allclose(result["image"], blocks, atol=1e-6)
    assert float(result["label"].mean()) == pytest.approx(3 / 8, abs=1 / 8)


def test_mode_and_source_keys():
    made = [{"a": torch.eye(8)[None], "b": torch.eye(8)[None]}]
    given = {key: torch.zeros(1, 16, 16) for key in KEYS}
    transform = RandSyntheticSliced(
        KEYS, made, prob=1.0, spatial_size=16, source_keys=["a", "b"], mode=["nearest-exact", "bilinear"]
    )
    result = transform(given)
    assert set(result["image"].unique().tolist()) == {0.0, 1.0} and len(result["label"].unique()) > 2


def test_missing_keys():
    with pytest.raises(KeyError, match="label"):
        RandSyntheticSliced(KEYS, source(), prob=0.0)({"image": torch.zeros(1, 8, 8)})
    transform = RandSyntheticSliced(KEYS, source(), prob=1.0, allow_missing_keys=True)
    result = transform({"image": torch.zeros(1, 8, 8)})
    assert list(result) == ["image"] and result["image"].max() > 0
    with pytest.raises(KeyError, match=r"source must have 'label', got \['image'\]; name its keys in source_keys"):
        RandSyntheticSliced(KEYS, [{"image": torch.zeros(1, 8, 8)}], prob=1.0)(item())


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        [{"prob": 1.5}, "prob must be a number from 0 to 1, got 1.5"],
        [{"source": []}, "source must hold at least one synthetic slice"],
        [{"source_keys": ["a"]}, "source_keys must be one for each of"],
        [{"spatial_size": 0}, "spatial_size must be at least 1 along each side, got 0"],
        [{"source": source(size=16)}, r"'image' of a synthetic slice must .*, \(1, 8, 8\), got \(1, 16, 16\)"],
        [{"source": source(channels=2)}, r"must have the shape .*, \(1, 8, 8\), got \(2, 8, 8\); give spatial_size"],
        [{"spatial_size": 16}, r"\(1, 8, 8\), got \(1, 16, 16\)"],
    ],
)
def test_wrong_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        RandSyntheticSliced(KEYS, **{"source": source(), "prob": 1.0, **kwargs})(item())


@pytest.mark.parametrize("value", [np.zeros((1, 8, 8), np.uint8), torch.zeros(1, 8, 8, dtype=torch.int16)])
def test_fractions_do_not_become_whole_numbers_in_silence(value):
    transform = RandSyntheticSliced("image", [{"image": torch.full((1, 8, 8), 0.7)}], prob=1.0)
    with pytest.raises(ValueError, match=r"'image' must be of a floating dtype to hold a synthetic slice, got .*int"):
        transform({"image": value})
