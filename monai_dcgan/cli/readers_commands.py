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
"""Blinded reader studies: make the page, score the answers."""

from __future__ import annotations

import argparse

from monai_dcgan.cli.common import print_plan
from monai_dcgan.evaluation import add_readers, read_report
from monai_dcgan.evaluation.readers import (
    load_answers,
    load_key,
    make_reader_page,
    score_readers,
    write_scores,
)
from monai_dcgan.evaluation.readers.make import plan_reader_page

__all__ = ["readers"]


def readers(args: argparse.Namespace) -> None:
    """Make or score a reader study."""
    _make(args) if args.action == "make" else _score(args)


def _make(args: argparse.Namespace) -> None:
    plan = plan_reader_page(args.source, args.real, args.out, args.num, args.seed, args.repeats, args.split, args.part)
    if args.dry_run:
        print_plan({**plan, "part": args.part, "num": args.num, "seed": args.seed, "repeats": args.repeats})
        return
    page, key = make_reader_page(
        args.source,
        args.real,
        args.out,
        num=args.num,
        seed=args.seed,
        repeats=args.repeats,
        split=args.split,
        part=args.part,
        reader_name=args.reader_name,
        masks=not args.no_masks,
    )
    print(f"page: {page}  (send this file to the readers; it opens in any browser)")
    print(f"key:  {key}  (keep it: it says which slices are real, and the scores need it)")
    print(f"then: monai-dcgan readers score {key} ANSWERS.json ... --out DIR")


def _score(args: argparse.Namespace) -> None:
    key = load_key(args.key)
    answers = [load_answers(path, key) for path in args.answers]
    if args.report:
        # Before the scores are computed: a report that cannot take them is told at once.
        read_report(args.report)
    scores = score_readers(key, answers, seed=args.seed)
    written = [write_scores(scores, args.out)]
    if args.report:
        written.append(add_readers(args.report, scores))
    print(f"{scores['verdict'][0].upper()}{scores['verdict'][1:]}.")
    for remark in scores["remarks"]:
        print(f"- {remark}")
    for path in written:
        print(f"report: {path}")
