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
"""What each command does: it runs the bundle's configs and prints what came out."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from monai.utils import optional_import

from monai_dcgan.cli.augment_commands import augment
from monai_dcgan.cli.bundle_commands import bundle
from monai_dcgan.cli.common import make_workflow, print_plan, training_workflow
from monai_dcgan.cli.compare_commands import compare
from monai_dcgan.cli.data_commands import SPLIT, inspect, prepare, show_data, split_counts
from monai_dcgan.cli.export_commands import export
from monai_dcgan.cli.generate_commands import MASK_RULES, export_model, generate
from monai_dcgan.cli.readers_commands import readers
from monai_dcgan.evaluation import table
from monai_dcgan.utils.files import read_json
from monai_dcgan.utils.run_folder import RunFolder
from monai_dcgan.workflow import DCGANWorkflow, config_file

__all__ = [
    "augment",
    "bundle",
    "compare",
    "demo",
    "evaluate",
    "export",
    "export_model",
    "generate",
    "inspect",
    "phantom",
    "prepare",
    "readers",
    "train",
]

PLANNED = ("settings", "network_settings")
FROM_DATA = ("image_channels", "mask_channels", "data_digest")


def phantom(args: argparse.Namespace) -> None:
    """Write a data set of digital patients."""
    if args.dry_run:
        names = ("out", "patients", "spacing", "healthy", "seed")
        print_plan({name: getattr(args, name) for name in names})
        return
    from monai_dcgan.data.phantom import write_phantoms

    started = time.perf_counter()
    folder = write_phantoms(
        args.out, num_patients=args.patients, seed=args.seed, spacing=args.spacing, healthy_fraction=args.healthy
    )
    print(f"{args.patients} digital patients in {folder} ({time.perf_counter() - started:.0f} s)")


def train(args: argparse.Namespace) -> None:
    """Train a generator."""
    override = {
        "dataset_dir": args.data,
        "output_dir": args.out,
        "max_epochs": args.epochs,
        "seed": args.seed,
        "device": args.device,
        "resume": args.resume,
    }
    workflow = training_workflow(args, override)
    if args.dry_run:
        RunFolder(args.out, args.resume).check_free()
        records = show_data(workflow)
        print_plan({"out": args.out, SPLIT: split_counts(workflow, records), **_training_plan(workflow)})
        return
    _run(workflow)
    run = RunFolder(args.out)
    print(f"generator: {run.model}\nsample grids: {run.samples}\nloss curves: {run.loss_curves}")
    print(f"next: monai-dcgan evaluate {args.out}; monai-dcgan generate {args.out} --out DIR")


def evaluate(args: argparse.Namespace) -> None:
    """Compare synthetic slices with held-out patients."""
    run = RunFolder(args.run)
    run.check_trained()
    cache = run.path / "cache"
    override = {
        "output_dir": args.run,
        "dataset_dir": args.data,
        "cache_dir": str(cache) if cache.is_dir() else None,
        "evaluate_split": args.split,
        "extractor": args.extractor,
        "evaluation_dir": args.out,
        "privacy": False if args.no_privacy else None,
        "device": args.device,
    }
    overlays = [run.path / f"{name}.json" for name in ("settings", "network", "overlay")]
    files = [config_file("train"), config_file("evaluate"), *overlays]
    workflow = make_workflow(args, files, override)
    folder = Path(workflow.parser.get_parsed_content("evaluation_dir"))
    if args.dry_run:
        names = ("dataset_dir", "evaluate_split", "extractor", "ckpt_path")
        print_plan({"out": str(folder), **{name: workflow.parser.get_parsed_content(name) for name in names}})
        return
    _run(workflow)
    print(table(read_json(folder / "metrics.json")))
    print(f"report: {folder / 'report.html'}")


def demo(args: argparse.Namespace) -> None:
    """Go the whole way on digital patients."""
    out = Path(args.out)
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"out must be a new or empty folder, {out} is not empty; choose another or delete it")
    data, run, synthetic = out / "data", out / "run", out / "synthetic"
    shared = {"dry_run": False, "debug": args.debug, "seed": args.seed, "device": None, "set": [], "config": []}
    steps = [
        (phantom, {"out": str(data), "patients": args.patients, "spacing": 1.5, "healthy": 0.2}),
        (
            train,
            {
                "data": str(data),
                "out": str(run),
                "epochs": args.epochs,
                "image_size": None,
                "resume": False,
                "config": ["train/demo"],
            },
        ),
        (
            evaluate,
            {"run": str(run)} | dict.fromkeys(("data", "split", "extractor", "out")) | {"no_privacy": False},
        ),
        (
            generate,
            {"model": str(run), "out": str(synthetic), "num": 64, "format": "png"}
            | dict.fromkeys((*MASK_RULES, "shard", "batch_size")),
        ),
    ]
    if args.dry_run:
        print_plan({step.__name__: options for step, options in steps})
        return
    for number, (step, options) in enumerate(steps, start=1):
        print(f"\n[{number}/{len(steps)}] {step.__name__}", flush=True)
        step(argparse.Namespace(**{**shared, **options}))
    print(_what_next(out))


def _what_next(out: Path) -> str:
    patients, slices = (len(read_json(out / name / "dataset.json")["training"]) for name in ("data", "synthetic"))
    lines = [
        "",
        f"Everything lies in {out}:",
        f"  data/                                       {patients} digital patients, 4 sequences, masks",
        "  run/evaluation/report.html                  look at this first: what came out, in words, numbers, pictures",
        "  run/evaluation/real_beside_synthetic.png    real and synthetic slices; masks are the contours",
        "  run/loss_curves.png, run/samples/           how the training went (tensorboard --logdir "
        f"{out / 'run' / 'tensorboard'})",
        f"  synthetic/                                  {slices} labeled slices and their dataset.json",
        "",
        "With your own data (volumes with masks, or 2D pictures with masks):",
        "  monai-dcgan inspect DATA                     shows what is understood of it",
        "  monai-dcgan train DATA --out RUN",
        "  monai-dcgan evaluate RUN",
        "  monai-dcgan generate RUN --out SYNTHETIC --num 1000",
        "or with MONAI's own command, and the same settings:",
        f"  python -m monai.bundle run --config_file {config_file('train')} --dataset_dir DATA --output_dir RUN",
    ]
    if not optional_import("fire")[1]:
        lines.append("  (python -m monai.bundle needs the package fire, which is missing here: pip install fire)")
    return "\n".join(lines)


def _run(workflow: DCGANWorkflow) -> None:
    workflow.initialize()
    workflow.run()
    workflow.finalize()


def _training_plan(workflow: DCGANWorkflow) -> dict[str, Any]:
    names = [name for group in PLANNED for name in workflow.parser[group] if name not in FROM_DATA]
    plan = {name: workflow.parser.get_parsed_content(name) for name in names}
    plan["device"] = str(workflow.parser.get_parsed_content("device"))
    plan["images shown"] = plan["max_epochs"] * plan["images_per_epoch"]
    return plan
