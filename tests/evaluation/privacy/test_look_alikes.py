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
"""A person on both sides does not calibrate, and is reported."""

from __future__ import annotations

import numpy as np

from monai_dcgan.evaluation import LabeledSlices
from monai_dcgan.evaluation.privacy import control, look_alikes, memorization, strangers
from monai_dcgan.evaluation.privacy.distances import DescribedSlices

PEOPLE = np.repeat([f"p{number}" for number in range(10)], 10)


def far(*near):
    distances = np.linspace(0.2, 0.6, 100)
    distances[list(near)] = 0.02
    return distances


def test_none():
    found = look_alikes(far(), PEOPLE)
    assert found.slices.tolist() == found.left_out.tolist() == [] and found.note is None


def test_all_slices_of_their_patients_are_left_out():
    found = look_alikes(far(13, 51), PEOPLE)
    assert found.slices.tolist() == [13, 51]
    assert found.left_out.tolist() == [*range(10, 20), *range(50, 60)]
    assert "2 held-out slices (first: 13) are near-identical to training slices, similarity up to 0.980" in found.note
    assert "left out with the other slices of their patients (20 slices)" in found.note


def test_groups_are_not_left_out_whole():
    found = look_alikes(far(13, 51), np.repeat(["fold 1", "fold 2"], 50))
    assert found.left_out.tolist() == [13, 51] and "are left out alone" in found.note
    assert look_alikes(far(13), np.full(100, "fold 4")).left_out.tolist() == [13]


def test_a_set_whose_slices_are_all_alike_keeps_them():
    found = look_alikes(far(*range(0, 100, 10)), PEOPLE)
    assert len(found.slices) == 10 and len(found.left_out) == 0 and "nothing is left out" in found.note


def leaking(heldout, training):
    """Add a patient of whom one slice is a training slice to the held-out ones."""
    images = np.concatenate([heldout.images, training.images[:1], heldout.images[:2] * 0.9])
    return LabeledSlices(images, np.zeros_like(images), [*heldout.patients, *["other name"] * 3])


def test_a_leak_does_not_hide_copies(training, heldout, unseen):
    sound = memorization(unseen, training, heldout)
    found = memorization(unseen, training, leaking(heldout, training))
    # But for the names of patients nothing else is compared.
    assert found["verdict"]["suspicious"] == sound["verdict"]["suspicious"]
    assert found["spaces"]["pixels"]["threshold"] == sound["spaces"]["pixels"]["threshold"]
    assert found["spaces"]["pixels"]["quantiles"] == sound["spaces"]["pixels"]["quantiles"]
    assert found["pairs"] == sound["pairs"]
    assert found["verdict"]["reliable"] and "left out with the other slices" in found["verdict"]["remarks"][0]
    counts = found["counts"]
    assert (counts["heldout"], counts["heldout_near_identical"], counts["heldout_left_out"]) == (103, 1, 3)


def test_a_verdict_that_rests_on_look_alikes_is_not_reliable(training, unseen):
    names = [f"other {number}" for number in range(len(training))]
    copies = LabeledSlices(training.images, training.masks, names)
    verdict = memorization(unseen, training, copies)["verdict"]
    assert not verdict["reliable"] and "nothing is left out" in verdict["remarks"][0]
    assert verdict["copied"] or "people may be on both sides" in verdict["text"]


def test_control_counts_no_look_alike_among_the_unseen(training, heldout):
    described = [DescribedSlices(slices.images, slices.patients) for slices in (training, leaking(heldout, training))]
    assert strangers(*described).tolist() == list(range(100))
    found = control(*described, kinds=["exact"], per_kind=5)
    assert found["num_left_out"] == 3 and found["num_unseen"] == 50 and found["recall"]["exact"] == 1


def test_real_slices_that_stand_in_are_drawn_by_patient(training, heldout, unseen):
    names = [f"new{number // 6}" for number in range(len(unseen))]
    by_patient = LabeledSlices(unseen.images, unseen.masks, names)
    one, other = (memorization(slices, training, heldout, alpha=0.2)["verdict"] for slices in (unseen, by_patient))
    assert one["share"] == other["share"] > 0
    assert np.ptp(other["interval"]) > np.ptp(one["interval"])
