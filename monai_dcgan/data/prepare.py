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
"""Turn a data set into a slice store, once."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists import DataList
from monai_dcgan.data.parallel import run_parallel
from monai_dcgan.data.plan import ShardPlan, fingerprint, limit_per_patient, plan_shards, stable_hash
from monai_dcgan.data.problems import Problems
from monai_dcgan.data.reading import CaseHeader, case_files, check_case
from monai_dcgan.data.settings import split_settings, uses_masks
from monai_dcgan.data.store import (
    FORMAT_VERSION,
    SliceStore,
    StoreFolder,
    begin_store,
    finish_store,
    is_made,
    is_store,
    problems_of,
    whole_shards,
)
from monai_dcgan.data.work import Work, make_shard
from monai_dcgan.utils.checks import check_choice, check_positive_int
from monai_dcgan.utils.enums import Keys, Layout, OnError, TumorPolicy
from monai_dcgan.utils.files import absolute, is_url

__all__ = ["check_headers", "default_cache_dir", "prepare"]

logger = logging.getLogger(__name__)

KEY_DIGITS = 12
# Letters of up to four bytes; a name has at most 255.
NAME_LENGTH = 60


def default_cache_dir() -> Path:
    """Return the folder of stores: ``MONAI_DCGAN_CACHE``, or ``monai_dcgan`` in the user's cache folder."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("MONAI_DCGAN_CACHE") or base / "monai_dcgan")


def prepare(
    data_dir: str | Path,
    store_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    *,
    on_error: str = OnError.STOP,
    num_workers: int = 1,
    dask: str | None = None,
    update: bool = False,
    **settings: Any,
) -> SliceStore:
    """Make the slices of a data set, or open them where they are already made.

    A store is known by a key of the settings and of the names, sizes and times of the source files. With the same key
    no image is opened again. What a stopped call has done is kept: the same call goes on from there, and ends in the
    same bytes. Two calls at once do each other no harm.

    Args:
        data_dir: folder of the data set, see ``find_cases``; or a store, which is opened when it was made with the same
            settings of slices; those of source files don't count.
        store_dir: folder of the store itself; or a URL as fsspec takes it (``s3://bucket/store``).
        cache_dir: folder or URL that holds a store per key, as ``<name of data_dir>-<key>``. With neither this nor
            ``store_dir``, ``default_cache_dir()``.
        on_error: ``stop`` at cases that cannot be used, before anything is read where headers tell; or ``skip`` them:
            each is reported, and listed with the reason in ``problems.json`` of the store.
        num_workers: cases to work on at the same time; see ``run_parallel``.
        dask: address of a Dask scheduler whose workers do it; they must see ``data_dir`` and the store by these names.
        update: bring the store at ``store_dir`` up to date with the data set: only new and changed cases are read.
        settings: fields of ``Source`` and ``Slicing``, such as ``modalities`` and ``image_size``.

    Returns:
        the store.

    Raises:
        FileNotFoundError: when the data are missing.
        FileExistsError: when ``store_dir`` holds something else than this store.
        OSError: when the disk is full; what is done is kept.
        TypeError: when there is no such setting.
        ValueError: when an argument is wrong or not that of the store in ``data_dir``, a case cannot be used, or no
            slice is left.

    Example:
        >>> store = prepare("Task01_BrainTumour", cache_dir="cache", image_size=64, modalities=["FLAIR"])
        >>> len(store), store.image_shape
        (N, (1, 64, 64))
    """
    source, slicing = split_settings(settings)
    check_choice("on_error", on_error, OnError)
    check_positive_int("num_workers", num_workers)
    if store_dir is not None and cache_dir is not None:
        raise ValueError(f"give store_dir or cache_dir, got both: {store_dir} and {cache_dir}")
    if update and store_dir is None:
        raise ValueError("update goes with store_dir, the store to bring up to date, got none")
    if dask is not None:
        # Workers of a cluster have working folders of their own.
        data_dir = absolute(data_dir)
        store_dir, cache_dir = (None if path is None else absolute(path) for path in (store_dir, cache_dir))
    if is_store(data_dir):
        return _open_as_is(data_dir, slicing.as_dict())
    cases = source.find(data_dir, on_error)
    labels, has_masks = slicing.labels_in(cases), uses_masks(cases)
    if not has_masks and str(slicing.tumor) != str(TumorPolicy.ANY):
        raise ValueError(f"tumor must be any where no case has a mask, got {slicing.tumor} for {data_dir}")
    made_by = {**slicing.as_dict(), **source.as_dict()}
    made_by["files"] = stable_hash([fingerprint(case, Path(data_dir)) for case in cases])
    key = stable_hash({"format_version": FORMAT_VERSION, **made_by})
    folder = StoreFolder(_target(data_dir, store_dir, cache_dir, key))
    if is_made(folder, key, made_by, update):
        return _reuse(folder, on_error)
    check_headers(cases, source.reader, cases.problems)
    bad = {problem.case for problem in cases.problems}
    usable = limit_per_patient([case for case in cases if case[Keys.CASE] not in bad], slicing.max_slices_per_patient)
    cutting = slicing.cutting(labels)
    deciding = {**slicing.as_dict(), **cutting, "reader": str(source.reader), "masks": has_masks}
    plans = plan_shards(usable, Path(data_dir), deciding, cases.layout == Layout.PICTURES)
    known = [value for value in cases.label_names if value != 0] or None
    work = Work(folder.url, cutting, source.reader, slicing.slice_class, known, has_masks, str(on_error))
    return _make(folder, key, made_by, plans, work, cases.problems, num_workers, dask)


def check_headers(cases: DataList, reader: str, problems: Problems) -> dict[str, CaseHeader]:
    """Check all cases by the headers of their files, before anything is read.

    Args:
        cases: the cases.
        reader: one of ``Reader``.
        problems: where cases that cannot be used are noted; settled at the end.

    Returns:
        name of a case -> what its headers say, for those that can be used.

    Raises:
        ValueError: when there are such cases and they are to stop.
    """
    headers: dict[str, CaseHeader] = {}
    for case in cases:
        name = case[Keys.CASE]
        try:
            header = check_case(case, reader)
        except (ValueError, OSError) as error:
            problems.add(name, case_files(case), " ".join(str(error).split()))
            continue
        headers[name] = header
    _check_channels(cases, headers, problems)
    problems.settle()
    return headers


def _check_channels(cases: DataList, headers: dict[str, CaseHeader], problems: Problems) -> None:
    """Turn cases into problems that have other channels than are declared, or else than most cases have."""
    names = cases.modalities
    counts = Counter(header.channels for header in headers.values())
    usual = len(names) or max(counts, key=counts.__getitem__, default=0)
    told = f"{usual} ({', '.join(names)})" if names else f"{usual}, as most cases"
    for case in cases:
        header = headers.get(case[Keys.CASE])
        if header is not None and header.channels != usual:
            problems.add(
                case[Keys.CASE],
                case_files(case, Keys.IMAGE),
                f"image must have as many channels as every case, {told}, got {header.channels}; pick channels with "
                "modalities",
            )
            del headers[case[Keys.CASE]]


def _target(data_dir: str | Path, store_dir: str | Path | None, cache_dir: str | Path | None, key: str) -> str:
    if store_dir is not None:
        return str(store_dir)
    name = f"{Path(data_dir).resolve().name[:NAME_LENGTH]}-{key[:KEY_DIGITS]}"
    cache = cache_dir if cache_dir is not None else default_cache_dir()
    return f"{str(cache).rstrip('/')}/{name}" if is_url(cache) else str(Path(cache) / name)


def _open_as_is(path: str | Path, slicing: Mapping[str, Any]) -> SliceStore:
    """Open the store at ``path``, or raise when its slices were made with other settings or not all are there."""
    store = SliceStore(path)
    differing = [name for name in slicing if name in store.settings and store.settings[name] != slicing[name]]
    if differing:
        was, now = (", ".join(f"{name}={side[name]!r}" for name in differing) for side in (store.settings, slicing))
        raise ValueError(f"{path} was made with {was}, got {now}; prepare the data again, or pass the store's settings")
    if not store.complete:
        raise ValueError(f"{path} must be a complete store, it lacks cases; prepare it again from the data set first")
    logger.info("%s is a slice store and is used as it is", path)
    return store


def _reuse(folder: StoreFolder, on_error: str) -> SliceStore:
    folder.sweep()
    store = SliceStore(folder.url)
    if store.left_out:
        _report(Problems(on_error, problems_of(folder)))
    logger.info("reusing %s: %d slices", folder, len(store))
    return store


def _make(
    folder: StoreFolder,
    key: str,
    made_by: Mapping[str, Any],
    plans: Sequence[ShardPlan],
    work: Work,
    problems: Problems,
    num_workers: int,
    dask: str | None,
) -> SliceStore:
    """Write the shards that are missing, then make them a store."""
    fresh = not folder.exists()
    names = [plan.name for plan in plans]
    begin_store(folder, key, made_by, names)
    there = whole_shards(folder)
    missing = [plan for plan in plans if plan.name not in there]
    if len(missing) < len(plans):
        logger.info("going on with %s: %d of %d shards are there", folder, len(plans) - len(missing), len(plans))
    try:
        _write_missing(missing, work, num_workers, dask)
        numbers = finish_store(folder, key, made_by, names, list(problems))
    except ValueError:
        # Nothing to go on with: no case was good, or no slice is left of them.
        if fresh and not any(name.endswith(".b2nd") for name in folder.names("shards")):
            folder.remove_all()
        raise
    store = SliceStore(folder.url)
    _report(Problems(work.on_error, numbers["problems"]))
    _summarize(store, numbers)
    return store


def _write_missing(missing: Sequence[ShardPlan], work: Work, num_workers: int, dask: str | None) -> None:
    total = sum(len(plan.cases) for plan in missing)
    done = slices = 0
    next_word = 0.0
    with closing(run_parallel(partial(make_shard, work=work), missing, num_workers, dask)) as shards:
        for shard in shards:
            if str(work.on_error) == str(OnError.STOP) and shard.problems:
                Problems(work.on_error, shard.problems).settle()
            done += len(shard.cases) + len(shard.problems)
            slices += len(shard.slices)
            if done >= next_word or done == total:
                logger.info("%d of %d cases, %d slices (%s)", done, total, slices, _last_name(shard.cases))
                next_word = done + total / 20


def _last_name(cases: Sequence[Mapping[str, Any]]) -> str:
    return str(cases[-1][Keys.CASE]) if cases else "left out"


def _report(problems: Problems) -> None:
    """Raise for problems that are to stop; warn of the others, each by its name."""
    problems.settle()
    for problem in problems:
        logger.warning("left out: %s", problem)


def _summarize(store: SliceStore, numbers: Mapping[str, Any]) -> None:
    described = store.describe()
    dropped: Counter[str] = numbers["dropped"]
    logger.info(
        "%s: %d slices of %d cases of %d patients, %.0f%% with tumor; left out: %s",
        store.path,
        described["slices"],
        described["cases"],
        described["patients"],
        100 * described["tumor_share"],
        "; ".join(f"{count} ({rule})" for rule, count in dropped.items()) or "none",
    )
    first = store.read(0)[0]
    if len(first) == 3 and (first == first[:1]).all():
        logger.warning("the three channels of a slice are the same: give modalities=[0] to keep one")
    empty = numbers["cases"] - described["cases"]
    if empty:
        logger.warning("%d of %d cases give no slice; cases.jsonl of the store says why", empty, numbers["cases"])
