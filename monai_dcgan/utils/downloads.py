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
"""Files from the web: resumed where they were cut off, verified by hash, whole or absent."""

from __future__ import annotations

import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from filelock import FileLock

from monai_dcgan.utils.checks import check_non_negative, check_positive, check_positive_int
from monai_dcgan.utils.files import sha256_file

__all__ = ["check_sha256", "download", "verify_file"]

logger = logging.getLogger(__name__)

_BLOCK = 1 << 18
_PROTOCOLS = ("http", "https")
# Answers after which another try makes sense: a busy server, or one that is being restarted.
_BUSY = (408, 425, 429, 500, 502, 503, 504)


def check_sha256(sha256: object) -> str:
    """Return ``sha256`` in lower case.

    Raises:
        ValueError: when it is not a whole SHA-256.
    """
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, got {sha256!r}; see sha256sum FILE")
    return sha256.lower()


def verify_file(path: str | Path, sha256: str) -> Path:
    """Return ``path`` when the file has this hash, such as one that was carried to a machine without a network.

    Args:
        path: the file; it is left as it is in any case.
        sha256: 64 hexadecimal digits.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it has another hash.
    """
    path, expected = Path(path), check_sha256(sha256)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    found = sha256_file(path)
    if found != expected:
        raise ValueError(f"{path} must have the SHA-256 {expected}, got {found}; remove it, or bring the right file")
    return path


def download(
    url: str, path: str | Path, sha256: str, *, timeout: float = 30.0, tries: int = 4, wait: float = 1.0
) -> Path:
    """Fetch a file once; later calls verify the one that is there and touch no network.

    What arrives goes into ``<path>.part`` and takes its name only when the hash is right. A download that was cut off
    goes on from there, in this call or the next, where the server can send parts. Of several processes one fetches
    and the others wait for it.

    Args:
        url: of ``http`` or ``https``, redirects too.
        path: file to write; its folder is made.
        sha256: what the whole file must have.
        timeout: seconds without an answer until a try is given up.
        tries: how often to begin, or go on, before giving up.
        wait: seconds before the second try, doubled before each further one.

    Returns:
        ``path``.

    Raises:
        ConnectionError: when the file cannot be fetched; the text says where to put it by hand.
        ValueError: when an argument does not fit, the file that is there has another hash, or what arrived has: it is
            removed.
    """
    expected = check_sha256(sha256)
    if urlsplit(url).scheme not in _PROTOCOLS:
        raise ValueError(f"url must begin with http:// or https://, got {url!r}")
    check_positive("timeout", timeout)
    check_positive_int("tries", tries)
    check_non_negative("wait", wait)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.exists():
            return verify_file(path, expected)
        part = Path(f"{path}.part")
        resumed = part.exists() and part.stat().st_size > 0
        _fetch(url, part, path, expected, timeout, tries, wait)
        found = sha256_file(part)
        if found != expected and resumed:
            logger.warning("%s: what was begun earlier is of another file; from the beginning", url)
            part.unlink()
            _fetch(url, part, path, expected, timeout, tries, wait)
            found = sha256_file(part)
        if found != expected:
            part.unlink()
            raise ValueError(
                f"{url} must have the SHA-256 {expected}, got {found}; the file is removed: it is damaged on its way "
                f"or has changed at its source. Put the right one to {path}"
            )
        os.replace(part, path)
    logger.info("%s: %.1f MB, SHA-256 as expected", path, path.stat().st_size / 1e6)
    return path


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but to the web only: not to ftp, which urllib would."""

    def redirect_request(self, request, fp, code, message, headers, url):  # type: ignore[no-untyped-def]
        """Return the request of the new place."""
        if urlsplit(url).scheme not in _PROTOCOLS:
            raise urllib.error.URLError(f"it sends on to {url!r}, which is not of http or https")
        return super().redirect_request(request, fp, code, message, headers, url)


def _fetch(url: str, part: Path, path: Path, sha256: str, timeout: float, tries: int, wait: float) -> None:
    """Fetch ``url`` into ``part``, going on where it ends, in several tries."""
    logger.info("fetching %s to %s", url, path)
    reason = ""
    for number in range(tries):
        if number:
            time.sleep(wait * 2 ** (number - 1))
        try:
            _fetch_once(url, part, timeout)
            return
        except urllib.error.HTTPError as error:
            reason = f"the server answers {error.code} {error.reason}"
            if error.code not in _BUSY:
                break
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", "") or error or type(error).__name__)
        logger.warning("%s: try %d of %d failed: %s", url, number + 1, tries, reason)
    raise ConnectionError(
        f"{url} cannot be fetched: {reason}. Without a network, fetch it elsewhere and put it to {path}; "
        f"its SHA-256 must be {sha256}"
    )


@dataclass(frozen=True)
class _Piece:
    """What an answer holds: from which byte, and how long the whole file is where the server says so."""

    start: int
    total: int | None


def _fetch_once(url: str, part: Path, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    # Compressed in transit, a part would not be a part of the file.
    headers = {"User-Agent": "monai_dcgan", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opener = urllib.request.build_opener(_WebOnly)
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            # Nothing behind the part: it is whole already, which its hash tells, or too long.
            total = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
            if total and int(total[1]) == have:
                return
            part.unlink()
            raise ConnectionResetError("the part that was there did not fit and is removed") from error
        raise
    with answer:
        _save(answer, _piece(answer, have), part)


def _piece(answer: http.client.HTTPResponse, have: int) -> _Piece:
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if found and int(found[1]) == have:
            return _Piece(have, None if found[2] == "*" else int(found[2]))
        raise ConnectionResetError(f"the server sent other bytes than those from {have} on")
    length = answer.headers.get("Content-Length", "")
    return _Piece(0, int(length) if length.isdigit() else None)


def _save(answer: IO[bytes], piece: _Piece, part: Path) -> None:
    size = piece.start
    with open(part, "ab" if piece.start else "wb") as stream:
        for block in iter(lambda: answer.read(_BLOCK), b""):
            stream.write(block)
            size += len(block)
    if piece.total is not None and size < piece.total:
        raise ConnectionResetError(f"it ended after {size} of {piece.total} bytes")
