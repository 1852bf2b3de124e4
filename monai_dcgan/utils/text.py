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
"""Words and columns for people who read a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["aligned", "count_of", "human_bytes", "most_common", "percent"]


def aligned(rows: Iterable[tuple[str, str | Sequence[str]]], indent: int = 2) -> str:
    """Lay out names and values in two columns.

    Args:
        rows: a name and its value; several values stand below one another, none leaves the row out.
        indent: spaces before the names.

    Returns:
        lines without a newline at the end.
    """
    rows = [(name, [values] if isinstance(values, str) else list(values)) for name, values in rows]
    width = max((len(name) for name, values in rows if values), default=0)
    lines = []
    for name, values in rows:
        for number, value in enumerate(values):
            lines.append(f"{' ' * indent}{'' if number else name:<{width}}  {value}")
    return "\n".join(lines)


def count_of(number: int, word: str) -> str:
    """Return a number with its word, as in ``1 case``, ``2 cases`` and ``3 axes``."""
    plural = f"{word[:-2]}es" if word.endswith("is") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"


def percent(share: float) -> str:
    """Return a share as percent with two digits that count, as in ``4.2%``."""
    value = 100 * share
    return f"{value:.0f}%" if value >= 9.95 or value == 0 else f"{value:.2g}%"


def most_common(counts: Mapping[str, int], most: int = 4) -> str:
    """Return the most frequent values with their counts; the counts are left out where there is one value.

    Example:
        >>> most_common({"RAS": 3, "LPS": 12}, most=1)
        'LPS (12) and 1 other (3)'
    """
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    if len(ordered) == 1:
        return ordered[0][0]
    text = ", ".join(f"{value} ({count})" for value, count in ordered[:most])
    rest = ordered[most:]
    return f"{text} and {count_of(len(rest), 'other')} ({sum(count for _, count in rest)})" if rest else text


def human_bytes(size: float) -> str:
    """Return a size in bytes, KiB, MiB, GiB or TiB."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
