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
"""Tests of the tasks of an experiment."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_dcgan.downstream import Classification, Segmentation, Slices


class Given(torch.nn.Module):
    """A network that says what it is given, whatever it is shown."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = torch.as_tensor(outputs).float()

    def forward(self, images):
        """Return as many outputs as there are images."""
        return self.outputs[: len(images)]


def test_a_slice_without_tumor_does_not_teach_the_empty_mask():
    """One pixel too many beside an empty mask costs little of the loss of a batch whose tumor is found."""
    truth = torch.zeros(2, 1, 32, 32)
    truth[0, :, 8:24, 8:24] = 1
    found = truth.clone()
    found[1, 0, 0, 0] = 1
    assert Segmentation(torch.nn.Identity).loss(40 * found - 20, truth) < 0.05


def test_segmentation_is_scored_by_patient():
    """Three slices of a patient whose tumor is found and one of another whose tumor is not: one half, not 3 of 4."""
    masks = np.ones((4, 1, 4, 4))
    slices = Slices(np.zeros((4, 1, 4, 4)), masks, np.zeros(4))
    network = Given(np.where(np.arange(4)[:, None, None, None] < 3, masks, -masks))
    score = Segmentation(torch.nn.Identity).score(network, slices, ["a", "a", "a", "b"], torch.device("cpu"))
    assert score == 0.5


def test_sure_networks_have_no_ties():
    """In single precision both probabilities of the second class would be 1."""
    slices = Slices(np.zeros((2, 1, 4, 4)), np.zeros((2, 1, 4, 4)), np.array([1, 0]))
    network = Given([[0.0, 30.0], [0.0, 25.0]])
    assert Classification(torch.nn.Identity).score(network, slices, ["a", "b"], torch.device("cpu")) == 1.0


@pytest.mark.parametrize(
    ("task", "sizes", "text"),
    [
        [Segmentation, (1, 0, 2), "slices must have masks to learn segmentation, got mask_channels=0"],
        [Classification, (1, 1, 1), "slices must have at least 2 classes to be told apart, got 1"],
    ],
)
def test_tasks_that_cannot_be_learned(task, sizes, text):
    with pytest.raises(ValueError, match=text):
        task(torch.nn.Identity).build(*sizes)
