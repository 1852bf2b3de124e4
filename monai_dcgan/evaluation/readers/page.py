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
"""The page of a study: template, style, scripts and data in one file that asks for nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

from monai_dcgan.evaluation.readers.study import Study

__all__ = ["render_page"]

FOLDER = Path(__file__).parent
TEMPLATE = "page.html"
# In the order in which they stand in the page, as one style and one script.
STYLES = ("page.css", "page_parts.css")
SCRIPTS = ("page_state.js", "page_view.js", "page.js")


def render_page(study: Study, reader_name: str = "") -> str:
    """Return the page as one HTML document.

    Its Content-Security-Policy lets run the script and style in it, known by their hashes, and nothing else: no
    request, frame, form or picture from anywhere.

    Args:
        study: the study; only ``study.page`` goes into the page.
        reader_name: name that stands in the page's field at the start.
    """
    style = "\n".join(_part(name) for name in STYLES)
    script = "\n".join(_part(name) for name in SCRIPTS)
    data = json.dumps({**study.page, "reader": reader_name}, ensure_ascii=True)
    parts = {
        "STYLE": style,
        "SCRIPT": script,
        "POLICY": _policy(style, script),
        # In a script element only "<" could end the data.
        "STUDY": data.replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _part(TEMPLATE))


def _policy(style: str, script: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"


def _part(name: str) -> str:
    """Return a file of the package without the comment with the license at its head, which names an address."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return re.sub(r"\A(/\*.*?\*/|<!--.*?-->)\s*", "", text, count=1, flags=re.DOTALL)
