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
"""Extractors of published weights: the Inception network of FID, and networks read from a file of tensors."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from monai_dcgan.evaluation.features.base import FeatureExtractor
from monai_dcgan.evaluation.features.preprocessing import Preprocessing
from monai_dcgan.evaluation.features.script import load_script
from monai_dcgan.utils.files import sha256_file

__all__ = ["InceptionExtractor", "PretrainedExtractor"]


class InceptionExtractor(FeatureExtractor):
    """Features of the Inception network of 2015-12-05: the Frechet distance in them is FID (Heusel et al. 2017).

    The TorchScript file is NVIDIA's translation of the TensorFlow graph (Karras et al. 2020, stylegan2-ada-pytorch). It
    takes pictures of 8 bits, as stylegan2-ada-pytorch gives them, and resizes them itself as the graph of 2015 does:
    bilinear without antialias, which matters for slices of more than 299 pixels only (Parmar et al. 2022).

    Args:
        path: ``inception-2015-12-05.pt``.
        device: where to run.

    Raises:
        ValueError: when the file is not TorchScript, or does not return features (B, 2048).
    """

    width = 2048

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self._network = load_script(path, self.device)
        self.name = "inception-2015-12-05"
        self.sha256 = sha256_file(path)
        self.layer = "pool3 (2048 features before the classifier)"
        self.preprocessing = (
            "gray repeated to 3 channels, [0, 1] rounded to 8 bits, bilinear resize to 299x299 inside the network"
        )

    @property
    def distance_name(self) -> str:
        """FID, which no other network's distance is called."""
        return "FID"

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        pixels = (images * 255 + 0.5).floor().clamp(0, 255).to(torch.uint8)
        features = self._network(pixels, return_features=True)
        if features.shape != (len(images), self.width):
            raise ValueError(
                f"the network must return features (B, {self.width}), got {tuple(features.shape)}; "
                "give inception-2015-12-05.pt of stylegan2-ada-pytorch"
            )
        return features


class PretrainedExtractor(FeatureExtractor):
    """Features of a network whose weights were read from a file.

    Args:
        network: takes (B, 3, size, size) and returns (B, d).
        name: short name.
        sha256: hash of the file of weights.
        layer: where the features are taken.
        preprocessing: what happens to slices before the network.
        device: where to run.
    """

    def __init__(
        self,
        network: nn.Module,
        name: str,
        sha256: str,
        layer: str,
        preprocessing: Preprocessing,
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self._network = network.to(self.device).eval()
        self._preprocess = preprocessing
        self.name, self.sha256, self.layer, self.preprocessing = name, sha256, layer, str(preprocessing)

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        return self._network(self._preprocess(images))
