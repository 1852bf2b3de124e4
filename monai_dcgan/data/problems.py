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
"""Cases that cannot be used: an error before anything is written, or a list of what was left out and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import OnError

__all__ = ["NO_TEXT", "Problem", "Problems"]

# Control characters, and bytes of a file's name that are no UTF-8.
NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _shown(text: object) -> str:
    return NO_TEXT.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


@dataclass(frozen=True)
class Problem:
    """A case that cannot be used.

    Args:
        case: name of the case, or of the file where no case can be told.
        files: files it is about.
        reason: the rule that is broken and the value that breaks it.
    """

    case: str
    files: tuple[str, ...]
    reason: str

    @classmethod
    def of(cls, case: str, files: Iterable[str | Path], reason: str) -> Problem:
        """Return a problem with what is no text, as a file's name may be any bytes, shown by its codes."""
        return cls(_shown(case), tuple(_shown(file) for file in files), _shown(reason))

    def __str__(self) -> str:
        return f"case {self.case} cannot be used ({', '.join(self.files)}): {self.reason}"

    def as_dict(self) -> dict[str, object]:
        """Return the fields, JSON-like."""
        return {**asdict(self), "files": list(self.files)}


@dataclass
class Problems:
    """Collect problems; with ``on_error="stop"``, ``settle`` raises them.

    Args:
        on_error: one of ``OnError``.
    """

    on_error: str = OnError.STOP
    found: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_choice("on_error", self.on_error, OnError)

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)

    def add(self, case: str, files: Iterable[str | Path], reason: str) -> None:
        """Note that ``case`` cannot be used."""
        self.found.append(Problem.of(case, files, reason))

    def settle(self) -> None:
        """Raise ``ValueError`` when there are problems and these are to stop; otherwise do nothing."""
        if not self.found or str(self.on_error) == str(OnError.SKIP):
            return
        more = f"; {len(self.found) - 1} more cases cannot be used either" if len(self.found) > 1 else ""
        raise ValueError(f"{self.found[0]}{more}; on_error=skip goes on without such cases and reports each")
