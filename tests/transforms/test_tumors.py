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
"""Tumors of other slices in the slices of a project: how often, whose, in what form, and what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_dcgan.transforms import RandCopyTumord

KEYS = ["image", "label"]


def disc(center, radius, size=32):
    rows, columns = np.mgrid[:size, :size]
    return np.hypot(rows - center[0], columns - center[1]) <= radius


def slice_of(radius, tumor_radius, level=0.5, contrast=0.25):
    """A head with a tumor brighter than itself; ``tumor_radius`` -1 for none."""
    head, tumor = disc((16, 16), radius), disc((14, 19), tumor_radius)
    return {
        "image": torch.from_numpy(level * head + contrast * tumor)[None].float(),
        "label": torch.from_numpy(tumor)[None].float(),
    }


SOURCE = [slice_of(13, 4), slice_of(13, -1), slice_of(13, 3)]
HEALTHY = slice_of(13, -1, level=0.25)


@pytest.mark.parametrize(("prob", "low", "high"), [(0.0, 0, 0), (0.3, 0.2, 0.4), (1.0, 1, 1)])
def test_share(prob, low, high):
    transform = RandCopyTumord(KEYS, SOURCE, prob).set_random_state(0)
    given = [bool(transform(HEALTHY)["label"].any()) for _ in range(200)]
    assert low <= np.mean(given) <= high


def test_the_tumor_keeps_its_contrast_and_the_rest_is_untouched():
    transform = RandCopyTumord(KEYS, SOURCE, prob=1.0).set_random_state(0)
    item = {**HEALTHY, "patient": "a"}
    before = copy.deepcopy(item)
    masks = []
    for _ in range(20):
        result = transform(item)
        mask = result["label"] > 0
        masks.append(mask)
        torch.testing.assert_close(result["image"][mask], torch.full((int(mask.sum()),), 0.5))
        assert (result["image"] != HEALTHY["image"]).sum() < 150
        assert result["patient"] == "a" and list(result) == list(item)
    assert {int(mask.sum()) for mask in masks} <= {int(disc((16, 16), radius).sum()) for radius in (3, 4)}
    assert len({tuple(mask.nonzero()[0].tolist()) for mask in masks}) > 10  # moved and mirrored
    assert all(torch.equal(item[key], before[key]) for key in KEYS)


def test_the_tumor_is_of_a_slice_like_the_item():
    """Ten large heads have large tumors, ten small heads small ones."""
    source = [slice_of(14, 4)] * 10 + [slice_of(8, 2)] * 10
    transform = RandCopyTumord(KEYS, source, prob=1.0).set_random_state(0)
    for radius, tumor in ((14, 4), (8, 2)):
        areas = {int(transform(slice_of(radius, -1))["label"].sum()) for _ in range(10)}
        assert max(areas) <= disc((16, 16), tumor).sum() < disc((16, 16), 2 * tumor).sum()
        assert max(areas) > disc((16, 16), tumor - 1).sum()


@pytest.mark.parametrize("item", [slice_of(13, 2), slice_of(2, -1)], ids=["has a tumor", "head too small"])
def test_items_that_stay_as_they_are(item):
    result = RandCopyTumord(KEYS, SOURCE, prob=1.0, least_alike=0.0).set_random_state(0)(item)
    assert all(torch.equal(result[key], item[key]) for key in KEYS)


def test_a_slice_of_another_level_stays_as_it_is():
    """Large heads have tumors; a small one, into which they would fit, is not like any of them."""
    source, item = [slice_of(14, 2)] * 10, slice_of(8, -1)
    for least_alike, given in ((0.2, True), (0.9, False)):
        transform = RandCopyTumord(KEYS, source, prob=1.0, least_alike=least_alike).set_random_state(0)
        assert bool(transform(item)["label"].any()) == given


def test_kinds_of_arrays_and_seeds():
    transform = RandCopyTumord(KEYS, SOURCE, prob=1.0)
    tensors = transform.set_random_state(0)(HEALTHY)
    arrays = transform.set_random_state(0)({key: value.numpy() for key, value in HEALTHY.items()})
    affine = torch.diag(torch.tensor([2.0, 2.0, 1.0], dtype=torch.float64))
    item = {"image": MetaTensor(HEALTHY["image"], affine=affine), "label": HEALTHY["label"].to(torch.uint8)}
    other = transform.set_random_state(0)(item)
    for key in KEYS:
        assert isinstance(arrays[key], np.ndarray) and np.array_equal(arrays[key], tensors[key].numpy())
        assert torch.equal(torch.as_tensor(other[key]).float(), tensors[key])
    assert isinstance(other["image"], MetaTensor) and torch.equal(other["image"].affine, affine)
    assert other["label"].dtype == torch.uint8
    assert not torch.equal(transform.set_random_state(1)(HEALTHY)["image"], tensors["image"])


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        [{"prob": 1.5}, "prob must be"],
        [{"least_alike": 1.5}, "least_alike must be a number from 0 to 1, got 1.5"],
        [{"source": [HEALTHY]}, "source must hold a slice with tumor, got none in 1"],
        [{"keys": ["image"]}, "keys and source_keys must be those of image and mask, got"],
        [{"source_keys": ["image", "label", "more"]}, "keys and source_keys must be those of image and mask, got"],
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        RandCopyTumord(**{"keys": KEYS, "source": SOURCE, **kwargs})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        [{"image": torch.zeros(1, 16, 16)}, "items must have the shape of the slices of source"],
        [
            {"image": HEALTHY["image"] * 255},
            r"images must be of a floating dtype in \[0, 1\], got float32 from 0 to 63.75",
        ],
        [{"image": HEALTHY["image"].to(torch.uint8)}, "images must be of a floating dtype"],
    ],
)
def test_bad_items(change, text):
    with pytest.raises(ValueError, match=text):
        RandCopyTumord(KEYS, SOURCE, prob=0.0)({**HEALTHY, **change})
