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
"""The command that says what synthetic slices are worth."""

from __future__ import annotations

import argparse

from monai_dcgan.cli.common import make_workflow, print_plan
from monai_dcgan.utils.enums import Split
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import config_file

__all__ = ["add_augment", "augment"]

_TEXT = "train networks with and without synthetic slices and compare them on held-out patients; hours to days"


def add_augment(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command ``augment``."""
    parser = commands.add_parser("augment", parents=parents, help=_TEXT, description=f"{_TEXT[0].upper()}{_TEXT[1:]}.")
    parser.add_argument("data", help="folder of the data set, or a prepared store with all slices")
    parser.add_argument("--out", required=True, help="folder of the experiment; one that was stopped goes on")
    parser.add_argument("--image-size", type=int, help="side of the slices in pixels, a power of two from 32 to 512")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="segmentation, classification, or both")
    parser.add_argument(
        "--arms",
        nargs="+",
        metavar="ARM",
        help="such as real+classical+synthetic; joined from real, classical, synthetic, implanted, copied, shuffled",
    )
    parser.add_argument(
        "--patients", nargs="+", type=_number, metavar="N", help="numbers of training patients, or all; in their order"
    )
    parser.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="seeds of patients, generators, networks")
    parser.add_argument(
        "--split",
        choices=[str(Split.VALIDATION), str(Split.TEST)],
        help="whom to measure on: validation while settings are chosen, test once they are (default: test)",
    )
    parser.add_argument("--processes", type=int, help="generators and their networks at once")
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="Dask scheduler whose workers prepare slices and train, such as tcp://host:8786; same folders everywhere",
    )
    parser.add_argument("--device", help="cpu, cuda:0, ... (default: a GPU where there is one)")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved plan and train nothing")


def augment(args: argparse.Namespace) -> None:
    """Run an experiment, or go on with it, and write its report."""
    override = {
        "dataset_dir": args.data,
        "output_dir": args.out,
        "image_size": args.image_size,
        "tasks": args.tasks,
        "arms": args.arms,
        "patients": args.patients,
        "seeds": args.seeds,
        "evaluate_split": args.split,
        "processes": args.processes,
        "dask": args.dask,
        "device": args.device,
    }
    workflow = make_workflow(args, [config_file("train"), config_file("downstream")], override)
    if args.dry_run:
        experiment = workflow.parser.get_parsed_content("experiment")
        experiment.check()
        plan = {name: workflow.parser.get_parsed_content(name) for name in workflow.parser["experiment_settings"]}
        print_plan({"out": args.out, **experiment.outlook(), **plan})
        return
    workflow.initialize()
    workflow.run()
    report = workflow.parser.get_parsed_content("experiment").report()
    tables = {table["task"]: table for table in reversed(read_json(report.with_name("results.json"))["tables"])}
    for task in workflow.parser.get_parsed_content("tasks"):
        for comparison in tables[task]["comparisons"] if task in tables else []:
            print(comparison["finding"])
    print(f"report: {report}")


def _number(text: str) -> int | str:
    return text if text == "all" else int(text)
