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
"""A training that is killed or stopped at any moment goes on to the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from monai_dcgan.handlers import latest_checkpoint
from monai_dcgan.utils.weights import read_checkpoint
from tests.killable import EPOCHS, STEPS, die_in_child, end_of, make_run, pause_in_child, same, start, train_in_child

KILLS = 20


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Train with one thread here, as the killed processes do: sums over two have other last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Last checkpoint of a training that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    make_run(folder, interval=None).run()
    return end_of(folder)


def hidden(folder):
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def go_on(folder, whole, **options):
    """Go on in this process and compare the end with the training that was never stopped."""
    make_run(folder, resume=True, **options).run()
    assert same(end_of(folder), whole)
    assert hidden(folder) == []


def saved_step(folder):
    path = latest_checkpoint(folder)
    return 0 if path is None else int(path.stem.removeprefix("step_"))


def test_killed_at_any_moment(whole, tmp_path):
    durations = []
    for name in ("first", "second"):
        process, connection = start(train_in_child, tmp_path / name, {})
        began = time.monotonic()
        connection.send("go")
        assert connection.recv() == "done"
        durations.append(time.monotonic() - began)
        process.join(60)
        assert same(end_of(tmp_path / name), whole)
    moments = random.Random(0)
    steps = []
    for number in range(KILLS):
        folder = tmp_path / f"run{number}"
        process, connection = start(train_in_child, folder, {})
        connection.send("go")
        time.sleep(min(durations) * (number + moments.random()) / KILLS)
        process.kill()
        process.join(30)
        steps.append(saved_step(folder))
        go_on(folder, whole)
    assert len({step for step in steps if step % STEPS}) > 3, steps


# A checkpoint brings its file and then its folder to the disk, and the third one deletes the first.
@pytest.mark.parametrize(
    ("call", "number", "steps"),
    [("fsync", 1, 0), ("fsync", 2, 1), ("fsync", 15, 7), ("replace", 7, 6), ("replace", 12, 11), ("unlink", 20, 11)],
)
@pytest.mark.parametrize("after", [False, True])
def test_killed_while_a_checkpoint_is_written(whole, tmp_path, call, number, steps, after):
    folder = tmp_path / "run"
    process, connection = start(die_in_child, folder, call, number, after)
    connection.send("go")
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert saved_step(folder) == steps + (call == "replace" and after)
    go_on(folder, whole)


def test_killed_with_workers(whole, tmp_path):
    process, connection = start(pause_in_child, tmp_path, "ITERATION_STARTED", 9, {"num_workers": 2})
    connection.send("go")
    assert connection.poll(60)
    assert connection.recv() == "there"
    process.kill()
    process.join(60)
    assert saved_step(tmp_path) == 8
    go_on(tmp_path, whole, num_workers=2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("event", "step", "saved", "options"),
    [
        ("ITERATION_STARTED", 9, 9, {"interval": None}),
        # All processes of the group get the signal, as with Ctrl-C: the workers stay until the step is done.
        ("ITERATION_STARTED", 9, 9, {"interval": None, "num_workers": 2}),
        # At the end of an epoch what belongs to it is done first; then the epoch is saved though it is not due.
        ("ITERATION_COMPLETED", STEPS, STEPS, {"interval": None, "every": 2}),
    ],
)
def test_signal(whole, tmp_path, number, event, step, saved, options):
    process, connection = start(pause_in_child, tmp_path, event, step, options)
    connection.send("go")
    assert connection.poll(60)
    assert connection.recv() == "there"
    os.killpg(process.pid, number)
    connection.send("on")
    process.join(60)
    assert process.exitcode == 128 + number
    assert saved_step(tmp_path) == saved
    go_on(tmp_path, whole, **options)


def test_second_signal_leaves_at_once(tmp_path):
    process, connection = start(pause_in_child, tmp_path, "ITERATION_STARTED", 9, {"interval": None})
    connection.send("go")
    assert connection.recv() == "there"
    os.kill(process.pid, signal.SIGTERM)
    # The first has arrived once it is no longer pending.
    while int(status(process.pid, "ShdPnd"), 16) & 1 << signal.SIGTERM - 1:
        os.sched_yield()
    os.kill(process.pid, signal.SIGTERM)
    process.join(30)
    assert process.exitcode == -signal.SIGTERM
    assert saved_step(tmp_path) == STEPS


def status(pid, name):
    with open(f"/proc/{pid}/status") as stream:
        return next(line.split()[1] for line in stream if line.startswith(f"{name}:"))


def test_signal_after_the_last_epoch_changes_nothing(whole, tmp_path):
    process, connection = start(pause_in_child, tmp_path, "ITERATION_COMPLETED", EPOCHS * STEPS, {})
    connection.send("go")
    assert connection.recv() == "there"
    os.kill(process.pid, signal.SIGTERM)
    connection.send("on")
    process.join(60)
    assert process.exitcode == 0
    assert same(end_of(tmp_path), whole)


def test_signal_through_the_command_line(phantoms, tiny, tmp_path, repository):
    """A run that SIGTERM stopped twice ends in the bits of one that was never stopped."""
    run, whole, overlay = tmp_path / "run", tmp_path / "whole", tmp_path / "overlay.json"
    overlay.write_text(json.dumps({"+train#handlers": [{"_target_": "tests.killable.SignalAt"}]}))
    command = [sys.executable, "-m", "monai_dcgan", "train", phantoms, *tiny, "--config", overlay, "--out"]

    def call(folder, step, *more):
        environment = {**os.environ, "PYTHONPATH": str(repository), "SIGNAL_AT": str(step)}
        return subprocess.run([*map(str, command), folder, *more], env=environment, capture_output=True, text=True)

    assert call(whole, 0).returncode == 0
    for step, more in ((2, []), (6, ["--resume"])):
        done = call(run, step, *more)
        assert done.returncode == 143, done.stderr
        assert f"stopped by SIGTERM after {8 * step} images, saved as" in done.stderr
        assert latest_checkpoint(run / "checkpoints").name == f"step_{step:09d}.pt"
    done = call(run, 0, "--resume")
    assert done.returncode == 0, done.stderr
    ends = [read_checkpoint(latest_checkpoint(folder / "checkpoints")) for folder in (run, whole)]
    assert [name for name in ends[0] if not same(ends[0][name], ends[1][name])] == []
