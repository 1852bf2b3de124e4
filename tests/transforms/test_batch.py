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
"""Whole batches change as MONAI's transforms change single slices."""

from __future__ import annotations

import math

import pytest
import torch
from monai.transforms import AdjustContrast, Affine, ScaleIntensity

from monai_dcgan.transforms import BatchAugmentation, slice_augmentation
from monai_dcgan.transforms.geometry import sampling_grid

OFF = {"horizontal_flip": 0.0}
ALL = {"horizontal_flip": 0.5, "vertical_flip": 0.5, "rotation": 0.5, "contrast": 0.5, "brightness": 0.5}


def _slices(number: int = 12, channels: int = 2, size: tuple[int, int] = (24, 24)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    head = torch.zeros(1, 1, *size)
    head[..., 3:-4, 4:-3] = 1
    image = head * (0.1 + 0.8 * torch.rand(number, channels, *size, generator=generator))
    mask = torch.zeros(number, 1, *size)
    mask[..., 6:12, 7:16] = 1
    return image, mask


def _drawn(transform: BatchAugmentation, number: int, step: int):
    """What a call of the step is going to draw."""
    transform.set_step(step)
    drawn = transform._draw(number)
    transform.set_step(step)
    return drawn


@pytest.mark.parametrize(("name", "side"), [("horizontal_flip", 3), ("vertical_flip", 2)])
def test_flips(name, side):
    image, mask = _slices(64)
    transform = BatchAugmentation(**{**OFF, name: 0.5})
    changed, moved = transform(image, mask)
    flipped = torch.tensor([not torch.equal(new, old) for new, old in zip(changed, image)])
    assert 16 <= flipped.sum() <= 48
    assert torch.equal(changed[flipped], image.flip(side)[flipped])
    assert torch.equal(moved[flipped], mask.flip(side)[flipped])
    assert torch.equal(moved[~flipped], mask[~flipped])


@pytest.mark.parametrize("size", [(24, 24), (25, 25), (20, 32)])
def test_rotation_is_that_of_monai(size):
    image, mask = _slices(size=size)
    transform = BatchAugmentation(**OFF, rotation=0.7, max_degrees=40)
    angles = _drawn(transform, len(image), 3).angle
    assert angles.abs().max() > 0.3 and angles.min() < 0 < angles.max() and (angles == 0).any()
    changed, moved = transform(image, mask)
    for number, angle in enumerate(angles.tolist()):
        if angle == 0:
            assert torch.equal(changed[number], image[number]) and torch.equal(moved[number], mask[number])
            continue
        turn = {"rotate_params": angle, "padding_mode": "zeros", "image_only": True}
        torch.testing.assert_close(
            changed[number], Affine(**turn, mode="bilinear")(image[number]).as_tensor(), atol=2e-5, rtol=0
        )
        # A place right between two pixels may fall to either.
        assert (moved[number] != Affine(**turn, mode="nearest")(mask[number]).as_tensor()).sum() <= 2
    assert set(moved.unique().tolist()) == {0.0, 1.0}


def test_rotation_stays_in_range():
    ones = torch.ones(32, 1, 63, 63)
    changed, moved = BatchAugmentation(**OFF, rotation=1.0, max_degrees=45)(ones, ones)
    assert changed.max() == 1 and changed.min() == 0
    assert set(moved.unique().tolist()) == {0.0, 1.0}


def test_positive_angles_turn_clockwise():
    picture = torch.zeros(1, 1, 9, 9)
    picture[0, 0, 0, 4] = 1
    quarter = torch.tensor([math.pi / 2])
    grid = sampling_grid(quarter.cos(), quarter.sin(), torch.ones(1), (9, 9))
    turned = torch.nn.functional.grid_sample(picture, grid, align_corners=False)
    assert turned[0, 0, 4, 8] == pytest.approx(1, abs=1e-5)


def test_contrast_and_brightness_are_those_of_monai():
    image, mask = _slices()
    image = image + 0.05
    for kwargs in ({"contrast": 0.7, "gamma": (0.5, 2.0)}, {"brightness": 0.7, "max_brightness": 0.9}):
        transform = BatchAugmentation(**OFF, **kwargs)
        drawn = _drawn(transform, len(image), 5)
        changed, kept = transform(image, mask)
        assert torch.equal(kept, mask)
        touched = 0
        for new, old, gamma, factor in zip(changed, image, drawn.gamma.tolist(), drawn.factor.tolist()):
            touched += gamma != 1 or factor != 1
            expected = AdjustContrast(gamma)(old) if gamma != 1 else old
            if factor != 1:
                expected = ScaleIntensity(minv=None, maxv=None, factor=factor - 1)(expected).clamp(max=1)
            torch.testing.assert_close(new, torch.as_tensor(expected), atol=1e-6, rtol=1e-6)
        assert 0 < touched < len(image)


def test_distribution_is_that_of_slice_augmentation():
    settings = {**ALL, "horizontal_flip": 0.3, "max_degrees": 30.0, "gamma": (0.5, 2.0), "max_brightness": 0.5}
    number = 1500
    image, mask = _slices(1, channels=1, size=(16, 16))
    single = slice_augmentation(**settings).set_random_state(0)
    items = [single({"image": image[0], "label": mask[0]}) for _ in range(number)]
    one = torch.stack([torch.cat([item["image"], item["label"]]) for item in items])
    many = torch.cat(BatchAugmentation(**settings)(*(part.expand(number, -1, -1, -1) for part in (image, mask))), dim=1)
    spread = (one.var(0) + many.var(0)) / number
    distance = (one.mean(0) - many.mean(0)).abs() / (spread.sqrt() + 1e-3)
    assert distance.max() < 4.5
    # Overall brightness is a number per slice with a spread of its own.
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        own, other = (part[:, 0].mean((1, 2)).quantile(share).item() for part in (one, many))
        assert own == pytest.approx(other, rel=0.04), share
    changed = [
        (part != torch.cat([image, mask], dim=1)).any((2, 3)).any(1).float().mean().item() for part in (one, many)
    ]
    assert changed[0] == pytest.approx(changed[1], abs=0.03)


def test_draws_have_the_wanted_shares_and_ranges():
    transform = BatchAugmentation(0.2, 0.1, 0.3, 10.0, 0.4, (0.8, 1.25), 0.6, 0.1, seed=4)
    drawn = transform._draw(20_000)
    changed = {
        "horizontal_flip": drawn.left_right, "vertical_flip": drawn.top_bottom, "rotation": drawn.angle != 0,
        "contrast": drawn.gamma != 1, "brightness": drawn.factor != 1,
    }  # fmt: skip
    for name, chosen in changed.items():
        assert chosen.float().mean().item() == pytest.approx(getattr(transform, name), abs=0.015), name
    for values, neutral, low, high in (
        (torch.rad2deg(drawn.angle), 0, -10, 10), (drawn.gamma, 1, 0.8, 1.25), (drawn.factor, 1, 0.9, 1.1)
    ):  # fmt: skip
        values = (values[values != neutral] - low) / (high - low)
        assert values.min() >= -1e-5 and values.max() <= 1 + 1e-5
        torch.testing.assert_close(values.quantile(torch.tensor([0.1, 0.5, 0.9])), torch.tensor([0.1, 0.5, 0.9]),
                                   atol=0.02, rtol=0)  # fmt: skip
    together = torch.stack([chosen.float() for chosen in changed.values()]).corrcoef() - torch.eye(5)
    assert together.abs().max() < 0.04, "steps must be chosen independently"


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("mask_channels", [0, 1, 3])
def test_invariants(memory_format, mask_channels):
    image, mask = _slices(16)
    mask = mask.repeat(1, 3, 1, 1)[:, :mask_channels]
    image, mask = image.contiguous(memory_format=memory_format), mask.contiguous(memory_format=memory_format)
    before = image.clone(), mask.clone()
    transform = BatchAugmentation(**ALL, max_degrees=30, max_brightness=0.9)
    changed, moved = transform(image, mask)
    assert torch.equal(image, before[0]) and torch.equal(mask, before[1]), "the arguments must stay as they are"
    assert changed.shape == image.shape and moved.shape == mask.shape
    assert changed.is_contiguous(memory_format=memory_format)
    assert changed.min() == 0 and changed.max() <= 1
    assert set(moved.unique().tolist()) <= {0.0, 1.0}
    assert not torch.equal(changed, image)
    # The same numbers of a step, whatever the layout; others in the next call and in another step.
    transform.set_step(0)
    assert torch.equal(transform(image.contiguous(), mask.contiguous())[0], changed)
    assert not torch.equal(transform(image, mask)[0], changed)
    transform.set_step(1)
    assert not torch.equal(transform(image, mask)[0], changed)


def test_image_and_mask_move_together():
    _, mask = _slices(16)
    changed, moved = BatchAugmentation(0.5, 0.5, 1.0, 30.0)(mask, mask)
    assert not torch.equal(moved, mask)
    sure = (changed > 0.99) | (changed < 0.01)
    assert sure.float().mean() > 0.8
    assert torch.equal(changed.round()[sure], moved[sure])


def test_float32_under_autocast():
    image, mask = _slices()
    transform = BatchAugmentation(**ALL)
    plain = transform(image, mask)
    transform.set_step(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = transform(image, mask)
    assert all(torch.equal(one, other) for one, other in zip(plain, mixed))
    transform.set_step(0)
    halves = transform(image.half(), mask.to(torch.uint8))
    assert [part.dtype for part in halves] == [torch.float32] * 2
    torch.testing.assert_close(halves[0], plain[0], atol=2e-3, rtol=0)
    assert torch.equal(halves[1], plain[1])


def test_the_host_never_reads_the_device():
    # A meta tensor has no values: whatever reads one, or mixes devices, raises.
    changed, moved = BatchAugmentation(**ALL)(*(part.to("meta") for part in _slices()))
    assert changed.device.type == moved.device.type == "meta"


def test_nothing_to_change_is_nothing_changed():
    image, mask = _slices()
    changed, moved = BatchAugmentation(**OFF)(image, mask)
    assert changed is image and moved is mask


def test_an_even_picture_stays_finite():
    flat = torch.full((4, 1, 8, 8), 0.5)
    changed, _ = BatchAugmentation(**OFF, contrast=1.0)(flat, flat)
    torch.testing.assert_close(changed, flat)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"horizontal_flip": 1.5}, "horizontal_flip must be a number from 0 to 1"),
        ({"rotation": -0.1}, "rotation must be a number from 0 to 1"),
        ({"max_degrees": -1}, "max_degrees must be a number of at least 0"),
        ({"gamma": (2.0, 1.0)}, "gamma must be a range"),
        ({"max_brightness": 2}, "max_brightness must be a number from 0 to 1"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        BatchAugmentation(**kwargs)
