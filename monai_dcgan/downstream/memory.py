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
"""Peak memory of a piece of work."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

import torch

__all__ = ["PeakMemory"]

STATUS = Path("/proc/self/status")
INTERVAL = 0.05


class PeakMemory:
    """Watches the memory of this process, or of its GPU, while a block runs.

    On a CPU the resident memory is looked at twenty times a second, so a shorter peak may be missed; where the system
    does not tell it (no ``/proc``), nothing is measured.

    Args:
        device: device of the work.

    Attributes:
        mebibytes: the most that was in use, of the whole process, or allocated on the GPU; None where it is not known.

    Example:
        >>> with PeakMemory(torch.device("cpu")) as memory:
        ...     work()
        >>> memory.mebibytes
        512.3
    """

    mebibytes: float | None = None

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif STATUS.is_file():
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.type == "cuda":
            self.mebibytes = round(torch.cuda.max_memory_allocated(self.device) / 2**20, 1)
        elif self._thread.is_alive():
            self._done.set()
            self._thread.join()

    def _watch(self) -> None:
        most = 0.0
        while True:
            last = self._done.wait(INTERVAL)
            most = max(most, _resident())
            self.mebibytes = round(most, 1)
            if last:
                return


def _resident() -> float:
    """Return the resident memory of this process in MiB."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text(encoding="ascii").splitlines())
    return int(lines["VmRSS"].split()[0]) / 1024
