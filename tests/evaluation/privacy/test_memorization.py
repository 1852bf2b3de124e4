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
"""Planted copies are found, unseen patients are not accused, and the numbers say what they rest on."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from monai_dcgan.evaluation import FeatureExtractor, LabeledSlices
from monai_dcgan.evaluation.privacy import COPY_KINDS, DescribedSlices, control, memorization, nearest, planted_copies


class Pooled(FeatureExtractor):
    """Features that keep place: 8 x 8 means."""

    name, sha256, layer, preprocessing, device = "pooled", "0" * 64, "means", "none", torch.device("cpu")

    def _features(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images[:, :1], 8).flatten(1)


def with_copies(unseen, training, kinds, per_kind=10):
    copies = planted_copies(training.images, kinds, 0, per_kind)
    images = np.concatenate([unseen.images, copies.images])
    return LabeledSlices(images, np.zeros_like(images)), copies


@pytest.mark.parametrize("extractor", [None, Pooled()], ids=["pixels", "features"])
@pytest.mark.parametrize("kind", COPY_KINDS)
def test_copies_are_found_with_their_source(training, heldout, unseen, kind, extractor):
    synthetic, copies = with_copies(unseen, training, [kind])
    found = memorization(synthetic, training, heldout, extractor, num_pairs=10)
    verdict = found["verdict"]
    assert verdict["copied"] and verdict["text"].startswith("training slices are copied: ")
    assert {pair["synthetic"]: pair["training"] for pair in found["pairs"]} == dict(
        zip(range(60, 70), copies.sources.tolist())
    )
    assert set(range(60, 70)) <= set(verdict["suspicious"])
    flips = {pair["flip"] for pair in found["pairs"]}
    assert flips == ({"left-right"} if kind == "flipped" else {"none"})
    json.dumps(found, allow_nan=False)


def test_unseen_patients_raise_no_alarm(training, heldout, unseen):
    found = memorization(unseen, training, heldout, Pooled())
    verdict = found["verdict"]
    assert not verdict["copied"] and verdict["num_certain"] == 0
    # A patient who resembles one of the training does so in many slices: few patients, not few slices.
    assert len({position // 6 for position in verdict["suspicious"]}) <= 3
    assert verdict["text"].startswith("no sign of copying: ") and verdict["reliable"]
    for numbers in found["spaces"].values():
        assert abs(numbers["data_copying"]["value"]) < 5
        assert 0.2 < numbers["neighbor_ratio"]["nearer_to_training"] < 0.8


def test_training_slices_as_synthetic(training, heldout):
    found = memorization(training, training, heldout, Pooled())
    assert found["verdict"]["share"] == 1 and found["verdict"]["num_certain"] == len(training)
    for numbers in found["spaces"].values():
        assert numbers["quantiles"]["synthetic"]["median"] == pytest.approx(0, abs=1e-3)
        assert numbers["data_copying"]["value"] < -5
        assert numbers["authenticity"]["synthetic"] == 0
        assert numbers["neighbor_ratio"]["nearer_to_training"] == 1


def test_a_single_copy_is_enough(training, heldout, unseen):
    synthetic, _ = with_copies(unseen, training, ["exact"], per_kind=1)
    verdict = memorization(synthetic, training, heldout)["verdict"]
    assert verdict["certain"] == [60] and verdict["copied"]


def test_shift_and_flip_are_those_that_were_made(training):
    image = training.images[4]
    moved = np.roll(image, (3, -2), (1, 2))
    queries = DescribedSlices(np.stack([moved, moved[:, :, ::-1]]))
    found = nearest("pixels", queries, DescribedSlices(training.images))
    assert found.reference.tolist() == [4, 4] and found.flip.tolist() == [0, 1]
    # Turned back, the second is the first again.
    assert found.shift == pytest.approx(np.array([[3, -2], [3, -2]]), abs=0.5)


def test_same_seed_same_numbers_and_input_unchanged(training, heldout, unseen):
    before = training.images.copy(), heldout.images.copy()
    first, second = (memorization(unseen, training, heldout, Pooled(), seed=3) for _ in range(2))
    assert first == second
    assert (training.images == before[0]).all() and (heldout.images == before[1]).all()


def test_given_features_and_batch_size_do_not_matter(training, heldout, unseen):
    sets = unseen, training, heldout
    whole = memorization(*sets, Pooled(), batch_size=64)
    assert memorization(*sets, Pooled(), batch_size=7)["verdict"] == whole["verdict"]
    given = [
        DescribedSlices(own.images, own.patients, features=Pooled()(torch.from_numpy(own.images)).numpy())
        for own in sets
    ]
    found = memorization(*given)
    distances = nearest("features", given[0], given[1]).distance
    assert found["spaces"]["features"]["quantiles"]["synthetic"]["least"] == pytest.approx(distances.min())
    assert found["spaces"]["pixels"] == whole["spaces"]["pixels"]


def test_alarms_of_held_out_patients_stay_within_alpha(training, heldout):
    verdict = memorization(heldout, training, DescribedSlices(heldout.images, heldout.patients), alpha=0.1)["verdict"]
    assert 0.05 <= verdict["share"] <= 0.1


def test_a_leak_of_patients_is_named(training, heldout, unseen):
    leaking = LabeledSlices(
        np.concatenate([heldout.images, training.images[:1]]),
        np.concatenate([heldout.masks, training.masks[:1]]),
        [*heldout.patients, "other name"],
    )
    remarks = memorization(unseen, training, leaking)["verdict"]["remarks"]
    assert any("1 held-out slices (first: 100) are near-identical" in remark for remark in remarks)
    assert memorization(unseen, training, heldout)["verdict"]["remarks"] == []


def test_too_little_to_rest_on_is_said(training, heldout, unseen):
    one = heldout.take(np.arange(10))
    verdict = memorization(unseen, training, one)["verdict"]
    assert not verdict["reliable"] and verdict["unseen"] is None
    assert "of 1 patient" in verdict["remarks"][0] and "too few for alpha=0.02" in verdict["remarks"][1]
    assert verdict["copied"] or "rests on too little" in verdict["text"]
    assert (
        "3 held-out patients are few"
        in memorization(unseen, training, heldout.take(np.arange(30)))["verdict"]["remarks"][0]
    )


def test_control(training, heldout):
    found = control(training, heldout, per_kind=10)
    assert set(found["recall"]) == set(COPY_KINDS)
    assert min(found["recall"].values()) >= 0.9 and min(found["source_found"].values()) >= 0.9
    assert found["false_alarms"] <= 0.1
    assert found["with_copies"]["copied"] and not found["without_copies"]["copied"]
    assert found["num_copies"] == 50 and found["num_unseen"] == 50


def test_control_notices_a_search_that_finds_nothing(training, heldout, monkeypatch):
    def blind(space, queries, references, groups=None):
        found = nearest(space, queries, references, groups)
        return found._replace(distance=np.random.RandomState(len(queries)).rand(len(queries)))

    monkeypatch.setattr(sys.modules["monai_dcgan.evaluation.privacy.memorization"], "nearest", blind)
    assert max(control(training, heldout, per_kind=10)["recall"].values()) < 0.5


@pytest.mark.parametrize("kind", COPY_KINDS)
def test_planted_copies_are_what_they_are_called(training, kind):
    copies = planted_copies(training.images, [kind], seed=1, per_kind=5)
    sources = training.images[copies.sources]
    assert copies.kinds == (kind,) * 5 and copies.images.shape == sources.shape
    assert copies.images.min() >= 0 and copies.images.max() <= 1
    assert (copies.images == planted_copies(training.images, [kind], seed=1, per_kind=5).images).all()
    for copy, source in zip(copies.images[:, 0], sources[:, 0]):
        if kind == "exact":
            assert (copy == source).all()
        elif kind == "flipped":
            assert (copy == source[:, ::-1]).all()
        elif kind == "shifted":
            places = [(y, x) for y in range(-4, 5) for x in range(-4, 5) if y and x]
            inner = slice(5, -5)
            assert any((np.roll(source, place, (0, 1))[inner, inner] == copy[inner, inner]).all() for place in places)
        elif kind == "noisy":
            assert 0.02 < (copy - source)[(source > 0.2) & (source < 0.8)].std() < 0.04
        else:
            slope = np.polyfit(source.ravel(), copy.ravel(), 1)[0]
            assert 0.6 <= slope <= 0.9 and np.corrcoef(source.ravel(), copy.ravel())[0, 1] > 0.9999


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"alpha": 0}, "alpha must be a number above 0 and at most 0.5, got 0"),
        ({"num_pairs": 0}, "num_pairs must be a whole number of at least 1, got 0"),
        (
            {"heldout": "training"},
            r"heldout must be of other patients than training, got 'train0' in both \(10 in all\)",
        ),
        ({"training": "synthetic"}, "training must name the patient of every slice, got patients=None"),
        ({"synthetic": DescribedSlices(np.zeros((2, 1, 32, 32)))}, "images must have one shape"),
        (
            {"synthetic": DescribedSlices(np.zeros((2, 1, 64, 64)), features=np.ones((2, 4)))},
            "features must be given for",
        ),
    ],
)
def test_bad_arguments(training, heldout, unseen, change, text):
    sets = {"synthetic": unseen, "training": training, "heldout": heldout}
    change = {name: sets[value] if isinstance(value, str) else value for name, value in change.items()}
    with pytest.raises(ValueError, match=text):
        memorization(**{**sets, **change})


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: DescribedSlices(np.zeros((2, 64, 64))), r"images must be \(N, C, H, W\)"),
        (lambda: DescribedSlices(np.full((1, 1, 8, 8), 2.0)), r"images must lie in \[0, 1\], got 2 to 2"),
        (lambda: DescribedSlices(np.full((1, 1, 8, 8), np.nan)), r"images must lie in \[0, 1\], got nan"),
        (lambda: DescribedSlices(np.zeros((2, 1, 8, 8)), ["a"]), "patients must have one name per slice, 2, got 1"),
        (
            lambda: DescribedSlices(np.zeros((2, 1, 8, 8)), features=np.ones((1, 3))),
            r"features must have the shape \(2, d",
        ),
        (lambda: planted_copies(np.zeros((2, 1, 8, 8)), ["turned"]), "kinds must be one of exact, .*got 'turned'"),
        (lambda: planted_copies(np.zeros((2, 1, 8, 8)), []), "kinds must name at least one of"),
    ],
)
def test_bad_slices(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_control_needs_two_patients(training, heldout):
    with pytest.raises(ValueError, match="heldout must name at least 2 patients to be halved, got 1"):
        control(training, heldout.take(np.arange(10)))
