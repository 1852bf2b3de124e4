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
"""Do the same work for many things at once: threads here, or a Dask cluster."""

from __future__ import annotations

import logging
import queue
import threading
import uuid
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import blosc2
import joblib
import torch
from monai.utils import optional_import

__all__ = ["OnCluster", "run_parallel"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

distributed, HAS_DASK = optional_import("distributed")

CONNECT_SECONDS = 10
# At an error, how long to wait for items that workers of a cluster are at.
STOP_SECONDS = 300
# How long to wait for a result before looking whether the cluster has more workers by now.
GROWTH_SECONDS = 5


@dataclass(frozen=True)
class OnCluster:
    """How the workers of a cluster are given work.

    Args:
        one_each: give no more items out than there are workers, for long work that takes a worker whole; at an error,
            do not wait for what other workers are at, which they end behind the caller's back.
        name: what an item is called when the cluster loses it; None for no name.
        again: what to do when the cluster loses the work.
    """

    one_each: bool = False
    name: Callable[[Any], str] | None = None
    again: str = "run prepare again"


def run_parallel(
    function: Callable[[T], R],
    items: Iterable[T],
    num_workers: int = 1,
    dask: str | None = None,
    on_cluster: OnCluster | None = None,
) -> Generator[R, None, None]:
    """Yield ``function(item)`` for each item; in order, but on a Dask cluster as they come.

    Reading and cutting of volumes leaves the interpreter's lock to others, so threads share the work without the
    seconds that it takes to start processes. A backend that ``joblib.parallel_config`` set takes their place.

    When an item fails, or the generator is closed, no further item is begun, and those that threads or workers of a
    cluster are at come to their end first: nothing goes on behind the caller's back, unless ``on_cluster`` says so.

    Args:
        function: to call; with ``dask`` it must be one that can be pickled.
        items: what to call it with; not more are taken at once than there is work for.
        num_workers: threads.
        dask: address of a Dask scheduler, such as ``tcp://host:8786``, whose workers do the work instead.
        on_cluster: how they are given it; ``OnCluster()`` when None.

    Raises:
        ImportError: when ``dask`` is given and not installed.
        OSError: when the scheduler does not answer, or the cluster loses the work.
        ValueError: when ``dask`` is no address.
    """
    if dask is not None:
        yield from _on_cluster(function, items, dask, on_cluster or OnCluster())
        return
    with _one_thread_each():
        if num_workers == 1:
            yield from map(function, items)
        else:
            yield from _on_threads(function, items, num_workers)


def _on_threads(function: Callable[[T], R], items: Iterable[T], num_workers: int) -> Iterator[R]:
    calls = _Calls(function)
    # One item at a time: of joblib's batches, one worker would have the last while the others wait.
    parallel = joblib.Parallel(n_jobs=num_workers, return_as="generator", prefer="threads", batch_size=1)
    results = parallel(joblib.delayed(calls)(item) for item in items)
    try:
        # Not "yield from", which would close them before the calls have stopped.
        for result in results:  # noqa: UP028
            yield result
    finally:
        calls.stop()
        with warnings.catch_warnings():
            # That results of calls are dropped is known.
            warnings.simplefilter("ignore", UserWarning)
            results.close()


class _Calls(Generic[T, R]):
    """Call a function until it is stopped, which waits for the calls that threads are at.

    A copy in another process has calls of its own.
    """

    def __init__(self, function: Callable[[T], R]) -> None:
        self.function = function
        self.state = threading.Condition()
        self.running, self.stopped = 0, False

    def __reduce__(self) -> tuple[Any, ...]:
        return _Calls, (self.function,)

    def __call__(self, item: T) -> R:
        with self.state:
            if self.stopped:
                raise CancelledError
            self.running += 1
        try:
            return self.function(item)
        finally:
            with self.state:
                self.running -= 1
                self.state.notify_all()

    def stop(self) -> None:
        with self.state:
            self.stopped = True
            self.state.wait_for(lambda: self.running == 0)


def _on_cluster(function: Callable[[T], R], items: Iterable[T], address: str, how: OnCluster) -> Iterator[R]:
    if not HAS_DASK:
        raise ImportError("work on a Dask cluster needs the package distributed: pip install 'monai_dcgan[dask]'")
    with _connect(address) as client:
        waiting = iter(items)
        begun: set[Any] = set()
        done: queue.Queue[Any] = queue.Queue()
        try:
            while True:
                for item in _take(waiting, _width(client, how.one_each) - len(begun)):
                    # A cluster that loses the work names it by its key.
                    key = None if how.name is None else f"{how.name(item)}-{uuid.uuid4().hex}"
                    future = client.submit(_alone, function, item, key=key, pure=False)
                    begun.add(future)
                    future.add_done_callback(done.put)
                if not begun:
                    return
                try:
                    future = done.get(timeout=GROWTH_SECONDS)
                except queue.Empty:
                    continue
                begun.remove(future)
                yield future.result()
        except (CancelledError, distributed.CancelledError, distributed.KilledWorker) as error:
            raise OSError(
                f"the Dask cluster at {address} must keep its workers, got {type(error).__name__} ({error}); what is "
                f"done is kept, {how.again}"
            ) from error
        finally:
            if begun and not how.one_each:
                with suppress(Exception):
                    distributed.wait(begun, timeout=STOP_SECONDS)


def _connect(address: str) -> Any:
    """Return a client of the scheduler, or raise when none answers."""
    full = address if "://" in address else f"tcp://{address}"
    try:
        client = distributed.Client(full, timeout=CONNECT_SECONDS)
    except ValueError as error:
        raise ValueError(
            f"dask must be the address of a Dask scheduler, such as tcp://host:8786, got {address!r} ({error})"
        ) from error
    except OSError as error:
        raise OSError(
            f"dask must be the address of a Dask scheduler that answers, got {address!r} ({error}); start one with "
            "'dask scheduler', or leave dask out"
        ) from error
    if not client.nthreads():
        logger.warning("the Dask cluster at %s has no worker yet; waiting for one", address)
    return client


def _width(client: Any, one_each: bool) -> int:
    """Return how many tasks to have under way: twice the threads, so that no worker waits, yet not millions."""
    threads = client.nthreads()
    return max(1, len(threads)) if one_each else max(2, 2 * sum(threads.values()))


def _alone(function: Callable[[T], R], item: T) -> R:
    """Call on one thread, in a worker of a cluster."""
    torch.set_num_threads(1)
    return function(item)


def _take(items: Iterator[T], count: int) -> Iterator[T]:
    for _, item in zip(range(count), items):
        yield item


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let each worker compute on one thread: several do not get into each other's way, and sums do not depend on it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = blosc2.set_releasegil(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        blosc2.set_releasegil(alone)
