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
"""One HTML file that needs nothing else: no script, no request, its pictures inside."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from monai_dcgan import __version__
from monai_dcgan.evaluation.report.blocks import Block, Picture, Section
from monai_dcgan.evaluation.report.html import render_blocks, slug
from monai_dcgan.evaluation.report.markup import Markup, tag

__all__ = ["render_page"]

STYLE = Path(__file__).with_name("page.css")
_REAL = "The pictures show slices of real patients: share this page only as you may share those."


def render_page(title: str, blocks: Sequence[Block]) -> str:
    """Return a page as one HTML document.

    Its Content-Security-Policy lets nothing in but its own style, known by its hash, and pictures that are in it.

    Args:
        title: heading and title of the page.
        blocks: what stands above the first section goes into the header; the sections are listed as contents.
    """
    # The comment with the license at its head names an address.
    style = re.sub(r"\A/\*.*?\*/\s*", "", STYLE.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
    sections = [block for block in blocks if isinstance(block, Section)]
    head = [block for block in blocks if not isinstance(block, Section)]
    links = [tag("li", tag("a", section.title, href=f"#{slug(section.title)}")) for section in sections]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            tag("head", *_head(title, style)),
            "<body>",
            tag("a", "Skip to the content", href="#main", class_="skip"),
            tag("header", tag("h1", title), render_blocks(head)),
            tag("nav", tag("ul", *links), aria_label="Contents"),
            tag("main", render_blocks(sections), id="main", tabindex=-1),
            tag("footer", *_footer(blocks)),
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(title: str, style: str) -> list[Markup]:
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        # Without one a browser asks the server for an icon.
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(style)),
    ]


def _footer(blocks: Sequence[Block]) -> list[Markup]:
    lines = [f"Made by monai_dcgan {__version__}. Not for clinical use."]
    return [tag("p", line) for line in ([*lines, _REAL] if _has_picture(blocks) else lines)]


def _has_picture(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, Picture) or _has_picture(getattr(block, "blocks", ())) for block in blocks)
