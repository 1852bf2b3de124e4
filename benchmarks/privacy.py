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
a generator that copies nothing. A data set with folds is parted by them, one held out: fold 4 with every seed, the
others with the first. Any other is parted by patient, another third held out with every seed. Where a fold is all that
is known of patients, runs of slices of one class stand in for them. Held-out patients who look like training patients
are left out of both halves, as the check leaves them out; what is found where they stand in is reported beside it.

    python benchmarks/privacy.py --data figshare=DIR --data tcga_lgg=DIR --extractor FILE --json privacy.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from monai_dcgan.data import SliceStore, prepare
from monai_dcgan.evaluation import FeatureExtractor, build_extractor
from monai_dcgan.evaluation.privacy import (
    COPY_KINDS,
    DescribedSlices,
    control,
    look_alikes,
    membership_control,
    membership_inference,
    memorization,
    nearest,
)
from monai_dcgan.evaluation.privacy.verdict import judge
from monai_dcgan.evaluation.slices import patient_halves
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.run_folder import package_versions

MAIN_FOLD, HELDOUT_SHARE = "4", 1 / 3
# Slices that follow each other in the files are of one patient, of whom 13 slices are usual in figshare 1512427.
RUN_OF_SLICES = 26
# Halves of the held-out patients that are compared with each other, both ways.
HALVES = range(8)
ALPHA, NUM_SAMPLES = 0.02, 200
AIM_RECALL, AIM_ALARMS = 0.95, 0.05
TIMED = {"synthetic": 600, "training": 1800, "heldout": 300}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, metavar="NAME=DIR", help="a data set; repeat")
    parser.add_argument("--extractor", help="TorchScript file; registered pixels alone where it is not given")
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--image-size", type=int, default=128, help="side of the slices (default: %(default)s)")
    parser.add_argument("--per-kind", type=int, default=100, help="copies of each kind (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds (default: 0 1 2)")
    args = parser.parse_args()
    extractor = build_extractor(args.extractor) if args.extractor else None
    report: dict[str, Any] = {
        "what": "benchmarks/privacy.py",
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "threads": torch.get_num_threads(),
        "versions": package_versions(),
        "image_size": args.image_size,
        "per_kind": args.per_kind,
        "alpha": ALPHA,
        "extractor": None if extractor is None else {"name": extractor.name, "sha256": extractor.sha256},
        "sets": {},
    }
    for name, folder in (text.split("=", 1) for text in args.data):
        with tempfile.TemporaryDirectory() as work:
            store = prepare(folder, Path(work) / "store", image_size=args.image_size)
            slices, seconds = described(store, extractor)
            parts: list[dict[str, Any]] = []
            for label, seed, held in divisions(store, args.seeds):
                sides = [slices.take(np.flatnonzero(own)) for own in (~held, held)]
                found = measure(sides[0], sides[1], args.per_kind, seed)
                # The attack is slow to control: once for each set.
                found["membership"] = None if parts else membership_control(sides[0], sides[1], seed=seed)
                parts.append({"part": label, "seed": seed, **found})
                print(name, json.dumps(headline(parts[-1])), flush=True)
        report["sets"][name] = {"feature_seconds_per_slice": seconds, "parts": parts, "aims": aims(parts)}
        if "timing" not in report:
            report["timing"] = timing(slices)
        write_json(args.json, report)


def described(store: SliceStore, extractor: FeatureExtractor | None) -> tuple[DescribedSlices, float | None]:
    """Return all slices with what they are compared by, and the seconds that the features of one take."""
    images, _, patients = store.as_arrays()
    names = np.asarray(patients, dtype=object)
    folds = store.slices.columns["fold"]
    if MAIN_FOLD in folds and len(set(patients)) == len(set(folds)):
        names = runs(names, np.asarray(store.slices.columns["class_name"]))
    slices = DescribedSlices(images, names.tolist(), extractor)
    assert len(slices.descriptors) == len(slices)
    started = time.process_time()
    for flip in ((), (3,)):
        slices.features(flip)
    return slices, None if extractor is None else round((time.process_time() - started) / len(slices) / 2, 4)


def divisions(store: SliceStore, seeds: list[int]) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield the name of each division, its seed, and which slices are held out."""
    folds = np.asarray([str(fold) for fold in store.slices.columns["fold"]])
    if MAIN_FOLD in folds:
        for seed in seeds:
            yield f"fold {MAIN_FOLD}", seed, folds == MAIN_FOLD
        for fold in sorted(set(folds.tolist()) - {MAIN_FOLD}):
            yield f"fold {fold}", seeds[0], folds == fold
        return
    patients = np.asarray(store.slices.columns["patient"], dtype=str)
    for seed in seeds:
        people = np.random.RandomState(seed).permutation(sorted(set(patients.tolist())))
        yield "a third of the patients", seed, np.isin(patients, people[: round(HELDOUT_SHARE * len(people))])


def runs(patients: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Divide the slices of each group and class, in their order, into runs that stand in for patients."""
    names = patients.copy()
    for group, kind in set(zip(patients.tolist(), classes.tolist())):
        own = np.flatnonzero((patients == group) & (classes == kind))
        names[own] = [f"{group}-{kind}-{number // RUN_OF_SLICES}" for number in range(len(own))]
    return names


def measure(training: DescribedSlices, heldout: DescribedSlices, per_kind: int, seed: int) -> dict[str, Any]:
    """Run both controls and the comparison of unseen patients with each other."""
    started = time.process_time()
    people = heldout.people("heldout")
    near = {space: nearest(space, heldout, training).distance for space in training.spaces}
    alike = look_alikes(near["pixels"], people)
    unseen = np.setdiff1d(np.arange(len(heldout)), alike.left_out)
    found = {
        "training": {"slices": len(training), "patients": len(set(training.people("training").tolist()))},
        "heldout": {"slices": len(heldout), "patients": len(set(people.tolist()))},
        "look_alikes": {"slices": len(alike.slices), "left_out": len(alike.left_out), "note": alike.note},
        "copies": control(training, heldout, seed=seed, per_kind=per_kind, alpha=ALPHA, num_samples=NUM_SAMPLES),
        "unseen_patients": compare_halves(near, people, unseen),
        "with_look_alikes": compare_halves(near, people, np.arange(len(heldout))) if len(alike.left_out) else None,
    }
    return {**found, "processor_seconds": round(time.process_time() - started, 1)}


def compare_halves(near: dict[str, np.ndarray], people: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    """Let one half of held-out patients stand in for synthetic slices and the other calibrate, as memorization does."""
    verdicts = []
    for seed in HALVES:
        halves = [rows[half] for half in patient_halves(people[rows].tolist(), seed)]
        for made, real in (halves, halves[::-1]):
            alike = look_alikes(near["pixels"][real], people[real])
            kept = np.delete(real, alike.left_out)
            of_made, of_kept = ({space: values[own] for space, values in near.items()} for own in (made, kept))
            verdicts.append(judge(of_made, of_kept, people[kept], ALPHA, NUM_SAMPLES, seed, alike, people[made]))
    return {
        "comparisons": len(verdicts),
        "alarms": sum(verdict["copied"] for verdict in verdicts),
        "alarms_by_certain_slices_alone": sum(
            verdict["copied"] and verdict["interval"][0] <= max(ALPHA, verdict["unseen"]["interval"][1])
            for verdict in verdicts
        ),
        "suspicious_share": [verdict["share"] for verdict in verdicts],
        "suspicious_share_mean": float(np.mean([verdict["share"] for verdict in verdicts])),
    }


def aims(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Say over all divisions and seeds whether the aims are met."""
    recall = {kind: [part["copies"]["recall"][kind] for part in parts] for kind in COPY_KINDS}
    false_alarms = [part["copies"]["false_alarms"] for part in parts]
    # Seeds that divide the patients alike compare the same halves, which count once.
    distinct = {tuple(part["unseen_patients"]["suspicious_share"]): part["unseen_patients"] for part in parts}.values()
    shares = [found["suspicious_share_mean"] for found in distinct]
    alarms = sum(found["alarms"] for found in distinct)
    return {
        "least_recall": {kind: min(values) for kind, values in recall.items()},
        "recall_met": min(min(values) for values in recall.values()) >= AIM_RECALL,
        "false_alarms_of_the_control": false_alarms,
        "false_alarms_mean": float(np.mean(false_alarms)),
        "suspicious_share_of_halves": shares,
        "false_alarms_met_on_average": max(float(np.mean(false_alarms)), float(np.mean(shares))) <= AIM_ALARMS,
        "false_alarms_met_by_every_control": max(false_alarms) <= AIM_ALARMS,
        "unseen_alarms": alarms,
        "unseen_comparisons": sum(found["comparisons"] for found in distinct),
        "no_unseen_alarm": alarms == 0,
    }


def timing(slices: DescribedSlices) -> dict[str, Any]:
    """Take the processor's seconds of the checks in registered pixels; features have a time of their own."""
    random = np.random.RandomState(0)
    order = random.permutation(len(slices))
    rows = {"training": order[: TIMED["training"]], "heldout": order[-TIMED["heldout"] :]}
    pairs = random.choice(rows["training"], (2, TIMED["synthetic"]))
    found: dict[str, Any] = {"slices": {name: len(own) for name, own in rows.items()} | {"synthetic": pairs.shape[1]}}
    for side in (64, 128):
        images = resized(slices.images, side)
        # Names of runs would divide one person; every ten slices are somebody, other ones on the two sides.
        training, heldout = (
            DescribedSlices(images[own], [f"{name}{number // 10}" for number in range(len(own))])
            for name, own in rows.items()
        )
        made = DescribedSlices((images[pairs[0]] + images[pairs[1]]) / 2)
        found[f"{side}x{side}"] = {
            "memorization": processor_seconds(memorization, made, training, heldout),
            "control": processor_seconds(control, training, heldout),
            "membership": processor_seconds(membership_inference, made, training, heldout),
            "membership_control": processor_seconds(membership_control, training, heldout),
        }
    return found


def processor_seconds(call: Callable[..., Any], *sets: DescribedSlices) -> float:
    """Time a call on slices that are not yet described; what else the machine does hardly counts."""
    fresh = [DescribedSlices(own.images, None if own.patients is None else own.patients.tolist()) for own in sets]
    started = time.process_time()
    call(*fresh)
    return round(time.process_time() - started, 1)


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Return slices (N, C, side, side)."""
    if images.shape[2:] == (side, side):
        return images
    small = functional.interpolate(torch.from_numpy(images), (side, side), mode="bilinear", antialias=True)
    return np.asarray(small.numpy().clip(0, 1))


def headline(part: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers that matter most."""
    unseen = part["unseen_patients"]
    return {
        "part": part["part"],
        "seed": part["seed"],
        "recall": part["copies"]["recall"],
        "false_alarms": part["copies"]["false_alarms"],
        "unseen_alarms": f"{unseen['alarms']} of {unseen['comparisons']}",
        "unseen_suspicious_share": unseen["suspicious_share_mean"],
        "membership": part["membership"] and {name: own["text"] for name, own in part["membership"].items()},
        "processor_seconds": part["processor_seconds"],
    }


if __name__ == "__main__":
    main()
