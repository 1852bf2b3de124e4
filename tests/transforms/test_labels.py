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
"""Labels merge into one mask of the tumor."""

from __future__ import annotations

import pytest
import torch

from monai_dcgan.transforms import MergeLabels

LABELS = torch.tensor([[[0.0, 1.0, 2.0, 4.0]]])


@pytest.mark.parametrize(
    ("tumor_labels", "expected"),
    [(None, [0, 1, 1, 1]), ([1, 4], [0, 1, 0, 1]), ([2], [0, 0, 1, 0]), ([7], [0, 0, 0, 0])],
)
def test_merge(tumor_labels, expected):
    assert MergeLabels(tumor_labels)(LABELS).flatten().tolist() == expected


def test_channels_are_merged():
    colored = torch.stack([torch.eye(3), torch.zeros(3, 3), torch.ones(3, 3).tril()]) * 255
    assert torch.equal(MergeLabels()(colored)[0], torch.ones(3, 3).tril())


def test_interpolated_labels_are_refused():
    with pytest.raises(ValueError, match="labels must be whole numbers, got 0.5 and 3 more that are not; resample"):
        MergeLabels()(LABELS + 0.5)


@pytest.mark.parametrize("tumor_labels", [[], [0], [1.5], [True]])
def test_bad_labels(tumor_labels):
    with pytest.raises(ValueError, match="tumor_labels must be whole numbers above 0"):
        MergeLabels(tumor_labels)
