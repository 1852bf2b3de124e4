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
"""Time the distances between sets of features, against MONAI's metric where it has one.

    python benchmarks/metrics.py --json FILE

Everything compared runs in one process on one thread, in turns, and medians and ratios are quoted. Features are made:
2048 rectified, correlated numbers, as an Inception network gives.

* ``frechet_vs_monai``: seconds of MONAI's ``FIDMetric`` over those of ``frechet_distance`` for 500 samples;
* ``frechet_large_vs_monai``: the same for 5000 samples;
* ``frechet_agreement``: largest relative difference from a reference in the same run: for 5000 samples from MONAI; for
  500 from the root of the symmetric product, as MONAI's root of a singular matrix is not exact (its error is told);
* ``frechet_50000``: seconds of 50,000 against 50,000 samples (float32), and memory beyond the features;
* ``prdc_5000``, ``kernel_interval_5000``: seconds for 5000 samples on both sides.

It takes some three minutes. MONAI's metric needs a SciPy below 1.18.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.metrics.fid import FIDMetric

from monai_dcgan.metrics import frechet_distance, kernel_interval, prdc
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.run_folder import package_versions

WIDTH = 2048
LARGE = 50_000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each timing (default: %(default)s)")
    parser.add_argument("--large-only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.large_only:
        print(json.dumps(large()))
        return
    results: dict[str, Any] = {}
    for name, samples in (("frechet_vs_monai", 500), ("frechet_large_vs_monai", 5000)):
        results[name] = against_monai(samples, args.repeats)
        print(f"{name}: {results[name]}", flush=True)
    few, many = results["frechet_vs_monai"], results["frechet_large_vs_monai"]
    results["frechet_agreement"] = max(few["difference_from_symmetric_root"], many["difference_from_monai"])
    # BLAS reads the number of threads when it is loaded, and memory is that of a process of its own.
    command = [sys.executable, __file__, "--json", os.devnull, "--large-only"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    results["frechet_50000"] = json.loads(done.stdout)
    results |= others()
    report = {
        "what": "benchmarks/metrics.py",
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "versions": package_versions(),
        "repeats": args.repeats,
        "features": WIDTH,
        "results": results,
    }
    write_json(args.json, report)
    print(json.dumps(results, indent=1))


def features(samples: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Return rectified features (samples, 2048) as float32, correlated through 256 factors of falling weight."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).standard_normal((256, WIDTH)) / np.sqrt(np.arange(1, 257))[:, None]
    result = np.empty((samples, WIDTH), dtype=np.float32)
    for start in range(0, samples, 5000):
        rows = min(5000, samples - start)
        part = random.standard_normal((rows, 256)) @ mixing + random.standard_normal((rows, WIDTH)) + shift
        result[start : start + rows] = np.maximum(part, 0)
    return result


def against_monai(samples: int, repeats: int) -> dict[str, Any]:
    """Time both on the same features, in turns."""
    a, b = features(samples, 1), features(samples, 2, 0.1)
    arms: dict[str, Callable[[], float]] = {
        "ours": lambda: frechet_distance(a, b),
        "monai": lambda: monai_distance(a, b),
    }
    times: dict[str, list[float]] = {name: [] for name in arms}
    values: dict[str, float] = {}
    for _ in range(repeats):
        for name, arm in arms.items():
            started = time.perf_counter()
            values[name] = arm()
            times[name].append(time.perf_counter() - started)
    median = {name: statistics.median(spent) for name, spent in times.items()}
    result: dict[str, Any] = {
        "ratio": round(median["monai"] / median["ours"], 2),
        "seconds": {name: round(spent, 3) for name, spent in median.items()},
        "values": values,
        "difference_from_monai": abs(values["ours"] / values["monai"] - 1),
    }
    if samples <= WIDTH:
        exact = symmetric_root(a, b)
        result["difference_from_symmetric_root"] = abs(values["ours"] / exact - 1)
        result["monai_from_symmetric_root"] = abs(values["monai"] / exact - 1)
    return result


def monai_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return what MONAI's metric gives."""
    with warnings.catch_warnings():
        # SciPy tells that ``disp`` will go.
        warnings.simplefilter("ignore", DeprecationWarning)
        return float(FIDMetric()(torch.from_numpy(a), torch.from_numpy(b)))


def symmetric_root(a: np.ndarray, b: np.ndarray) -> float:
    """Return the distance by the eigenvalues of the symmetric product of the covariances."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    found = np.linalg.eigvalsh(root @ second @ root)
    # What rounding leaves of the eigenvalues that are 0 would add up under the root.
    found = found[found > 1e-12 * found.max()]
    shift = a.mean(axis=0) - b.mean(axis=0)
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2 * np.sqrt(found).sum())


def large() -> dict[str, Any]:
    """Measure 50,000 against 50,000 samples in this process."""
    a, b = features(LARGE, 1), features(LARGE, 2, 0.1)
    before = memory("VmRSS")
    # The peak so far belongs to the making of the features.
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    started = time.perf_counter()
    value = frechet_distance(a, b)
    spent = time.perf_counter() - started
    return {
        "seconds": round(spent, 1),
        "value": value,
        "features_mib": round((a.nbytes + b.nbytes) / 2**20),
        "memory_beyond_features_mib": round((memory("VmHWM") - before) / 1024),
    }


def memory(key: str) -> int:
    """Return a number of KiB that Linux tells about this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(key)))


def others() -> dict[str, float]:
    """Time the other numbers on 5000 samples, once."""
    a, b = features(5000, 1), features(5000, 2, 0.1)
    arms: dict[str, Callable[[], Any]] = {
        "prdc_5000": lambda: prdc(b, a),
        "kernel_interval_5000": lambda: kernel_interval(a, b),
    }
    seconds = {}
    for name, arm in arms.items():
        started = time.perf_counter()
        arm()
        seconds[name] = round(time.perf_counter() - started, 2)
    return seconds


if __name__ == "__main__":
    main()
