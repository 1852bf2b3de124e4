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
"""The command that brings a synthetic set into the form that another project reads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from monai_dcgan.cli.common import print_plan
from monai_dcgan.utils.files import read_json

__all__ = ["add_export", "export"]

_TEXT = "bring a synthetic set into the form that nnU-Net, Auto3DSeg or a project on volumes reads"
# Options of each form, and whether they must be given.
_OPTIONS = {
    "nnunet": {"id": True, "name": True},
    "auto3dseg": {"folds": False},
    "volumes": {"depth": True, "slice_spacing": False},
}


def add_export(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command ``export``."""
    parser = commands.add_parser("export", parents=parents, help=_TEXT, description=f"{_TEXT[0].upper()}{_TEXT[1:]}.")
    parser.add_argument("set", help="folder of a synthetic set; for auto3dseg also one of volumes")
    parser.add_argument("--to", required=True, choices=list(_OPTIONS), help="the form")
    parser.add_argument(
        "--out",
        required=True,
        help="nnunet: folder nnUNet_raw; auto3dseg: JSON file to write; volumes: new folder",
    )
    parser.add_argument("--id", type=int, help="nnunet: number of the data set, 1 to 999")
    parser.add_argument("--name", help="nnunet: name of the data set, such as SyntheticGlioma")
    parser.add_argument(
        "--folds", type=int, help="auto3dseg: number of folds (default: none, the entries are trained with only)"
    )
    parser.add_argument("--depth", type=int, help="volumes: slices in a volume; they are not one head's")
    parser.add_argument(
        "--slice-spacing", type=float, metavar="MM", help="volumes: spacing across slices (default: that of the set)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the resolved plan and write nothing")


def export(args: argparse.Namespace) -> None:
    """Write a synthetic set in another form."""
    from monai_dcgan.data import SyntheticSet, stack_into_volumes, to_auto3dseg_datalist, to_nnunet_raw

    options = _options(args)
    if args.dry_run:
        stored = SyntheticSet(args.set)
        plan = {"set": args.set, "cases": len(stored), "channels": stored.channels, "to": args.to, "out": args.out}
        print_plan({**plan, **options})
        return
    if args.to == "nnunet":
        folder = to_nnunet_raw(args.set, args.out, options["id"], options["name"])
        print(f"{read_json(folder / 'dataset.json')['numTraining']} cases in {folder}")
        print(f"next: nnUNetv2_plan_and_preprocess -d {options['id']} --verify_dataset_integrity")
    elif args.to == "auto3dseg":
        path = to_auto3dseg_datalist(args.set, args.out, **options)
        print(f"{len(read_json(path)['training'])} cases in {path}; its dataroot is {Path(args.set).absolute()}")
    else:
        folder = stack_into_volumes(args.set, args.out, **options)
        stacking = read_json(folder / "provenance.json")["stacking"]
        count = stacking["slices"] // stacking["depth"]
        print(f"{count} volumes of {stacking['depth']} slices in {folder}; {stacking['left_out']} slices left out")
        print(f"note: {stacking['note']}")


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the form; refuse those of another one, and a missing one that has no default."""
    own = _OPTIONS[args.to]
    for name in sorted({name for options in _OPTIONS.values() for name in options} - set(own)):
        if getattr(args, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} must be left out with --to {args.to}, got {getattr(args, name)}"
            )
    for name, needed in own.items():
        if needed and getattr(args, name) is None:
            raise ValueError(f"--{name} must be given with --to {args.to}, got none")
    return {name: getattr(args, name) for name in own if getattr(args, name) is not None}
