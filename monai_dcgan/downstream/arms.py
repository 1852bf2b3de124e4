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
"""What the networks of an experiment are trained on."""

from __future__ import annotations

from dataclasses import dataclass

from monai.utils import StrEnum

__all__ = ["ARMS", "Arm", "Ingredient"]


class Ingredient(StrEnum):
    """What an arm of the experiment is made of.

    ``synthetic`` slices come from the generator; ``implanted`` ones are real slices with the tumor of a synthetic one;
    ``copied`` ones, which need no generator, real slices with the tumor of another patient. Where an arm has several,
    each is drawn as often as it has slices of a class. ``shuffled`` is a control that must not help: all of these get
    the masks and classes of others.
    """

    REAL = "real"
    CLASSICAL = "classical"
    SYNTHETIC = "synthetic"
    IMPLANTED = "implanted"
    COPIED = "copied"
    SHUFFLED = "shuffled"


_MADE = (Ingredient.SYNTHETIC, Ingredient.IMPLANTED, Ingredient.COPIED)
ARMS = ("real", "real+classical", "real+synthetic", "real+classical+synthetic", "classical+synthetic")
"""The arms of the study's question; the last one is trained on synthetic slices alone."""


@dataclass(frozen=True)
class Arm:
    """One arm of the experiment.

    Args:
        name: ingredients joined by ``+``, in the order of :class:`Ingredient`: ``real`` slices of the training
            patients, ``classical`` augmentation of all that is shown, ``synthetic``, ``implanted`` and ``copied``
            slices, and whether these are ``shuffled``.

    Raises:
        ValueError: when an ingredient is unknown, doubled or out of order, or there are no slices to train on.

    Example:
        >>> Arm("real+classical+synthetic").generated
        True
    """

    name: str

    def __post_init__(self) -> None:
        parts = self.name.split("+")
        order = [str(ingredient) for ingredient in Ingredient]
        if [name for name in order if name in parts] != parts:
            raise ValueError(f"an arm must join some of {', '.join(order)} by + in this order, got {self.name!r}")
        if not self.real and not self.made:
            raise ValueError(f"an arm must have real slices, some of {', '.join(_MADE)}, or both, got {self.name!r}")
        if self.shuffled and not self.made:
            raise ValueError(f"an arm must have some of {', '.join(_MADE)} slices to be shuffled, got {self.name!r}")

    def _has(self, ingredient: Ingredient) -> bool:
        return str(ingredient) in self.name.split("+")

    @property
    def real(self) -> bool:
        """Whether real slices are shown."""
        return self._has(Ingredient.REAL)

    @property
    def classical(self) -> bool:
        """Whether slices are augmented when they are shown."""
        return self._has(Ingredient.CLASSICAL)

    @property
    def made(self) -> list[Ingredient]:
        """Which slices are shown that no scanner made."""
        return [ingredient for ingredient in _MADE if self._has(ingredient)]

    @property
    def shuffled(self) -> bool:
        """Whether these have the masks and classes of others."""
        return self._has(Ingredient.SHUFFLED)

    @property
    def generated(self) -> bool:
        """Whether a generator is needed."""
        return any(ingredient != Ingredient.COPIED for ingredient in self.made)

    @property
    def on_real_slices(self) -> bool:
        """Whether what no scanner made is nothing but real slices with other tumors."""
        return bool(self.made) and Ingredient.SYNTHETIC not in self.made
