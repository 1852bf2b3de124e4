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
"""The workers of a real Dask cluster make the same store."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.data import parallel as parallel_module
from monai_dcgan.data.parallel import run_parallel
from tests.data.store_makers import SETTINGS, break_case, contents, count_reads, die, hidden, make_cases, process_of

distributed = pytest.importorskip("distributed", reason="a cluster needs the package distributed")

CASES = 12
WORKERS = 3


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def address(cluster):
    return cluster.scheduler_address


def test_all_workers_do_the_work(address):
    processes = set(run_parallel(process_of, range(60), dask=address))
    assert len(processes) == WORKERS
    assert os.getpid() not in processes


def test_same_bytes(data, whole, address, tmp_path, monkeypatch):
    reads = count_reads(monkeypatch)
    store = prepare(data, tmp_path / "store", dask=address, **SETTINGS)
    assert reads == []
    assert store.complete
    assert contents(tmp_path / "store") == contents(whole.path)
    assert hidden(tmp_path / "store") == []


def test_address_without_a_protocol(address):
    assert list(run_parallel(process_of, [0], dask=address.removeprefix("tcp://")))


def test_each_item_once_whatever_their_number(address):
    for count in (0, 1, 5, 50):
        assert sorted(run_parallel(str, range(count), dask=address)) == sorted(map(str, range(count)))
    # Equal items are not one piece of work.
    assert list(run_parallel(str, [7, 7, 7], dask=address)) == ["7"] * 3


def test_problem_on_a_worker(address, tmp_path):
    bad = make_cases(tmp_path / "data", 8)
    break_case(bad, 3)
    texts = []
    for number, dask in enumerate((None, address, address)):
        with pytest.raises(ValueError, match=r"case P03 cannot be used .*P03\.nii\.gz") as caught:
            prepare(bad, tmp_path / f"store{number}", dask=dask, **SETTINGS)
        texts.append(str(caught.value))
        # Workers that are at other cases do not write into the folder once it is gone.
        before = contents(tmp_path / f"store{number}")
        assert not before or "store.json" in before
        time.sleep(0.3)
        assert contents(tmp_path / f"store{number}") == before
    assert len(set(texts)) == 1


def test_skipped_cases(address, tmp_path):
    bad = make_cases(tmp_path / "data", 8)
    break_case(bad, 1)
    break_case(bad, 6)
    stores = [
        prepare(bad, tmp_path / name, on_error="skip", dask=dask, **SETTINGS)
        for name, dask in (("here", None), ("there", address))
    ]
    assert [store.left_out for store in stores] == [2, 2]
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_going_on_elsewhere(data, whole, address, tmp_path, monkeypatch):
    """What a stopped call has done here is not done again there."""
    real = parallel_module.run_parallel
    monkeypatch.setattr(sys.modules["monai_dcgan.data.prepare"], "run_parallel", lambda *args: cut_short(real(*args)))
    with pytest.raises(KeyboardInterrupt):
        prepare(data, tmp_path / "store", **SETTINGS)
    monkeypatch.undo()
    done = {name: (tmp_path / "store" / name).stat().st_mtime_ns for name in contents(tmp_path / "store")}
    shards = [name for name in done if name.startswith("shards")]
    assert len(shards) == 3 * 5
    prepare(data, tmp_path / "store", dask=address, **SETTINGS)
    assert contents(tmp_path / "store") == contents(whole.path)
    assert all((tmp_path / "store" / name).stat().st_mtime_ns == done[name] for name in shards)


def cut_short(results):
    for number, result in enumerate(results, start=1):
        yield result
        if number == 5:
            raise KeyboardInterrupt


def test_worker_that_dies(data, whole, cluster, address, tmp_path):
    """Others take over what it was at."""
    (pid, *_) = [nanny.pid for nanny in cluster.workers.values()]
    shards = tmp_path / "store" / "shards"

    def kill():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (shards.is_dir() and any(shards.glob("*.json"))):
            time.sleep(0.002)
        os.kill(pid, 9)

    thread = threading.Thread(target=kill)
    thread.start()
    prepare(data, tmp_path / "store", dask=address, **SETTINGS)
    thread.join()
    assert contents(tmp_path / "store") == contents(whole.path)


def test_work_that_kills_its_worker(cluster, address, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(OSError, match=r"must keep its workers, got KilledWorker .* run prepare again"):
        list(run_parallel(die, [0], dask=address))


def test_cluster_whose_workers_are_yet_to_come(caplog):
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as running:
        threading.Timer(0.5, running.scale, [1]).start()
        assert list(run_parallel(str, range(5), dask=running.scheduler_address)) == ["0", "1", "2", "3", "4"]
    assert "has no worker yet" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        ("tcp://127.0.0.1:1", OSError, "a Dask scheduler that answers, got 'tcp://127.0.0.1:1'"),
        ("127.0.0.1:1", OSError, "a Dask scheduler that answers, got '127.0.0.1:1'"),
        ("tcp://no.such.host.invalid:8786", OSError, "a Dask scheduler that answers, got 'tcp://no.such"),
        ("nonsense", ValueError, "a Dask scheduler, such as tcp://host:8786, got 'nonsense'"),
        ("smoke://host:1", ValueError, "a Dask scheduler, such as tcp://host:8786, got 'smoke://host:1'"),
    ],
)
def test_wrong_address(data, whole, tmp_path, monkeypatch, wrong, kind, text):
    monkeypatch.setattr(parallel_module, "CONNECT_SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(kind, match=text):
        prepare(data, tmp_path / "store", dask=wrong, **SETTINGS)
    assert time.monotonic() - began < 8
    # The same call goes on without.
    assert len(prepare(data, tmp_path / "store", **SETTINGS)) == len(whole)


def test_without_the_package(data, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel_module, "HAS_DASK", False)
    with pytest.raises(ImportError, match=r"needs the package distributed: pip install 'monai_dcgan\[dask\]'"):
        prepare(data, tmp_path / "store", dask="tcp://127.0.0.1:1", **SETTINGS)


def test_store_made_elsewhere_is_reused(data, whole, tmp_path, monkeypatch):
    """No cluster is asked where nothing is left to do."""
    prepare(data, tmp_path / "store", **SETTINGS)
    monkeypatch.setattr(parallel_module, "CONNECT_SECONDS", 1)
    assert len(prepare(data, tmp_path / "store", dask="tcp://127.0.0.1:1", **SETTINGS)) == len(SliceStore(whole.path))
