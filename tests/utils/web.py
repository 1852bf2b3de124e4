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
"""A web server on this machine that fails in the ways that real ones do."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Web", "listening", "serve"]


class Web:
    """What the server has and how it behaves.

    Attributes:
        url: its address.
        files: name -> content.
        redirects: name -> address.
        ranges: whether it sends parts.
        wrong_range: whether its parts begin at another byte than asked for.
        cut: bytes after which each coming answer breaks off, used up from the front.
        codes: codes of each coming answer, used up from the front.
        asked: (name, Range header) of each request.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.ranges, self.wrong_range = True, False
        self.cut: list[int] = []
        self.codes: list[int] = []
        self.asked: list[tuple[str, str | None]] = []


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        name, wanted, web = self.path[1:], self.headers.get("Range"), self.web
        web.asked.append((name, wanted))
        if web.codes:
            self._end(web.codes.pop(0))
        elif name in web.redirects:
            self.send_response(302)
            self.send_header("Location", web.redirects[name])
            self.end_headers()
        elif name not in web.files:
            self._end(404)
        else:
            self._send(web.files[name], wanted)

    def _end(self, code: int, *header: str) -> None:
        self.send_response(code)
        if header:
            self.send_header(*header)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, wanted: str | None) -> None:
        start, total = 0, len(content)
        if wanted and self.web.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= total:
                self._end(416, "Content-Range", f"bytes */{total}")
                return
            start = max(0, start - 1) if self.web.wrong_range else start
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(total - start))
        self.end_headers()
        length = self.web.cut.pop(0) if self.web.cut else total
        self.wfile.write(content[start : start + length])


@contextmanager
def serve() -> Iterator[Web]:
    """Run a server while the block lasts."""
    handler = type("Handler", (_Handler,), {})
    with listening(handler) as address:
        handler.web = Web(address)
        yield handler.web


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Let a handler answer on this machine while the block lasts, and give the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
