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

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils.enums import CommonKeys

from monai_dcgan.inferers import SliceSelection
from monai_dcgan.transforms import split_pair
from monai_dcgan.utils.enums import Keys

__all__ = ["SyntheticSetSaver"]


class _Writer(Protocol):
    def write(
        self, images: torch.Tensor, masks: torch.Tensor, *, pictures: Sequence[int], places: Sequence[int]
    ) -> Any: ...

    def note(self, **facts: Any) -> None: ...

    def close(self) -> None: ...


class SyntheticSetSaver:
    """Hand what an engine makes to a writer, as far as it is selected, and end the engine when the set is whole.

    Args:
        writer: such as :class:`~monai_dcgan.data.SyntheticSetWriter`; it is closed when the engine ends.
        mask_channels: number of mask channels of the generator.
        selection: says which pictures the set holds, and where.
    """

    def __init__(self, writer: _Writer, mask_channels: int, selection: SliceSelection) -> None:
        self.writer = writer
        self.mask_channels = mask_channels
        self.selection = selection

    def attach(self, engine: Workflow) -> None:
        """Follow ``engine``.

        Args:
            engine: its batches hold the numbers of the pictures (B,) under ``picture``, its output the pairs
                (B, C + M, H, W) in [-1, 1] under ``pred``.
        """
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._write)
        engine.add_event_handler(Events.COMPLETED, self._close)

    def _write(self, engine: Workflow) -> None:
        images, masks = split_pair(engine.state.output[CommonKeys.PRED].float().cpu(), self.mask_channels)
        pictures = engine.state.batch[Keys.PICTURE].tolist()
        places = self.selection.place(pictures, masks)
        rows = list(places)
        if rows:
            numbers = [pictures[row] for row in rows]
            self.writer.write(images[rows], masks[rows], pictures=numbers, places=list(places.values()))
        if self.selection.done:
            engine.terminate_epoch()

    def _close(self, _: Workflow) -> None:
        if not self.selection.done:
            raise RuntimeError("the set is not whole: the engine made fewer pictures than the selection may need")
        self.writer.note(selection=self.selection.record())
        self.writer.close()
