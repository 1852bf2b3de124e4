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
"""Tests of the sample grids."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from monai_dcgan.handlers import SampleGrid
from monai_dcgan.handlers.real_slices import spread_positions
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.utils.pictures import grid
from tests.training import Squares, make_training


class Writer:
    """Stands for a TensorBoard writer."""

    def __init__(self) -> None:
        self.images = []

    def add_image(self, name, picture, step, dataformats):
        """Remember a picture."""
        self.images.append((name, step, picture.shape))


def train(folder, **settings):
    trainer = make_training(max_epochs=2)
    settings = {"number": 6, "real": Squares(), **settings}
    SampleGrid(trainer.ema.network, LatentSampler(8), 1, folder, **settings).attach(trainer)
    trainer.run()


def pixels(path):
    return np.asarray(Image.open(path))


def test_from_step_zero_beside_real_slices(tmp_path):
    writer = Writer()
    train(tmp_path, writer=writer)
    names = ["images_000000000.png", "images_000000016.png", "images_000000032.png", "real.json", "real.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert json.loads((tmp_path / "real.json").read_text()) == {"positions": [0, 5, 9, 14, 18, 23], "of": 24}
    chosen = [Squares()[position] for position in [0, 5, 9, 14, 18, 23]]
    expected = grid(*(torch.stack([item[key] for item in chosen]) for key in ("image", "label")))
    np.testing.assert_array_equal(pixels(tmp_path / "real.png"), expected)
    assert pixels(tmp_path / "images_000000032.png").shape == expected.shape
    assert writer.images == [
        (name, step, expected.shape) for name, step in (("real", 0), ("samples", 0), ("samples", 16), ("samples", 32))
    ]


def test_without_real_slices(tmp_path):
    train(tmp_path, real=None)
    assert len(list(tmp_path.iterdir())) == 3 and not (tmp_path / "real.png").exists()


def test_the_latents_are_fixed(tmp_path):
    train(tmp_path / "a")
    train(tmp_path / "b")
    for path in (tmp_path / "a").glob("*.png"):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    first, last = (pixels(tmp_path / "a" / f"images_{number:09d}.png") for number in (0, 32))
    assert not np.array_equal(first, last)


def test_only_the_first_process_draws(tmp_path, monkeypatch):
    trainer = make_training(max_epochs=1)
    with monkeypatch.context() as other:
        other.setattr("ignite.distributed.get_rank", lambda: 1)
        SampleGrid(trainer.ema.network, LatentSampler(8), 1, tmp_path, number=4, real=Squares()).attach(trainer)
    trainer.run()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("length", "number", "expected"), [(3, 8, [0, 1, 2]), (5, 1, [0]), (100, 4, [0, 33, 66, 99])])
def test_spread_positions(length, number, expected):
    assert spread_positions(range(length), number) == expected


def test_random_slices_are_refused(tmp_path):
    data = Squares()
    data.transform = torch.nn.Identity()
    with pytest.raises(ValueError, match="real must give slices as they are, .* transform Identity; give one without"):
        train(tmp_path, real=data)
    with pytest.raises(ValueError, match="number must be a whole number of at least 1, got 0"):
        train(tmp_path, number=0)
