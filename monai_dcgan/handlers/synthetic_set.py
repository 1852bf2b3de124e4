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

from typing import Protocol

import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.utils.enums import CommonKeys

from monai_dcgan.transforms import split_pair

__all__ = ["SyntheticSetSaver"]


class _Writer(Protocol):
    def write(self, images: torch.Tensor, masks: torch.Tensor) -> None: ...

    def close(self) -> None: ...


class SyntheticSetSaver:
    """Hand every batch that an engine makes to a writer, and close it when the engine ends.

    Args:
        writer: such as :class:`~monai_dcgan.data.SyntheticSetWriter`.
        mask_channels: number of mask channels of the generator.
    """

    def __init__(self, writer: _Writer, mask_channels: int) -> None:
        self.writer = writer
        self.mask_channels = mask_channels

    def attach(self, engine: Workflow) -> None:
        """Follow ``engine``, whose output holds the pairs ``(B, C + M, H, W)`` under ``pred``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._write)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.writer.close())

    def _write(self, engine: Workflow) -> None:
        images, masks = split_pair(engine.state.output[CommonKeys.PRED].float().cpu(), self.mask_channels)
        self.writer.write(images, masks)
