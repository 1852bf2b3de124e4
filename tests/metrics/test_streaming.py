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
"""Ignite metrics: equal to the pure functions, whatever the batches and the processes, with one pass of the network."""

from __future__ import annotations

import math

import ignite.distributed as idist
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from ignite.exceptions import NotComputableError

from monai_dcgan.metrics import (
    FrechetDistance,
    IntensityDistance,
    KernelDistanceMetric,
    MaskDistance,
    NearestSSIM,
    PrecisionRecall,
    RandomPairSSIM,
    SharedFeatures,
    SpectrumDistance,
    best_match_ssim,
    frechet_distance,
    intensity_distance,
    kernel_distance,
    mask_distance,
    mask_statistics,
    prdc,
    random_pair_ssim,
    spectrum_distance,
)
from monai_dcgan.metrics.spectra import BACKGROUND
from monai_dcgan.utils.enums import EvaluationKeys

N = 23


def pooled(images):
    return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


def sets():
    generator = torch.Generator().manual_seed(0)
    real, synthetic = (torch.rand(N, 2, 16, 16, generator=generator) ** power for power in (1, 1.1))
    return {
        EvaluationKeys.REAL_IMAGE: real,
        EvaluationKeys.SYNTHETIC_IMAGE: synthetic,
        EvaluationKeys.REAL_MASK: (real > 0.9).float(),
        EvaluationKeys.SYNTHETIC_MASK: (synthetic > 0.8).float(),
    }


def parts(whole, batch_size):
    return [
        {key: values[start : start + batch_size] for key, values in whole.items()} for start in range(0, N, batch_size)
    ]


def masks_apart(real, synthetic, quantity, channel):
    return mask_distance(mask_statistics(synthetic), mask_statistics(real), channel)[quantity]


def features(real, synthetic):
    return pooled(torch.from_numpy(synthetic)).numpy(), pooled(torch.from_numpy(real)).numpy()


# Name -> how to make the metric, and the pure function of (real, synthetic) that it must equal.
METRICS = {
    "frechet": (lambda: FrechetDistance(pooled), lambda r, s: frechet_distance(*features(r, s))),
    "kernel": (
        lambda: KernelDistanceMetric(pooled, 10, 7, 3),
        lambda r, s: kernel_distance(*features(r, s), 10, 7, 3).value,
    ),
    **{
        name: (
            lambda name=name: PrecisionRecall(pooled, name, k=3),
            lambda r, s, name=name: getattr(prdc(*features(r, s)[::-1], 3), name),
        )
        for name in ("precision", "recall", "density", "coverage")
    },
    "nearest ssim": (lambda: NearestSSIM(), lambda r, s: best_match_ssim(s, r).mean()),
    "pair ssim": (lambda: RandomPairSSIM(50, 2), lambda r, s: random_pair_ssim(s, r, 50, 2).mean()),
    "intensity": (lambda: IntensityDistance(channel=1), lambda r, s: intensity_distance(s, r, BACKGROUND)[1]),
    "spectrum": (lambda: SpectrumDistance(1), lambda r, s: spectrum_distance(s, r)[1]),
    "mask area": (lambda: MaskDistance("area", 1), lambda r, s: masks_apart(r, s, "area", 1)),
    "mask row": (lambda: MaskDistance("row"), lambda r, s: masks_apart(r, s, "row", 0)),
    "mask parts": (lambda: MaskDistance("parts"), lambda r, s: masks_apart(r, s, "parts", 0)),
}


def expected(name):
    kind = "mask" if name.startswith("mask") else "image"
    whole = sets()
    return METRICS[name][1](*(whole[f"{side}_{kind}"].numpy() for side in ("real", "synthetic")))


@pytest.mark.parametrize("name", METRICS)
def test_equal_to_the_pure_function_at_any_batch_size(name):
    wanted = expected(name)
    assert wanted > 0
    for batch_size in (1, 5, N):
        metric = METRICS[name][0]()
        engine = Engine(lambda engine, batch: batch)
        metric.attach(engine, name)
        for _ in range(2):
            engine.run(parts(sets(), batch_size))
            assert isinstance(engine.state.metrics[name], float)
            assert engine.state.metrics[name] == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_to_compute(name):
    metric = METRICS[name][0]()
    with pytest.raises(NotComputableError, match=f"{type(metric).__name__} needs at least one batch"):
        metric.compute()


def test_same_sets_are_at_no_distance():
    same = sets()[EvaluationKeys.REAL_IMAGE]
    for metric in (FrechetDistance(pooled), IntensityDistance(), SpectrumDistance()):
        metric.update((same, same))
        assert metric.compute() == pytest.approx(0, abs=1e-6)
    metric = NearestSSIM()
    metric.update((same, same))
    assert metric.compute() == pytest.approx(1)


def test_what_is_not_defined_is_no_number():
    metric = MaskDistance("row")
    metric.update((torch.ones(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)))
    assert math.isnan(metric.compute())


def test_one_pass_serves_all_metrics():
    passes = []

    def extractor(images):
        passes.append(len(images))
        return pooled(images)

    shared = SharedFeatures(extractor)
    engine = Engine(lambda engine, batch: batch)
    FrechetDistance(shared).attach(engine, "frechet")
    KernelDistanceMetric(shared, 10, 7, 3).attach(engine, "kernel")
    PrecisionRecall(shared, "recall", k=3).attach(engine, "recall")
    engine.run(parts(sets(), 10))
    assert passes == [10, 10, 10, 10, 3, 3]
    for name in ("frechet", "kernel", "recall"):
        assert engine.state.metrics[name] == pytest.approx(float(expected(name)), rel=1e-5)


def test_features_of_a_changed_or_another_tensor_are_computed_anew():
    shared = SharedFeatures(lambda images: images.flatten(1).clone(), keep=3)
    images = torch.rand(2, 1, 4, 4)
    first = shared(images)
    assert shared(images) is first
    assert shared(images.clone()) is first
    images.mul_(2)
    assert torch.equal(shared(images), images.flatten(1)) and not torch.equal(shared(images), first)
    # The same bytes in another shape are another batch.
    assert shared(images.view(1, 2, 4, 4)).shape == (1, 32)
    for _ in range(5):
        other = torch.rand(2, 1, 4, 4)
        assert torch.equal(shared(other), other.flatten(1))
    assert len(shared._kept) == 3


def _on_two_processes(local_rank, whole, wanted):
    # Uneven: one process has 14 slices, the other 9, as the last batches of an epoch can be.
    own = slice(0, 14) if idist.get_rank() == 0 else slice(14, None)
    assert idist.get_world_size() == 2
    for name, value in wanted.items():
        metric = METRICS[name][0]()
        engine = Engine(lambda engine, batch: batch)
        metric.attach(engine, name)
        engine.run([{key: values[own] for key, values in whole.items()}])
        assert engine.state.metrics[name] == pytest.approx(float(value), rel=1e-5), name


def test_processes_see_the_slices_of_all():
    with idist.Parallel(backend="gloo", nproc_per_node=2) as parallel:
        parallel.run(_on_two_processes, sets(), {name: expected(name) for name in METRICS})


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: PrecisionRecall(pooled, "f1"), "quantity must be one of precision, recall, density, coverage, got"),
        (lambda: MaskDistance("size"), "quantity must be one of area, row, column, parts, got 'size'"),
        (lambda: IntensityDistance(channel=-1), "channel must be a whole number of at least 0, got -1"),
        (
            lambda: SpectrumDistance(1).update((torch.rand(2, 1, 8, 8),) * 2),
            "channel must be from 0 to 0, got 1",
        ),
        (lambda: SharedFeatures(pooled, 0), "keep must be a whole number of at least 1, got 0"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_results_are_numbers_of_python():
    metric = RandomPairSSIM(5)
    real = np.random.RandomState(0).rand(3, 1, 16, 16).astype(np.float32)
    metric.update((torch.from_numpy(real), torch.from_numpy(real)))
    assert type(metric.compute()) is float
