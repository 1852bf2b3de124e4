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
"""Small networks and slices that the tests of the extractors share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn


class Probe(nn.Module):
    """Returns per-channel mean, minimum and maximum, and its input."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (B, 9) and the input."""
        return torch.cat([x.mean((2, 3)), x.amin((2, 3)), x.amax((2, 3))], dim=1), x


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """TorchScript file of :class:`Probe`."""
    path = tmp_path / "probe.ts"
    torch.jit.script(Probe()).save(str(path))
    return path


@pytest.fixture
def make_images() -> Callable[..., torch.Tensor]:
    """Make noise (n, channels, size, size) in [0, 1]."""

    def make(n: int, channels: int = 1, size: int = 32) -> torch.Tensor:
        return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(0))

    return make
