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
"""Tests of downloads, against a server on this machine."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import re
import socket

import numpy as np
import pytest

from monai_dcgan.utils.downloads import check_sha256, download, verify_file
from tests.utils.web import serve

CONTENT = np.random.RandomState(0).bytes(700_000)
HASH = hashlib.sha256(CONTENT).hexdigest()
NAME = "weights.pt"


@pytest.fixture
def web():
    with serve() as server:
        server.files[NAME] = CONTENT
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / NAME


def fetch(web, target, **options):
    return download(f"{web.url}/{NAME}", target, options.pop("sha256", HASH), **{"wait": 0, **options})


def left(target):
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


def test_once_and_never_again(web, target):
    assert fetch(web, target) == target
    assert target.read_bytes() == CONTENT
    assert left(target) == [NAME]
    assert fetch(web, target, sha256=HASH.upper()) == target
    assert web.asked == [(NAME, None)]


def test_cut_off_and_resumed_in_one_call(web, target):
    web.cut = [100_000, 200_000]
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in web.asked] == [None, "bytes=100000-", "bytes=300000-"]


def test_cut_off_and_resumed_by_the_next_call(web, target):
    web.cut = [250_000]
    with pytest.raises(ConnectionError, match=r"cannot be fetched: it ended after 250000 of 700000 bytes"):
        fetch(web, target, tries=1)
    assert left(target) == [f"{NAME}.part"]
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert web.asked[-1] == (NAME, "bytes=250000-")
    assert left(target) == [NAME]


def test_a_server_without_parts_begins_again(web, target):
    web.ranges, web.cut = False, [250_000]
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in web.asked] == [None, "bytes=250000-"]


def test_a_server_that_sends_other_bytes_is_not_believed(web, target):
    web.wrong_range, web.cut = True, [250_000]
    with pytest.raises(ConnectionError, match="the server sent other bytes than those from 250000 on"):
        fetch(web, target)
    assert not target.exists()


def test_wrong_hash(web, target):
    with pytest.raises(ValueError, match=rf"must have the SHA-256 {'0' * 64}, got {HASH}; the file is removed"):
        fetch(web, target, sha256="0" * 64)
    assert left(target) == []


def test_a_part_of_another_file_is_begun_again(web, target, caplog):
    target.parent.mkdir()
    part = target.with_name(f"{NAME}.part")
    for content in (b"x" * 1000, b"y" * 700_000, b"z" * 800_000):
        part.write_bytes(content)
        target.unlink(missing_ok=True)
        with caplog.at_level(logging.WARNING):
            fetch(web, target)
        assert target.read_bytes() == CONTENT
        assert left(target) == [NAME]
    assert "what was begun earlier is of another file" in caplog.text


def test_a_whole_part_is_taken_without_fetching_it(web, target):
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(CONTENT)
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert web.asked == [(NAME, "bytes=700000-")]


def test_not_found_is_not_tried_again(web, target):
    web.files.clear()
    expected = (
        f"{web.url}/{NAME} cannot be fetched: the server answers 404 Not Found. Without a network, fetch it elsewhere "
        f"and put it to {target}; its SHA-256 must be {HASH}"
    )
    with pytest.raises(ConnectionError, match=re.escape(expected)):
        fetch(web, target)
    assert len(web.asked) == 1
    assert not target.exists()


def test_a_busy_server_is_tried_again(web, target):
    web.codes = [503, 429]
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert len(web.asked) == 3


def test_no_network(target):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionError, match=rf"refused.* put it to {re.escape(str(target))}"):
        download(f"http://127.0.0.1:{port}/{NAME}", target, HASH, tries=2, wait=0)
    target.write_bytes(CONTENT)
    assert download(f"http://127.0.0.1:{port}/{NAME}", target, HASH) == target


def test_a_silent_server_is_given_up(target):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ConnectionError, match="timed out"):
            download(f"http://127.0.0.1:{silent.getsockname()[1]}/{NAME}", target, HASH, tries=1, timeout=0.2)


def test_the_file_of_a_user_is_verified_and_kept(web, target):
    target.parent.mkdir()
    target.write_bytes(b"something else")
    with pytest.raises(ValueError, match=rf"{NAME} must have the SHA-256 {HASH}, got .*; remove it, or bring"):
        fetch(web, target)
    assert target.read_bytes() == b"something else"
    assert web.asked == []
    with pytest.raises(ValueError, match="must have the SHA-256"):
        verify_file(target, HASH)
    with pytest.raises(FileNotFoundError, match="no such file"):
        verify_file(target.with_name("absent"), HASH)
    assert verify_file(target, hashlib.sha256(b"something else").hexdigest()) == target


def test_redirects_stay_on_the_web(web, target):
    web.redirects["old"] = f"{web.url}/{NAME}"
    assert download(f"{web.url}/old", target, HASH).read_bytes() == CONTENT
    web.redirects["away"] = "ftp://127.0.0.1/weights.pt"
    with pytest.raises(ConnectionError, match=r"sends on to 'ftp://127\.0\.0\.1/weights\.pt', which is not of http"):
        download(f"{web.url}/away", target.with_name("other"), HASH, tries=1)


def _fetch_in_process(url, path, barrier):
    barrier.wait()
    download(url, path, HASH, wait=0)


def test_processes_at_once(web, target):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    arguments = (f"{web.url}/{NAME}", target, barrier)
    processes = [context.Process(target=_fetch_in_process, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert target.read_bytes() == CONTENT
    assert len(web.asked) == 1


BAD = [
    ({"url": "ftp://host/x"}, "url must begin with http:// or https://, got 'ftp://host/x'"),
    ({"url": "file:///etc/passwd"}, "url must begin with http:// or https://"),
    ({"sha256": "6726825d"}, "sha256 must be 64 hexadecimal digits, got '6726825d'"),
    ({"sha256": None}, "sha256 must be 64 hexadecimal digits, got None"),
    ({"tries": 0}, "tries must be a whole number of at least 1, got 0"),
    ({"timeout": 0}, "timeout must be a number above 0, got 0"),
    ({"wait": -1}, "wait must be a number of at least 0, got -1"),
]


@pytest.mark.parametrize(("options", "text"), BAD)
def test_arguments_that_do_not_fit(options, text, target):
    with pytest.raises(ValueError, match=re.escape(text)):
        download(**{"url": "http://127.0.0.1/x", "path": target, "sha256": HASH, **options})
    assert not target.parent.exists()


def test_hash_in_lower_case():
    assert check_sha256("AB" * 32) == "ab" * 32
