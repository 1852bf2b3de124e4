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
"""Arguments of ``monai-dcgan readers``."""

from __future__ import annotations

import argparse

from monai_dcgan.utils.enums import Split

__all__ = ["add_readers"]

_TEXT = "blinded reader study: a page where radiologists tell real slices from synthetic ones, and its scores"
_MAKE = "write one HTML page with real and synthetic slices, and the key to score it with"
_SCORE = "score the answers of the readers"


def add_readers(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command ``readers`` with its actions ``make`` and ``score``."""
    parser = commands.add_parser("readers", help=_TEXT, description=f"{_TEXT[0].upper()}{_TEXT[1:]}.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser("make", parents=parents, help=_MAKE, description=f"{_MAKE[0].upper()}{_MAKE[1:]}.")
    make.add_argument("source", help="folder of a run, or of a synthetic set")
    make.add_argument("--real", required=True, metavar="STORE", help="prepared store with the real slices")
    make.add_argument("--split", metavar="FILE", help="split.json of the run (default: that of the run given)")
    make.add_argument(
        "--part",
        choices=[str(Split.VALIDATION), str(Split.TEST)],
        default=str(Split.TEST),
        help="whose patients the real slices are of (default: %(default)s)",
    )
    make.add_argument("--out", required=True, metavar="FILE.html", help="page to write; the key is FILE.key.json")
    make.add_argument("--num", type=int, default=40, help="slices to judge, half of them real (default: %(default)s)")
    make.add_argument("--seed", type=int, default=0, help="seed of draw and order (default: %(default)s)")
    make.add_argument(
        "--repeats",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of slices shown twice, to see how far readers agree with themselves (default: %(default)s)",
    )
    make.add_argument("--reader-name", default="", metavar="NAME", help="name that the page shows at the start")
    make.add_argument("--no-masks", action="store_true", help="leave the outlines of the masks out of the page")
    make.add_argument("--dry-run", action="store_true", help="print the resolved plan and write nothing")
    score = actions.add_parser("score", parents=parents, help=_SCORE, description=f"{_SCORE[0].upper()}{_SCORE[1:]}.")
    score.add_argument("key", metavar="KEY.json", help="key that readers make wrote")
    score.add_argument("answers", nargs="+", metavar="ANSWERS.json", help="files that the readers saved")
    score.add_argument("--out", required=True, metavar="DIR", help="folder for readers.json and readers.md")
    score.add_argument(
        "--report", metavar="DIR", help="folder of an evaluation, such as RUN/evaluation, whose report is to show them"
    )
    score.add_argument("--seed", type=int, default=0, help="seed of the bootstrap (default: %(default)s)")
