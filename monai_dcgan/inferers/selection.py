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
"""Choose the slices of a set: which picture of a seed has which place, and which places are a shard's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from monai_dcgan.utils.checks import check_count, check_positive_int

__all__ = ["OfferSampler", "SliceSelection", "parse_shard", "shard_places"]

LEAST_TRIED, LEAST_SHARE = 1000, 0.01
STRIDE = 2**32


class _Rules(Protocol):
    @property
    def active(self) -> dict[str, Any]: ...

    def broken(self, masks: Any) -> list[str | None]: ...


def parse_shard(shard: str) -> tuple[int, int]:
    """Return number and count of a shard, such as (3, 16) for ``3/16``.

    Raises:
        ValueError: when it is not I/N with I from 1 to N.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(shard).strip())
    number, count = (int(text) for text in match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise ValueError(f"shard must be I/N with I from 1 to N, such as 3/16, got {shard!r}")
    return number, count


def shard_places(number: int, shard: str | None = None) -> range:
    """Return the places of a shard in a set of ``number`` slices: parts that lie side by side, equal but for one slice.

    Raises:
        ValueError: when ``shard`` is none, or has no slice because there are more shards than slices.
    """
    check_positive_int("num_slices", number)
    own, count = (1, 1) if shard is None else parse_shard(shard)
    if count > number:
        raise ValueError(f"shard must be one of at most as many as there are slices, {number}, got {shard!r}")
    return range(number * (own - 1) // count, number * own // count)


class SliceSelection:
    """Give the places of a set, or of a shard of it, to pictures of a seed that break no rule.

    Every place has candidates of its own: place ``p`` takes the first of the pictures ``p``, ``p + S``, ``p + 2 S`` and
    so on that breaks no rule, where ``S`` is 2^32 times the number of classes. So a place has the same picture whatever
    the number of slices, the shard it is made in, and what was made before; place ``p`` is of class
    ``p % num_classes``; and without rules picture ``i`` has place ``i``.

    Pictures are offered in batches that do not depend on shards either: those of the places from a multiple of the
    batch size to the next, then the next candidates of those among them that were rejected, and so on. A shard that
    begins within such a batch offers all of it and keeps its own, because the last bits of a convolution can depend on
    the size of a batch.

    Args:
        rules: such as :class:`~monai_dcgan.metrics.MaskRules`.
        number: number of slices of the set.
        num_classes: number of classes, 0 for a generator without.
        shard: ``I/N``, the part of the set that is wanted; all of it when None.

    Attributes:
        number: number of slices of the set.
        places: those that are wanted.

    Raises:
        ValueError: when an argument is out of its range.

    Example::

        selection = SliceSelection(MaskRules(min_mask_area=0.002), number=100)
        for pictures in selection.offers(batch_size=64):
            places = selection.place(pictures, masks_of(pictures))  # {0: 0, 2: 2, ...}: picture 1 broke the rule
    """

    def __init__(self, rules: _Rules, number: int, num_classes: int = 0, shard: str | None = None) -> None:
        self.places = shard_places(number, shard)
        check_count("num_classes", num_classes)
        self.rules = rules
        self.number = number
        self.turns = max(1, num_classes)
        self._taken: set[int] = set()
        self._waiting: list[int] = []
        self._broken: dict[int, Counter[str]] = {}
        self._tallies = [Counter[str]() for _ in range(self.turns)]
        self._passed = [0] * self.turns

    @property
    def most(self) -> int:
        """Number above every picture that may be offered."""
        if not self.rules.active:
            return self.number
        # Of more candidates a class gives up; a place alone cannot have more than its class.
        return self.number + STRIDE * self.turns * max(LEAST_TRIED, round(self.number / LEAST_SHARE))

    @property
    def number_done(self) -> int:
        """How many of the wanted places have their picture."""
        return len(self._taken)

    @property
    def done(self) -> bool:
        """Whether every wanted place has its picture."""
        return self.number_done == len(self.places)

    def restore(self, places: Collection[int]) -> None:
        """Take places for done, because their slices were made before; they are not offered again for their own sake.

        Raises:
            ValueError: when a place is not a wanted one.
        """
        strange = [place for place in places if place not in self.places]
        if strange:
            raise ValueError(f"places must be in {self.places}, got {strange[0]}; make the set again")
        self._taken.update(places)

    def offers(self, batch_size: int) -> Iterator[list[int]]:
        """Yield the numbers of the pictures to make next, until the selection is done.

        Each batch must have gone through :meth:`place` before the next one is asked for.

        Args:
            batch_size: number of pictures, at most, that are made together.

        Raises:
            RuntimeError: when the batch before was not judged.
        """
        check_positive_int("batch_size", batch_size)
        for first in range(self.places.start // batch_size * batch_size, self.places.stop, batch_size):
            block = range(first, min(first + batch_size, self.number))
            wanted = [place for place in block if place in self.places]
            self._waiting, self._broken = list(block), {}
            while not self._taken.issuperset(wanted):
                offered = [self._candidate(place) for place in self._waiting]
                yield offered
                if offered == [self._candidate(place) for place in self._waiting]:
                    raise RuntimeError("pictures that were offered must be judged by place() before the next ones")

    def place(self, pictures: Sequence[int], masks: Any) -> dict[int, int]:
        """Judge the pictures that were offered.

        Args:
            pictures: N numbers of pictures, as :meth:`offers` gave them.
            masks: (N, M, H, W) with values {0, 1}.

        Returns:
            the place in the set of each picture that newly has one: row in ``masks`` -> place.

        Raises:
            ValueError: when fewer than 1 % of at least 1000 pictures of a class break no rule.
        """
        placed = {}
        for row, (picture, broken) in enumerate(zip(pictures, self.rules.broken(masks), strict=True)):
            place = int(picture) % (STRIDE * self.turns)
            if broken is None:
                self._waiting.remove(place)
                if place in self.places and place not in self._taken:
                    placed[row] = place
            else:
                self._broken.setdefault(place, Counter())[broken] += 1
            self._judge(place % self.turns, broken)
        self._taken.update(placed.values())
        return placed

    def rejected(self, place: int) -> dict[str, int]:
        """Return how many candidates of a place of the current batch broke each rule, before one was taken."""
        return dict(self._broken.get(place, {}))

    def record(self, rejected: dict[str, int]) -> dict[str, Any]:
        """Return what was asked and what came of it, for ``provenance.json``.

        Args:
            rejected: candidates of the wanted places that broke each rule; one that breaks several counts for the
                first.
        """
        counts = {name: rejected.get(name, 0) for name in self.rules.active}
        return {"rules": self.rules.active, "tried": len(self.places) + sum(counts.values()), "rejected": counts}

    def _candidate(self, place: int) -> int:
        return place + STRIDE * self.turns * sum(self._broken.get(place, Counter()).values())

    def _judge(self, turn: int, broken: str | None) -> None:
        """Count a picture of a class; give up where hardly any passes."""
        tally = self._tallies[turn]
        if broken is None:
            self._passed[turn] += 1
            return
        tally[broken] += 1
        passed, tried = self._passed[turn], self._passed[turn] + sum(tally.values())
        if tried >= LEAST_TRIED and passed < LEAST_SHARE * tried:
            rules = ", ".join(f"{name}={value} (broken by {tally[name]})" for name, value in self.rules.active.items())
            of_class = f" of class {turn}" if self.turns > 1 else ""
            raise ValueError(
                f"rules on masks must let at least {LEAST_SHARE:.0%} of the slices pass, got {passed} of "
                f"{tried}{of_class} with {rules}; loosen the rules, or train the generator longer"
            )


class OfferSampler:
    """What a selection offers, as the ``batch_sampler`` of a ``DataLoader`` without workers.

    Workers would ask for batches before those before them were judged, which the selection refuses.

    Args:
        selection: says which pictures are wanted.
        batch_size: number of pictures that are made together.
    """

    def __init__(self, selection: SliceSelection, batch_size: int) -> None:
        check_positive_int("batch_size", batch_size)
        self.selection, self.batch_size = selection, batch_size

    def __iter__(self) -> Iterator[list[int]]:
        return self.selection.offers(self.batch_size)
