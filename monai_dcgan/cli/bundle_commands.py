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
"""The command that makes a bundle for the MONAI Model Zoo from a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from monai_dcgan.cli.common import print_plan

__all__ = ["add_bundle", "bundle"]

_TEXT = "make a bundle for the MONAI Model Zoo from a finished run, and check it"


def add_bundle(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command ``bundle``."""
    parser = commands.add_parser("bundle", parents=parents, help=_TEXT, description=f"{_TEXT[0].upper()}{_TEXT[1:]}.")
    parser.add_argument("run", help="folder of a finished run")
    parser.add_argument("--out", required=True, help="new folder for the bundle, whose name is that of the bundle")
    parser.add_argument("--name", help="name that people read (default: that of the folder)")
    parser.add_argument("--version", default="0.1.0", help="version of the bundle (default: %(default)s)")
    parser.add_argument("--changes", metavar="TEXT", help="what is new in this version")
    parser.add_argument("--previous", metavar="DIR", help="folder of the version before; its changelog is kept")
    parser.add_argument("--authors", metavar="NAMES", help="who made the weights")
    parser.add_argument("--data-source", metavar="TEXT", help="where the data come from, with a link")
    parser.add_argument("--data-license", metavar="FILE", help="text file with the terms of the data")
    parser.add_argument(
        "--patients",
        metavar="TEXT",
        help="what the data name in the place of patients, such as series (default: patients)",
    )
    parser.add_argument(
        "--modalities", nargs="+", metavar="NAME", help="names of the image channels, if the run has none"
    )
    parser.add_argument(
        "--scripts",
        action="store_true",
        help="bring the modules that inference needs: runs without this package, and cannot train",
    )
    parser.add_argument("--weights-url", metavar="URL", help="where weights above 25 MB will be downloaded from")
    parser.add_argument("--zip", action="store_true", help="write NAME_vVERSION.zip beside it too")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved plan and write nothing")


def bundle(args: argparse.Namespace) -> None:
    """Make a bundle."""
    from monai_dcgan.sharing import BundleLabel, make_bundle, zip_bundle
    from monai_dcgan.utils.folders import check_free_folder
    from monai_dcgan.utils.run_folder import RunFolder

    RunFolder(args.run).check_trained()
    check_free_folder(args.out, "out")
    given = {
        "version": args.version,
        "changes": args.changes,
        "authors": args.authors,
        "data_source": args.data_source,
        "patients": args.patients,
        "modalities": args.modalities and tuple(args.modalities),
        "data_license": None if args.data_license is None else Path(args.data_license).read_text(encoding="utf-8"),
    }
    title = args.name or Path(args.out).absolute().name.replace("_", " ")
    label = BundleLabel(title, **{name: value for name, value in given.items() if value is not None})
    if args.dry_run:
        needs = "monai, and the modules it brings" if args.scripts else "monai_dcgan"
        print_plan({"run": args.run, "out": args.out, "needs": needs, **vars(label)})
        return
    folder = make_bundle(args.run, args.out, label, args.scripts, args.previous, args.weights_url)
    print(f"{folder}: every check of the zoo passed, and no name of a patient, file or machine was found in it")
    if args.zip:
        print(f"archive: {zip_bundle(folder)}")
    unsaid = [name for name in ("authors", "data_source", "data_license") if given[name] is None]
    if unsaid:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in unsaid)
        print(f"before you share it: say {options}; the bundle says that they are not stated")
    print(f"read {folder / 'docs' / 'README.md'} before you share it")
