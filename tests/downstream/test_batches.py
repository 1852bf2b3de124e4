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
"""Tests of the batches of an experiment."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.transforms import Compose, RandGaussianNoised

from monai_dcgan.downstream import MixedBatches, Mixing, Slices

SHARES = [
    [{"share": 0.25}, [0.25, 0.25, 0.25]],
    [{"share": 0.8, "schedule": "fade", "until": 0.5}, [0.8, 0.4, 0.0]],
    [{"schedule": "pretrain", "until": 0.3}, [1.0, 1.0, 0.0]],
]
BAD_MIXINGS = [
    [{"share": 1.5}, "share must be"],
    [{"schedule": "never"}, "schedule must be one of constant, fade, pretrain, got 'never'"],
    [{"schedule": "fade", "until": 0.0}, "until must be above 0 for a schedule, got 0"],
]


def make_slices(value, classes, masks=1):
    shape = (len(classes), 1, 4, 4)
    return Slices(np.full(shape, value), np.full(shape, masks), np.array(classes))


def counts(batches):
    """Return per batch the share of synthetic slices and the number of slices of each class."""
    return [
        (float(batch["synthetic"].float().mean()), torch.bincount(batch["class_index"]).tolist()) for batch in batches
    ]


@pytest.mark.parametrize(("kwargs", "expected"), SHARES)
def test_shares(kwargs, expected):
    assert [Mixing(**kwargs).share_at(progress) for progress in (0.0, 0.25, 0.75)] == pytest.approx(expected)


@pytest.mark.parametrize(("kwargs", "text"), BAD_MIXINGS)
def test_bad_mixings(kwargs, text):
    with pytest.raises(ValueError, match=text):
        Mixing(**kwargs)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.3, 1.0])
def test_every_arm_shows_as_many_of_each_class(share):
    """One slice of class 0 and nine of class 1: batches hold half of each, real and synthetic alike."""
    real, made = make_slices(0.25, [0] + [1] * 9), make_slices(0.75, [0] * 5 + [1])
    found = counts(MixedBatches(real, made, Mixing(share), batch_size=8, steps=200))
    assert all(classes == [4, 4] for _, classes in found)
    assert np.mean([synthetic for synthetic, _ in found]) == pytest.approx(share, abs=0.03)


def test_sources_keep_their_values():
    batch = next(iter(MixedBatches(make_slices(0.25, [0]), make_slices(0.75, [0], 0), Mixing(0.5), 64, 1)))
    values = torch.where(batch["synthetic"], 0.75, 0.25)
    assert torch.equal(batch["image"].amax(dim=(1, 2, 3)), values)
    assert torch.equal(batch["label"].amax(dim=(1, 2, 3)), (~batch["synthetic"]).float())
    assert batch["image"].dtype == batch["label"].dtype == torch.float32


@pytest.mark.parametrize(("real", "made", "share"), [[True, False, 0.0], [False, True, 1.0]])
def test_one_source_alone(real, made, share):
    slices = make_slices(0.5, [0, 1])
    batches = MixedBatches(slices if real else None, slices if made else None, Mixing(0.5), 4, 3)
    assert [synthetic for synthetic, _ in counts(batches)] == [share] * 3
    assert len(batches) == 3


def test_a_class_without_synthetic_slices_is_shown_with_real_ones():
    batches = MixedBatches(make_slices(0.25, [0, 1]), make_slices(0.75, [1]), Mixing(1.0), 8, 5)
    assert batches.real_alone == [0]
    assert all(torch.equal(batch["synthetic"], batch["class_index"] == 1) for batch in batches)


def test_classes_take_turns_over_batches():
    """Three classes in batches of two: none is shown more often than another."""
    batches = MixedBatches(make_slices(0.5, [0, 1, 2]), None, Mixing(), batch_size=2, steps=9)
    shown = torch.cat([batch["class_index"] for batch in batches])
    assert torch.bincount(shown).tolist() == [6, 6, 6]


def test_same_seed_same_batches():
    def shown(seed):
        noise = Compose([RandGaussianNoised("image", prob=1.0)])
        batches = MixedBatches(make_slices(0.5, range(2)), make_slices(0.1, range(2)), Mixing(), 4, 3, noise, seed)
        return torch.cat([batch["image"] for batch in batches])

    assert torch.equal(shown(0), shown(0))
    assert not torch.equal(shown(0), shown(1))


def test_bad_batches():
    with pytest.raises(ValueError, match="real and synthetic must not both be None"):
        MixedBatches(None, None, Mixing(), 4, 3)
    with pytest.raises(ValueError, match=r"synthetic slices must show a class of the real ones, got none of \[0, 1\]"):
        MixedBatches(make_slices(0.5, [0, 1]), make_slices(0.5, [2]), Mixing(), 4, 3)
    with pytest.raises(ValueError, match="images, masks and classes must be as many and at least one"):
        make_slices(0.5, [])
