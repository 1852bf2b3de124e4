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
"""Draw latents: the one place where pictures get their randomness from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.utils.enums import CommonKeys
from torch.utils.data import Dataset

from monai_dcgan.utils.checks import check_count, check_positive, check_positive_int
from monai_dcgan.utils.enums import Keys
from monai_dcgan.utils.randomness import StepRandom, Stream, philox

__all__ = ["LatentDataset", "LatentSampler"]


class LatentSampler:
    """Draw the inputs of a generator: standard normal noise and, where there are classes, the one-hot class.

    A latent has an address: picture ``i`` of a seed is the same whatever the size of the batch, the number of
    processes or the pictures before it. Training draws by step instead (:meth:`draw`), see
    :class:`~monai_dcgan.utils.randomness.StepRandom`.

    Args:
        latent_size: number of latent variables.
        num_classes: number of classes, 0 for a generator without.
        seed: seed of all draws, at least 0.
        truncation: with a number t, pictures get latents of the normal distribution cut off at -t and t (the truncation
            trick, Brock et al. 2019, https://arxiv.org/abs/1809.11096, section 3.1): fewer odd pictures, less variety.
            Picture ``i`` has the latent that it has without, moved towards 0 by the quantile that it is at. Training
            is not truncated.

    Raises:
        ValueError: when an argument is out of its range.

    Example::

        sampler = LatentSampler(latent_size=100, seed=0)
        sampler.at(range(8))  # (8, 100, 1, 1), float32
    """

    def __init__(self, latent_size: int, num_classes: int = 0, seed: int = 0, truncation: float | None = None) -> None:
        check_positive_int("latent_size", latent_size)
        check_count("num_classes", num_classes)
        check_count("seed", seed)
        self.latent_size = latent_size
        self.num_classes = num_classes
        if truncation is not None:
            check_positive("truncation", truncation)
        self.seed = seed
        self.truncation = truncation
        self._training = StepRandom(seed, Stream.LATENTS)

    def set_step(self, step: int) -> None:
        """Let :meth:`draw` give the latents of a step of the training."""
        self._training.set_step(step)

    def at(self, indices: Sequence[int], labels: Sequence[int] | None = None) -> torch.Tensor:
        """Return the latents of the pictures ``indices``.

        Args:
            indices: numbers of pictures, at least 0.
            labels: class index of each; by default the classes take turns (``index % num_classes``).

        Returns:
            ``(len(indices), latent_size + num_classes, 1, 1)``, float32.
        """
        indices = list(indices)
        noise = np.empty((len(indices), self.latent_size), dtype=np.float32)
        for row, index in enumerate(indices):
            philox(self.seed, Stream.PICTURES, index).standard_normal(dtype=np.float32, out=noise[row])
        if labels is None and self.num_classes:
            labels = [index % self.num_classes for index in indices]
        classes = None if labels is None else torch.as_tensor(labels, dtype=torch.int64)
        if (
            classes is not None
            and len(classes)
            and not 0 <= int(classes.min()) <= int(classes.max()) < self.num_classes
        ):
            raise ValueError(
                f"labels must be class indices from 0 to {self.num_classes - 1}, got {classes.unique().tolist()}"
            )
        return self._with_classes(self._truncated(torch.from_numpy(noise)), classes)

    def draw(self, number: int, labels: torch.Tensor | None = None) -> torch.Tensor:
        """Return the next latents of the current step.

        Args:
            number: how many.
            labels: ``(number,)`` class indices on any device, exactly when there are classes.

        Returns:
            ``(number, latent_size + num_classes, 1, 1)``, float32, on the device of ``labels``, else on the CPU.
        """
        return self._with_classes(self._training.normal(number, self.latent_size), labels)

    def _truncated(self, noise: torch.Tensor) -> torch.Tensor:
        if self.truncation is None:
            return noise
        low, high = torch.special.ndtr(torch.tensor([-self.truncation, self.truncation], dtype=torch.float64))
        return torch.special.ndtri(low + (high - low) * torch.special.ndtr(noise.double())).float()

    def _with_classes(self, noise: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        if (labels is None) != (self.num_classes == 0):
            raise ValueError(
                "labels must be given exactly when num_classes > 0, "
                f"got labels {'missing' if labels is None else 'given'} with num_classes={self.num_classes}"
            )
        if labels is not None:
            one_hot = torch.nn.functional.one_hot(labels, self.num_classes).float()
            noise = torch.cat([noise.to(labels.device, non_blocking=True), one_hot], dim=1)
        return noise[:, :, None, None]


class LatentDataset(Dataset):
    """The latents of the pictures 0 to ``number - 1``.

    Items are ``{"image": (latent_size + num_classes, 1, 1), "picture": number of the picture}``; ``image`` is the key
    of a network's input in MONAI's engines and bundles. A data loader draws a batch at once.

    Args:
        sampler: gives the latents.
        number: number of pictures.

    Raises:
        ValueError: when ``number`` is no whole number of at least 1.
    """

    def __init__(self, sampler: LatentSampler, number: int) -> None:
        check_positive_int("num_slices", number)
        self.sampler = sampler
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> dict[str, torch.Tensor | int]:
        """Return the latent of picture ``index``."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, torch.Tensor | int]]:
        """Return the latents of the pictures ``indices``; a loader of PyTorch asks so for a batch."""
        pictures = [range(self.number)[index] for index in indices]
        latents = self.sampler.at(pictures)
        return [{CommonKeys.IMAGE: latent, Keys.PICTURE: picture} for latent, picture in zip(latents, pictures)]
