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
"""Tests of the augmentation of what the discriminator sees."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.transforms import DifferentiableAugmentation


def _pairs(number: int = 16) -> torch.Tensor:
    torch.manual_seed(0)
    pairs = torch.full((number, 3, 16, 24), -1.0)
    pairs[:, :2, 4:12, 6:18] = torch.rand(number, 2, 8, 12) * 1.6 - 0.8
    pairs[:, 2, 6:9, 8:12] = 1.0
    return pairs


def test_nothing_to_change_is_nothing_changed():
    pairs = _pairs()
    assert DifferentiableAugmentation(1)(pairs) is pairs


def test_image_and_mask_move_together_and_background_enters():
    pairs = _pairs()
    pairs[:, 0] = pairs[:, 2]
    moved = DifferentiableAugmentation(1, translation=0.25)(pairs)
    assert torch.equal(moved[:, 0], moved[:, 2])
    assert set(moved[:, 2].unique().tolist()) == {-1.0, 1.0}, "the mask stays binary"
    places = [torch.nonzero(mask == 1).float().mean(0) for mask in moved[:, 2]]
    steps = torch.stack(places) - torch.nonzero(pairs[0, 2] == 1).float().mean(0)
    assert torch.equal(steps, steps.round())
    assert steps[:, 0].abs().max() <= 4 and steps[:, 1].abs().max() <= 6
    assert len({tuple(step) for step in steps.tolist()}) > 8
    # The head is far enough from the border that nothing of it is lost.
    assert torch.equal((moved == 1).sum((1, 2, 3)), (pairs == 1).sum((1, 2, 3)))


def test_intensity_changes_the_image_alone():
    pairs = _pairs()
    changed = DifferentiableAugmentation(1, brightness=0.25, contrast=0.5)(pairs)
    assert torch.equal(changed[:, 2], pairs[:, 2])
    image, was = changed[:, :2].flatten(1), pairs[:, :2].flatten(1)
    offset = image.mean(1) - was.mean(1)
    assert offset.abs().max() <= 0.5 + 1e-6 and offset.std() > 0.1
    factor = image.std(1) / was.std(1)
    assert factor.min() >= 0.5 - 1e-5 and factor.max() <= 1.5 + 1e-5 and factor.std() > 0.1
    torch.testing.assert_close(image, (was - was.mean(1, keepdim=True)) * factor[:, None] + image.mean(1, keepdim=True))


def test_gradient_passes_back_to_where_it_came_from():
    pairs = _pairs(4).requires_grad_()
    moved = DifferentiableAugmentation(1, contrast=0.5, translation=0.25)(pairs)
    moved[:, 2].sum().backward()
    assert pairs.grad is not None
    assert set(pairs.grad[:, 2].unique().tolist()) == {0.0, 1.0}
    assert pairs.grad[:, :2].abs().sum() == 0


def test_an_epoch_has_the_same_draws_again():
    first, second = (DifferentiableAugmentation(1, 0.2, 0.2, 0.2, seed=3) for _ in range(2))
    pairs = _pairs()
    first(pairs)
    for augmentation in (first, second):
        augmentation.set_epoch(5)
    assert torch.equal(first(pairs), second(pairs))
    assert not torch.equal(first(pairs), DifferentiableAugmentation(1, 0.2, 0.2, 0.2, seed=4)(pairs))


@pytest.mark.parametrize("name", ["brightness", "contrast", "translation"])
def test_strengths_are_shares(name):
    with pytest.raises(ValueError, match=f"{name} must be .* got 1.5"):
        DifferentiableAugmentation(1, **{name: 1.5})
