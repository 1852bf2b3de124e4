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
"""Tests of the latents."""

from __future__ import annotations

import pytest
import torch
from monai.data import DataLoader
from scipy.stats import truncnorm

from monai_dcgan.inferers import LatentDataset, LatentSampler


def test_a_picture_has_an_address():
    sampler = LatentSampler(latent_size=16, seed=3)
    all_at_once = sampler.at(range(10))
    assert torch.equal(torch.cat([sampler.at([4]), sampler.at(range(5, 8))]), all_at_once[4:8])
    assert torch.equal(LatentSampler(latent_size=16, seed=3).at(range(10)), all_at_once)
    assert not torch.equal(LatentSampler(latent_size=16, seed=4).at(range(10)), all_at_once)
    assert len({tuple(row.flatten().tolist()) for row in all_at_once}) == 10


def test_noise_is_standard_normal():
    noise = LatentSampler(latent_size=100).at(range(500))
    assert noise.shape == (500, 100, 1, 1)
    assert noise.dtype == torch.float32
    assert noise.mean().abs() < 0.02
    assert noise.std() == pytest.approx(1, abs=0.02)


def test_truncation_cuts_off_and_keeps_the_order():
    plain, cut, wide = (
        LatentSampler(50, seed=3, truncation=value).at(range(200)).flatten() for value in (None, 0.7, 8.0)
    )
    assert cut.abs().max() < 0.7 < plain.abs().max()
    assert torch.equal(plain.argsort(), cut.argsort())
    assert torch.allclose(wide, plain, atol=1e-5)
    # Standard deviation of the normal distribution cut off at 0.7, by its density and quantile there.
    assert cut.std().item() == pytest.approx(truncnorm(-0.7, 0.7).std(), rel=0.02)
    drawn = [LatentSampler(50, seed=3, truncation=value).draw(4) for value in (None, 0.7)]
    assert torch.equal(*drawn)


def test_draw_depends_on_the_step_alone():
    sampler = LatentSampler(latent_size=16)
    sampler.set_step(2)
    first = torch.cat([sampler.draw(3), sampler.draw(4)])
    sampler.set_step(1)
    other = sampler.draw(7)
    sampler.set_step(2)
    assert torch.equal(torch.cat([sampler.draw(3), sampler.draw(4)]), first)
    assert not torch.equal(other, first)
    assert not torch.equal(sampler.at(range(7)), first)


def test_classes_are_one_hot_and_take_turns():
    sampler = LatentSampler(latent_size=4, num_classes=3)
    assert sampler.at(range(5))[:, 4:, 0, 0].argmax(1).tolist() == [0, 1, 2, 0, 1]
    assert sampler.at([0, 1], labels=[2, 2])[:, 4:, 0, 0].tolist() == [[0, 0, 1], [0, 0, 1]]
    assert sampler.draw(2, torch.tensor([1, 0]))[:, 4:, 0, 0].tolist() == [[0, 1, 0], [1, 0, 0]]
    with pytest.raises(ValueError, match=r"labels must be class indices from 0 to 2, got \[3\]"):
        sampler.at([0], labels=[3])
    with pytest.raises(ValueError, match="labels missing with num_classes=3"):
        sampler.draw(2)


def test_dataset_gives_the_latents_of_pictures():
    sampler = LatentSampler(latent_size=4)
    dataset = LatentDataset(sampler, 3)
    assert len(dataset) == 3
    assert torch.equal(torch.stack([item["image"] for item in dataset]), sampler.at(range(3)))
    assert [item["picture"] for item in dataset] == [0, 1, 2]
    assert dataset[-1]["picture"] == 2
    whole = next(iter(DataLoader(dataset, batch_size=3)))
    assert torch.equal(whole["image"], sampler.at(range(3)))
    assert whole["picture"].tolist() == [0, 1, 2]
    with pytest.raises(IndexError):
        dataset[3]
    with pytest.raises(ValueError, match="num_slices must be a whole number of at least 1, got 0"):
        LatentDataset(sampler, 0)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        [{"latent_size": 0}, "latent_size must be a whole number of at least 1, got 0"],
        [{"latent_size": 4, "seed": -1}, "seed must be a whole number of at least 0, got -1"],
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        LatentSampler(**kwargs)
