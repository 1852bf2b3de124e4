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
"""Tests of the numbers over slices, and of what is made of the cells."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.metrics import compute_roc_auc
from monai.utils import Average

from monai_dcgan.downstream.results import (
    accuracy,
    balanced_accuracy,
    costs_of,
    generator_costs,
    sensitivity_at_specificity,
    tables_of,
)
from monai_dcgan.downstream.scores import auc

STORE = SimpleNamespace(class_names=["no_tumor", "tumor"])


def two_classes(tumor, none):
    """Return scores and labels of slices with the probabilities of tumor ``tumor`` and ``none``."""
    found = np.array([*tumor, *none])
    return np.stack([1 - found, found], axis=1), np.array([1] * len(tumor) + [0] * len(none))


@pytest.mark.parametrize("classes", [2, 3])
def test_auc_agrees_with_monai(classes):
    random = np.random.RandomState(0)
    # Few values, so that many are equal.
    scores, labels = random.randint(0, 5, (60, classes)) / 4, random.randint(0, classes, 60)
    truth = torch.eye(classes, dtype=int)[torch.from_numpy(labels)]
    expected = compute_roc_auc(torch.from_numpy(scores), truth, average=Average.MACRO)
    assert auc(scores, labels) == pytest.approx(float(expected))


def test_known_numbers():
    scores, labels = two_classes([0.9, 0.8, 0.4, 0.3], [0.1, 0.2, 0.25, 0.35, 0.6])
    assert auc(scores, labels) == pytest.approx((5 + 5 + 4 + 3) / 20)
    assert accuracy(scores, labels) == pytest.approx(6 / 9)
    assert balanced_accuracy(scores, labels) == pytest.approx((2 / 4 + 4 / 5) / 2)
    # One of five others may lie above the threshold, then none.
    assert sensitivity_at_specificity(scores, labels, positive=1, specificity=0.75) == 0.75
    assert sensitivity_at_specificity(scores, labels, positive=1, specificity=0.9) == 0.5


def test_one_class_alone_has_no_number():
    scores, labels = two_classes([0.9, 0.1], [])
    assert auc(scores, labels) is None
    assert sensitivity_at_specificity(scores, labels, positive=1) is None
    assert balanced_accuracy(scores, labels) is None


def test_a_missing_class_leaves_no_mean_over_the_others():
    """Else the number would change its meaning from draw to draw of the patients."""
    scores, labels = np.random.RandomState(0).dirichlet([1, 1, 1], 12), np.arange(12) % 3
    assert auc(scores, labels) is not None
    assert auc(scores[labels < 2], labels[labels < 2]) is None


def measured(task, arm, seed, dice):
    cell = {"task": task, "arm": arm, "patients": 5, "seed": seed}
    scores = {"surface_dice": 0.5, "hd95": None, "lesion_recall": 1.0}
    if task == "segmentation":
        return {"cell": cell, "patients": {f"p{number}": {"dice": dice, **scores} for number in range(6)}}
    slices = [
        {"patient": f"p{number}", "class": number % 2, "probabilities": [1 - dice, dice] if number % 2 else [0.5, 0.5]}
        for number in range(6)
    ]
    return {"cell": cell, "slices": slices}


def test_tables_compare_with_the_baseline():
    tasks = ["segmentation", "classification"]
    cells = [
        measured(task, arm, seed, dice)
        for task in tasks
        for arm, dice in (("real", 0.6), ("real+synthetic", 0.7))
        for seed in (0, 1, 2)
    ]
    tables = tables_of(cells, tasks, "real", STORE)
    names = [(table.task, table.metric) for table in tables]
    assert names == [
        *(("segmentation", metric) for metric in ("dice", "surface_dice", "hd95", "lesion_recall")),
        *(
            ("classification", metric)
            for metric in ("auc", "accuracy", "balanced_accuracy", "sensitivity_at_specificity")
        ),
    ]
    (comparison,) = tables[0].comparisons
    assert comparison.difference == pytest.approx(0.1)
    assert (comparison.arm, comparison.num_patients, comparison.num_seeds) == ("real+synthetic", 6, 3)
    three = SimpleNamespace(class_names=["a", "b", "c"])
    assert "sensitivity_at_specificity" not in [table.metric for table in tables_of(cells, tasks, "real", three)]
    assert tables_of([cell for cell in cells if cell["cell"]["arm"] != "real"], tasks, "real", STORE) == []


def test_costs():
    records = [
        {"cell": {"arm": "real"}, "seconds": 10.0, "peak_mebibytes": 100.0},
        {"cell": {"arm": "real"}, "seconds": 20.0, "peak_mebibytes": 300.0},
        {"cell": {"arm": "real+synthetic"}, "seconds": 1.0, "peak_mebibytes": None},
    ]
    costs = costs_of(records)
    assert (costs["real"].seconds, costs["real"].peak_bytes) == (15.0, 300 * 2**20)
    assert costs["real+synthetic"].peak_bytes is None
    run = {"status": "completed", "started": "2026-01-01T00:00:00+00:00", "completed": "2026-01-01T00:02:00+00:00"}
    stopped = {**run, "completed": "2026-01-09T00:00:00+00:00", "resumed": ["2026-01-08T00:00:00+00:00"]}
    (cost,) = generator_costs([run, stopped, {"status": "running"}]).values()
    assert cost.seconds == 120
    assert generator_costs([stopped]) == {}
