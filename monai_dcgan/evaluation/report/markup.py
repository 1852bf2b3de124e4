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
"""HTML that no text in it can break: what is not :class:`Markup` is escaped."""

from __future__ import annotations

import html
from typing import Any

__all__ = ["Markup", "escape", "tag"]

_EMPTY = ("img", "meta", "link", "line", "circle")


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


def escape(text: Any) -> Markup:
    """Return a text as HTML; halves of characters, which no file can hold, become question marks."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(str(text).encode("utf-8", "replace").decode("utf-8"), quote=True))


def tag(name: str, /, *children: str, **attributes: Any) -> Markup:
    """Return an element.

    Args:
        name: its name.
        children: its content; what is not :class:`Markup` is escaped.
        attributes: underscores stand for hyphens, one at the end is dropped (``class_``); None leaves one out.

    Example:
        >>> tag("p", "a < b", class_="quiet")
        '<p class="quiet">a &lt; b</p>'
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    start = "".join([name, *(f' {key}="{html.escape(str(value), quote=True)}"' for key, value in given.items())])
    if name in _EMPTY:
        return Markup(f"<{start}>" if name in ("img", "meta", "link") else f"<{start}/>")
    return Markup(f"<{start}>{''.join(map(escape, children))}</{name}>")
