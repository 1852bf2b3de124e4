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
"""Tests of the words that an evaluation is put into."""

from __future__ import annotations

from typing import Any

import pytest

from monai_dcgan.evaluation.verdict import verdict_of


def _entry(group: str, ratio: float | None) -> dict[str, Any]:
    if ratio is None:
        return {"title": "T", "group": group, "matched": None, "real_vs_real": None, "ratio": None, "reason": "no half",
                "note": None}  # fmt: skip
    parts = {"matched": {"value": ratio * 0.5}, "real_vs_real": {"value": 0.5}}
    return {"title": "T", "group": group, **parts, "ratio": ratio, "reason": None, "note": None}


def _report(**ratios: float | None) -> dict[str, Any]:
    """A report on twelve patients in which everything is as among real patients, but for what is given."""
    names = {
        "frechet_distance": "features", "precision": "features", "recall": "features", "coverage": "features",
        "ssim_within_set": "ssim", "mask_area": "masks",
    }  # fmt: skip
    return {
        "metrics": {name: _entry(group, ratios.get(name, 1.0)) for name, group in names.items()},
        "masks": {"synthetic": [{"share_empty": 0.01}], "real": [{"share_empty": 0.0}]},
        "privacy": None,
        "privacy_reason": "it was not asked for",
        "counts": {"heldout_used": 300, "heldout_patients": 12},
    }


def _levels(report: dict[str, Any]) -> dict[str, str]:
    return {point["topic"]: point["level"] for point in verdict_of(report)["points"]}


def test_like_real_patients_is_good():
    report = _report()
    assert _levels(report) == {
        "fidelity": "good", "diversity": "good", "masks": "good", "privacy": "unknown", "data": "good",
    }  # fmt: skip
    assert verdict_of(report)["text"] == "Near to unseen patients as far as measured; copying not tested."


# What is measured, as a share of the value between real patients; the point it concerns; what it is called.
LEVEL_CASES = [
    ("frechet_distance", 1.25, "fidelity", "good"),
    ("frechet_distance", 1.3, "fidelity", "fair"),
    ("frechet_distance", 2.1, "fidelity", "bad"),
    ("precision", 0.79, "fidelity", "fair"),
    ("precision", 0.3, "fidelity", "bad"),
    ("recall", 0.5, "diversity", "fair"),
    ("coverage", 0.1, "diversity", "bad"),
    ("ssim_within_set", 1.2, "diversity", "fair"),
    ("ssim_within_set", 1.5, "diversity", "bad"),
    ("mask_area", 1.6, "masks", "fair"),
    ("mask_area", 5.0, "masks", "bad"),
    ("frechet_distance", None, "fidelity", "unknown"),
    ("mask_area", None, "masks", "unknown"),
]


@pytest.mark.parametrize(("name", "ratio", "topic", "level"), LEVEL_CASES)
def test_levels(name, ratio, topic, level):
    levels = _levels(_report(**{name: ratio}))
    assert levels.pop(topic) == level
    assert set(levels.values()) == {"good", "unknown"}, "nothing else is touched"


def test_the_sentence_names_what_falls_short():
    text = verdict_of(_report(recall=0.1, mask_area=9.0))["text"]
    assert text == "Not like unseen patients yet (diversity, masks); copying not tested."


def test_empty_masks_and_few_patients_are_told():
    report = _report()
    report["masks"]["synthetic"][0]["share_empty"] = 0.2
    report["counts"]["heldout_patients"] = 3
    assert (_levels(report)["masks"], _levels(report)["data"]) == ("bad", "bad")
    assert verdict_of(report)["text"].endswith("copying not tested; all on too few held-out patients.")


def _privacy(copied: bool, reliable: bool, leaks: bool = False) -> dict[str, Any]:
    return {
        "memorization": {"verdict": {"copied": copied, "reliable": reliable, "text": "numbers"}},
        "membership": {"leaks": leaks, "reliable": reliable, "text": "numbers"},
    }


@pytest.mark.parametrize(
    ("copied", "reliable", "level", "words"),
    [
        (False, True, "good", "no sign of copied patients."),
        (False, False, "fair", "no sign of copied patients, on too little data."),
        (True, False, "bad", "copies of training slices found."),
    ],
)
def test_copies_come_before_everything_else(copied, reliable, level, words):
    report = {**_report(), "privacy": _privacy(copied, reliable)}
    assert _levels(report)["privacy"] == level
    assert verdict_of(report)["text"].endswith(words)
