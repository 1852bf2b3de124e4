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
"""Numbers of an evaluation as a report takes them, with every part that it may have."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_dcgan.evaluation import LabeledSlices
from monai_dcgan.evaluation.privacy import (
    by_subgroup,
    control,
    membership_control,
    membership_inference,
    memorization,
)
from monai_dcgan.evaluation.readers import score_readers
from monai_dcgan.evaluation.report import (
    plot_loss_curves,
    plot_real_beside_synthetic,
    plot_sample_grid,
    plot_suspicious_pairs,
)
from monai_dcgan.metrics.masks import mask_statistics, mask_summary
from monai_dcgan.utils.files import write_text

FEATURES = {
    "extractor": "random-conv-seed0",
    "sha256": "ab" * 32,
    "layer": "last",
    "preprocessing": "mean over channels, resized to 64x64",
    "image_size": [64, 64],
    "seed": 0,
    "split": "5 random halves of 12 patients",
}
PIXELS = {**FEATURES, "extractor": None, "sha256": None, "layer": None, "preprocessing": "none"}
# key, title, group, better, value, at equal N, real vs real
ENTRIES = [
    ("frechet_distance", "Frechet distance (random-conv-seed0)", "features", "lower", 14.2, 15.9, 8.1),
    ("frechet_infinity", "Frechet distance at infinite N (random-conv-seed0)", "features", "lower", 12.9, 13.3, 6.2),
    ("kernel_distance", "Kernel distance (random-conv-seed0)", "features", "lower", 0.0712, 0.0733, 0.0081),
    ("precision", "Precision (random-conv-seed0)", "features", "higher", 0.71, 0.69, 0.86),
    ("recall", "Recall (random-conv-seed0)", "features", "higher", 0.42, 0.40, 0.83),
    ("density", "Density (random-conv-seed0)", "features", "near real", 0.92, 0.90, 0.98),
    ("coverage", "Coverage (random-conv-seed0)", "features", "higher", 0.61, 0.58, 0.91),
    ("ssim_best_match", "SSIM with the nearest held-out slice", "ssim", "higher", 0.512, 0.488, 0.551),
    ("ssim_random_pair", "SSIM of a random pair, mean over all", "ssim", "near real", 0.231, 0.23, 0.262),
    ("ssim_within_set", "SSIM of random pairs within one set", "ssim", "near real", 0.341, 0.341, 0.268),
    ("intensity_distance", "Intensities, Wasserstein", "images", "lower", 0.021, 0.0223, 0.0152),
    ("spectrum_distance", "Spectrum, log power", "images", "lower", 0.63, 0.65, 0.11),
    ("mask_area", "Mask area (share of slice), Wasserstein", "masks", "lower", 0.0061, 0.0069, 0.0102),
    ("mask_row", "Mask row, Wasserstein", "masks", "lower", 0.031, 0.034, 0.041),
    ("mask_column", "Mask column, Wasserstein", "masks", "lower", 0.042, 0.044, 0.038),
    ("mask_parts", "Mask number of parts, Wasserstein", "masks", "lower", 0.21, None, None),
]


def entry(title: str, group: str, better: str, value: float | None, matched: float | None, real: float | None) -> Any:
    """Return the entry of one metric."""
    sides = [None if v is None else {"value": v, "std": 0.08 * v, "n": 150, "num_splits": 5} for v in (matched, real)]
    interval = {"level": 0.95, "num_samples": 200, "num_patients": 12, "method": "percentile", "note": None}
    return {
        "title": title,
        "group": group,
        "better": better,
        "value": value,
        "std": None,
        "std_over": None,
        "n_synthetic": 600,
        "n_real": 300,
        "interval": None if value is None else {"low": 0.9 * value, "high": 1.15 * value, **interval},
        "matched": sides[0],
        "real_vs_real": sides[1],
        "ratio": None if matched is None or not real else matched / real,
        "reason": None if matched is not None else "not defined for every half: one has no mask to compare",
        "note": None,
        "conditions": dict(FEATURES if group == "features" else PIXELS),
    }


@pytest.fixture(scope="session")
def sets() -> dict[str, LabeledSlices]:
    """Small synthetic, training and held-out sets; the first synthetic slice is a flipped copy of a training slice."""

    def make(patients: int, seed: int, prefix: str) -> LabeledSlices:
        random = np.random.RandomState(seed)
        y, x = np.mgrid[:32, :32]
        images, masks, names = [], [], []
        for patient in range(patients):
            height, width = 10 + 3 * random.rand(), 8 + 3 * random.rand()
            field = random.rand(4, 4).repeat(8, 0).repeat(8, 1)
            for _ in range(6):
                head = ((y - 16) / height) ** 2 + ((x - 16) / width) ** 2 < 1
                row, column = 10 + 12 * random.rand(2)
                disk = (y - row) ** 2 + (x - column) ** 2 < 9
                images.append((head * (0.3 + 0.3 * field) + disk * 0.3 + 0.02 * random.rand(32, 32)).clip(0, 1)[None])
                masks.append(disk[None])
                names.append(f"{prefix}{patient}")
        return LabeledSlices(np.stack(images), np.stack(masks), names)

    synthetic = make(6, 3, "made")
    training = make(8, 1, "SECRET-NAME-")
    synthetic.images[0], synthetic.masks[0] = training.images[7][..., ::-1], training.masks[7][..., ::-1]
    return {
        "synthetic": LabeledSlices(synthetic.images, synthetic.masks),
        "training": training,
        "heldout": make(6, 2, "HELD-OUT-"),
    }


@pytest.fixture(scope="session")
def scores() -> dict[str, Any]:
    """What readers said, by two of them; the name of one is hostile."""
    items = [
        {
            "id": f"{n:02d}",
            "truth": "synthetic" if n % 2 else "real",
            "patient": "" if n % 2 else f"p{n % 6}",
            "class_name": "",
            "repeat_of": None,
        }
        for n in range(16)
    ]
    items += [{**items[n], "id": f"r{n}", "repeat_of": items[n]["id"]} for n in range(3)]
    key = {"study": "0" * 16, "items": items, "remarks": []}
    readers = []
    for number, name in enumerate(("Reader A", "<script>alert(1)</script> | `b`")):
        random = np.random.RandomState(number)
        answers = {
            item["id"]: {
                "verdict": item["truth"] if random.rand() < 0.75 else "real",
                "confidence": int(random.randint(1, 6)),
                "realism": int(random.randint(1, 6)),
                "quality": int(random.randint(1, 6)),
                "seconds": 8.0,
                "mask_shown": False,
                "comment": "",
            }
            for item in items
        }
        readers.append({"reader": name, "answers": answers})
    return score_readers(key, readers, num_samples=50)


@pytest.fixture(scope="session")
def made_metrics(sets: dict[str, LabeledSlices]) -> dict[str, Any]:
    """The numbers of an evaluation with every part but readers; not to be changed."""
    entries = {key: entry(*rest) for key, *rest in ENTRIES}
    entries["recall"]["note"] = "300 held-out slices are few for 2048 features"
    entries["frechet_distance"]["interval"]["note"] = "the number itself lies outside"
    classes = {}
    for name, factor in (("glioma", 1.0), ("meningioma", 1.4), ("<b>pituitary</b>", 2.0)):
        own = {key: entry(t, g, b, factor * v, m, r) for key, t, g, b, v, m, r in ENTRIES[:4]}
        own["recall"] = {**entry(*ENTRIES[4][1:]), "value": None, "reason": "too few slices", "interval": None}
        classes[name] = {"counts": {"synthetic": 200, "heldout": 100, "heldout_patients": 4}, "metrics": own}
    summary = {
        "synthetic": [mask_summary(mask_statistics(sets["synthetic"].masks))],
        "real": [mask_summary(mask_statistics(sets["heldout"].masks))],
    }
    compared = [sets[name] for name in ("synthetic", "training", "heldout")]
    privacy = {
        "memorization": memorization(*compared, num_samples=20, num_pairs=6),
        "control": control(*compared[1:], per_kind=6, num_samples=20),
        "membership": membership_inference(*compared, num_samples=20),
        "membership_control": membership_control(*compared[1:], num_samples=20),
    }
    random = np.random.RandomState(0)
    people = [f"p{n // 5}" for n in range(60)]
    scanners = [("1.5 T", "3 T", "<i>unknown</i>")[n // 5 % 3] for n in range(60)]
    values = {"SSIM with the nearest synthetic slice": random.rand(60), "mask area": 0.1 * random.rand(60)}
    heldout = {
        "scanner": {key: by_subgroup(own, scanners, people, num_samples=20) for key, own in values.items()},
        "tumor size": {"mask area": by_subgroup(values["mask area"], ["small"] * 60, people, num_samples=20)},
    }
    points = [
        ("fidelity", "fair", "Frechet distance 15.9, 1.96 times the 8.1 between real patients."),
        ("diversity", "bad", "recall 0.40 (real patients: 0.83)."),
        ("masks", "good", "2% of synthetic masks are empty (real: 1%)."),
        ("privacy", "bad", "1 of 36 synthetic slices is a copy."),
        ("data", "unknown", "a < b & c"),
    ]
    return {
        "format": 2,
        "heldout_split": "validation",
        "verdict": {
            "text": "Similar to unseen patients, but to be told from them; copies of training slices found.",
            "points": [dict(zip(("topic", "level", "text"), point)) for point in points],
        },
        "counts": {
            "synthetic": 600,
            "synthetic_used": 600,
            "heldout": 300,
            "heldout_used": 300,
            "heldout_patients": 12,
        },
        "metrics": entries,
        "classes": classes,
        "masks": summary,
        "privacy": privacy,
        "privacy_reason": None,
        "subgroups": {"heldout": heldout, "synthetic": {}},
        "readers": None,
    }


@pytest.fixture
def metrics(made_metrics: dict[str, Any]) -> dict[str, Any]:
    """The numbers of an evaluation, to be changed as a test likes."""
    return copy.deepcopy(made_metrics)


@pytest.fixture(scope="session")
def draw(sets: dict[str, LabeledSlices], made_metrics: dict[str, Any]) -> Callable[[Path], dict[str, Path]]:
    """Return what draws the pictures of a report into a folder."""

    def drawn(folder: Path) -> dict[str, Path]:
        lines = (f'{{"images": {n}, "d_loss": {2 / n}, "g_loss": {n / 4}, "d_real": 0.7}}\n' for n in range(1, 9))
        write_text(folder / "metrics.jsonl", "".join(lines))
        names = ("Real beside synthetic", "Synthetic slices", "Loss curves", "Suspicious pairs")
        pictures = {name: folder / f"{name.replace(' ', '_').lower()}.png" for name in names}
        plot_real_beside_synthetic(sets["synthetic"], sets["heldout"], pictures[names[0]])
        plot_sample_grid(sets["synthetic"], pictures[names[1]])
        plot_loss_curves(folder / "metrics.jsonl", pictures[names[2]])
        pairs = made_metrics["privacy"]["memorization"]["pairs"]
        plot_suspicious_pairs(sets["synthetic"], sets["training"], pairs, pictures[names[3]])
        return pictures

    return drawn
