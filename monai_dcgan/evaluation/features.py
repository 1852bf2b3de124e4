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
"""Feature extractors for distances between sets of slices, each with the facts that a distance must carry."""

from __future__ import annotations

import hashlib
import logging
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import sha256_file

__all__ = ["FeatureExtractor", "RandomConvExtractor", "TorchScriptExtractor", "build_extractor", "extract"]

logger = logging.getLogger(__name__)


class FeatureExtractor(ABC):
    """Maps slices (B, C, H, W) in [0, 1] to features (B, d).

    Three channels are taken as they are and one is repeated to three; of any other number each channel passes on its
    own, repeated to three, and the features are concatenated (d grows with C).

    Attributes:
        name: short name; a distance is called "Frechet distance (<name>)".
        sha256: hash of the weights, 64 hexadecimal digits.
        layer: where the features are taken.
        preprocessing: what happens to a slice before the network, in words.
        device: where the network runs.
    """

    name: str
    sha256: str
    layer: str
    preprocessing: str
    device: torch.device

    @torch.no_grad()
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features (B, d) float32 of ``images`` (B, C, H, W) in [0, 1], on the extractor's device.

        Raises:
            ValueError: when ``images`` has another number of dimensions.
        """
        if images.ndim != 4 or 0 in images.shape:
            raise ValueError(f"images must have the shape (B, C, H, W) with no empty side, got {tuple(images.shape)}")
        images = images.to(self.device, torch.float32)
        if images.shape[1] in (1, 3):
            return self._features(images.expand(-1, 3, -1, -1)).float()
        parts = [self._features(channel.expand(-1, 3, -1, -1)) for channel in images.split(1, dim=1)]
        return torch.cat(parts, dim=1).float()

    @abstractmethod
    def _features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features (B, d) of ``images`` (B, 3, H, W) in [0, 1]."""


class TorchScriptExtractor(FeatureExtractor):
    """Features of a TorchScript network, such as an ImageNet classifier.

    Args:
        path: TorchScript file; its network takes (B, 3, input_size, input_size).
        input_size: side length in pixels that the network takes; slices are resized to it.
        value_range: values that the network takes for black and white.
        output_index: which output holds the features (B, d), where the network returns several.
        device: where to run.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is not TorchScript.

    Example:
        >>> extractor = TorchScriptExtractor("mobilenetv2_imagenet.ts")  # doctest: +SKIP
        >>> extractor(torch.rand(2, 1, 64, 64)).shape  # doctest: +SKIP
        torch.Size([2, 1280])
    """

    def __init__(
        self,
        path: str | Path,
        input_size: int = 224,
        value_range: tuple[float, float] = (-1.0, 1.0),
        output_index: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        check_positive_int("input_size", input_size)
        if len(value_range) != 2 or not value_range[0] < value_range[1]:
            raise ValueError(f"value_range must be (black, white) with black below white, got {value_range}")
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}; give a TorchScript file or 'random'")
        self.device = torch.device(device)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                self._network = torch.jit.load(path, map_location=self.device).eval()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"{path} must be a TorchScript file made with torch.jit.save: {reason}") from error
        self._input_size, self._value_range, self._output_index = input_size, value_range, output_index
        self.name = path.stem
        self.sha256 = sha256_file(path)
        self.layer = f"output {output_index}"
        self.preprocessing = (
            f"gray repeated to 3 channels, antialiased bilinear resize to {input_size}x{input_size}, "
            f"[0, 1] scaled to [{value_range[0]:g}, {value_range[1]:g}]"
        )

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        side = (self._input_size, self._input_size)
        images = functional.interpolate(images, side, mode="bilinear", align_corners=False, antialias=True)
        low, high = self._value_range
        output = self._network(images * (high - low) + low)
        if not isinstance(output, torch.Tensor):
            if not -len(output) <= self._output_index < len(output):
                raise ValueError(
                    f"output_index must name one of the {len(output)} outputs of {self.name}, got {self._output_index}"
                )
            output = output[self._output_index]
        features = output.flatten(1) if output.shape[2:].numel() == 1 else output
        if features.ndim != 2:
            raise ValueError(
                f"{self.name} must return features (B, d) as {self.layer}, got the shape {tuple(output.shape)}; "
                "choose another output_index or pool them in the network"
            )
        return features


class RandomConvExtractor(FeatureExtractor):
    """Features of convolutions with random weights: the last resort where no trained network can be had.

    Four strided 3 x 3 convolutions; the features are the mean and the standard deviation of every map of every level,
    d = 2 * (16 + 32 + 64 + 128) = 480. They see differences of intensity and texture, but a distance in them compares
    only with others from the same seed.

    Args:
        seed: seed of the weights, which are the same on every device.
        device: where to run.
    """

    _widths = (16, 32, 64, 128)

    def __init__(self, seed: int = 0, device: str | torch.device = "cpu") -> None:
        generator = torch.Generator().manual_seed(seed)
        self.device = torch.device(device)
        self._kernels: list[torch.Tensor] = []
        digest = hashlib.sha256()
        for fan, width in zip((3, *self._widths), self._widths, strict=False):
            kernel = torch.randn(width, fan, 3, 3, generator=generator) * (2 / (fan * 9)) ** 0.5
            digest.update(kernel.numpy().tobytes())
            self._kernels.append(kernel.to(self.device))
        self.name = f"random-conv-seed{seed}"
        self.sha256 = digest.hexdigest()
        self.layer = "mean and standard deviation of the maps of four levels"
        self.preprocessing = "gray repeated to 3 channels, no resize, [0, 1] scaled to [-1, 1]"
        logger.warning(
            "features come from a network with random weights (seed %d): distances compare only with others of this "
            "seed and image size; give a trained TorchScript network for numbers that mean more",
            seed,
        )

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        levels, maps = [], images * 2 - 1
        for kernel in self._kernels:
            maps = functional.leaky_relu(functional.conv2d(maps, kernel, stride=2, padding=1), 0.2)
            levels += [maps.mean(dim=(2, 3)), maps.std(dim=(2, 3), correction=0)]
        return torch.cat(levels, dim=1)


def extract(extractor: FeatureExtractor, images: Any, batch_size: int = 32) -> np.ndarray:
    """Return the features of many slices, batch by batch.

    Args:
        extractor: what maps slices to features.
        images: (N, C, H, W) in [0, 1], array or tensor.
        batch_size: slices that pass at a time; it does not change the features beyond rounding.

    Returns:
        (N, d) float32.

    Raises:
        ValueError: when ``images`` has no such shape.
    """
    check_positive_int("batch_size", batch_size)
    slices = torch.as_tensor(images)
    if slices.ndim != 4 or 0 in slices.shape:
        raise ValueError(f"images must have the shape (N, C, H, W) with no empty side, got {tuple(slices.shape)}")
    return torch.cat([extractor(batch).cpu() for batch in slices.split(batch_size)]).numpy()


def build_extractor(spec: str | Path, device: str | torch.device = "cpu", seed: int = 0) -> FeatureExtractor:
    """Return the extractor that ``spec`` names.

    Args:
        spec: the path of a TorchScript file that takes RGB (B, 3, 224, 224) in [-1, 1], or ``"random"``.
        device: where to run.
        seed: seed of the random weights, for ``"random"``.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is not TorchScript.
    """
    return RandomConvExtractor(seed, device) if str(spec) == "random" else TorchScriptExtractor(spec, device=device)
