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
"""Time trainings of equal mathematics: MONAI's ``GanTrainer``, bare PyTorch, and the bundle's own.

    python benchmarks/train.py --json benchmarks/results/train.json

Networks, losses (cross-entropy, L1 to the nearest, feature matching), Adam, moving average of the weights, data set,
loader and augmentation of the reals are in every arm those of ``bundle/configs/train.json`` with the overlay
``configs/train/paper.json``; every arm takes one step of each network a batch. Each runs in a process of its own; they
take turns of a few steps, and the medians of the turns' images per second are quoted. The arms:

* ``gantrainer``: MONAI's ``GanTrainer`` as its users write it, in full precision. Its losses see the made pictures
  alone; that of the generator here remembers the reals. It makes the pictures of a batch twice, as it always does;
* ``bare``: a loop as PyTorch's DCGAN tutorial writes it, in full precision;
* ``tuned``: the same loop channels last, with fused Adam and the losses of this package, so that what ``ours`` lacks to
  it is what engine and handlers take;
* ``ours``: ``DCGANTrainer`` with the settings and handlers of ``train.json``, amp off; what happens once an epoch is
  not timed;
* ``fast``: the same with mixed precision, where the device has it, and slices held on the device;
* options: ``ours`` with one thing changed.

``train_fp32_vs_gantrainer`` is ours / gantrainer, ``train_fast_vs_gantrainer`` fast / gantrainer,
``train_vs_bare_loop`` ours / bare, ``train_vs_tuned_loop`` ours / tuned: ratios of images per second. On a GPU,
``busy`` is the share of the time in which it computes, and the modes of ``torch.compile`` are further options.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from train_arms import run_arm

from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.run_folder import package_versions

MATHEMATICS: dict[str, Any] = {
    "l1_weight": 1.0,
    "l1_pairing": "nearest",
    "feature_matching_weight": 1.0,
    "batch_size": 64,
}
"""On top of the ``paper`` recipe: the terms that are measured, and the size of a batch."""

FULL: dict[str, Any] = {"amp": "off", "resident": "off"}
FAST: dict[str, Any] = {"amp": "auto", "resident": "on"}
MAIN: dict[str, dict[str, Any]] = {"gantrainer": FULL, "bare": FULL, "tuned": FULL, "ours": FULL, "fast": FAST}
OPTIONS: dict[str, dict[str, Any]] = {
    "mixed_precision": {**FULL, "amp": "auto"},
    "resident": {**FULL, "resident": "on"},
    "channels_first": {**FULL, "train#trainer#channels_last": False},
    "adam_not_fused": {**FULL, "g_optimizer#fused": False, "d_optimizer#fused": False},
    "denormals_kept": FULL,
    "batch_16": {**FULL, "batch_size": 16},
    "fast_batch_16": {**FAST, "batch_size": 16},
}
COMPILED = {f"compile_{mode}": {**FAST, "compile_mode": mode} for mode in ("default", "reduce-overhead")}
RATIOS = {
    "train_fp32_vs_gantrainer": ("ours", "gantrainer"),
    "train_fast_vs_gantrainer": ("fast", "gantrainer"),
    "train_vs_bare_loop": ("ours", "bare"),
    "train_vs_tuned_loop": ("ours", "tuned"),
}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--data", type=Path, help="data set in any layout that training takes (default: phantoms)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], help="sides of the slices in pixels")
    parser.add_argument("--threads", type=int, default=1, help="threads of each training (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=7, help="turns of each arm (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=6, help="steps of a turn of 64 images (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="device (default: the GPU where there is one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = args.data.absolute() if args.data else phantoms(work / "phantoms")
        options = OPTIONS | (COMPILED if torch.cuda.is_available() else {})
        results = {}
        for size in args.sizes:
            arms = {**MAIN, **(options if size == args.sizes[0] else {})}
            common = {
                **MATHEMATICS,
                "image_size": size,
                "dataset_dir": str(data),
                "cache_dir": str(work / "cache"),
                "log_interval": 10,
                "images_per_epoch": 1_000_000,
                **({} if args.device == "auto" else {"device": args.device}),
            }
            speeds, busy = measure(arms, common, work, args)
            results[f"{size}x{size}"] = summary(speeds) | ({"busy": busy} if busy else {})
            print(f"{size}x{size}", results[f"{size}x{size}"], flush=True)
    report = {
        "what": "benchmarks/train.py",
        "machine": machine(),
        "versions": package_versions(),
        "threads": args.threads,
        "batch": 64,
        "turns": args.turns,
        "steps_a_turn": args.steps,
        "data": str(args.data.name) if args.data else "phantoms",
        "sizes": results,
    }
    write_json(args.json, report)


def machine() -> dict[str, Any]:
    """Return what the benchmark runs on."""
    found: dict[str, Any] = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    found |= {"model": models[0].split(":", 1)[1].strip()} if models else {}
    found |= {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return found


def phantoms(folder: Path) -> Path:
    """Write digital patients."""
    from monai_dcgan.data.phantom import write_phantoms

    return write_phantoms(folder, num_patients=10, seed=0, spacing=3.0, num_workers=1)


def measure(
    arms: dict[str, dict[str, Any]], common: dict[str, Any], work: Path, args: argparse.Namespace
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Let the arms take turns; return the images per second of each turn, and the busy share of a GPU."""
    context = get_context("spawn")
    ends: dict[str, Connection] = {}
    for name, changes in arms.items():
        ours, theirs = context.Pipe()
        place = {"output_dir": str(work / f"{name}_{common['image_size']}")}
        process = context.Process(
            target=run_arm, args=(theirs, name, {**common, **changes, **place}, args.threads), daemon=True
        )
        process.start()
        theirs.close()
        ends[name] = ours
        # One after the other: the first prepares the slices.
        received(ours, name)
    speeds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(args.turns + 1):
        for name, end in ends.items():
            batch = arms[name].get("batch_size", 64)
            end.send(args.steps * 64 // batch)
            speed = received(end, name)
            # The first turn warms up.
            if turn:
                speeds[name].append(speed)
    busy = {}
    for name, end in ends.items():
        if torch.cuda.is_available():
            end.send(-args.steps)
            busy[name] = round(received(end, name), 3)
        end.send(0)
    return speeds, busy


def received(end: Connection, name: str) -> float:
    """Return what an arm tells; its error is one here."""
    try:
        value = end.recv()
    except EOFError:
        raise RuntimeError(f"the process of {name} ended without a word; is there memory enough?") from None
    if isinstance(value, str):
        raise RuntimeError(f"{name} failed:\n{value}")
    return float(value)


def summary(speeds: dict[str, list[float]]) -> dict[str, Any]:
    """Return medians and ratios; a ratio is the median over the turns, whose arms ran next to each other."""
    medians = {name: round(statistics.median(own), 1) for name, own in speeds.items()}
    ratios = {name: ratio(speeds[one], speeds[two]) for name, (one, two) in RATIOS.items()}
    gains = {
        name: ratio(own, speeds["fast" if name.startswith(("fast", "compile")) else "ours"])
        for name, own in speeds.items()
        if name not in MAIN
    }
    return {"images_per_second": medians, **ratios, **({"against_ours_or_fast": gains} if gains else {})}


def ratio(one: list[float], two: list[float]) -> float:
    """Return the median ratio of two arms, turn by turn."""
    return round(statistics.median(first / second for first, second in zip(one, two, strict=True)), 3)


if __name__ == "__main__":
    main()
