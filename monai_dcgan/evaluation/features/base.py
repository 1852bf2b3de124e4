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
"""What every feature extractor is: a map from slices to features, with the facts that a distance must carry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch

from monai_dcgan.utils.checks import check_positive_int

__all__ = ["FeatureExtractor", "batches", "extract"]

# Rounding of a generator's output or of a resize may pass the ends of the range by this much.
_SLACK = 1e-3


class FeatureExtractor(ABC):
    """Maps slices (B, C, H, W) in [0, 1] to features (B, d).

    A network of three input channels takes three channels as they are and one repeated to three; of any other number
    each channel passes on its own, repeated to three, and the features are concatenated (d grows with C). Where
    ``input_channels`` is 1 every channel passes on its own.

    Attributes:
        name: short name.
        sha256: hash of the weights, 64 hexadecimal digits.
        layer: where the features are taken.
        preprocessing: what happens to a slice before the network, in words.
        device: where the network runs.
        input_channels: channels that the network takes, 1 or 3.
    """

    name: str
    sha256: str
    layer: str
    preprocessing: str
    device: torch.device
    input_channels: int = 3

    @property
    def distance_name(self) -> str:
        """What the Frechet distance in these features is called; "FID" only with the Inception network of 2015."""
        return f"Frechet distance ({self.name})"

    @torch.no_grad()
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features (B, d) float32 of ``images`` (B, C, H, W) in [0, 1], on the extractor's device.

        Raises:
            ValueError: when ``images`` has another number of dimensions, or values outside of [0, 1].
        """
        if images.ndim != 4 or 0 in images.shape:
            raise ValueError(f"images must have the shape (B, C, H, W) with no empty side, got {tuple(images.shape)}")
        images = images.to(self.device, torch.float32)
        low, high = float(images.min()), float(images.max())
        if not (low >= -_SLACK and high <= 1 + _SLACK):
            raise ValueError(
                f"images must have values from 0 to 1, got {low:.4g} to {high:.4g}; scale them, generators give [-1, 1]"
            )
        width = self.input_channels
        if images.shape[1] in (1, width):
            return self._features(images.expand(-1, width, -1, -1)).float()
        parts = [self._features(channel.expand(-1, width, -1, -1)) for channel in images.split(1, dim=1)]
        return torch.cat(parts, dim=1).float()

    @abstractmethod
    def _features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features (B, d) of ``images`` (B, ``input_channels``, H, W) in [0, 1]."""


def batches(images: Any, batch_size: int) -> Iterator[torch.Tensor]:
    """Give slices in tensors of at most ``batch_size``, so that never more than a batch is in memory.

    Args:
        images: (N, C, H, W), an array (also memory-mapped) or a tensor; or an iterable of such pieces.
        batch_size: slices at a time; pieces of an iterable are cut, never joined.

    Raises:
        ValueError: when ``images`` or a piece has no such shape, or there is none.
    """
    check_positive_int("batch_size", batch_size)
    whole = hasattr(images, "shape")
    if not whole and not isinstance(images, Iterable):
        raise ValueError(f"images must be an array (N, C, H, W) or an iterable of them, got {type(images).__name__}")
    pieces: Iterable[Any] = [images] if whole else images
    found = False
    for piece in pieces:
        shape = tuple(np.shape(piece))
        if len(shape) != 4 or 0 in shape:
            raise ValueError(f"images must have the shape (N, C, H, W) with no empty side, got {shape}")
        found = True
        for start in range(0, shape[0], batch_size):
            part = piece[start : start + batch_size]
            yield part if isinstance(part, torch.Tensor) else torch.from_numpy(np.array(part))
    if not found:
        raise ValueError("images must hold at least one slice, got none")


def extract(extractor: FeatureExtractor, images: Any, batch_size: int = 32) -> np.ndarray:
    """Return the features of many slices, batch by batch.

    Args:
        extractor: what maps slices to features.
        images: (N, C, H, W) in [0, 1], array or tensor, or an iterable of such pieces.
        batch_size: slices that pass at a time; it does not change the features beyond rounding.

    Returns:
        (N, d) float32.

    Raises:
        ValueError: when ``images`` has no such shape or values outside of [0, 1].
    """
    return np.concatenate([extractor(batch).cpu().numpy() for batch in batches(images, batch_size)])
