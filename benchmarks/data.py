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
"""Time what it takes to get slices out of volumes: through MONAI's data sets, through a store, and into the store.

    python benchmarks/data.py --data tcga_lgg=DIR --phantoms DIR --json FILE

Each ``--data NAME=DIR`` is a data set; ``--phantoms`` is made where it is missing: 20 digital patients of full size (4
sequences of 193 x 229 x 193 voxels), which takes some three minutes. Everything compared runs in one process, in turns,
and medians and ratios are quoted. ``store_vs_dataset`` and the like are ratios of slices per second, or of seconds:

* ``store_vs_dataset``, ``store_vs_cachedataset``, ``store_vs_persistentdataset``: batches of 64 shuffled slices from
  the store, against MONAI's data set of volumes that takes one slice at random of each item and resizes it;
* ``prepare_vs_nibabel``: seconds of ``prepare`` on one core, against those of ``nibabel.load(path).get_fdata()`` of
  every file once; and against the faster ``np.asanyarray(image.dataobj)``;
* ``prepare_two_cores``: seconds of ``prepare`` on one core, against those on two; beside it ``machine_two_cores``, what
  two processes that share nothing gain by nibabel's decoding, and ``ceiling_two_cores``, what they gain by ``prepare``
  of the whole set each: cores of virtual machines are not always whole ones, and share their way to the memory.
  What ``prepare`` takes is timed in a process of its own, which no cache of volumes has filled;
* ``prepare_memory_growth``: peak memory of ``prepare`` on 50 volumes, against that on 10, each in a process of its
  own (on Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.data import CacheDataset, DataLoader, Dataset, PersistentDataset
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    Orientationd,
    RandomizableTransform,
    Resized,
    ScaleIntensityRangePercentilesd,
    Transform,
)

from monai_dcgan.data import SliceDataset, SliceStore, find_cases, prepare
from monai_dcgan.transforms import slice_augmentation
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.run_folder import package_versions

SIZE, BATCH = 64, 64
KEYS = ["image", "label"]
AUGMENTATION: dict[str, Any] = {"horizontal_flip": 0.5, "rotation": 0.5, "contrast": 0.3, "brightness": 0.3}


class RandSliced(RandomizableTransform, Transform):
    """Take one axial slice at random from a volume (C, X, Y, Z)."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        """Take a slice of image and label."""
        index = int(self.R.randint(data["image"].shape[-1]))
        return {**data, **{key: data[key][..., index] for key in KEYS}}


def volumes() -> list[Transform]:
    """Return MONAI's transforms from files to volumes, as its tutorials chain them."""
    return [
        LoadImaged(KEYS),
        EnsureChannelFirstd(KEYS),
        Orientationd(KEYS, axcodes="LPS", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
        ScaleIntensityRangePercentilesd("image", 0.5, 99.5, 0.0, 1.0, clip=True, channel_wise=True),
    ]


def one_slice(augment: bool) -> list[Any]:
    """Return transforms from a volume to one slice."""
    steps: list[Any] = [RandSliced(), Resized(KEYS, (SIZE, SIZE), mode=["area", "nearest"])]
    return [*steps, slice_augmentation(**AUGMENTATION)] if augment else steps


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", default=[], metavar="NAME=DIR", help="a data set; may be repeated")
    parser.add_argument("--phantoms", type=Path, help="folder of full-size digital patients; made where missing")
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each timing (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="least time of a timing (default: %(default)s)")
    parser.add_argument("--work", type=Path, help="folder for stores and caches (default: a temporary one)")
    parser.add_argument("--preparing-of", nargs=2, metavar=("DIR", "WORK"), help=argparse.SUPPRESS)
    parser.add_argument("--peak-of", nargs=2, metavar=("DIR", "STORE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.peak_of:
        print(peak_memory(*args.peak_of))
        return
    if args.preparing_of:
        folder, work = map(Path, args.preparing_of)
        print(json.dumps(preparing(folder, work, args.repeats)))
        return
    sets = {name: Path(folder) for name, folder in (text.split("=", 1) for text in args.data)}
    if args.phantoms:
        sets["phantoms"] = full_size_phantoms(args.phantoms)
    with tempfile.TemporaryDirectory(dir=args.work) as work:
        results = {name: measure(name, folder, Path(work), args.repeats, args.seconds) for name, folder in sets.items()}
        memory = memory_growth(next(iter(sets.values())), Path(work))
    report = {
        "what": "benchmarks/data.py",
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": package_versions(),
        "repeats": args.repeats,
        "sets": results,
        **memory,
    }
    write_json(args.json, report)
    print(json.dumps({name: headline(result) for name, result in results.items()} | memory, indent=1))


def full_size_phantoms(folder: Path) -> Path:
    """Write 20 digital patients at 1 mm, unless they are there."""
    if not (folder / "dataset.json").is_file():
        from monai_dcgan.data.phantom import write_phantoms

        write_phantoms(folder, num_patients=20, seed=0, spacing=1.0)
    return folder


def measure(name: str, folder: Path, work: Path, repeats: int, seconds: float) -> dict[str, Any]:
    """Time everything on one data set."""
    cases = find_cases(folder)
    items = [{"image": str(case["image"]), "label": str(case["label"])} for case in cases]
    times = json.loads(in_own_process("--preparing-of", folder, work / name, "--repeats", repeats))
    result: dict[str, Any] = {"cases": len(items), **times}
    store = prepare(folder, work / name / "store", image_size=SIZE)
    result |= {"slices": len(store), "image_shape": list(store.image_shape)}
    for augment in (False, True):
        own = reading(items, store, work / name / "cache", augment, repeats, seconds)
        result["augmented" if augment else "plain"] = own
    return result


def in_own_process(*arguments: Any) -> str:
    """Run this script with other arguments and return the last line that it prints."""
    command = [sys.executable, __file__, "--json", os.devnull, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]


def preparing(folder: Path, work: Path, repeats: int) -> dict[str, Any]:
    """Time ``prepare`` against nibabel's decoding, and on one core against two."""
    paths = [str(case[key]) for case in find_cases(folder) for key in KEYS]
    arms: dict[str, Callable[[], Any]] = {
        "nibabel_get_fdata": lambda: decode(paths, as_floats=True),
        "nibabel_dataobj": lambda: decode(paths, as_floats=False),
        "prepare_one_core": lambda: prepare(folder, work / "timed", image_size=SIZE, num_workers=1),
        "prepare_two_cores": lambda: prepare(folder, work / "timed", image_size=SIZE, num_workers=2),
        "nibabel_two_processes": lambda: in_two_processes(lambda: decode(paths, as_floats=False)),
        "prepare_two_processes": lambda: in_two_processes(
            lambda: prepare(folder, work / f"timed-{os.getpid()}", image_size=SIZE, num_workers=1)
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(repeats + 1):
        for name, arm in arms.items():
            for made in work.glob("timed*"):
                shutil.rmtree(made)
            spent = timed(arm)
            # The first turn brings files and code into memory.
            if turn:
                times[name].append(spent)
    median = {name: statistics.median(spent) for name, spent in times.items()}
    return {
        "seconds": {name: round(value, 3) for name, value in median.items()},
        "prepare_vs_nibabel": round(median["prepare_one_core"] / median["nibabel_get_fdata"], 3),
        "prepare_vs_nibabel_dataobj": round(median["prepare_one_core"] / median["nibabel_dataobj"], 3),
        "prepare_two_cores": round(median["prepare_one_core"] / median["prepare_two_cores"], 3),
        "machine_two_cores": round(2 * median["nibabel_dataobj"] / median["nibabel_two_processes"], 3),
        "ceiling_two_cores": round(2 * median["prepare_one_core"] / median["prepare_two_processes"], 3),
    }


def in_two_processes(function: Callable[[], Any]) -> None:
    """Call a function in two processes at once."""
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            function()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def decode(paths: Sequence[str], as_floats: bool) -> None:
    """Let nibabel decode each file once: to float64, which is its habit, or to the file's own type."""
    for path in paths:
        image: Any = nibabel.load(path)
        if as_floats:
            image.get_fdata()
        else:
            np.asanyarray(image.dataobj)


def timed(function: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def reading(
    items: Sequence[dict[str, str]], store: SliceStore, cache: Path, augment: bool, repeats: int, seconds: float
) -> dict[str, Any]:
    """Return slices per second of MONAI's data sets and of the store."""
    load, take = volumes(), one_slice(augment)
    # Loading a volume per slice is so slow that a few of the volumes tell it.
    few = list(items)[:: max(1, len(items) // 10)]
    data_sets: dict[str, Any] = {
        "dataset": Dataset(few, Compose([*load, *take])),
        "cachedataset": CacheDataset(items, Compose([*load, *take]), num_workers=1, progress=False),
        "persistentdataset": PersistentDataset(items, Compose([*load, *take]), cache),
        "store": SliceDataset(store, transform=slice_augmentation(**AUGMENTATION) if augment else None),
    }
    list(DataLoader(data_sets["persistentdataset"], batch_size=1))
    speeds: dict[str, list[float]] = {name: [] for name in data_sets}
    for _ in range(repeats):
        for name, data_set in data_sets.items():
            speeds[name].append(slices_per_second(data_set, seconds))
    median = {name: statistics.median(own) for name, own in speeds.items()}
    return {
        "slices_per_second": {name: round(value, 2) for name, value in median.items()},
        **{f"store_vs_{name}": round(median["store"] / median[name], 2) for name in data_sets if name != "store"},
    }


def slices_per_second(data_set: Any, seconds: float) -> float:
    """Return how many slices a second come out of a loader of shuffled batches, after one batch to warm up."""
    count, spent = 0, 0.0
    loader = DataLoader(data_set, batch_size=min(BATCH, len(data_set)), shuffle=True, num_workers=0)
    while spent < seconds:
        batches = iter(loader)
        started = time.perf_counter()
        for batch in batches:
            count += len(batch["image"])
            if time.perf_counter() - started + spent > seconds:
                break
        spent += time.perf_counter() - started
    return count / spent


def memory_growth(folder: Path, work: Path) -> dict[str, Any]:
    """Return the peak memory of ``prepare`` on 10 and on 50 volumes; cases repeat where there are fewer."""
    cases = find_cases(folder)
    peaks = {}
    for count in (10, 50):
        data = work / f"of_{count}"
        entries = []
        for number in range(count):
            case = cases[number % len(cases)]
            entry = {}
            for key in KEYS:
                link = data / f"{key}s" / f"{number:03d}.nii.gz"
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(Path(case[key]).resolve())
                entry[key] = str(link.relative_to(data))
            entries.append(entry)
        write_json(data / "dataset.json", {"training": entries})
        peaks[count] = int(in_own_process("--peak-of", data, work / f"peak_{count}"))
    return {
        "peak_memory_mib": {str(count): round(peak / 1024, 1) for count, peak in peaks.items()},
        "prepare_memory_growth": round(peaks[50] / peaks[10], 3),
    }


def peak_memory(folder: str, store: str) -> int:
    """Prepare a data set and return the peak memory of this process in KiB."""
    prepare(folder, store, image_size=SIZE)
    # The peak that getrusage tells is at least that of the process this one was forked from.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def headline(result: dict[str, Any]) -> dict[str, Any]:
    """Return the ratios of a data set."""
    names = (
        "prepare_vs_nibabel",
        "prepare_vs_nibabel_dataobj",
        "prepare_two_cores",
        "machine_two_cores",
        "ceiling_two_cores",
    )
    ratios = {name: result[name] for name in names}
    for kind in ("plain", "augmented"):
        ratios[kind] = {name: value for name, value in result[kind].items() if name.startswith("store_vs")}
    return ratios


if __name__ == "__main__":
    main()
