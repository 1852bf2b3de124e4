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
"""Tests of the preprocessing: the resize is Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from monai_dcgan.evaluation.features import Preprocessing, resize
from monai_dcgan.evaluation.features.preprocessing import IMAGENET_MEAN, IMAGENET_STD

MODES = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def pillow(image, size, mode):
    return np.asarray(Image.fromarray(image).resize((size, size), MODES[mode])).clip(0, 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("before", "after"), [(64, 224), (128, 224), (256, 224), (512, 224), (100, 37)])
def test_agrees_with_pillow(before, after, mode):
    image = np.random.RandomState(0).rand(before, before).astype(np.float32)
    found = resize(torch.from_numpy(image)[None, None], after, mode)[0, 0].numpy()
    np.testing.assert_allclose(found, pillow(image, after, mode), atol=2e-5)


@pytest.mark.parametrize(("before", "mode"), [(512, "bilinear"), (512, "bicubic"), (64, "bicubic")])
def test_without_antialias_it_would_not(before, mode):
    image = np.random.RandomState(0).rand(before, before).astype(np.float32)
    plain = functional.interpolate(torch.from_numpy(image)[None, None], (224, 224), mode=mode, align_corners=False)
    assert np.abs(plain[0, 0].numpy() - pillow(image, 224, mode)).max() > 0.05


def test_the_size_that_fits_is_left_alone():
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resize(image, 32, "bicubic"), image)


def test_values():
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    found = Preprocessing(8, "bicubic", IMAGENET_MEAN, IMAGENET_STD)(images)
    expected = [[-2.11790395, -2.03571415, -1.80444443], [2.2489083, 2.42857146, 2.64]]
    np.testing.assert_allclose(found.mean((2, 3)), expected, rtol=1e-5)
    np.testing.assert_allclose(Preprocessing(8)(images).mean((2, 3)), [[-1] * 3, [1] * 3])


def test_words():
    assert str(Preprocessing(224, "bicubic", IMAGENET_MEAN, IMAGENET_STD)) == (
        "gray repeated to 3 channels, antialiased bicubic resize to 224x224, [0, 1] less mean (0.485 0.456 0.406) "
        "over (0.229 0.224 0.225)"
    )


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="mode must be one of bilinear, bicubic, got 'area'"):
        resize(torch.zeros(1, 1, 4, 4), 8, "area")
    with pytest.raises(ValueError, match="size must be a whole number"):
        resize(torch.zeros(1, 1, 4, 4), 0)
