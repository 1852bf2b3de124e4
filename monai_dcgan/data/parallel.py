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
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

import blosc2
import joblib
import torch
from monai.utils import optional_import

__all__ = ["run_parallel"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

distributed, HAS_DASK = optional_import("distributed")

CONNECT_SECONDS = 10
# At an error, how long to wait for cases that workers of a cluster are at.
STOP_SECONDS = 300


def run_parallel(
    function: Callable[[T], R], items: Iterable[T], num_workers: int = 1, dask: str | None = None
) -> Generator[R, None, None]:
    """Yield ``function(item)`` for each item; in order, but on a Dask cluster as they come.

    Reading and cutting of volumes leaves the interpreter's lock to others, so threads share the work without the
    seconds that it takes to start processes. A backend that ``joblib.parallel_config`` set takes their place.

    When an item fails, or the generator is closed, no further item is begun, and those that threads or workers of a
    cluster are at come to their end first: nothing goes on behind the caller's back.

    Args:
        function: to call; with ``dask`` it must be one that can be pickled.
        items: what to call it with; not more are taken at once than there is work for.
        num_workers: threads.
        dask: address of a Dask scheduler, such as ``tcp://host:8786``, whose workers do the work instead.

    Raises:
        ImportError: when ``dask`` is given and not installed.
        OSError: when the scheduler does not answer, or the cluster loses the work.
        ValueError: when ``dask`` is no address.
    """
    if dask is not None:
        yield from _on_cluster(function, items, dask)
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


def _on_cluster(function: Callable[[T], R], items: Iterable[T], address: str) -> Iterator[R]:
    if not HAS_DASK:
        raise ImportError("work on a Dask cluster needs the package distributed: pip install 'monai_dcgan[dask]'")
    with _connect(address) as client:
        waiting = iter(items)
        begun: set[Any] = set()
        running = distributed.as_completed()
        try:
            while True:
                for item in _take(waiting, _width(client) - len(begun)):
                    future = client.submit(_alone, function, item, pure=False)
                    begun.add(future)
                    running.add(future)
                if not begun:
                    return
                future = next(running)
                begun.remove(future)
                yield future.result()
        except (CancelledError, distributed.CancelledError, distributed.KilledWorker) as error:
            raise OSError(
                f"the Dask cluster at {address} must keep its workers, got {type(error).__name__} ({error}); what is "
                "done is kept, run prepare again"
            ) from error
        finally:
            if begun:
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


def _width(client: Any) -> int:
    """Return how many tasks to have under way: twice the threads, so that no worker waits, yet not millions."""
    return max(2, 2 * sum(client.nthreads().values()))


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
