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
"""Measure what makes synthetic slices useful: the experiment once for every setting, on the validation patients.

    python examples/low_data_segmentation/choose.py TCGA_LGG --out DIR --json choose.json

Generators and networks lie in ``DIR``, which the experiment itself uses too; what is there is not trained again. Half
of every batch is synthetic where nothing else is said; one option is changed at a time.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from monai_dcgan.utils.files import read_json, write_json
from monai_dcgan.workflow import DCGANWorkflow, config_file

HERE = Path(__file__).parent
BASELINE, SYNTHETIC = "real+classical", "real+classical+synthetic"
IMPLANTED, COPIED = "real+classical+implanted", "real+classical+copied"
BASE: dict[str, Any] = {"clean": True, "healthy": True, "synthetic_share": 0.5}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "as the generator makes them": (SYNTHETIC, {"clean": False}),
    "**outlines of masks cleaned**": (SYNTHETIC, {}),
    "and a quarter of every batch": (SYNTHETIC, {"synthetic_share": 0.25}),
    "and three quarters of every batch": (SYNTHETIC, {"synthetic_share": 0.75}),
    "and fading out": (SYNTHETIC, {"mix_schedule": "fade"}),
    "and first alone, then none": (SYNTHETIC, {"mix_schedule": "pretrain"}),
    "and latents cut off at 1": (SYNTHETIC, {"truncation": 1.0}),
    "and implausible masks kept": (SYNTHETIC, {"plausible": False}),
    "and near-copies of training slices kept": (SYNTHETIC, {"memorized": True}),
    "and a segmenter must agree (Dice from 0.5)": (SYNTHETIC, {"agreement": [0.5, 1.0]}),
    "and a segmenter must differ (Dice 0.3 to 0.9)": (SYNTHETIC, {"agreement": [0.3, 0.9]}),
    "and masks of a segmenter": (SYNTHETIC, {"relabel": True}),
    "and those with tumor alone": (SYNTHETIC, {"healthy": False}),
    "their tumors in real slices": (IMPLANTED, {}),
    "their tumors in real slices, a quarter of every batch": (IMPLANTED, {"synthetic_share": 0.25}),
    "no generator: real tumors in other patients' slices": (COPIED, {}),
    "cleaned, and real tumors in other patients' slices": (f"{SYNTHETIC}+copied", {}),
    "their tumors and real ones in real slices": (f"{IMPLANTED}+copied", {}),
    "control: cleaned, with the masks of others": (f"{SYNTHETIC}+shuffled", {}),
}


def main() -> None:
    """Measure every variant and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder of TCGA-LGG in the Decathlon layout")
    parser.add_argument("--out", required=True, help="folder of the experiment")
    parser.add_argument("--json", required=True, help="file for the numbers")
    parser.add_argument("--patients", type=int, default=10, help="number of training patients")
    parser.add_argument("--processes", type=int, default=1, help="generators and their networks at once")
    parser.add_argument("--cache", help="folder for prepared slices, that of a run by default")
    args = parser.parse_args()
    shared = {
        "dataset_dir": args.data,
        "output_dir": args.out,
        "patients": [args.patients],
        "processes": args.processes,
    }
    shared |= {"cache_dir": args.cache} if args.cache else {}
    measured = {}
    for name, (arm, settings) in VARIANTS.items():
        measured[name] = {"arm": arm, "settings": settings, **measure(arm, {**shared, **BASE, **settings})}
        write_json(Path(args.json), {"patients": args.patients, "variants": measured})
    print("\n".join(table(measured)))


def measure(arm: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Run the experiment with one arm beside the baseline, and return how they compare by Dice."""
    asked = {"tasks": ["segmentation"], "arms": [BASELINE, arm], "evaluate_split": "validation"}
    workflow = DCGANWorkflow(
        [config_file("train"), config_file("downstream"), HERE / "experiment.json"],
        {**settings, **asked},
        logging_file=False,
    )
    workflow.initialize()
    workflow.run()
    report = workflow.parser.get_parsed_content("experiment").report()
    found = read_json(report.with_name("results.json"))
    (dice,) = (table for table in found["tables"] if table["metric"] == "dice")
    (comparison,) = dice["comparisons"]
    (cost,) = (cost for name, cost in found["costs"].items() if name == arm)
    return {"comparison": comparison, "conditions": found["conditions"], "cost": cost}


def table(measured: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = ["| slices | Dice | difference | 95 % interval |", "|---|---|---|---|"]
    for name, one in measured.items():
        found = one["comparison"]
        if len(lines) == 2:
            lines.append(f"| none: `{BASELINE}` | {100 * found['mean_baseline']:.1f} | | |")
        numbers = [100 * found[key] for key in ("mean", "difference", "low", "high")]
        lines.append("| {} | {:.1f} | {:+.1f} | {:.1f} to {:.1f} |".format(name, *numbers))
    return lines


if __name__ == "__main__":
    main()
