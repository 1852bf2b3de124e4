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
"""Train the ``paper`` recipe on real data and note the numbers that later recipes must beat.

    python benchmarks/baseline.py --data DIR --extractor FILE --runs DIR --json FILE

``DIR`` holds the folders ``tcga_lgg`` (Decathlon layout) and ``figshare_t1ce_128`` (pictures with ``index.csv``).
Every run lies in a folder of its own below ``--runs``; one that was stopped goes on, one that is complete is only
evaluated. Numbers are against the validation patients, which no training has seen.
"""

from __future__ import annotations

import argparse
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from monai_dcgan.utils.files import read_json, write_json
from monai_dcgan.utils.run_folder import RunFolder, package_versions
from monai_dcgan.workflow import DCGANWorkflow, config_file, overlay_file

DATASETS = {"tcga_lgg": "data/tcga_lgg", "figshare": "data/figshare"}
UNITS = {
    "frechet": "squared feature units",
    "kernel": "squared maximum mean discrepancy",
    "precision": "share of synthetic slices",
    "recall": "share of real slices",
    "density": "real slices near a synthetic one, over 5",
    "coverage": "share of real slices",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "intensity": "intensity in [0, 1]",
    "spectrum": "log10 of power",
    "mask_area": "share of the slice",
    "mask_row": "share of the height",
    "mask_column": "share of the width",
    "mask_parts": "parts",
}
FOLDERS = {"tcga_lgg": "tcga_lgg", "figshare": "figshare_t1ce_128"}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--extractor", required=True, help="TorchScript feature extractor, or 'random'")
    parser.add_argument("--runs", type=Path, required=True, help="folder for the training runs")
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--datasets", nargs="+", choices=list(DATASETS), default=list(DATASETS))
    parser.add_argument("--images", type=int, default=300_000, help="images shown (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    results = []
    for name in args.datasets:
        folder = args.runs / f"paper_{name}_seed{args.seed}"
        train(args.data / FOLDERS[name], folder, DATASETS[name], args.images, args.seed)
        results += evaluate(name, folder, args.extractor)
        write_json(args.json, results)
    for row in results:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:10.2f}"
        print(f"{row['name']:<42} {row['value']:10.4g} {ratio:>10}  {row['conditions']['title']}")


def train(data: Path, folder: Path, overlay: str, images: int, seed: int) -> None:
    """Train, or go on, or do nothing for a complete run."""
    record = folder / "run.json"
    if record.exists() and read_json(record)["status"] == "completed":
        return
    override = {
        "dataset_dir": str(data),
        "output_dir": str(folder),
        "cache_dir": str(folder.parent / "cache"),
        "resume": record.exists(),
        "seed": seed,
        "max_epochs": -(-images // 10_240),
    }
    workflow = DCGANWorkflow(
        [config_file("train"), overlay_file("train/paper"), overlay_file(overlay)], override, logging_file=False
    )
    workflow.initialize()
    workflow.run()
    workflow.finalize()


def evaluate(name: str, folder: Path, extractor: str) -> list[dict[str, Any]]:
    """Evaluate a run on its validation patients and return its rows."""
    run = RunFolder(folder)
    overlays = [folder / f"{group}.json" for group in ("settings", "network", "overlay")]
    files = [config_file("train"), config_file("evaluate"), *overlays]
    override = {"output_dir": str(folder), "extractor": extractor, "evaluate_split": "validation"}
    workflow = DCGANWorkflow(files, override, logging_file=False)
    workflow.initialize()
    workflow.run()
    metrics = read_json(folder / "evaluation" / "metrics.json")
    record = read_json(run.path / "run.json")
    conditions = {
        "data": name,
        "recipe": "paper",
        "images_shown": record["images"],
        "image_size": record["network"]["image_size"],
        "width": record["network"]["width"],
        "seed": record["settings"]["seed"],
        "trained_on": record["conditions"],
        "counts": metrics["counts"],
        "versions": package_versions(),
    }
    rows = []
    for key, entry in metrics["metrics"].items():
        real = entry["real_vs_real"]
        rows.append(
            {
                "name": f"paper_{name}_{key}",
                "value": entry["value"],
                "unit": next(unit for start, unit in UNITS.items() if key.startswith(start)),
                "versus": None if real is None else real["value"],
                "ratio": entry["ratio"],
                "conditions": {
                    **conditions,
                    "title": entry["title"],
                    **entry["conditions"],
                    "interval": entry["interval"],
                    "at_equal_n": entry["matched"],
                    "real_vs_real": real,
                },
            }
        )
    rows.append(
        {
            "name": f"paper_{name}_masks_empty",
            "value": metrics["masks"]["synthetic"][0]["share_empty"],
            "unit": "share of the slices",
            "versus": metrics["masks"]["real"][0]["share_empty"],
            "ratio": None,
            "conditions": {**conditions, "title": "empty masks"},
        }
    )
    if "resumed" not in record:
        started, completed = (datetime.fromisoformat(record[key]) for key in ("started", "completed"))
        rows.append(
            {
                "name": f"paper_{name}_throughput",
                "value": record["images"] / (completed - started).total_seconds(),
                "unit": "images per second",
                "versus": None,
                "ratio": None,
                "conditions": {**conditions, "title": "training, with validation and checkpoints"},
            }
        )
    return rows


if __name__ == "__main__":
    main()
