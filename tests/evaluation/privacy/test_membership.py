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
"""The attack tells members where a set leaks, and guesses where it does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monai_dcgan.evaluation.privacy import membership_control, membership_inference


def test_control_tells_leaking_from_independent(training, heldout):
    found = membership_control(training, heldout, leak=0.5)
    independent, leaking = found["independent"], found["leaking"]
    assert leaking["leaks"] and leaking["spaces"]["pixels"]["auc"] > 0.65
    assert leaking["spaces"]["pixels"]["true_positive_rate"] > 0.4
    assert not independent["leaks"] and 0.3 < independent["spaces"]["pixels"]["auc"] < 0.7
    assert leaking["text"].startswith("an attacker can tell") and independent["text"].startswith("no sign")
    json.dumps(found, allow_nan=False)


def test_all_members_released(training, heldout):
    own = membership_inference(training, training, heldout)["spaces"]["pixels"]
    assert own["auc"] == own["patient_auc"] == own["true_positive_rate"] == 1
    assert own["interval"] == [1, 1]


def test_one_patient_gives_no_interval(training, heldout):
    found = membership_inference(training, training, heldout.take(np.arange(10)))
    assert found["spaces"]["pixels"]["interval"] is None and not found["leaks"] and not found["reliable"]
    assert "no interval with 1 patient" in found["text"] and "rests on few patients" in found["text"]


def test_errors(training, heldout):
    with pytest.raises(ValueError, match="nonmembers must be of other patients than members, got 'train0' in both"):
        membership_inference(training, training, training)
    with pytest.raises(ValueError, match="leak must be a share of at least one of 60 training slices, got 0.0"):
        membership_control(training, heldout, leak=0.0)
    with pytest.raises(ValueError, match="heldout must name at least 2 patients"):
        membership_control(training, heldout.take(np.arange(10)))
