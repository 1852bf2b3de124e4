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

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import joblib
import torch
from monai.utils import optional_import

__all__ = ["run_parallel"]

T = TypeVar("T")
R = TypeVar("R")

distributed, HAS_DASK = optional_import("distributed")


def run_parallel(
    function: Callable[[T], R], items: Iterable[T], num_workers: int = 1, dask: str | None = None
) -> Iterator[R]:
    """Yield ``function(item)`` for each item; in order, but on a Dask cluster as they come.

    Reading and cutting of volumes leaves the interpreter's lock to others, so threads share the work without the
    seconds that it takes to start processes. A backend that ``joblib.parallel_config`` set takes their place.

    Args:
        function: to call; with ``dask`` it must be one that can be pickled.
        items: what to call it with; not more are taken at once than there is work for.
        num_workers: threads.
        dask: address of a Dask scheduler, such as ``tcp://host:8786``, whose workers do the work instead.

    Raises:
        ImportError: when ``dask`` is given and not installed.
        OSError: when the scheduler does not answer.
    """
    if dask is not None:
        yield from _on_cluster(function, items, dask)
        return
    with _one_thread_each():
        if num_workers == 1:
            yield from map(function, items)
        else:
            parallel = joblib.Parallel(n_jobs=num_workers, return_as="generator", prefer="threads")
            yield from parallel(joblib.delayed(function)(item) for item in items)


def _on_cluster(function: Callable[[T], R], items: Iterable[T], address: str) -> Iterator[R]:
    if not HAS_DASK:
        raise ImportError("work on a Dask cluster needs the package distributed: pip install 'monai_dcgan[dask]'")
    with ExitStack() as stack:
        client = stack.enter_context(distributed.Client(address, timeout=10))
        waiting = iter(items)
        # Twice as many tasks as there are threads keep every worker busy; a scheduler need not hold millions.
        width = max(2, 2 * sum(client.nthreads().values()))
        running = distributed.as_completed([client.submit(_alone, function, item) for item in _take(waiting, width)])
        for future in running:
            yield future.result()
            for item in _take(waiting, 1):
                running.add(client.submit(_alone, function, item))


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
    try:
        yield
    finally:
        torch.set_num_threads(threads)
