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
"""Commands that look at data and prepare them: parse, call, print; and ``train`` shows the same before it starts."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from monai_dcgan.cli.common import print_plan, training_workflow
from monai_dcgan.data import Source, is_store, load_splits, split_patients
from monai_dcgan.data.store.inspection import inspect_store
from monai_dcgan.data.store.inspection_text import inspection_text
from monai_dcgan.data.survey import survey
from monai_dcgan.data.survey_text import survey_text
from monai_dcgan.utils.enums import Keys, OnError
from monai_dcgan.workflow import DCGANWorkflow

__all__ = ["inspect", "prepare", "show_data"]

# Options of the command line that are fields of ``Source``.
SOURCE_OPTIONS = ("layout", "modalities", "patient_pattern", "image_pattern", "label_pattern", "reader")


def inspect(args: argparse.Namespace) -> None:
    """Say what a data set or a store holds, and check a store's files."""
    if is_store(args.path):
        _inspect_store(args)
        return
    if args.duplicates or args.no_verify or args.split is not None:
        raise ValueError(f"--duplicates, --split and --no-verify go with a store, got the data set {args.path}")
    given = {name: getattr(args, name) for name in SOURCE_OPTIONS if getattr(args, name) is not None}
    found = survey(args.path, Source(**given))
    print(json.dumps(found.as_dict(), indent=1) if args.json else survey_text(found))


def _inspect_store(args: argparse.Namespace) -> None:
    asked = [f"--{name.replace('_', '-')}" for name in SOURCE_OPTIONS if getattr(args, name) is not None]
    if asked:
        raise ValueError(f"{asked[0]} goes with a data set, got the store {args.path}")
    if args.split is not None and not args.duplicates:
        raise ValueError("--split goes with --duplicates, got it alone")
    splits = None if args.split is None else load_splits(args.split)
    found = inspect_store(args.path, verify=not args.no_verify, duplicates=args.duplicates, splits=splits)
    print(json.dumps(found, indent=1) if args.json else inspection_text(found))
    if found["damage"]:
        more = f" and {len(found['damage']) - 1} more" if len(found["damage"]) > 1 else ""
        raise ValueError(f"{args.path} is damaged: {found['damage'][0]}{more}; delete the folder and prepare it again")


def prepare(args: argparse.Namespace) -> None:
    """Store the slices of a data set."""
    override = {name: getattr(args, name) for name in (*SOURCE_OPTIONS, "axis", "tumor", "tumor_labels", "on_error")}
    override |= {"dataset_dir": args.data, "prepare_workers": args.workers, "dask": args.dask}
    workflow = training_workflow(args, {**override, "store#update": args.update or None})
    # What the survey says need not be said twice: prepare looks at the same files.
    with _quiet() if not args.dry_run else _as_is():
        show_data(workflow)
    if args.dry_run:
        print_plan({"out": args.out})
        return
    workflow.parser.update({"store#store_dir": str(args.out), "store#cache_dir": None})
    store = workflow.parser.get_parsed_content("store")
    print(inspection_text(inspect_store(store.path, verify=False)))


def show_data(workflow: DCGANWorkflow) -> None:
    """Print what the data of a workflow hold and how its patients would be split; nothing is written.

    A data set's names, headers and some labels are read; a store is described by its records.
    """
    value = workflow.parser.get_parsed_content
    data = value("dataset_dir")
    records: Any
    if is_store(data):
        print(inspection_text(inspect_store(data, verify=False)), flush=True)
        records = value("store").slices
    else:
        source = Source(**{field.name: value(field.name) for field in dataclasses.fields(Source)})
        cases = source.find(data, OnError.SKIP)
        found = survey(data, source, cases=cases)
        print(survey_text(found), flush=True)
        bad = {problem.case for problem in found.problems}
        records = [case for case in cases if case[Keys.CASE] not in bad]
    # The numbers of patients are the same for any strata, which only the slices tell.
    split = split_patients(
        records, value("split_fractions"), value("seed"), value("validation_folds"), value("test_folds")
    )
    print_plan({"split of all patients": {str(part): count for part, count in Counter(split.values()).items()}})


@contextmanager
def _as_is() -> Iterator[None]:
    yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Let what lists cases log errors alone."""
    logger = logging.getLogger("monai_dcgan.data.datalists")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
