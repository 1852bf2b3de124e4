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
"""Where and how the work of an experiment runs: in which process, and so that it does not matter in which."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import FrameType

import joblib
import torch
from monai.utils import optional_import

from monai_dcgan.data.parallel import OnCluster, run_parallel
from monai_dcgan.downstream.plan import Group
from monai_dcgan.utils.run_folder import package_versions
from monai_dcgan.workflow import root_cause

__all__ = ["GroupFailed", "completed", "ending_with", "like_a_new_process", "naming_failures", "seeded"]

logger = logging.getLogger(__name__)

distributed, _ = optional_import("distributed")

PR_SET_PDEATHSIG = 1
GONE = signal.SIGUSR1 if sys.platform == "linux" else None
GRACE = 5.0
"""Seconds in which the signal that ended the parent may reach its children too; a second one would end them at once."""
STARTING = 2**16
"""Numbers for each thread to work on, more than PyTorch leaves to a single one."""

ON_CLUSTER = OnCluster(one_each=True, name=attrgetter("name"), again="run the same command again")
# Random numbers are of a whole process, which can be at one group only.
_WORKER = threading.Lock()

Run = Callable[[Group, int], Group]
"""Completes a group with a number of threads."""


class GroupFailed(ValueError):
    """A group of an experiment could not be completed by the process that was at it."""


def completed(
    run: Run, groups: Sequence[Group], processes: int = 1, dask: str | None = None, folder: str | Path = "."
) -> Iterator[Group]:
    """Complete groups and yield each as it is: in this process, in several, or in the workers of a Dask cluster.

    Args:
        run: completes a group; one that can be pickled unless it is called here.
        groups: the groups.
        processes: groups at once, each with its share of the threads that PyTorch has here, on a cluster too.
        dask: address of a Dask scheduler, such as ``tcp://host:8786``, whose workers do a group each; they must see the
            store, the data and ``folder`` by the same names. None for none.
        folder: of the experiment.

    Raises:
        GroupFailed: when a group cannot be completed by another process; groups that others are at stop, or go on on a
            cluster.
        OSError: when the Dask scheduler does not answer, or the cluster loses the work.
    """
    threads = max(1, torch.get_num_threads() // processes)
    if dask is not None:
        place = str(Path(folder).resolve())
        work = partial(_on_cluster, run=run, threads=threads, place=place, versions=package_versions())
        yield from run_parallel(work, groups, dask=dask, on_cluster=ON_CLUSTER)
    elif processes == 1:
        yield from (run(group, threads) for group in groups)
    else:
        apart = partial(_apart, run=run, threads=threads, parent=os.getpid())
        parallel = joblib.Parallel(processes, backend="loky", return_as="generator_unordered", batch_size=1)
        yield from parallel(joblib.delayed(apart)(group) for group in groups)


def _apart(group: Group, run: Run, threads: int, parent: int) -> Group:
    with naming_failures(group.name), ending_with(parent):
        return run(group, threads)


def _on_cluster(group: Group, run: Run, threads: int, place: str, versions: Mapping[str, str]) -> Group:
    # A worker goes on with its group when the one that asked for it was killed. Who asks again waits for it instead of
    # writing to the same files.
    with (
        naming_failures(group.name),
        _WORKER,
        distributed.Semaphore(max_leases=1, name=f"{place} {group.name}"),
    ):
        if (found := package_versions()) != versions:
            raise ValueError(f"workers must have the versions {versions}, got {found}; install the same on all")
        return run(group, threads)


def like_a_new_process(threads: int) -> None:
    """Let this thread compute as it would if this process had not computed yet.

    A CPU treats denormal numbers as each of its threads was told, or as the one was told that started it; the training
    of a generator tells it. Networks after it would have other last bits than in a process that finds it trained.

    Args:
        threads: threads of PyTorch.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch.ones(threads * STARTING).mul_(1.0)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


@contextmanager
def ending_with(parent: int) -> Iterator[None]:
    """Let this process, in a block, be asked to stop when ``parent`` is gone, which started it; on Linux alone.

    A training of a generator saves a checkpoint then, as for any SIGTERM. Work that still waits is not begun.

    Args:
        parent: number of the process.
    """

    def gone(number: int, frame: FrameType | None) -> None:
        if os.getppid() != parent:
            threading.Timer(GRACE, os.kill, (os.getpid(), signal.SIGTERM)).start()

    if GONE is not None:
        signal.signal(GONE, gone)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, GONE)
        _leave_without(parent, 128 + signal.SIGTERM)
    try:
        yield
    except SystemExit as leaving:
        logger.warning("%s", leaving)
        if GONE is not None:
            _leave_without(parent, leaving.code if isinstance(leaving.code, int) else 1)
        raise


def _leave_without(parent: int, code: int) -> None:
    """Leave when ``parent`` is gone; an exception would reach a pool that takes up the next piece of work."""
    if os.getppid() != parent:
        logger.warning("process %d is gone that this one worked for", parent)
        os._exit(code)


@contextmanager
def naming_failures(group: str) -> Iterator[None]:
    """Let errors of a block say which group it was at, and where.

    Raises:
        GroupFailed: in place of any error, or of the end that a signal asked for.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        cause = root_cause(error)
        text = f"{group} failed on {socket.gethostname()}, {type(cause).__name__}: {cause}"
        # Other processes are sent no cause of an error, but the places in the code.
        raise GroupFailed(text).with_traceback(cause.__traceback__) from None


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let what torch draws in a block depend on ``seed`` alone, and what it draws later not on the block."""
    with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_available() else []):
        torch.manual_seed(seed)
        yield
