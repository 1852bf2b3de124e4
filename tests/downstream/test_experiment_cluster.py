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
"""Groups of an experiment in the workers of a real Dask cluster."""

from __future__ import annotations

import json
import pickle
import re
import threading
import time

import pytest
import torch

from monai_dcgan.downstream import Group
from monai_dcgan.downstream.processes import GroupFailed, completed
from monai_dcgan.utils.files import read_json
from tests.downstream.experiment_makers import files_of, make_experiment

distributed = pytest.importorskip("distributed", reason="a cluster needs the package distributed")

SMALL = {"arms": ["real", "real+synthetic"], "tasks": ["segmentation"]}
WORKERS = 2


@pytest.fixture(scope="module")
def address():
    with distributed.LocalCluster(
        n_workers=WORKERS, threads_per_worker=2, processes=True, dashboard_address=":0"
    ) as running:
        yield running.scheduler_address


@pytest.fixture(scope="module")
def here(phantoms, tmp_path_factory):
    experiment = make_experiment(phantoms, tmp_path_factory.mktemp("here") / "out", **SMALL)
    experiment.run()
    return experiment


def test_the_same_bits_as_here(here, phantoms, address, tmp_path):
    experiment = make_experiment(phantoms, tmp_path / "out", dask=address, **SMALL)
    experiment.run()
    for cell in here.plan.cells():
        assert experiment.measured_file(cell).name == here.measured_file(cell).name
        assert experiment.measured_file(cell).read_bytes() == here.measured_file(cell).read_bytes()
        one, other = (made._file("networks", cell, "pt").read_bytes() for made in (here, experiment))
        assert one == other
        threads = read_json(experiment._file("networks", cell, "json"))["threads"]
        assert threads == torch.get_num_threads()
    for group in here.plan.groups():
        one, other = (made.generator_folder(group) / "model.pt" for made in (here, experiment))
        assert one.read_bytes() == other.read_bytes()
    assert "dask" not in json.dumps(experiment.contents.of_network(next(iter(experiment.plan.cells()))))
    before = files_of(experiment.folder)
    make_experiment(phantoms, tmp_path / "out", dask=address, **SMALL).run()
    assert files_of(experiment.folder) == before


def test_no_slices_travel(here):
    images, masks, _ = here.store.as_arrays(range(len(here.store)))
    sent = pickle.dumps(here)
    assert len(sent) < (images.nbytes + masks.nbytes) / 50
    assert pickle.loads(sent).store.digest == here.store.digest
    other = pickle.loads(sent)
    object.__setattr__(other.contents, "data", "0")
    with pytest.raises(ValueError, match="must hold the same slices on every machine, got others"):
        _ = other.store


def test_a_failure_names_the_group(phantoms, address, tmp_path):
    experiment = make_experiment(phantoms, tmp_path / "out", dask=address, network_learning_rate=1e30, **SMALL)
    with pytest.raises(
        GroupFailed, match=r"patients\d_seed0 failed on .*, ValueError: the loss must stay finite"
    ) as error:
        experiment.run()
    # Where in the code it was comes along.
    assert any("training.py" in str(entry.path) for entry in error.traceback)


def test_other_packages_on_the_workers_are_refused(address, monkeypatch):
    monkeypatch.setattr("monai_dcgan.downstream.processes.package_versions", lambda: {"torch": "0.1"})
    with pytest.raises(GroupFailed, match=re.escape("workers must have the versions {'torch': '0.1'}, got {'python'")):
        list(completed(write_times, [Group(1, 0)], dask=address))


def write_times(group, threads, folder=None):
    """Write down when a call began and ended, and in which process."""
    import os

    began = time.monotonic()
    time.sleep(0.6)
    with open(f"{folder}/{os.getpid()}-{group.seed}-{time.monotonic_ns()}", "w") as file:
        json.dump([began, time.monotonic()], file)
    return group


class Write:
    """Writes down when it is called, into a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, group, threads):
        """Write it down."""
        return write_times(group, threads, self.folder)


def overlapping(spans):
    spans = sorted(spans)
    return any(first[1] > second[0] for first, second in zip(spans, spans[1:]))


def test_one_group_at_once_in_a_worker_and_in_one_alone(address, tmp_path):
    """Whoever asks for a group that another one has begun waits for it."""

    def ask():
        list(completed(Write(tmp_path), [Group(1, 0), Group(1, 1), Group(1, 2)], dask=address, folder=tmp_path))

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    times = {tuple(path.name.split("-")): json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert len(times) == 6
    assert len({process for process, *_ in times}) == WORKERS
    for place in (0, 1):
        for name in {key[place] for key in times}:
            assert not overlapping([span for key, span in times.items() if key[place] == name])
    assert overlapping(list(times.values()))


def test_a_lost_worker_names_the_group(address):
    with distributed.Client(address) as client:
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    with pytest.raises(OSError, match=r"KilledWorker .*patients3_seed4.* run the same command again"):
        list(completed(die, [Group(3, 4)], dask=address))


def die(group, threads):
    import os

    os.kill(os.getpid(), 9)
