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
"""A stand-in of the Hugging Face Hub on this machine: enough of it to push a folder and to fetch it again."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.utils.web import listening

__all__ = ["Hub", "serve_hub"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What was pushed.

    Attributes:
        url: its address.
        token: the one that it lets in.
        repos: repositories that were created -> what their creation said.
        files: path in the repository -> content.
        tags: tags that were made.
    """

    def __init__(self, url: str) -> None:
        self.url, self.token = url, "hf_secret"
        self.repos: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.tags: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Create a repository, take files, make a tag."""
        body = self._body()
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self._answer({"error": "Invalid credentials"}, 401)
        elif self.path == "/api/repos/create":
            content = json.loads(body)
            name = f"{content['organization']}/{content['name']}"
            self.hub.repos[name] = content
            self._answer({"url": f"{self.hub.url}/{name}"})
        elif self.path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in _files(body)]
            self._answer({"files": files})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            where = f"{self.hub.url}/{next(iter(self.hub.repos))}/commit/{COMMIT}"
            self._answer({"success": True, "commitOid": COMMIT, "commitUrl": where})
        elif "/tag/" in self.path:
            self.hub.tags.append(json.loads(body)["tag"])
            self._answer({})
        else:
            self._answer({"error": self.path}, 404)

    def do_HEAD(self) -> None:
        """Say what a file is."""
        self._file()

    def do_GET(self) -> None:
        """Give a file, or the list of them."""
        path = self.path.split("?")[0]
        if path.startswith("/api/models/") and "/revision/" in path:
            siblings = [{"rfilename": name} for name in self.hub.files]
            self._answer({"id": next(iter(self.hub.repos)), "sha": COMMIT, "siblings": siblings})
        elif path.startswith("/api/models/") and "/tree/" in path:
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
                for name, content in self.hub.files.items()
            ]
            self._answer(entries)
        else:
            self._file()

    def _file(self) -> None:
        content = self.hub.files.get(self.path.split(f"/resolve/{COMMIT}/")[-1])
        if content is None:
            self._answer({"error": "Entry not found"}, 404)
            return
        self.send_response(200)
        self.send_header("ETag", f'"{_oid(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self._end(content)

    def _answer(self, content: Any, code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self._end(json.dumps(content).encode())

    def _end(self, content: bytes) -> None:
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while length := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)


def _files(body: bytes) -> list[dict[str, Any]]:
    return json.loads(body)["files"]


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Run a hub while the block lasts."""
    handler = type("Handler", (_Handler,), {})
    with listening(handler) as address:
        handler.hub = Hub(address)
        yield handler.hub
