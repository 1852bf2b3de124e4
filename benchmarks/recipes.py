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
``screen`` trains one run with one seed for every option; it takes its numbers from the validations of the training,
for ``paper`` and ``default`` from their runs of ``final`` where these are there: a longer training begins the same.
``final`` trains the recipes ``paper`` and ``default`` with two seeds and more images, and evaluates them in full. Every
run lies in a folder of its own below ``--runs``: one that was stopped goes on, one that is complete is not run again.

All numbers are against validation patients, which no training has seen: fold 4 of figshare (its folds are the
publisher's), and 15 of the 50 patients of tcga_lgg, of which 20 are trained on.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import statistics
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from recipe_options import options

from monai_dcgan.utils.files import read_json, read_json_lines, write_json
from monai_dcgan.workflow import DCGANWorkflow, config_file, overlay_file

IMAGES_OF_AN_EPOCH = 10_240
SCREEN_IMAGES, FINAL_IMAGES = 100_000, 300_000
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
EVALUATED_UNITS = {
    **UNITS,
    "kernel_distance": "squared maximum mean discrepancy",
    "ssim_best_match": "SSIM with the nearest held-out slice",
    "ms_ssim_within_set": "MS-SSIM of pairs within the set",
    "mask_area": "share of the slice",
    "mask_parts": "parts",
}
TITLES = {
    "frechet_distance": "Fréchet",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "ssim_best_match": "SSIM",
    "masks_empty": "empty masks",
}


@dataclass(frozen=True)
class Run:
    """One training of the benchmark.

    Attributes:
        dataset: name of the data set.
        option: name of what is trained.
        recipe: the recipe that it starts from, ``paper`` or ``default``.
        changes: what it changes in that recipe.
        seed: seed of the training.
        images: images shown.
    """

    dataset: str
    option: str
    recipe: str
    changes: Mapping[str, Any]
    seed: int
    images: int

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.option}_{self.dataset}_{self.images}_seed{self.seed}"


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
    known = options() if screening else {name: (name, {}) for name in ("paper", "default")}
    unknown = sorted(set(args.recipes or ()) - set(known))
    if unknown:
        raise SystemExit(f"--recipes must be among {', '.join(known)}, got {', '.join(unknown)}")
    chosen = {name: known[name] for name in args.recipes or known}
    images = args.images or (SCREEN_IMAGES if screening else FINAL_IMAGES)
    return [
        Run(dataset, option, recipe, changes, seed, images)
        for seed in args.seeds or ([0] if screening else [0, 1])
        for dataset in args.datasets or (["figshare"] if screening else list(FOLDERS))
        for option, (recipe, changes) in chosen.items()
    ]


def measure(run: Run, stage: str, data: Path, runs: Path, extractor: str) -> list[dict[str, Any]]:
    """Train a run where that is still to do, and return its rows."""
    images = shown(run.images)
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.WARNING)
    longer = replace(run, images=FINAL_IMAGES)
    if stage == "screen" and run.images < longer.images and is_complete(runs / longer.name):
        run = longer
    folder = runs / run.name
    train(run, data / FOLDERS[run.dataset], folder, extractor)
    values = validated(folder, images) if stage == "screen" else evaluated(folder, extractor)
    record = read_json(folder / "run.json")
    conditions = {
        "data": run.dataset,
        "option": run.option,
        "recipe": run.recipe,
        "changes": run.changes,
        "seed": run.seed,
        "images_shown": images,
        "image_size": record["network"]["image_size"],
        "width": record["network"]["width"],
        "batch_size": record["settings"]["batch_size"],
        "extractor": Path(extractor).name,
        "trained_on": record["conditions"],
        "versions": record["versions"],
    }
    return [
        {"name": f"{stage}_{run.option}_{run.dataset}_seed{run.seed}_{name}", **value, "conditions": conditions}
        for name, value in values.items()
    ]


def train(run: Run, data: Path, folder: Path, extractor: str) -> None:
    """Train, or go on, or do nothing for a complete run of the same settings."""
    overlays = [f"data/{run.dataset}", *(["train/paper"] if run.recipe == "paper" else [])]
    files = [config_file("train"), *map(overlay_file, overlays)]
    settings = {
        "seed": run.seed,
        "max_epochs": shown(run.images) // IMAGES_OF_AN_EPOCH,
        "extractor": extractor,
        "validate#additional_metrics": VALIDATION_METRICS,
        **OVERLAYS[run.dataset],
        **run.changes,
    }
    made_of = {"files": [read_json(path) for path in files], "settings": settings}
    record, recipe = folder / "run.json", folder.with_suffix(".json")
    if recipe.exists() and read_json(recipe) != json.loads(json.dumps(made_of)):
        raise SystemExit(f"{folder} must be a run of today's settings, {recipe} has others; delete both to train anew")
    if is_complete(folder):
        return
    write_json(recipe, made_of)
    places = {"dataset_dir": str(data), "output_dir": str(folder), "cache_dir": str(folder.parent / "cache")}
    override = {**places, "resume": record.exists(), **settings}
    workflow = DCGANWorkflow(files, override, logging_file=False)
    workflow.initialize()
    workflow.run()
    workflow.finalize()


def is_complete(folder: Path) -> bool:
    """Return whether a complete training lies in ``folder``."""
    return (folder / "run.json").exists() and read_json(folder / "run.json")["status"] == "completed"


def shown(images: int) -> int:
    """Return how many images are shown when ``images`` are asked for: whole epochs."""
    return -(-images // IMAGES_OF_AN_EPOCH) * IMAGES_OF_AN_EPOCH


def validated(folder: Path, images: int) -> dict[str, dict[str, Any]]:
    """Return what the validation of a training after ``images`` images measured."""
    lines = [
        line
        for line in read_json_lines(folder / "metrics.jsonl")
        if "val_frechet_distance" in line and line["images"] <= images
    ]
    if not lines or lines[-1]["images"] != images:
        raise SystemExit(f"--images must end with a validation, {folder} has none after {images} images")
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
        for name, unit in EVALUATED_UNITS.items()
    }
    masks = {kind: metrics["masks"][kind][0]["share_empty"] for kind in ("synthetic", "real")}
    values["masks_empty"] = {"value": masks["synthetic"], "versus": masks["real"], "unit": "share of the slices"}
    return values


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
            f"{stage}_{conditions['option']}_{conditions['data']}_seed{conditions['seed']}_"
        )
        groups.setdefault((conditions["data"], conditions["option"]), {}).setdefault(name, []).append(row["value"])
    titles = {name: title for name, title in TITLES.items() if any(name in values for values in groups.values())}
    print("| data | option | seeds | " + " | ".join(titles.values()) + " |")
    print("|---|---|---|" + "---|" * len(titles))
    for (data, option), values in groups.items():
        cells = [f"{statistics.mean(values[name]):.3g}" if name in values else "" for name in titles]
        print(f"| {data} | {option} | {len(values['frechet_distance'])} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
