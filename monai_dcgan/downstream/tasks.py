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
"""What the networks of an experiment learn, and how they are measured: to segment tumors, or to tell slices apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from monai.losses import DiceCELoss
from torch import nn

from monai_dcgan.data import SliceDataset, case_volume
from monai_dcgan.downstream.batches import Slices, slices_of
from monai_dcgan.downstream.scores import auc, dice, volume_scores
from monai_dcgan.utils.enums import Keys

__all__ = ["Classification", "Segmentation", "Task", "predict"]

PREDICTED_AT_ONCE = 64


class Task(Protocol):
    """What an experiment asks of a task; ``conditions`` decide about its numbers and not about its networks."""

    name: str
    target: str
    network: Callable[..., nn.Module]
    conditions: Mapping[str, Any]

    @property
    def loss(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Loss of a network's output and the target of a batch."""

    def build(self, image_channels: int, mask_channels: int, num_classes: int) -> nn.Module:
        """Return a new network."""

    def score(self, network: nn.Module, slices: Slices, patients: Sequence[str], device: torch.device) -> float:
        """Return how good a network is on validation patients, the greater the better."""

    def measure(self, network: nn.Module, dataset: SliceDataset, device: torch.device) -> dict[str, Any]:
        """Return the numbers of a network on held-out patients."""


@torch.no_grad()
def predict(network: nn.Module, images: np.ndarray, device: torch.device) -> torch.Tensor:
    """Return the outputs (N, ...) of a network in evaluation mode, float32 on the CPU.

    Args:
        network: takes images (B, C, H, W).
        images: (N, C, H, W) in [0, 1].
        device: device of the network.
    """
    network.eval()
    parts = np.array_split(images, -(-len(images) // PREDICTED_AT_ONCE))
    return torch.cat([network(torch.from_numpy(part).float().to(device)).float().cpu() for part in parts])


class Segmentation:
    """Segment tumors.

    The network is measured on whole volumes: its masks and those of the store are put back where the slices were cut
    out. So what reducing slices to the store's size costs is not in the numbers, which are fit to compare networks and
    flatter each of them. A case without volumes (pictures) is one slice. A patient with several cases counts with
    their mean.

    Args:
        network: called with ``in_channels`` and ``out_channels``, returns a network whose outputs (B, M, H, W) are
            logits of the masks; such as ``functools.partial(UNet, spatial_dims=2, ...)``.
        tolerance: mm for the surface Dice.
    """

    name = "segmentation"
    target = str(Keys.LABEL)

    def __init__(self, network: Callable[..., nn.Module], tolerance: float = 2.0) -> None:
        self.network = network
        self.tolerance = tolerance
        self.conditions = {"tolerance": tolerance}

    @property
    def loss(self) -> nn.Module:
        """Dice and cross entropy (MONAI's ``DiceCELoss``).

        Dice is that of a whole batch: slice by slice, those without tumor would teach to find none.
        """
        return DiceCELoss(sigmoid=True, batch=True)

    def build(self, image_channels: int, mask_channels: int, num_classes: int) -> nn.Module:
        """Return a new network."""
        if mask_channels == 0:
            raise ValueError("slices must have masks to learn segmentation, got mask_channels=0; leave the task out")
        return self.network(in_channels=image_channels, out_channels=mask_channels)

    def score(self, network: nn.Module, slices: Slices, patients: Sequence[str], device: torch.device) -> float:
        """Return the mean over patients of the Dice of all their slices together."""
        predicted = (predict(network, slices.images, device) > 0).numpy()
        names = np.asarray(patients)
        return float(
            np.mean([dice(predicted[names == name], slices.masks[names == name]) for name in np.unique(names)])
        )

    def measure(self, network: nn.Module, dataset: SliceDataset, device: torch.device) -> dict[str, Any]:
        """Return ``patients``: patient -> ``dice``, ``hd95`` (mm), ``surface_dice``, ``lesion_recall``, None for NaN.

        Several mask channels are compared one by one and averaged.
        """
        slices = slices_of(dataset)
        predicted = (predict(network, slices.images, device) > 0).numpy().astype(np.uint8)
        masks = dict(zip(dataset.index.tolist(), predicted, strict=True))
        cases: dict[str, dict[str, None]] = {}
        for record in dataset.data:
            cases.setdefault(record[Keys.PATIENT], {})[record[Keys.CASE]] = None
        scores = {
            patient: _mean([self._of_case(dataset, case, masks) for case in own]) for patient, own in cases.items()
        }
        # JSON has no NaN.
        return {
            "patients": {
                patient: {name: None if np.isnan(value) else value for name, value in own.items()}
                for patient, own in scores.items()
            }
        }

    def _of_case(self, dataset: SliceDataset, case: str, masks: Mapping[int, np.ndarray]) -> dict[str, float]:
        found, true = case_volume(dataset.store, case, masks), case_volume(dataset.store, case)
        spacing = dataset.store.cases[case]["spacing"][: true.mask.ndim - 1]
        return _mean(
            [volume_scores(*pair, spacing, self.tolerance) for pair in zip(found.mask, true.mask, strict=True)]
        )


class Classification:
    """Tell the classes of slices apart: tumor or none, or types of tumor.

    Args:
        network: called with ``in_channels`` and ``out_channels``, returns a network whose outputs (B, K) are logits of
            the classes; such as ``functools.partial(DenseNet121, spatial_dims=2)``.
    """

    name = "classification"
    target = str(Keys.CLASS_INDEX)

    def __init__(self, network: Callable[..., nn.Module]) -> None:
        self.network = network
        self.conditions: dict[str, Any] = {}

    @property
    def loss(self) -> nn.Module:
        """Cross entropy."""
        return nn.CrossEntropyLoss()

    def build(self, image_channels: int, mask_channels: int, num_classes: int) -> nn.Module:
        """Return a new network."""
        if num_classes < 2:
            raise ValueError(
                f"slices must have at least 2 classes to be told apart, got {num_classes}; set slice_class=tumor with "
                "tumor=any, or leave the task out"
            )
        return self.network(in_channels=image_channels, out_channels=num_classes)

    def score(self, network: nn.Module, slices: Slices, patients: Sequence[str], device: torch.device) -> float:
        """Return the area under the ROC curve, the mean over classes of each against the others."""
        area = auc(_probabilities(network, slices.images, device), slices.classes)
        return float("nan") if area is None else area

    def measure(self, network: nn.Module, dataset: SliceDataset, device: torch.device) -> dict[str, Any]:
        """Return ``slices``: of each slice ``patient``, ``class`` and the ``probabilities`` of the classes."""
        probabilities = _probabilities(network, slices_of(dataset).images, device)
        return {
            "slices": [
                {
                    "patient": record[Keys.PATIENT],
                    "class": int(number),
                    "probabilities": row,
                }
                for record, number, row in zip(dataset.data, dataset.class_index, probabilities.tolist(), strict=True)
            ]
        }


def _probabilities(network: nn.Module, images: np.ndarray, device: torch.device) -> np.ndarray:
    """Return the probabilities (N, K) of the classes, float64: in fewer digits sure networks would have ties."""
    return predict(network, images, device).double().softmax(dim=1).numpy()


def _mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each number over those where it is defined; NaN where it is nowhere."""
    columns = {name: np.array([one[name] for one in scores]) for name in scores[0]}
    return {
        name: float(np.mean(values[~np.isnan(values)])) if not np.isnan(values).all() else float("nan")
        for name, values in columns.items()
    }
