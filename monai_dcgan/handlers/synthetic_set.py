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
"""Save what a generator makes as a data set."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils.enums import CommonKeys

from monai_dcgan.inferers import SliceSelection
from monai_dcgan.transforms import split_pair
from monai_dcgan.utils.enums import Keys

__all__ = ["SyntheticSetSaver"]

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_REPORTS = 30.0


class _Writer(Protocol):
    rejected: Counter[str]

    def resume(self, places: range, **plan: Any) -> set[int]: ...

    def write(
        self,
        images: torch.Tensor,
        masks: torch.Tensor,
        *,
        class_names: Sequence[str] | None,
        pictures: Sequence[int],
        places: Sequence[int],
        rejected: Mapping[str, int],
    ) -> Any: ...

    def note(self, **facts: Any) -> None: ...

    def close(self) -> None: ...

    def leave(self) -> None: ...

    def discard(self) -> None: ...


class SyntheticSetSaver:
    """Hand what an engine makes to a writer, as far as it is selected.

    What an earlier process has made of the same set is taken over. Where the engine is stopped, what was made stays for
    the next one; where the set cannot be made, as hardly a slice passes the rules, it goes.

    Args:
        writer: such as :class:`~monai_dcgan.data.SyntheticSetWriter`; it is closed when the engine ends.
        mask_channels: number of mask channels of the generator.
        selection: says which pictures the set holds, and where; the engine's batches are what it offers.
        class_names: names of the classes of the generator, noted of each slice; none where they are not known.

    Raises:
        ValueError: when there are names, and not one for each class.
    """

    def __init__(
        self, writer: _Writer, mask_channels: int, selection: SliceSelection, class_names: Sequence[str] = ()
    ) -> None:
        if class_names and len(class_names) != selection.turns:
            raise ValueError(
                f"class_names must name the classes of the generator, {selection.turns}, got {list(class_names)}"
            )
        self.writer = writer
        self.mask_channels = mask_channels
        self.selection = selection
        self.class_names = list(class_names)
        self._made_before = 0

    def attach(self, engine: Workflow) -> None:
        """Follow ``engine``.

        Args:
            engine: its batches hold the numbers of the pictures (B,) under ``picture``, its output the pairs
                (B, C + M, H, W) in [-1, 1] under ``pred``.
        """
        engine.add_event_handler(Events.STARTED, self._resume)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._write)
        engine.add_event_handler(Events.COMPLETED, self._close)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._leave)

    def _resume(self, _: Workflow) -> None:
        selection = self.selection
        named = {"class_names": self.class_names} if self.class_names else {}
        made = self.writer.resume(selection.places, number=selection.number, rules=selection.rules.active, **named)
        selection.restore(made)
        self._made_before = self._reported = len(made)
        self._last_report = time.monotonic()
        if made:
            logger.info("%d of %d slices were made before", len(made), len(selection.places))

    def _write(self, engine: Workflow) -> None:
        images, masks = split_pair(engine.state.output[CommonKeys.PRED].float().cpu(), self.mask_channels)
        pictures = engine.state.batch[Keys.PICTURE].tolist()
        places = self.selection.place(pictures, masks)
        rows = list(places)
        if rows:
            rejected: Counter[str] = Counter()
            for place in places.values():
                rejected.update(self.selection.rejected(place))
            self.writer.write(
                images[rows],
                masks[rows],
                class_names=self._names(list(places.values())),
                pictures=[pictures[row] for row in rows],
                places=list(places.values()),
                rejected=rejected,
            )
        self._report()

    def _names(self, places: Sequence[int]) -> list[str] | None:
        """Return the class of each place, where classes have names."""
        return [self.class_names[place % self.selection.turns] for place in places] if self.class_names else None

    def _report(self) -> None:
        """Say now and then how far it is."""
        seconds = time.monotonic() - self._last_report
        if seconds >= SECONDS_BETWEEN_REPORTS:
            made, wanted = self.selection.number_done, len(self.selection.places)
            logger.info("%d of %d slices made, %.0f a second", made, wanted, (made - self._reported) / seconds)
            self._reported, self._last_report = made, time.monotonic()

    def _close(self, _: Workflow) -> None:
        if not self.selection.done:
            raise RuntimeError("the set is not whole: the engine made fewer pictures than the selection may need")
        self.writer.note(selection=self.selection.record(self.writer.rejected))
        self.writer.close()

    def _leave(self, _: Workflow, error: BaseException) -> None:
        if isinstance(error, ValueError) and not self._made_before:
            self.writer.discard()
        else:
            self.writer.leave()
        raise error
