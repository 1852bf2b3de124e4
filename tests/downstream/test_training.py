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
"""Tests of the training of one network."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.downstream import Recipe, train_network

BAD_RECIPES = [
    [{"steps": 0}, "steps must be a whole number of at least 1, got 0"],
    [{"learning_rate": 0.0}, "learning_rate must be"],
    [{"keep": "first"}, "keep must be one of last, best, got 'first'"],
    [{"steps": 5, "validations": 6}, "validations must be at most the 5 steps, got 6"],
]


def train(scores, loss=None, **recipe):
    """Train a weight and give it the ``scores`` at its validations; return what was kept and the weights seen there."""
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    recipe = Recipe(steps=6, batch_size=1, validations=3, learning_rate=0.1, weight_decay=0.0, **recipe)
    batches = [{"image": torch.ones(1, 1), "label": torch.zeros(1, 1)}] * 6
    given, seen = iter(scores), []

    def validate(own):
        assert not own.training
        seen.append(own.weight.item())
        return next(given)

    loss = loss or torch.nn.MSELoss()
    return train_network(network, batches, loss, "label", recipe, validate, torch.device("cpu")), seen


@pytest.mark.parametrize(("kwargs", "text"), BAD_RECIPES)
def test_bad_recipes(kwargs, text):
    with pytest.raises(ValueError, match=text):
        Recipe(**kwargs)


@pytest.mark.parametrize(("keep", "step", "score"), [("best", 4, 0.9), ("last", 6, 0.2)])
def test_weights_that_are_kept(keep, step, score):
    found, seen = train([0.1, 0.9, 0.2], keep=keep)
    assert (found.step, found.score, found.course) == (step, score, {2: 0.1, 4: 0.9, 6: 0.2})
    assert found.network.weight.item() == seen[step // 2 - 1]
    assert not found.network.training


def test_learning_rate_falls_along_a_cosine():
    """AdamW without decay moves a weight of steady gradient by the learning rate, so its steps show the schedule."""
    _, seen = train([0.1, 0.2, 0.3], loss=lambda output, _: output.mean())
    moved = [1 - seen[0], seen[0] - seen[1], seen[1] - seen[2]]
    rates = [0.05 * (1 + torch.cos(torch.tensor(step * torch.pi / 6)).item()) for step in range(6)]
    assert moved == pytest.approx([rates[0] + rates[1], rates[2] + rates[3], rates[4] + rates[5]], rel=1e-3)


def test_what_is_no_number_ends_the_training():
    with pytest.raises(ValueError, match="validation patients must show what a network is measured by, got no score"):
        train([0.1, float("nan"), 0.2])
    with pytest.raises(ValueError, match="the loss must stay finite, got nan in step 2; lower learning_rate"):
        train([0.1, 0.2, 0.3], loss=lambda output, _: output.mean() * float("nan"))
