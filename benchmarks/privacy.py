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
"""Is copying found, and is the search silent on people it has not seen?

Copies of training slices are planted among slices of unseen patients, and slices of unseen patients alone stand in for
a generator that copies nothing. A data set with folds is parted by them, 1 to 3 for training and 4 held out; any other
by patient, a third held out. Where a fold is all that is known of patients, runs of slices of one class stand in for
them. Where held-out patients have slices that are near-identical to training slices, as one person under two names has,
all is measured a second time without these patients.

    python benchmarks/privacy.py --data figshare=DIR --data tcga_lgg=DIR --extractor FILE --json privacy.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.data.duplicates import THRESHOLD
from monai_dcgan.evaluation import FeatureExtractor, build_extractor
from monai_dcgan.evaluation.privacy import DescribedSlices, control, membership_control, memorization, nearest
from monai_dcgan.evaluation.slices import patient_halves
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.run_folder import package_versions

HELDOUT_FOLD, HELDOUT_SHARE = "4", 1 / 3
# Slices that follow each other in the files are of one patient, of whom 13 slices are usual in figshare 1512427.
RUN_OF_SLICES = 26
NULL_SEEDS = range(4)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, metavar="NAME=DIR", help="a data set; repeat")
    parser.add_argument("--extractor", help="TorchScript file; registered pixels alone where it is not given")
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--image-size", type=int, default=128, help="side of the slices (default: %(default)s)")
    parser.add_argument("--per-kind", type=int, default=100, help="copies of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw (default: %(default)s)")
    args = parser.parse_args()
    extractor = build_extractor(args.extractor) if args.extractor else None
    sets: dict[str, Any] = {}
    for name, folder in (text.split("=", 1) for text in args.data):
        with tempfile.TemporaryDirectory() as work:
            store = prepare(folder, Path(work) / "store", image_size=args.image_size)
            training, heldout = part(store, extractor, args.seed)
        sets[name] = measure(training, heldout, args.per_kind, args.seed)
        others = strangers(training, heldout)
        if len(others) < len(heldout):
            sets[f"{name}_without_near_identical"] = measure(training, others, args.per_kind, args.seed)
    report = {
        "what": "benchmarks/privacy.py",
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "threads": torch.get_num_threads(),
        "versions": package_versions(),
        "image_size": args.image_size,
        "seed": args.seed,
        "extractor": None if extractor is None else {"name": extractor.name, "sha256": extractor.sha256},
        "sets": sets,
    }
    write_json(args.json, report)
    print(json.dumps({name: headline(own) for name, own in sets.items()}, indent=1))


def part(store: SliceStore, extractor: FeatureExtractor | None, seed: int) -> tuple[DescribedSlices, DescribedSlices]:
    """Return training and held-out slices."""
    images, _, patients = store.as_arrays()
    names = np.asarray(patients, dtype=object)
    folds = np.asarray([str(fold) for fold in store.slices.columns["fold"]])
    if HELDOUT_FOLD in folds:
        held = folds == HELDOUT_FOLD
        if len(set(patients)) == len(set(folds)):
            names = runs(names, np.asarray(store.slices.columns["class_name"]))
    else:
        people = np.random.RandomState(seed).permutation(sorted(set(patients)))
        held = np.isin(patients, people[: round(HELDOUT_SHARE * len(people))])
    training, heldout = (DescribedSlices(images[own], names[own].tolist(), extractor) for own in (~held, held))
    return training, heldout


def runs(patients: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Divide the slices of each group and class, in their order, into runs that stand in for patients."""
    names = patients.copy()
    for group, kind in set(zip(patients.tolist(), classes.tolist())):
        own = np.flatnonzero((patients == group) & (classes == kind))
        names[own] = [f"{group}-{kind}-{number // RUN_OF_SLICES}" for number in range(len(own))]
    return names


def strangers(training: DescribedSlices, heldout: DescribedSlices) -> DescribedSlices:
    """Return the slices of held-out patients of whom no slice is near-identical to a training slice."""
    people = heldout.people("heldout")
    known = np.unique(people[nearest("pixels", heldout, training).distance < 1 - THRESHOLD])
    return heldout.take(np.flatnonzero(~np.isin(people, known)))


def measure(training: DescribedSlices, heldout: DescribedSlices, per_kind: int, seed: int) -> dict[str, Any]:
    """Run both controls and the comparison of unseen patients with each other."""
    started = time.perf_counter()
    people = heldout.people("heldout").tolist()
    for slices in (training, heldout):
        # Computed before halves are taken, features are computed once.
        assert len(slices.descriptors) == len(slices)
        for flip in ((), (3,)):
            slices.features(flip)
    copies = control(training, heldout, seed=seed, per_kind=per_kind)
    unseen = []
    for own in NULL_SEEDS:
        first, second = (heldout.take(half) for half in patient_halves(people, own))
        for made, real in ((first, second), (second, first)):
            unseen.append(memorization(made, training, real, seed=own))
    members = membership_control(training, heldout, seed=seed)
    whole = memorization(heldout, training, heldout, seed=seed)
    verdicts = [found["verdict"] for found in unseen]
    return {
        "training": {"slices": len(training), "patients": len(set(training.people("training").tolist()))},
        "heldout": {"slices": len(heldout), "patients": len(set(people))},
        "copies": copies,
        "unseen_patients": {
            "comparisons": len(verdicts),
            "alarms": sum(verdict["copied"] for verdict in verdicts),
            "suspicious_share": [verdict["share"] for verdict in verdicts],
            "suspicious_share_mean": float(np.mean([verdict["share"] for verdict in verdicts])),
            "certain": sum(verdict["num_certain"] for verdict in verdicts),
            "data_copying": {
                space: [found["spaces"][space]["data_copying"]["value"] for found in unseen]
                for space in training.spaces
            },
        },
        "remarks": whole["verdict"]["remarks"],
        "nearest_heldout_pairs": whole["pairs"][:5],
        "membership": members,
        "seconds": round(time.perf_counter() - started, 1),
    }


def headline(result: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers that matter most."""
    return {
        "recall": result["copies"]["recall"],
        "false_alarms": result["copies"]["false_alarms"],
        "unseen_alarms": f"{result['unseen_patients']['alarms']} of {result['unseen_patients']['comparisons']}",
        "unseen_suspicious_share": result["unseen_patients"]["suspicious_share_mean"],
        "membership": {name: found["text"] for name, found in result["membership"].items()},
        "remarks": result["remarks"],
        "seconds": result["seconds"],
    }


if __name__ == "__main__":
    main()
