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

import math

import pytest
import torch

from monai_dcgan.transforms import DifferentiableAugmentation

STRENGTHS = {
    "brightness": 0.25,
    "contrast": 0.5,
    "translation": 0.25,
    "cutout": 0.5,
    "rotation": 30.0,
    "scale": 0.3,
    "horizontal_flip": 0.5,
}


def _pairs(number: int = 16, size: tuple[int, int] = (16, 24)) -> torch.Tensor:
    torch.manual_seed(0)
    pairs = torch.full((number, 3, *size), -1.0)
    pairs[:, :2, 4:12, 6:18] = torch.rand(number, 2, 8, 12) * 1.6 - 0.8
    pairs[:, 2, 6:9, 8:12] = 1.0
    return pairs


def test_nothing_to_change_is_nothing_changed():
    pairs = _pairs()
    assert DifferentiableAugmentation(1)(pairs) is pairs
    assert DifferentiableAugmentation(1, **STRENGTHS, probability=0.0)(pairs) is pairs
    assert DifferentiableAugmentation(1, **STRENGTHS, probability=0.0).has_operations
    assert not DifferentiableAugmentation(1).has_operations


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


def test_what_leaves_the_picture_does_not_come_back():
    pairs = torch.rand(64, 2, 8, 12)
    moved = DifferentiableAugmentation(1, translation=1.0)(pairs)
    rows, columns = ((moved != -1).all(1).any(axis).sum(1) for axis in (2, 1))
    assert rows.max() > 4 and rows.min() < 3 and columns.max() > 6 and columns.min() < 5
    kept = (moved != -1).sum((1, 2, 3))
    assert torch.equal(kept, 2 * rows * columns)


def test_intensity_changes_the_image_alone():
    pairs = _pairs()
    changed = DifferentiableAugmentation(1, brightness=0.25, contrast=0.5)(pairs)
    assert torch.equal(changed[:, 2], pairs[:, 2])
    image, was = changed[:, :2].flatten(1), pairs[:, :2].flatten(1)
    offset = image.mean(1) - was.mean(1)
    assert offset.abs().max() <= 0.5 + 1e-6 and offset.abs().max() > 0.3
    factor = image.std(1) / was.std(1)
    assert factor.min() >= 0.5 - 1e-5 and factor.max() <= 1.5 + 1e-5 and factor.std() > 0.1
    torch.testing.assert_close(image, (was - was.mean(1, keepdim=True)) * factor[:, None] + image.mean(1, keepdim=True))


def test_cutout_is_that_of_diffaugment():
    ones = torch.ones(400, 3, 16, 24)
    cut = DifferentiableAugmentation(1, cutout=0.5)(ones)
    assert torch.equal(cut[:, :1].expand_as(cut), cut), "image and mask must lose the same pixels"
    assert set(cut.unique().tolist()) == {-1.0, 1.0}
    # Zhao et al.: the middle of a square of 8 by 12 lies in rows 0 to 16 and columns 0 to 24.
    gone = cut[:, 0] == -1
    for axis, size, side in ((2, 16, 8), (1, 24, 12)):
        lines = gone.any(axis).int()
        found = zip(lines.argmax(1).tolist(), (size - lines.flip(1).argmax(1)).tolist())
        expected = {(max(middle - side // 2, 0), min(middle + side // 2, size)) for middle in range(size + 1)}
        assert set(found) == expected
    assert torch.equal(gone.sum((1, 2)), gone.any(1).sum(1) * gone.any(2).sum(1))
    center, corner = gone[:, 6:10, 9:15].float().mean().item(), gone[:, 0, 0].float().mean().item()
    assert center == pytest.approx(8 / 17 * 12 / 25, abs=0.06)
    assert corner == pytest.approx(5 / 17 * 7 / 25, abs=0.06)


def test_flip():
    pairs = _pairs(64)
    changed = DifferentiableAugmentation(1, horizontal_flip=0.5)(pairs)
    flipped = torch.tensor([torch.equal(new, old.flip(2)) for new, old in zip(changed, pairs)])
    assert 20 <= flipped.sum() <= 44
    assert torch.equal(changed[~flipped], pairs[~flipped])


def test_rotation_and_scale_about_the_center():
    size = 65
    rows, columns = torch.meshgrid(torch.arange(size) - 32.0, torch.arange(size) - 32.0, indexing="ij")
    blob = 2 * torch.exp(-((rows + 8) ** 2 + (columns - 12) ** 2) / 18) - 1
    transform = DifferentiableAugmentation(1, rotation=50.0, scale=0.3)
    drawn = transform._draw(32, (size, size))
    transform.set_step(0)
    changed = transform(blob.expand(32, 2, size, size))
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert math.radians(40) < drawn.angle.abs().max() <= math.radians(50) + 1e-6
    assert drawn.factor.min() >= 2**-0.3 - 1e-6 and drawn.factor.max() <= 2**0.3 + 1e-6
    assert drawn.factor.log2().std() > 0.1
    weight = changed[:, 0] + 1
    mass = weight.sum((1, 2))
    found = torch.stack([(weight * part).sum((1, 2)) / mass for part in (rows, columns)], dim=1)
    # Clockwise as shown: right goes down.
    cosine, sine = drawn.angle.cos() * drawn.factor, drawn.angle.sin() * drawn.factor
    expected = torch.stack([-8 * cosine + 12 * sine, 12 * cosine + 8 * sine], dim=1)
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)
    torch.testing.assert_close(mass, (blob + 1).sum() * drawn.factor**2, atol=0, rtol=0.01)
    assert changed.min() >= -1 - 1e-6 and changed.max() <= 1 + 1e-6
    # Background enters at the corners of those that turn or shrink.
    ones = transform(torch.ones(32, 2, size, size))
    assert (ones[:, :, 0, 0] == -1).sum() > 20
    assert (ones[:, :, 32, 32] - 1).abs().max() < 1e-5


@pytest.mark.parametrize("name", list(STRENGTHS))
def test_probability_is_that_of_each_operation(name):
    pairs = torch.rand(4000, 2, 8, 8)
    before = pairs.clone()
    transform = DifferentiableAugmentation(1, **{name: 1.0 if name != "rotation" else 90.0}, probability=0.3)
    same = (transform(pairs) == pairs).flatten(1).all(1)
    assert torch.equal(pairs, before), "the argument must stay as it is"
    # A shift by no pixel is one of 17 by 17.
    assert (~same).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_operations_are_applied_independently():
    drawn = DifferentiableAugmentation(1, **STRENGTHS, probability=0.5)._draw(20_000, (64, 64))
    applied = [drawn.offset != 0, drawn.contrast != 0, drawn.flip == 1, drawn.angle != 0, drawn.factor != 1]
    applied += [(drawn.down != 0) | (drawn.right != 0), drawn.cut == 1]
    shares = torch.stack([chosen.float() for chosen in applied])
    assert (shares.corrcoef() - torch.eye(7)).abs().max() < 0.04
    expected = torch.tensor([0.5, 0.5, 0.25, 0.5, 0.5, 0.5, 0.5])
    torch.testing.assert_close(shares.mean(1), expected, atol=0.015, rtol=0)


def test_gradient_passes_back_to_where_it_came_from():
    pairs = _pairs(4).requires_grad_()
    moved = DifferentiableAugmentation(1, contrast=0.5, translation=0.25)(pairs)
    moved[:, 2].sum().backward()
    assert pairs.grad is not None
    assert set(pairs.grad[:, 2].unique().tolist()) == {0.0, 1.0}
    assert pairs.grad[:, :2].abs().sum() == 0


@pytest.mark.parametrize("probability", [0.5, 1.0])
def test_gradient_is_right(probability):
    transform = DifferentiableAugmentation(1, **STRENGTHS, probability=probability)

    def change(pairs: torch.Tensor) -> torch.Tensor:
        transform.set_step(3)
        return transform(pairs)

    pairs = torch.rand(3, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    before = pairs.detach().clone()
    assert torch.autograd.gradcheck(change, pairs)
    assert torch.equal(pairs, before)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtype_and_layout_stay(dtype, memory_format):
    pairs = _pairs().to(dtype).contiguous(memory_format=memory_format)
    before, transform = pairs.clone(), DifferentiableAugmentation(1, **STRENGTHS)
    changed = transform(pairs)
    assert torch.equal(pairs, before), "the argument must stay as it is"
    assert changed.dtype == dtype and changed.shape == pairs.shape
    assert changed.is_contiguous(memory_format=memory_format)
    transform.set_step(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(transform(pairs), changed)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", list(STRENGTHS))
def test_computed_in_float32_and_rounded_once(name, dtype):
    pairs, transform = _pairs().to(dtype), DifferentiableAugmentation(1, **{name: STRENGTHS[name]})
    changed = transform(pairs)
    transform.set_step(0)
    assert torch.equal(transform(pairs.float()).to(dtype), changed)


def test_the_host_never_reads_the_device():
    # A meta tensor has no values: whatever reads one, or mixes devices, raises.
    changed = DifferentiableAugmentation(1, **STRENGTHS, probability=0.5)(_pairs().to("meta"))
    assert changed.device.type == "meta"


def test_a_step_has_the_same_draws_again_and_each_call_its_own():
    first, second = (DifferentiableAugmentation(1, 0.2, 0.2, 0.2, seed=3) for _ in range(2))
    pairs = _pairs()
    first(pairs)
    for augmentation in (first, second):
        augmentation.set_step(5)
    one, two = first(pairs), first(pairs)
    assert not torch.equal(one, two)
    assert torch.equal(one, second(pairs)) and torch.equal(two, second(pairs))
    other = DifferentiableAugmentation(1, 0.2, 0.2, 0.2, seed=4)
    other.set_step(5)
    assert not torch.equal(one, other(pairs))


def test_how_often_an_operation_is_applied_does_not_change_what_it_does():
    pairs = _pairs()
    rare, always = (DifferentiableAugmentation(1, contrast=0.5, probability=share) for share in (0.5, 1.0))
    some, every = rare(pairs), always(pairs)
    touched = (some != pairs).flatten(1).any(1)
    assert 0 < touched.sum() < len(pairs)
    assert torch.equal(some[touched], every[touched])


def test_state_is_the_probability():
    saved = DifferentiableAugmentation(1, **STRENGTHS, probability=0.25).state_dict()
    again = DifferentiableAugmentation(1, **STRENGTHS)
    again.load_state_dict(saved)
    assert again.probability == 0.25
    with pytest.raises(ValueError, match="probability must be a number from 0 to 1, got 1.5"):
        again.load_state_dict({"probability": 1.5})
    with pytest.raises(ValueError, match="state must hold probability alone, got p"):
        again.load_state_dict({"p": 0.5})
    assert again.probability == 0.25


@pytest.mark.parametrize("name", [name for name in STRENGTHS if name != "rotation"] + ["probability"])
def test_strengths_are_shares(name):
    with pytest.raises(ValueError, match=f"{name} must be .* got 1.5"):
        DifferentiableAugmentation(1, **{name: 1.5})


@pytest.mark.parametrize("value", [-1, 181, float("nan"), True, "10"])
def test_rotation_is_in_degrees(value):
    with pytest.raises(ValueError, match=r"rotation must be a number of degrees from 0 to 180, got"):
        DifferentiableAugmentation(1, rotation=value)
