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
"""Tests of the order in which a training sees its slices."""

from __future__ import annotations

from collections import Counter

import ignite.distributed as idist
import numpy as np
import pytest

from monai_dcgan.data import ProcessShare, StreamSampler


def test_epochs_cut_an_endless_stream_of_full_passes():
    sampler = StreamSampler(num_items=7, images_per_epoch=10, batch_size=4, seed=1)
    assert len(sampler) == 12
    epochs = []
    for epoch in range(1, 8):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    stream = [index for epoch in epochs for index in epoch]
    assert len(stream) == 84
    passes = [stream[start : start + 7] for start in range(0, 84, 7)]
    assert all(sorted(one) == list(range(7)) for one in passes)
    assert len({tuple(one) for one in passes}) > 6
    sampler.set_epoch(3)
    assert list(sampler) == epochs[2] == list(sampler)
    assert set(Counter(stream).values()) == {12}


def test_a_broken_epoch_goes_on_where_it_stopped():
    sampler = StreamSampler(num_items=7, images_per_epoch=10, batch_size=4, seed=1)
    sampler.set_epoch(2)
    whole = list(sampler)
    sampler.set_epoch(2, steps_done=2)
    assert list(sampler) == whole[8:]
    assert len(whole) == 12


def test_processes_share_every_batch(monkeypatch):
    sampler = StreamSampler(num_items=7, images_per_epoch=16, batch_size=4, seed=1)
    sampler.set_epoch(3)
    alone = np.array(list(sampler)).reshape(-1, 4)
    monkeypatch.setattr(idist, "get_world_size", lambda: 2)
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(idist, "get_rank", lambda rank=rank: rank)
        sampler = StreamSampler(num_items=7, images_per_epoch=16, batch_size=2, seed=1)
        sampler.set_epoch(3)
        assert len(sampler) == 8
        parts.append(np.array(list(sampler)).reshape(-1, 2))
    assert np.array_equal(np.concatenate(parts, axis=1), alone)


def test_items_for_validation_are_shared_and_spread(monkeypatch):
    assert list(ProcessShare(5)) == [0, 1, 2, 3, 4] == list(ProcessShare(5, max_items=9))
    assert list(ProcessShare(10, max_items=4)) == [0, 2, 5, 7]
    monkeypatch.setattr(idist, "get_world_size", lambda: 2)
    assert list(ProcessShare(5)) == [0, 2, 4]
    monkeypatch.setattr(idist, "get_rank", lambda: 1)
    assert list(ProcessShare(5)) == [1, 3]
    assert len(ProcessShare(10, max_items=4)) == 2
    with pytest.raises(ValueError, match="max_items must be a whole number of at least 1, got 0"):
        ProcessShare(5, max_items=0)


def test_seed_decides():
    first, again, other = (list(StreamSampler(50, 50, 1, seed=seed)) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        [(0, 1, 1), "num_items must be a whole number of at least 1, got 0"],
        [(1, 0, 1), "images_per_epoch must be a whole number of at least 1, got 0"],
        [(1, 1, 1.5), "batch_size must be a whole number of at least 1, got 1.5"],
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        StreamSampler(*arguments)
