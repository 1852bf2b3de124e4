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

    ``synthetic`` slices come from the generator. In their place there can be ``shuffled`` ones, a control that must not
    help: synthetic images with the masks and classes of others; or ``copied`` ones, which need no generator: real
    slices with the tumor of another patient. Where an arm has both, each is drawn as often as it has slices of a class.
    """

    REAL = "real"
    CLASSICAL = "classical"
    SYNTHETIC = "synthetic"
    SHUFFLED = "shuffled"
    COPIED = "copied"


_MADE = (Ingredient.SYNTHETIC, Ingredient.SHUFFLED, Ingredient.COPIED)
ARMS = ("real", "real+classical", "real+synthetic", "real+classical+synthetic", "classical+synthetic")
"""The arms of the study's question; the last one is trained on synthetic slices alone."""


@dataclass(frozen=True)
class Arm:
    """One arm of the experiment.

    Args:
        name: ingredients joined by ``+``, in the order of :class:`Ingredient`: ``real`` slices of the training
            patients, ``classical`` augmentation of all that is shown, ``synthetic``, ``shuffled`` or ``copied`` slices.

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
        made = [part for part in parts if part in _MADE]
        if parts == [str(Ingredient.CLASSICAL)]:
            raise ValueError(f"an arm must have real slices, some of {', '.join(_MADE)}, or both, got {self.name!r}")
        if {str(Ingredient.SYNTHETIC), str(Ingredient.SHUFFLED)} <= set(made):
            raise ValueError(f"an arm must have synthetic or shuffled slices, not both, got {self.name!r}")

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
    def generated(self) -> bool:
        """Whether a generator is needed."""
        return any(ingredient != Ingredient.COPIED for ingredient in self.made)
