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
"""A stopped ``prepare`` loses nothing that was done, and ends in the same bytes: killed, doubled, out of space."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.data.parallel import run_parallel
from monai_dcgan.data.store import StoreFolder, begin_store, read_header, whole_shards
from monai_dcgan.data.store import folder as folder_module
from monai_dcgan.data.store import presence as presence_module
from tests.data.store_makers import (
    SETTINGS,
    add_case,
    break_case,
    contents,
    count_reads,
    die_in_child,
    hidden,
    list_cases,
    make_cases,
    open_partly,
    prepare_in_child,
    start,
)

CASES = 24
# A header, three files a case, then table, cases, problems and the header again.
FILES = 1 + 3 * CASES + 4
KILLS = 20


def resume(data, target, whole, monkeypatch, **options):
    """Go on with a store and compare it with the whole one; return the number of cases that were read for it."""
    reads = count_reads(monkeypatch)
    store = prepare(data, target, **SETTINGS, **options)
    assert store.complete
    assert contents(target) == contents(whole.path)
    monkeypatch.undo()
    return len(reads)


def test_killed_at_any_moment(data, whole, tmp_path, monkeypatch):
    durations = []
    for name in ("first", "second"):
        process, connection = start(prepare_in_child, data, tmp_path / name, {})
        began = time.monotonic()
        connection.send("go")
        assert connection.recv() == (len(whole), True)
        durations.append(time.monotonic() - began)
        process.join()
    moments = random.Random(0)
    partial = 0
    for number in range(KILLS):
        target = tmp_path / f"store{number}"
        process, connection = start(prepare_in_child, data, target, {"num_workers": 1 + number % 2})
        connection.send("go")
        time.sleep(min(durations) * (number + moments.random()) / KILLS)
        process.kill()
        process.join()
        slices = open_partly(target, whole)
        partial += 0 < slices < len(whole)
        done = len(whole_shards(SliceStore(target).folder)) if slices else 0
        assert resume(data, target, whole, monkeypatch) == CASES - done
    assert partial > 0


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 40, FILES - 4, FILES - 3, FILES - 2, FILES - 1, FILES])
def test_killed_at_a_file(data, whole, tmp_path, monkeypatch, number, after):
    process, connection = start(die_in_child, data, tmp_path / "store", {}, "replace", number, after)
    connection.send("go")
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(hidden(tmp_path / "store")) == (0 if after else 1)
    open_partly(tmp_path / "store", whole)
    done = max(0, min(number - (0 if after else 1) - 1, 3 * CASES)) // 3
    assert resume(data, tmp_path / "store", whole, monkeypatch) == CASES - done
    # What the killed process left is deleted once it is old.
    monkeypatch.setattr(folder_module, "STALE_SECONDS", -1)
    prepare(data, tmp_path / "store", **SETTINGS)
    assert hidden(tmp_path / "store") == []


@pytest.mark.parametrize(("call", "number"), [("replace", 1), ("replace", 2), ("replace", 4), ("replace", 8)])
@pytest.mark.parametrize("after", [False, True])
def test_killed_in_an_update(tmp_path, monkeypatch, call, number, after):
    kill_update(tmp_path, monkeypatch, call, number, after)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_killed_while_old_shards_are_deleted(tmp_path, monkeypatch, number):
    kill_update(tmp_path, monkeypatch, "remove", number, after=False)


def kill_update(tmp_path, monkeypatch, call, number, after):
    data = make_cases(tmp_path / "data", 3)
    prepare(data, tmp_path / "store", **SETTINGS)
    for changed in (1, 2):
        add_case(data, changed, seed=9 + changed)
    fresh = prepare(data, tmp_path / "fresh", **SETTINGS)
    process, connection = start(die_in_child, data, tmp_path / "store", {"update": True}, call, number, after)
    connection.send("go")
    process.join()
    assert process.exitcode == -signal.SIGKILL
    resume(data, tmp_path / "store", fresh, monkeypatch, update=True)


@pytest.mark.parametrize("update", [False, True])
def test_two_at_once(data, whole, tmp_path, update):
    for number in range(4):
        target = tmp_path / f"store{number}"
        if update:
            list_cases(data, range(CASES // 2))
            prepare(data, target, **SETTINGS)
            list_cases(data, range(CASES))
        both = [start(prepare_in_child, data, target, {"update": update}) for _ in range(2)]
        for _, connection in both:
            connection.send("go")
        for process, connection in both:
            assert connection.poll(60)
            assert connection.recv() == (len(whole), True)
            process.join()
        assert contents(target) == contents(whole.path)
        assert hidden(target) == []


@pytest.mark.parametrize("num_workers", [1, 4])
def test_bad_case_leaves_nothing_behind(data, tmp_path, num_workers):
    """Threads that are at other cases must not write into the folder once it is gone."""
    bad = make_cases(tmp_path / "data", 6)
    break_case(bad, 0)
    for _ in range(5):
        with pytest.raises(ValueError, match=r"case P00 cannot be used .*P00\.nii\.gz"):
            prepare(bad, tmp_path / "store", num_workers=num_workers, **SETTINGS)
        there = contents(tmp_path / "store")
        assert not there or "store.json" in there


@pytest.mark.parametrize("num_workers", [1, 4])
def test_closing_waits_for_the_calls_that_have_begun(num_workers):
    begun, ended = [], []

    def work(number):
        begun.append(number)
        time.sleep(0.2 if number else 0)
        ended.append(number)

    with closing(run_parallel(work, range(20), num_workers)) as results:
        next(results)
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 20
    time.sleep(0.3)
    assert len(begun) == len(ended)


def test_store_begun_by_another_process_meanwhile(data, whole, monkeypatch):
    """Neither is it something else, nor is a complete one declared incomplete, nor a deleted file an error."""
    folder = StoreFolder(whole.path)
    header = read_header(folder)
    answers = [None, header]
    monkeypatch.setattr(presence_module, "read_header", lambda folder: answers.pop(0))
    assert presence_module.is_made(folder, header["key"], header["settings"])
    assert answers == []
    before = contents(whole.path)
    begin_store(folder, header["key"], header["settings"], header["shards"])
    assert contents(whole.path) == before
    monkeypatch.setattr(folder.fs, "rm_file", raise_missing)
    monkeypatch.setattr(folder.fs, "exists", lambda path: True)
    folder.remove("slices.csv")


def raise_missing(path):
    raise FileNotFoundError(path)


def test_skipped_case_stops_a_stricter_call(tmp_path):
    data = make_cases(tmp_path / "data", 3)
    break_case(data, 1)
    assert prepare(data, tmp_path / "store", on_error="skip", **SETTINGS).left_out == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="case P01 cannot be used"):
            prepare(data, tmp_path / "store", **SETTINGS)


@pytest.mark.parametrize(
    ("number", "num_workers"), [(1, 1), (2, 1), (40, 1), (40, 4), (FILES - 3, 1), (FILES - 1, 1), (FILES, 1)]
)
def test_full_disk(data, whole, tmp_path, monkeypatch, number, num_workers):
    target = tmp_path / "store"
    write, count = Path.write_bytes, 0

    def full(path, content):
        nonlocal count
        count += 1
        if count < number:
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left for .* free some and run prepare again, what is done is kept"):
        prepare(data, target, num_workers=num_workers, **SETTINGS)
    monkeypatch.undo()
    assert hidden(target) == []
    slices = open_partly(target, whole)
    assert (slices > 0) == (number > 4)
    done = len(whole_shards(SliceStore(target).folder)) if slices else 0
    assert resume(data, target, whole, monkeypatch) == CASES - done


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for some of the cases."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_really_full_disk(data, whole, small_disk, monkeypatch):
    with pytest.raises(OSError, match="no space left for"):
        prepare(data, small_disk / "store", **SETTINGS)
    assert hidden(small_disk) == []
    assert 0 < open_partly(small_disk / "store", whole) < len(whole)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert 0 < resume(data, small_disk / "store", whole, monkeypatch) < CASES
