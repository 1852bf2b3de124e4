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
"""Train recipes on real data and compare what they make.

    python benchmarks/recipes.py screen --data DIR --extractor FILE --runs DIR --json FILE
    python benchmarks/recipes.py final --data DIR --extractor FILE --runs DIR --json FILE

``DIR`` holds the folders ``tcga_lgg`` (Decathlon layout) and ``figshare_t1ce_128`` (pictures with ``index.csv``).
``screen`` trains one run with one seed for every option; it takes its numbers from the validations of the training.
``final`` trains the recipes ``paper`` and ``default`` with two seeds and more images, and evaluates them in full. Every
run lies in a folder of its own below ``--runs``: one that was stopped goes on, one that is complete is not run again.

All numbers are against validation patients, which no training has seen: fold 4 of figshare (its folds are the
publisher's), and 15 of the 50 patients of tcga_lgg, of which 20 are trained on.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import statistics
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from monai_dcgan.utils.files import read_json, read_json_lines, write_json
from monai_dcgan.utils.run_folder import package_versions
from monai_dcgan.workflow import DCGANWorkflow, config_file, overlay_file

FOLDERS = {"tcga_lgg": "tcga_lgg", "figshare": "figshare_t1ce_128"}
OVERLAYS: dict[str, dict[str, Any]] = {
    # 20 patients for training; the split stays the same when the seed of the training changes.
    "tcga_lgg": {"split_fractions": [0.4, 0.3, 0.3], "split_seed": 0},
    "figshare": {},
}
VALIDATION_METRICS = {
    "frechet_distance": {"_target_": "monai_dcgan.metrics.FrechetDistance", "extractor": "@shared_features"},
    **{
        name: {
            "_target_": "monai_dcgan.metrics.PrecisionRecall",
            "extractor": "@shared_features",
            "quantity": name,
        }
        for name in ("precision", "recall", "coverage")
    },
}
UNITS = {
    "frechet_distance": "squared feature units",
    "precision": "share of synthetic slices",
    "recall": "share of real slices",
    "coverage": "share of real slices",
}
TITLES = {
    "frechet_distance": "Fréchet",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "throughput": "images/s",
}
ADVERSARIAL_ALONE = {"l1_weight": 0.0, "feature_matching_weight": 0.0}
AUGMENTED = {"d_brightness": 0.25, "d_contrast": 0.5, "d_translation": 0.125, "label_smoothing": 0.1}
BATCH = {"batch_size": 16}
GENERATOR = {"upsampling": "bilinear", "g_residual": True}
DISCRIMINATOR = {"d_norm": "group", "d_minibatch_std": 8, "d_stem": 16, "d_blur": True}
R1 = {"r1": 0.1, "penalty_every": 8}
BASE = {**ADVERSARIAL_ALONE, **AUGMENTED, **BATCH, **GENERATOR, **DISCRIMINATOR, **R1}
UNSMOOTHED = {**BASE, "label_smoothing": 0.0}
AFFINE = {"d_rotation": 10.0, "d_scale": 0.2}
OPTIONS: dict[str, dict[str, Any]] = {
    # One thing after the other on top of the paper.
    "paper": {},
    "+adversarial_alone": ADVERSARIAL_ALONE,
    "+augmentation": {**ADVERSARIAL_ALONE, **AUGMENTED},
    "+batch_16": {**ADVERSARIAL_ALONE, **AUGMENTED, **BATCH},
    "+generator": {**ADVERSARIAL_ALONE, **AUGMENTED, **BATCH, **GENERATOR},
    "+discriminator": {**ADVERSARIAL_ALONE, **AUGMENTED, **BATCH, **GENERATOR, **DISCRIMINATOR},
    "base": BASE,
    # The base with one thing changed.
    "base_transposed": {**BASE, "upsampling": "transposed"},
    "base_no_g_residual": {**BASE, "g_residual": False},
    "base_d_residual": {**BASE, "d_residual": True},
    "base_no_augmentation": {**BASE, **dict.fromkeys(AUGMENTED, 0.0)},
    "base_no_smoothing": UNSMOOTHED,
    "base_batch_8": {**BASE, "batch_size": 8},
    "base_batch_64": {**BASE, "batch_size": 64},
    "base_no_stem_no_blur": {**BASE, "d_stem": 0, "d_blur": False},
    "base_no_stem": {**BASE, "d_stem": 0},
    "base_no_minibatch_std": {**BASE, "d_minibatch_std": 0},
    "base_no_r1": {**BASE, "r1": 0.0},
    "base_r1_weak": {**BASE, "r1": 0.03},
    "base_r1_strong": {**BASE, "r1": 0.3},
    "base_batch_norm": {**BASE, "d_norm": "batch"},
    "base_no_norm": {**BASE, "d_norm": "none"},
    "base_spectral_norm": {**BASE, "d_norm": "none", "d_spectral_norm": True},
    "base_learning_rate": {**BASE, "learning_rate": 5e-4},
    "base_two_time_scales": {**BASE, "learning_rate": 1e-4, "d_learning_rate": 4e-4},
    "base_affine": {**BASE, **AFFINE},
    "base_cutout": {**BASE, "d_cutout": 0.5},
    "base_adaptive": {**BASE, **AFFINE, "ada_target": 0.6, "ada_images": 100_000},
    "base_instance_noise": {**BASE, "instance_noise": 0.1, "instance_noise_images": 50_000},
    "base_mask_blur": {**BASE, "mask_blur": 0.7},
    "base_r2": {**BASE, "r2": 0.1},
    "base_relativistic_r2": {**UNSMOOTHED, "r2": 0.1, "adversarial_loss": "relativistic"},
    "base_hinge": {**UNSMOOTHED, "adversarial_loss": "hinge"},
    "base_least_squares": {**UNSMOOTHED, "adversarial_loss": "least_squares"},
    "base_wasserstein": {
        **UNSMOOTHED,
        "adversarial_loss": "wasserstein",
        "r1": 0.0,
        "wgan_gp": 10.0,
        "penalty_every": 1,
    },
    "base_feature_matching": {**BASE, "feature_matching_weight": 1.0},
    "base_l1": {**BASE, "l1_weight": 1.0},
    "base_classes": {**BASE, "num_classes": 3},
}
"""What each run of ``screen`` changes in the recipe ``paper``."""


@dataclass(frozen=True)
class Run:
    """One training of the benchmark.

    Attributes:
        dataset: name of the data set.
        recipe: name of what is trained.
        settings: what it changes in ``paper``, or None for the package's default recipe.
        seed: seed of the training.
        images: images shown.
    """

    dataset: str
    recipe: str
    settings: Mapping[str, Any] | None
    seed: int
    images: int

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.recipe}_{self.dataset}_{self.images}_seed{self.seed}"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["screen", "final"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--extractor", required=True, help="TorchScript feature extractor, or the name of one")
    parser.add_argument("--runs", type=Path, required=True, help="folder for the training runs")
    parser.add_argument("--json", type=Path, required=True, help="file for the results; those of the other stage stay")
    parser.add_argument("--datasets", nargs="+", choices=list(FOLDERS), help="by default figshare to screen, else both")
    parser.add_argument("--recipes", nargs="+", help="some of the options or recipes alone")
    parser.add_argument("--images", type=int, help="images shown, by default 100,000 to screen, else 300,000")
    parser.add_argument("--seeds", type=int, nargs="+", help="seeds, by default 0 to screen, else 0 and 1")
    parser.add_argument("--workers", type=int, default=2, help="trainings at once, one thread each")
    args = parser.parse_args()
    runs = planned(args)
    with ProcessPoolExecutor(args.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(measure, run, args.stage, args.data, args.runs, args.extractor) for run in runs]
        rows = []
        for future in futures:
            rows += future.result()
            save(args.json, args.stage, rows)
    print_table(args.stage, rows)


def planned(args: argparse.Namespace) -> list[Run]:
    """Return the runs, those that answer the first question first."""
    screening = args.stage == "screen"
    recipes: dict[str, Mapping[str, Any] | None] = {**OPTIONS} if screening else {"paper": {}, "default": None}
    unknown = sorted(set(args.recipes or ()) - set(recipes))
    if unknown:
        raise SystemExit(f"--recipes must be among {', '.join(recipes)}, got {', '.join(unknown)}")
    chosen = {name: recipes[name] for name in args.recipes or recipes}
    images = args.images or (100_000 if screening else 300_000)
    return [
        Run(dataset, recipe, settings, seed, images)
        for seed in args.seeds or ([0] if screening else [0, 1])
        for dataset in args.datasets or (["figshare"] if screening else list(FOLDERS))
        for recipe, settings in chosen.items()
    ]


def measure(run: Run, stage: str, data: Path, runs: Path, extractor: str) -> list[dict[str, Any]]:
    """Train a run where that is still to do, and return its rows."""
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.WARNING)
    folder = runs / run.name
    train(run, data / FOLDERS[run.dataset], folder, extractor)
    values = validated(folder) if stage == "screen" else evaluated(folder, extractor)
    record = read_json(folder / "run.json")
    conditions = {
        "data": run.dataset,
        "recipe": run.recipe,
        "settings": run.settings,
        "seed": run.seed,
        "images_shown": record["images"],
        "image_size": record["network"]["image_size"],
        "width": record["network"]["width"],
        "batch_size": record["settings"]["batch_size"],
        "extractor": Path(extractor).name,
        "trained_on": record["conditions"],
        "versions": package_versions(),
    }
    return [
        {"name": f"{stage}_{run.recipe}_{run.dataset}_seed{run.seed}_{name}", **value, "conditions": conditions}
        for name, value in [*values.items(), *throughput(folder, record)]
    ]


def train(run: Run, data: Path, folder: Path, extractor: str) -> None:
    """Train, or go on, or do nothing for a complete run."""
    record = folder / "run.json"
    if record.exists() and read_json(record)["status"] == "completed":
        return
    override = {
        "dataset_dir": str(data),
        "output_dir": str(folder),
        "cache_dir": str(folder.parent / "cache"),
        "resume": record.exists(),
        "seed": run.seed,
        "max_epochs": -(-run.images // 10_240),
        "extractor": extractor,
        "validate#additional_metrics": VALIDATION_METRICS,
        **OVERLAYS[run.dataset],
        **(run.settings or {}),
    }
    overlays = [f"data/{run.dataset}", *([] if run.settings is None else ["train/paper"])]
    workflow = DCGANWorkflow([config_file("train"), *map(overlay_file, overlays)], override, logging_file=False)
    workflow.initialize()
    workflow.run()
    workflow.finalize()


def validated(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the last validation of a training measured."""
    lines = [line for line in read_json_lines(folder / "metrics.jsonl") if "val_frechet_distance" in line]
    return {
        name: {"value": lines[-1][f"val_{name}"], "unit": unit, "course": [line[f"val_{name}"] for line in lines]}
        for name, unit in UNITS.items()
    }


def evaluated(folder: Path, extractor: str) -> dict[str, dict[str, Any]]:
    """Evaluate a run on its validation patients in full, where that is still to do, and return the numbers."""
    if not (folder / "evaluation" / "metrics.json").exists():
        overlays = [folder / f"{group}.json" for group in ("settings", "network", "overlay")]
        override = {
            "output_dir": str(folder),
            "extractor": extractor,
            "evaluate_split": "validation",
            "privacy": False,
        }
        files = [config_file("train"), config_file("evaluate"), *overlays]
        workflow = DCGANWorkflow(files, override, logging_file=False)
        workflow.initialize()
        workflow.run()
    metrics = read_json(folder / "evaluation" / "metrics.json")
    entries = metrics["metrics"]
    values = {
        name: {
            "value": entries[name]["value"],
            "unit": unit,
            "versus": (entries[name]["real_vs_real"] or {}).get("value"),
            "ratio": entries[name]["ratio"],
            "interval": entries[name]["interval"],
            "at_equal_n": entries[name]["matched"],
            "counts": metrics["counts"],
        }
        for name, unit in UNITS.items()
    }
    masks = {kind: metrics["masks"][kind][0]["share_empty"] for kind in ("synthetic", "real")}
    values["masks_empty"] = {"value": masks["synthetic"], "versus": masks["real"], "unit": "share of the slices"}
    return values


def throughput(folder: Path, record: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the speed of a run that was never stopped."""
    if "resumed" in record:
        return []
    started, completed = (datetime.fromisoformat(record[key]) for key in ("started", "completed"))
    speed = record["images"] / (completed - started).total_seconds()
    return [("throughput", {"value": speed, "unit": "images per second, with validation and checkpoints"})]


def save(path: Path, stage: str, rows: list[dict[str, Any]]) -> None:
    """Write the rows of this stage and keep the others."""
    names = {row["name"] for row in rows}
    kept = [row for row in (read_json(path) if path.exists() else []) if row["name"] not in names]
    write_json(path, sorted([*kept, *rows], key=lambda row: row["name"]))


def print_table(stage: str, rows: list[dict[str, Any]]) -> None:
    """Print the mean over seeds of every recipe as a Markdown table."""
    groups: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in rows:
        conditions = row["conditions"]
        name = row["name"].removeprefix(
            f"{stage}_{conditions['recipe']}_{conditions['data']}_seed{conditions['seed']}_"
        )
        groups.setdefault((conditions["data"], conditions["recipe"]), {}).setdefault(name, []).append(row["value"])
    print("| data | recipe | seeds | " + " | ".join(TITLES.values()) + " |")
    print("|---|---|---|" + "---|" * len(TITLES))
    for (data, recipe), values in groups.items():
        cells = [f"{statistics.mean(values[name]):.3g}" if name in values else "" for name in TITLES]
        print(f"| {data} | {recipe} | {len(values['frechet_distance'])} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
