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

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from monai.transforms import Compose

from monai_dcgan.data.datalists import CHANNELS, find_cases
from monai_dcgan.data.datalists.common import name_list
from monai_dcgan.data.headers import check_headers
from monai_dcgan.data.store import FORMAT_VERSION, SliceStore, StoreWriter, is_store
from monai_dcgan.transforms import case_to_slices, load_case, tracking_meta
from monai_dcgan.utils.checks import check_image_size, check_positive_int
from monai_dcgan.utils.enums import Axis, Fit, Keys, Layout, TumorPolicy

__all__ = ["default_cache_dir", "prepare"]

logger = logging.getLogger(__name__)

KEY_DIGITS = 12
# A mask that was saved as JPEG has values near 0 and near 255.
LOSSY, JPEG_HALF = (".jpg", ".jpeg"), 127


def default_cache_dir() -> Path:
    """Return the folder of stores: ``MONAI_DCGAN_CACHE``, or ``monai_dcgan`` in the user's cache folder."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("MONAI_DCGAN_CACHE") or base / "monai_dcgan")


def prepare(
    data_dir: str | Path,
    store_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    *,
    image_size: int = 64,
    axis: str = Axis.AXIAL,
    tumor: str = TumorPolicy.ANY,
    min_foreground: float = 0.1,
    min_tumor_area: float = 0.001,
    fit: str = Fit.RESIZE,
    crop_head: bool = True,
    lower: float = 0.5,
    upper: float = 99.5,
    tumor_labels: Sequence[int] | None = None,
    layout: str = Layout.AUTO,
    modalities: Sequence[str | int] | str | int | None = None,
    patient_pattern: str | None = None,
    fold_column: str | None = None,
    mask_suffix: str = "_mask",
    num_workers: int = 1,
) -> SliceStore:
    """Make the slices of a data set, or open them where they are already made.

    A store is known by a key of the settings and of the names, sizes and times of the source files. With the same key
    no image is opened again.

    Args:
        data_dir: folder of the data set, see ``find_cases``; or the folder of a store, which is opened when it was made
            with the same settings of slices (``image_size`` to ``tumor_labels``); those of source files don't count.
        store_dir: folder of the store itself.
        cache_dir: folder that holds a store per key, as ``<name of data_dir>-<key>``. With neither this nor
            ``store_dir``, ``default_cache_dir()``.
        image_size: side of a slice in pixels, a power of two from 32 to 512.
        axis: plane of the slices of a volume.
        tumor: ``any`` slice, only slices ``with`` or only slices ``without`` tumor.
        min_foreground: least share of a slice that is head; see ``SelectSlicesd``.
        min_tumor_area: least share of a slice that is tumor, for ``tumor="with"``; see ``SelectSlicesd``.
        fit: ``resize`` or ``pad`` to the square; see ``fit_slices``.
        crop_head: crop a volume's slices to one box around its head.
        lower: percentile of the head that becomes 0; see ``ScaleIntensityInHead``.
        upper: percentile of the head that becomes 1.
        tumor_labels: labels that are tumor; None means all above 0.
        layout: see ``find_cases``, as are ``modalities``, ``patient_pattern``, ``fold_column`` and ``mask_suffix``.
        modalities: channels of the images, one or several.
        patient_pattern: regular expression for the patient.
        fold_column: where the fold stands.
        mask_suffix: ending of the masks of pictures.
        num_workers: cases to work on at the same time, by joblib and whatever backend ``joblib.parallel_config`` set.

    Returns:
        the store.

    Raises:
        FileNotFoundError: when the data are missing.
        FileExistsError: when ``store_dir`` holds something else than this store.
        ValueError: when an argument is wrong or not that of the store in ``data_dir``, a file is broken, or no slice is
            left.

    Example:
        >>> store = prepare("Task01_BrainTumour", cache_dir="cache", image_size=64, modalities=["FLAIR"])
        >>> store.images.shape  # one row a slice
        (N, 1, 64, 64)
    """
    check_image_size(image_size)
    check_positive_int("num_workers", num_workers)
    if store_dir is not None and cache_dir is not None:
        raise ValueError(f"give store_dir or cache_dir, got both: {store_dir} and {cache_dir}")
    making: dict[str, Any] = {
        "image_size": image_size,
        "axis": str(axis),
        "tumor": str(tumor),
        "min_foreground": min_foreground,
        "min_tumor_area": min_tumor_area,
        "fit": str(fit),
        "crop_head": crop_head,
        "lower": lower,
        "upper": upper,
        "tumor_labels": None if tumor_labels is None else list(tumor_labels),
    }
    transform = case_to_slices(**making)
    if is_store(data_dir):
        return _open_as_is(data_dir, making)
    cases = find_cases(data_dir, layout, modalities, mask_suffix, patient_pattern, fold_column)
    data_dir = Path(data_dir)
    listing = {
        "layout": str(layout),
        "modalities": None if modalities is None else [str(name) for name in name_list(modalities)],
        "patient_pattern": patient_pattern,
        "fold_column": fold_column,
        "mask_suffix": mask_suffix,
    }
    settings = {**making, **listing, "files": _hash(_fingerprint(cases, data_dir))}
    key = _hash({"format_version": FORMAT_VERSION, **settings})
    if store_dir is None:
        name = f"{data_dir.resolve().name}-{key[:KEY_DIGITS]}"
        target = Path(cache_dir if cache_dir is not None else default_cache_dir()) / name
    else:
        target = Path(store_dir)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        return _reuse(target, key, settings)
    check_headers(cases)
    return _make(target, key, settings, cases, transform, num_workers)


def _open_as_is(path: str | Path, making: Mapping[str, Any]) -> SliceStore:
    """Open the store at ``path``, or raise when its slices were made with other settings."""
    store = SliceStore(path)
    made = {**store.settings, "image_size": store.image_size}
    differing = [name for name in making if name in made and made[name] != making[name]]
    if differing:
        was, now = (", ".join(f"{name}={side[name]!r}" for name in differing) for side in (made, making))
        raise ValueError(f"{path} was made with {was}, got {now}; prepare the data again, or pass the store's settings")
    logger.info("%s is a slice store and is used as it is", path)
    return store


def _reuse(target: Path, key: str, settings: Mapping[str, Any]) -> SliceStore:
    """Open the store at ``target``, or raise when it is not the one with ``key``."""
    if not is_store(target):
        raise FileExistsError(f"{target} exists and is no slice store; give an empty or a new folder")
    store = SliceStore(target)
    if store.key != key:
        differing = [name for name in settings if store.settings.get(name) != settings[name]]
        text = ", ".join(
            "the files of the data set"
            if name == "files"
            else f"{name} (store: {store.settings.get(name)!r}, now: {settings[name]!r})"
            for name in differing
        )
        raise FileExistsError(
            f"{target} holds a store that differs in {text or 'its format'}; give another store_dir, delete it, or use "
            "cache_dir, which keeps one store per setting"
        )
    logger.info("reusing %s: %d slices", target, len(store))
    return store


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _paths(case: Mapping[str, Any]) -> Iterator[Path]:
    for key in (Keys.IMAGE, Keys.LABEL):
        value = case[key]
        yield from map(Path, value if isinstance(value, (list, tuple)) else [value])


def _fingerprint(cases: Iterable[Mapping[str, Any]], data_dir: Path) -> list[Any]:
    """Return what changes when a file, a patient, a class or a fold does."""
    result: list[Any] = []
    for case in cases:
        result.append([case[key] for key in (Keys.CASE, Keys.PATIENT, Keys.CLASS_NAME, Keys.FOLD)])
        for path in _paths(case):
            # A DICOM series is a folder.
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                stat = file.stat()
                result.append([os.path.relpath(file, data_dir), stat.st_size, stat.st_mtime_ns])
    return result


def _make(
    target: Path,
    key: str,
    settings: Mapping[str, Any],
    cases: Sequence[dict[str, Any]],
    transform: Compose,
    workers: int,
) -> SliceStore:
    """Write the store at ``target``, case by case."""
    dropped: Counter[str] = Counter()
    first: tuple[str, int] | None = None
    if target.is_dir():
        target.rmdir()
    with StoreWriter(target, key, settings) as writer:
        for number, (case, result) in enumerate(zip(cases, _results(cases, transform, workers)), 1):
            images, masks, records, own = result
            if first is None:
                first = case[Keys.CASE], images.shape[1]
                _warn_of_gray(images, case)
            if images.shape[1] != first[1]:
                raise ValueError(
                    f"every case must have the same channels, got {first[1]} in {first[0]} and {images.shape[1]} in "
                    f"{case[Keys.CASE]}; pick channels with modalities"
                )
            dropped.update(own)
            if records:
                writer.append(images, masks, records)
            every = max(1, len(cases) // 20)
            if number % every == 0 or number == len(cases):
                logger.info("%d of %d cases, %d slices (%s)", number, len(cases), writer.count, case[Keys.CASE])
        if writer.count == 0:
            rules = "; ".join(f"{count} slices: {rule}" for rule, count in dropped.most_common())
            raise ValueError(f"no slice of {len(cases)} cases is left; {rules}; loosen the rule that removes most")
    store = SliceStore(target)
    numbers = store.describe()
    logger.info(
        "%s: %d slices of %d cases of %d patients, %.0f%% with tumor; left out: %s",
        target,
        numbers["slices"],
        numbers["cases"],
        numbers["patients"],
        100 * numbers["tumor_share"],
        "; ".join(f"{count} ({rule})" for rule, count in dropped.items()) or "none",
    )
    return store


def _warn_of_gray(images: np.ndarray, case: Mapping[str, Any]) -> None:
    if images.shape[1] == 3 and len(images) and (images == images[:, :1]).all():
        logger.warning("the three channels of case %s are the same: give modalities=[0] to keep one", case[Keys.CASE])


Result = tuple[np.ndarray, np.ndarray, list[dict[str, Any]], dict[str, int]]


def _results(cases: Sequence[dict[str, Any]], transform: Compose, workers: int) -> Iterator[Result]:
    """Yield the slices of each case, in order."""
    if workers == 1:
        yield from (_slices_of_case(case, transform) for case in cases)
        return
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs")
    yield from parallel(joblib.delayed(_slices_of_case)(case, transform) for case in cases)


def _slices_of_case(case: dict[str, Any], transform: Compose) -> Result:
    """Return images (N, C, S, S) float16, masks (N, M, S, S) uint8, N records, and slices dropped by each rule."""
    names = ", ".join(str(path) for path in _paths(case))
    with tracking_meta(True):
        try:
            item = load_case()({str(Keys.IMAGE): case[Keys.IMAGE], str(Keys.LABEL): case[Keys.LABEL]})
            if any(path.suffix.lower() in LOSSY for path in _paths({Keys.IMAGE: [], Keys.LABEL: case[Keys.LABEL]})):
                item[Keys.LABEL] = (item[Keys.LABEL] > JPEG_HALF).float()
            item = transform(_pick_channels(item, case.get(CHANNELS)))
        except Exception as error:
            raise ValueError(f"case {case[Keys.CASE]} cannot be used ({names}): {_reason(error)}") from error
    images = item[Keys.IMAGE].numpy().astype(np.float16)
    masks = item[Keys.LABEL].numpy().astype(np.uint8)
    common = {str(key): case[key] for key in (Keys.PATIENT, Keys.CASE, Keys.CLASS_NAME, Keys.FOLD)}
    records = [
        {
            **common,
            "slice_index": index,
            "axis": item["plane"],
            "row_spacing": round(item["slice_spacing"][0], 6),
            "column_spacing": round(item["slice_spacing"][1], 6),
            "tumor_fraction": round(tumor, 6),
            "foreground_fraction": round(head, 6),
        }
        for index, tumor, head in zip(item["slice_index"], item["tumor_fraction"], item["foreground_fraction"])
    ]
    return images, masks, records, item["dropped"]


def _pick_channels(item: dict[str, Any], channels: Sequence[int] | None) -> dict[str, Any]:
    if channels is None:
        return item
    image: torch.Tensor = item[Keys.IMAGE]
    if max(channels) >= len(image):
        raise ValueError(f"modalities must be channels from 0 to {len(image) - 1}, got {list(channels)}")
    return {**item, str(Keys.IMAGE): image[list(channels)]}


def _reason(error: BaseException) -> str:
    """Return the text of the error behind what ``Compose`` wraps around it."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None and "applying transform" in str(error):
        error = error.__cause__
    return str(error) or type(error).__name__
