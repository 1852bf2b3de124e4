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
"""Intensities of the head fill [0, 1]."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.transforms import ScaleIntensityInHead, ScaleIntensityInHeadd


def ball(low: float = 100.0, high: float = 900.0, background: float = 0.0) -> torch.Tensor:
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, 40)] * 2, indexing="ij"))
    inside = grid.pow(2).sum(0) < 0.5
    values = low + (high - low) * torch.rand(40, 40, generator=torch.Generator().manual_seed(0))
    return torch.where(inside, values, torch.tensor(background))[None]


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (1000, 0), (0.01, -5), (1, 3000)])
def test_result_does_not_depend_on_units(factor, offset):
    reference = ScaleIntensityInHead()(ball())
    assert torch.allclose(ScaleIntensityInHead()(ball() * factor + offset), reference, atol=1e-3)


def test_air_around_the_head_does_not_count():
    padded = torch.nn.functional.pad(ball(), (50, 50, 50, 50))
    assert torch.allclose(ScaleIntensityInHead()(padded)[:, 50:-50, 50:-50], ScaleIntensityInHead()(ball()))


def test_range_and_background():
    image = ball(background=-3.0)
    result = ScaleIntensityInHead()(image)
    assert (result.min(), result.max()) == (0, 1)
    assert (result[image == -3.0] == 0).all()
    assert result.dtype == torch.float32


def test_full_range_is_linear():
    image = ball()
    inside = image > 0
    tissue = image[inside]
    expected = (tissue - tissue.min()) / (tissue.max() - tissue.min())
    assert torch.allclose(ScaleIntensityInHead(0, 100)(image)[inside], expected, atol=1e-6)


def test_channels_are_scaled_apart():
    result = ScaleIntensityInHead()(torch.cat([ball(), ball() * 50]))
    assert torch.allclose(result[0], result[1], atol=1e-6)


def test_degenerate_images():
    assert ScaleIntensityInHead()(torch.zeros(1, 32, 32)).max() == 0
    flat = (ball() > 0).float() * 5
    assert torch.equal(ScaleIntensityInHead()(flat), (flat > 0).float())


def test_given_mask_is_used():
    image, head = ball(), torch.zeros(1, 40, 40, dtype=torch.bool)
    head[:, 15:25, 15:25] = True
    result = ScaleIntensityInHeadd("image")({"image": image, "head": head})["image"]
    assert result[~head].max() == 0
    assert result[head].max() == 1


@pytest.mark.parametrize(("lower", "upper"), [(-1, 99), (5, 5), (50, 101), (99, 1)])
def test_bad_percentiles(lower, upper):
    with pytest.raises(ValueError, match="0 <= lower < upper <= 100"):
        ScaleIntensityInHead(lower, upper)
