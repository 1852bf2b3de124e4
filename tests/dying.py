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
"""A process that is killed in the middle of its work, at a place that can be chosen."""

from __future__ import annotations

import os
import signal
from typing import Any

__all__ = ["die_at"]


def die_at(call: str, number: int, after: bool) -> None:
    """Let this process be killed at the ``number``-th call of ``os.<call>``: before it, or after."""
    real = getattr(os, call)
    count = 0

    def deadly(*args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **kwargs)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, call, deadly)
