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
"""The command that puts the evaluations of several runs beside one another."""

from __future__ import annotations

import argparse
from pathlib import Path

from monai_dcgan.utils.files import read_json

__all__ = ["add_compare", "compare"]

_TEXT = "put the evaluations of several runs beside one another"


def add_compare(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command ``compare``."""
    parser = commands.add_parser("compare", parents=parents, help=_TEXT, description=f"{_TEXT[0].upper()}{_TEXT[1:]}.")
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="folder of an evaluated run, or of a report, or a metrics.json"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for comparison.html, .md and .json")
    parser.add_argument("--names", metavar="A,B", help="names of the runs, in their order (default: their folders)")
    parser.add_argument("--no-pictures", action="store_true", help="leave the pictures of the reports out")


def compare(args: argparse.Namespace) -> None:
    """Compare the evaluations of runs."""
    from monai_dcgan.evaluation import read_report, write_comparison

    if len(args.runs) < 2:
        raise ValueError(f"RUN must name at least 2 runs, got {len(args.runs)}; name another run")
    names = _names(args.runs, args.names)
    found = {name: read_report(path) for name, path in zip(names, args.runs, strict=True)}
    pictures = {} if args.no_pictures else {name: shown for name, (_, shown) in found.items()}
    for shown in pictures.values():
        for title, path in list(shown.items()):
            if not path.is_file():
                print(f"left out: {title}, there is no {path}")
                del shown[title]
    page = write_comparison({name: metrics for name, (metrics, _) in found.items()}, args.out, pictures)
    comparison = read_json(page.with_suffix(".json"))
    for warning in comparison["warnings"]:
        print(f"warning: {warning}")
    for row in comparison["metrics"].values():
        print(f"{row['title']}: {row['finding']}")
    print(f"comparison: {page}")


def _names(runs: list[str], given: str | None) -> list[str]:
    """Return one name per run: those given, or the shortest ends of the paths that tell all apart."""
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        if len(names) != len(runs) or not all(names) or len(set(names)) < len(names):
            raise ValueError(f"--names must be {len(runs)} different names with commas between them, got {given!r}")
        return names
    paths = [Path(run).resolve() for run in runs]
    parts = [(path.parent if path.is_file() else path).parts for path in paths]
    parts = [own[:-1] if own[-1] == "evaluation" and len(own) > 2 else own for own in parts]
    if len(set(parts)) < len(parts):
        raise ValueError(f"RUN must name different runs, got one twice among {', '.join(runs)}")
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-count:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    raise ValueError(f"RUN must name runs that can be told apart, got {', '.join(runs)}; give --names")
