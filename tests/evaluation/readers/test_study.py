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
"""Studies and pages: nothing in them tells real slices from synthetic ones but the pixels."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from monai_dcgan.evaluation.readers import Candidates, make_study, render_page
from monai_dcgan.evaluation.readers.study import to_gray

SEEDS = range(30)


def page_of(html):
    """Return the data in a page, as a reader finds them who looks into the file."""
    return json.loads(re.search(r'<script id="study" type="application/json">(.*?)</script>', html, re.DOTALL)[1])


def clues(items):
    """Return what a reader could see of each item beside its picture: place, lengths, keys, digits of the id."""
    rows = []
    for place, item in enumerate(items):
        digits = [int(digit, 16) for digit in item["id"]]
        texts = [value for name, value in item.items() if name != "id"]
        lengths = [len(text) for text in texts] + [text.count("=") for text in texts]
        rows.append([place / len(items), len(item), *lengths, *digits, place % 2, sum(digits) % 2])
    return np.array(rows, dtype=float)


def guessed(studies):
    """Learn from half of the studies to tell slices by their clues; return the share right in the others."""

    def stacked(chosen):
        pages = [page_of(render_page(study))["items"] for study in chosen]
        truths = [[item["truth"] == "real" for item in study.key["items"]] for study in chosen]
        return np.concatenate([clues(page) for page in pages]), np.concatenate(truths)

    half = len(studies) // 2
    (known, truth), (unknown, wanted) = stacked(studies[:half]), stacked(studies[half:])
    center, spread = known.mean(0), known.std(0) + 1e-9
    design, test = ((rows - center) / spread for rows in (known, unknown))
    weights = np.linalg.lstsq(np.c_[design, np.ones(len(design))], truth * 2.0 - 1, rcond=None)[0]
    return float(((np.c_[test, np.ones(len(test))] @ weights > 0) == wanted).mean()), len(wanted)


def test_clues_beside_the_picture_do_not_tell(small_study):
    """A learner gets what a coin gets; the same learner finds a page whose order or lengths leak."""
    studies = [small_study(40, seed=seed) for seed in SEEDS]
    share, count = guessed(studies)
    assert abs(share - 0.5) < 3 * 0.5 / np.sqrt(count)
    for study in studies:
        study.page["items"], study.key["items"] = (
            [items[place] for place in _real_first(study)] for items in (study.page["items"], study.key["items"])
        )
    assert guessed(studies)[0] > 0.9, "order"
    studies = [small_study(40, seed=seed) for seed in SEEDS]
    for study in studies:
        for item, answer in zip(study.page["items"], study.key["items"]):
            item["pixels"] += "====" if answer["truth"] == "real" else ""
    assert guessed(studies)[0] > 0.9, "length"


def _real_first(study):
    items = study.key["items"]
    return sorted(range(len(items)), key=lambda place: items[place]["truth"])


def test_page_holds_pixels_and_nothing_of_the_key(small_study):
    study = small_study(20)
    html = render_page(study, "Dr. <b> {{SCRIPT}}")
    page = page_of(html)
    assert set(page) == {"study", "size", "channels", "mask_channels", "items", "reader"}
    assert page["reader"] == "Dr. <b> {{SCRIPT}}" and "<b>" not in html
    assert all(set(item) == {"id", "pixels", "masks"} for item in page["items"])
    assert len({(len(item["pixels"]), len(item["masks"])) for item in page["items"]}) == 1
    for word in ("truth", "patient", "repeat_of", "source", "glioma", '"p1"', study.key["format"]):
        assert word not in json.dumps(page), word
    script = html[html.index("<style>") :]
    assert "repeat_of" not in script and "truth" not in script


def test_page_asks_for_nothing(small_study):
    html = render_page(small_study(10))
    assert "//" not in re.sub(
        r"(^\s*|<script>)//.*$", "", html.replace(json.dumps(page_of(html)), ""), flags=re.MULTILINE
    )
    for word in (
        "http:",
        "https:",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "@import",
        "url(",
        "eval(",
        "<img",
        "<iframe",
    ):
        assert word not in html, word
    assert re.findall(r'(?:src|href)="([^"]*)"', html) == ["data:,"]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "*" not in policy
    assert not re.search(r"\son\w+=|\sstyle=", html), "handlers and styles in elements, which the policy stops"


def test_pixels_and_masks_come_out_as_they_went_in(make_candidates):
    real, synthetic = make_candidates(6, 1, patients=6, masks=2, channels=3), make_candidates(6, 2, masks=2, channels=3)
    study = make_study(synthetic, real, channels=["T1", "T2", "FLAIR"])
    for item, answer in zip(study.page["items"], study.key["items"]):
        slices = real if answer["truth"] == "real" else synthetic
        number = list(slices.sources).index(answer["source"])
        assert base64.b64decode(item["pixels"]) == slices.pixels[number].tobytes()
        bits = np.unpackbits(np.frombuffer(base64.b64decode(item["masks"]), np.uint8))
        assert np.array_equal(bits.reshape(slices.masks[number].shape), slices.masks[number])
        assert answer["class_name"] == slices.classes[number]
    assert study.page["channels"] == ["T1", "T2", "FLAIR"]


def test_same_input_same_study_and_order_needs_the_pixels(make_candidates):
    real, synthetic = make_candidates(10, 1, patients=5), make_candidates(10, 2)
    first, again = (make_study(synthetic, real, seed=3, repeats=0.2) for _ in range(2))
    assert (first.page, first.key) == (again.page, again.key)

    def order(study):
        return [item["truth"] for item in study.key["items"]]

    assert order(first) != order(make_study(synthetic, real, seed=4, repeats=0.2))
    others = {tuple(order(make_study(make_candidates(10, seed), real, seed=3))) for seed in range(5, 15)}
    assert len(others) == 10, "who knows the seed does not know the order"


@pytest.mark.parametrize("repeats", [0.0, 0.1, 0.25, 0.4])
def test_repeats(repeats, make_candidates):
    for seed in range(10):
        real, synthetic = make_candidates(20, seed, patients=20), make_candidates(20, seed + 50)
        study = make_study(synthetic, real, seed, repeats)
        items, pages = study.key["items"], {item["id"]: item for item in study.page["items"]}
        again = [place for place, item in enumerate(items) if item["repeat_of"] is not None]
        ids = [item["id"] for item in items]
        assert len(ids) == len(set(ids)) == 40 + len(again)
        assert len({items[place]["repeat_of"] for place in again}) == len(again)
        for place in again:
            first = ids.index(items[place]["repeat_of"])
            assert place - first > 10
            assert pages[ids[place]]["pixels"] == pages[ids[first]]["pixels"]
        kinds = [items[place]["truth"] for place in again]
        assert len(again) == round(40 * repeats)
        assert abs(kinds.count("real") - kinds.count("synthetic")) <= len(again) % 2


def test_both_kinds_pass_the_same_steps():
    """A set stored with 1000 levels has a comb in its histogram of 256; so have slices of other origin."""
    ramp = np.linspace(0, 1, 200_001)
    stored = np.rint(ramp * 1000) / 1000
    assert np.array_equal(to_gray(stored, 1000), to_gray(ramp, 1000))
    counts = np.bincount(to_gray(ramp, 1000), minlength=256)[1:-1]
    assert counts.max() > 1.2 * counts.min()
    assert np.array_equal(to_gray(np.arange(256) / 255, 255), np.arange(256))
    with pytest.raises(ValueError, match=r"images must lie in \[0, 1\], got 0 to 2"):
        to_gray(np.array([0.0, 2.0]), 255)
    with pytest.raises(ValueError, match="got nan to nan"):
        to_gray(np.array([0.0, np.nan]), 255)


def test_wrong_slices_are_refused(make_candidates):
    real, synthetic = make_candidates(10, 1, patients=5), make_candidates(10, 2)
    for others, text in (
        (make_candidates(8, 2), "as many real slices as synthetic ones, got 10, 8"),
        (make_candidates(10, 2, size=64), r"pixels of synthetic .* got \(1, 64, 64\) and \(1, 32, 32\)"),
        (make_candidates(10, 2, masks=2), r"masks of synthetic .* got \(2, 32, 32\) and \(1, 32, 32\)"),
    ):
        with pytest.raises(ValueError, match=text):
            make_study(others, real)
    for repeats in (-0.1, 0.6, float("nan"), True):
        with pytest.raises(ValueError, match="repeats must be a share from 0 to 0.4"):
            make_study(synthetic, real, repeats=repeats)
    with pytest.raises(ValueError, match="channels must be one name per channel, 1"):
        make_study(synthetic, real, channels=["T1", "T2"])
    with pytest.raises(ValueError, match="pixels must be uint8 .* use to_gray"):
        Candidates(np.zeros((1, 1, 8, 8)), np.zeros((1, 1, 8, 8)), [0], [""])
    with pytest.raises(ValueError, match="masks must hold only 0 and 1, got 2"):
        Candidates(np.zeros((1, 1, 8, 8), np.uint8), np.full((1, 1, 8, 8), 2), [0], [""])
    with pytest.raises(ValueError, match="classes must be one per slice, 1, got 0"):
        Candidates(np.zeros((1, 1, 8, 8), np.uint8), np.zeros((1, 0, 8, 8)), [0], [])
