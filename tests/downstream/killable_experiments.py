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
"""Commands of experiments that run in processes of their own and can be killed at a moment that is chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

__all__ = ["at_call", "command_in_child", "descendants", "monai_in_child", "when_replaced"]

Moment = tuple[Any, ...] | None
"""Function that arranges what is to happen, its arguments; None for nothing."""


def at_call(optimizer: str, number: int, send: int) -> None:
    """Let this process be sent a signal before the ``number``-th step of any optimizer of a kind of ``torch.optim``."""
    kind = getattr(torch.optim, optimizer)
    step, count = kind.step, 0

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += type(self) is kind
        if count == number and type(self) is kind:
            os.kill(os.getpid(), send)
        return step(self, *args, **kwargs)

    kind.step = counted


def when_replaced(folder: str, suffix: str, number: int, after: bool, send: int) -> None:
    """Let this process be sent a signal when the ``number``-th file of a folder gets its name: before it, or after."""
    replace, count = os.replace, 0

    def counted(source: Any, target: Any, **kwargs: Any) -> None:
        nonlocal count
        meant = Path(target).parent.name == folder and str(target).endswith(suffix)
        count += meant
        if meant and count == number and not after:
            os.kill(os.getpid(), send)
        replace(source, target, **kwargs)
        if meant and count == number and after:
            os.kill(os.getpid(), send)

    os.replace = counted


def command_in_child(connection: Connection, arguments: Sequence[str], moment: Moment) -> None:
    """Run the command line."""
    _prepare(connection, moment)
    from monai_dcgan.cli import main

    sys.exit(main(list(arguments)))


def monai_in_child(connection: Connection, files: Sequence[str], override: dict[str, Any], moment: Moment) -> None:
    """Run the same by MONAI's command."""
    _prepare(connection, moment)
    from monai.bundle import run

    run(config_file=list(files), workflow_name="monai_dcgan.workflow.DCGANWorkflow", logging_file=False, **override)


def _prepare(connection: Connection, moment: Moment) -> None:
    torch.set_num_threads(1)
    if moment is not None:
        arrange: Callable[..., None] = moment[0]
        arrange(*moment[1:])
    connection.send("ready")


def descendants(process: int) -> set[int]:
    """Return the processes that a process started, and those that they started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(status.parent.name)] = int(fields[1])
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}
