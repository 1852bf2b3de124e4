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
"""Choose which pictures of a seed a synthetic set holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from monai_dcgan.utils.checks import check_count, check_positive_int

__all__ = ["SliceSelection"]

LEAST_TRIED, LEAST_SHARE = 1000, 0.01


class _Rules(Protocol):
    @property
    def active(self) -> dict[str, Any]: ...

    def broken(self, masks: Any) -> list[str | None]: ...


class SliceSelection:
    """Give places in a set to the pictures of a seed that break no rule.

    Pictures are offered in the order of their numbers. Place ``p`` belongs to class ``p % num_classes``, as picture
    ``i`` does to class ``i % num_classes``: a picture that breaks a rule is replaced by the next one of its class that
    breaks none. Thus classes take turns whatever is rejected, a larger set begins with the smaller one, and without
    rules picture ``i`` has place ``i``.

    Args:
        rules: such as :class:`~monai_dcgan.metrics.MaskRules`.
        number: number of slices of the set.
        num_classes: number of classes, 0 for a generator without.

    Attributes:
        number: number of slices of the set.

    Raises:
        ValueError: when ``number`` or ``num_classes`` is out of its range.

    Example::

        selection = SliceSelection(MaskRules(min_mask_area=0.002), number=100)
        places = selection.place(range(64), masks)  # {0: 0, 2: 1, 3: 2, ...}: picture 1 broke the rule
    """

    def __init__(self, rules: _Rules, number: int, num_classes: int = 0) -> None:
        check_positive_int("num_slices", number)
        check_count("num_classes", num_classes)
        self.rules = rules
        self.number = number
        self.turns = max(1, num_classes)
        self._taken = [0] * self.turns
        self._rejected = [dict.fromkeys(rules.active, 0) for _ in range(self.turns)]

    @property
    def rejected(self) -> dict[str, int]:
        """How many pictures broke each rule; one that breaks several counts for the first."""
        return {name: sum(rejected[name] for rejected in self._rejected) for name in self.rules.active}

    @property
    def tried(self) -> int:
        """Number of pictures that were judged: those with a place and those rejected."""
        return sum(self._taken) + sum(self.rejected.values())

    @property
    def done(self) -> bool:
        """Whether every place is taken."""
        return sum(self._taken) == self.number

    @property
    def most(self) -> int:
        """Number of pictures to offer at most: when they are spent, the set is done or :meth:`place` has given up."""
        if not self.rules.active:
            return self.number
        per_class = -(-self.number // self.turns)
        return self.turns * max(LEAST_TRIED, round(per_class / LEAST_SHARE))

    def place(self, pictures: Sequence[int], masks: Any) -> dict[int, int]:
        """Judge the next pictures.

        Args:
            pictures: N numbers of pictures, ascending from call to call.
            masks: (N, M, H, W) with values {0, 1}.

        Returns:
            the place in the set of each picture that has one: row in ``masks`` -> place from 0.

        Raises:
            ValueError: when fewer than 1 % of at least 1000 pictures of a class break no rule.
        """
        places = {}
        for row, (picture, broken) in enumerate(zip(pictures, self.rules.broken(masks), strict=True)):
            turn = int(picture) % self.turns
            place = self._taken[turn] * self.turns + turn
            if place >= self.number:
                continue
            if broken is None:
                self._taken[turn] += 1
                places[row] = place
            else:
                self._rejected[turn][broken] += 1
            if place + self.turns < self.number or broken is not None:
                self._check_share(turn)
        return places

    def record(self) -> dict[str, Any]:
        """Return what was asked and what came of it, for ``provenance.json``."""
        return {"rules": self.rules.active, "tried": self.tried, "rejected": dict(self.rejected)}

    def _check_share(self, turn: int) -> None:
        taken, rejected = self._taken[turn], self._rejected[turn]
        tried = taken + sum(rejected.values())
        if tried >= LEAST_TRIED and taken < LEAST_SHARE * tried:
            rules = ", ".join(
                f"{name}={value} (broken by {rejected[name]})" for name, value in self.rules.active.items()
            )
            of_class = f" of class {turn}" if self.turns > 1 else ""
            raise ValueError(
                f"rules on masks must let at least {LEAST_SHARE:.0%} of the slices pass, got {taken} of "
                f"{tried}{of_class} with {rules}; loosen the rules, or train the generator longer"
            )
