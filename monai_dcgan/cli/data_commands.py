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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from monai_dcgan.cli.common import print_plan, training_workflow
from monai_dcgan.data import (
    SliceStore,
    Source,
    inspect_store,
    inspection_text,
    is_store,
    load_splits,
    split_patients,
    survey,
    survey_text,
)
from monai_dcgan.utils.enums import Keys, OnError, Split
from monai_dcgan.workflow import DCGANWorkflow

__all__ = ["SPLIT", "inspect", "prepare", "show_data", "split_counts"]

SPLIT = "split of all patients"
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
    if args.dry_run:
        records = show_data(workflow)
        try:
            split: Any = split_counts(workflow, records)
        except ValueError as error:
            # A store needs no split.
            split = f"none ({error})"
        print_plan({"out": args.out, SPLIT: split})
        return
    # What the survey says need not be said twice: prepare looks at the same files.
    with _quiet():
        show_data(workflow)
    workflow.parser.update({"store#store_dir": str(args.out), "store#cache_dir": None})
    store = workflow.parser.get_parsed_content("store")
    print(inspection_text(inspect_store(store.path, verify=False)))


def show_data(workflow: DCGANWorkflow) -> Sequence[Mapping[str, Any]]:
    """Print what the data of a workflow hold; nothing is written.

    Names, headers and some labels of a data set are read; a store is described by its records.

    Returns:
        the cases that can be used, or the slices of the store.
    """
    value = workflow.parser.get_parsed_content
    data = value("dataset_dir")
    if is_store(data):
        print(inspection_text(inspect_store(data, verify=False)), flush=True)
        return SliceStore(data).slices
    source = Source(**{field.name: value(field.name) for field in dataclasses.fields(Source)})
    cases = source.find(data, OnError.SKIP)
    found = survey(data, source, cases=cases)
    print(survey_text(found), flush=True)
    bad = {problem.case for problem in found.problems}
    return [case for case in cases if case[Keys.CASE] not in bad]


def split_counts(workflow: DCGANWorkflow, records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the patients of each part; the numbers are the same for any strata, which only slices tell."""
    value = workflow.parser.get_parsed_content
    if value("split_file") is not None:
        counts = Counter(load_splits(value("split_file")).values())
    else:
        folds = (value(name) for name in ("validation_folds", "test_folds"))
        counts = Counter(split_patients(records, value("split_fractions"), value("seed"), *folds).values())
    return {str(part): counts[part] for part in Split if counts[part] or part != Split.LEFT_OUT}


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
