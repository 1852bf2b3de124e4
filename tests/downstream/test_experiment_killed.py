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
"""An experiment that is killed at any moment ends, by the same command, with the same bits."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest
import torch

from monai_dcgan.downstream.processes import like_a_new_process
from monai_dcgan.handlers import latest_checkpoint
from monai_dcgan.workflow import config_file
from tests.downstream.experiment_makers import SETTINGS
from tests.downstream.killable_experiments import (
    at_call,
    command_in_child,
    descendants,
    monai_in_child,
    when_replaced,
)
from tests.killable import start

OWN = {
    "max_epochs": 2,
    "checkpoint_interval": 2,
    "tasks": ["segmentation"],
    "arms": ["real", "real+synthetic", "real+classical+synthetic"],
    "patients": [2],
}
NETWORKS = 3
# Two optimizers take four steps an epoch for the generator; each network takes six.
G_EPOCH, N_STEPS = 8, 6
KILL, TERM = signal.SIGKILL, signal.SIGTERM


def settings(data, folder, **changes):
    where = {"dataset_dir": str(data), "output_dir": str(folder), "cache_dir": str(folder.parent / "cache")}
    return {**where, **SETTINGS, **OWN, **changes}


def command(data, folder, moment=None, **changes):
    """Run the command in a process and return how it ended."""
    arguments = ["augment", str(data), "--out", str(folder)]
    for name, value in settings(data, folder, **changes).items():
        arguments += ["--set", f"{name}={value!r}"]
    process, _ = start(command_in_child, arguments, moment)
    process.join(300)
    return process.exitcode


def by_monai(data, folder, moment=None, **changes):
    """Do the same by MONAI's command."""
    files = [str(config_file(name)) for name in ("train", "downstream")]
    process, _ = start(monai_in_child, files, settings(data, folder, **changes), moment)
    process.join(300)
    return process.exitcode


def bits(folder):
    """Return what must not depend on how often an experiment was killed."""
    names = ("networks/[!.]*.pt", "measured/[!.]*.json", "generators/*/model.pt")
    kept = [path for name in names for path in folder.glob(name)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def complete(folder):
    """Return what is complete, and when it was written."""
    # Files that were not finished begin with a dot.
    networks = [path for path in folder.glob("networks/[!.]*.pt") if path.with_suffix(".json").is_file()]
    runs = [
        path for path in folder.glob("generators/*/run.json") if json.loads(path.read_text())["status"] == "completed"
    ]
    paths = [*networks, *(path.with_suffix(".json") for path in networks), *runs, *folder.glob("measured/[!.]*.json")]
    return {path: path.stat().st_mtime_ns for path in [*paths, *(run.with_name("model.pt") for run in runs)]}


@pytest.fixture(scope="module")
def whole(phantoms, tmp_path_factory):
    """What an experiment keeps that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert command(phantoms, folder) == 0
    assert len(bits(folder)) == 2 * NETWORKS + 1
    return bits(folder)


# What arranges the end, and how much is complete then: generators, networks, numbers.
@pytest.mark.parametrize(
    ("moment", "done"),
    [
        ((at_call, "Adam", 3, KILL), (0, 1, 1)),
        ((at_call, "Adam", G_EPOCH + 3, KILL), (0, 1, 1)),
        ((at_call, "AdamW", 3, KILL), (0, 0, 0)),
        ((at_call, "AdamW", N_STEPS + 4, KILL), (1, 1, 1)),
        ((when_replaced, "networks", ".pt", 2, True, KILL), (1, 1, 1)),
        ((when_replaced, "measured", ".json", 2, False, KILL), (1, 2, 1)),
        ((when_replaced, "measured", ".json", 2, True, KILL), (1, 2, 2)),
    ],
)
def test_killed_and_called_again(whole, phantoms, tmp_path, moment, done):
    folder = tmp_path / "out"
    assert command(phantoms, folder, moment) == -KILL
    before = complete(folder)
    generators, networks, numbers = done
    assert len(before) == 2 * generators + 2 * networks + numbers
    assert command(phantoms, folder) == 0
    after = complete(folder)
    assert before.items() <= after.items()
    assert bits(folder) == whole
    assert len(list(folder.glob("reports/*/report.md"))) == 1


def test_killed_again_and_again(whole, phantoms, tmp_path):
    folder = tmp_path / "out"
    steps = []
    for _ in range(3):
        # In the third step since it went on; every second one is saved.
        assert command(phantoms, folder, (at_call, "Adam", 5, KILL)) == -KILL
        steps += [latest_checkpoint(path).stem for path in folder.glob("generators/*/checkpoints")]
    assert steps == ["step_000000002", "step_000000004", "step_000000006"]
    for moment in ((at_call, "AdamW", 3, KILL), (when_replaced, "measured", ".json", 1, True, KILL)):
        assert command(phantoms, folder, moment) == -KILL
    assert command(phantoms, folder) == 0
    assert bits(folder) == whole


@pytest.mark.parametrize("run", [command, by_monai])
def test_asked_to_stop(whole, phantoms, tmp_path, run):
    """The generator is saved after the step that it is at."""
    folder = tmp_path / "out"
    assert run(phantoms, folder, (at_call, "Adam", G_EPOCH + 3, TERM)) == 128 + TERM
    (generator,) = folder.glob("generators/*/checkpoints")
    assert latest_checkpoint(generator).name == "step_000000006.pt"
    before = complete(folder)
    assert len(before) == 3
    assert run(phantoms, folder) == 0
    assert before.items() <= complete(folder).items()
    assert bits(folder) == whole


def test_asked_to_stop_between_generators(whole, phantoms, tmp_path):
    """What was not complete of a network is lost, and no more."""
    folder = tmp_path / "out"
    assert command(phantoms, folder, (at_call, "AdamW", N_STEPS + 1, TERM)) == -TERM
    before = complete(folder)
    assert len(before) == 5
    assert command(phantoms, folder) == 0
    assert before.items() <= complete(folder).items()
    assert bits(folder) == whole


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells children of their parent's end on Linux alone")
@pytest.mark.parametrize("everyone", [False, True])
def test_processes_end_with_the_one_that_started_them(phantoms, tmp_path, everyone):
    """Killed alone, or all asked to stop at once; generators are saved and groups that wait are not begun."""
    folder = tmp_path / "out"
    # Nothing but the end of a process makes a checkpoint.
    endless = {"images_per_epoch": 8 * 10**6, "checkpoint_interval": None, "log_interval": 2}
    arguments = ["augment", str(phantoms), "--out", str(folder)]
    for name, value in settings(phantoms, folder, processes=2, seeds=[0, 1, 2], **endless).items():
        arguments += ["--set", f"{name}={value!r}"]
    process, _ = start(command_in_child, arguments, None)

    def shown():
        logs = folder.glob("generators/*/metrics.jsonl")
        return sum(bool(log.read_text()) for log in logs)

    assert wait_until(lambda: shown() == 2, 120)
    children = descendants(process.pid)
    assert len(children) >= 2
    if everyone:
        for child in children:
            os.kill(child, TERM)
        process.terminate()
    else:
        process.kill()
    process.join(30)
    assert process.exitcode == (-TERM if everyone else -KILL)
    assert wait_until(lambda: not any(os.path.exists(f"/proc/{child}") for child in children), 40)
    runs = [path.parent for path in folder.glob("generators/*/run.json")]
    assert len(runs) == 2
    for run in runs:
        saved = int(latest_checkpoint(run / "checkpoints").stem.removeprefix("step_"))
        logged = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["iteration"]
        assert logged <= saved < logged + 2


def denormals_kept():
    """Return how many of many products that are denormal are not taken for 0, with all threads."""
    # Products of two normal numbers below the least normal one.
    return int((torch.full((2**20,), 1e-30) * 1e-10 != 0).sum())


def test_what_a_process_did_before_does_not_matter():
    threads = torch.get_num_threads()
    try:
        counts = []
        for before in (True, False, True):
            torch.set_flush_denormal(before)
            like_a_new_process(1)
            counts.append(denormals_kept())
        assert counts == [0, 0, 0]
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
