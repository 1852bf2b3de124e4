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
"""Scores: readers of known skill are found again, numbers agree with other ways to compute them, bad files refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from monai_dcgan.evaluation.readers import load_answers, load_key, score_readers, write_scores
from monai_dcgan.evaluation.readers.files import ANSWERS_FORMAT
from monai_dcgan.evaluation.readers.statistics import (
    area_under_curve,
    bootstrap_interval,
    cohen_kappa,
    proportion,
)
from monai_dcgan.utils.files import write_json


def test_area_is_the_share_of_pairs():
    random = np.random.RandomState(0)
    scores, positive = random.randint(-5, 6, 60).astype(float), random.rand(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    assert area_under_curve(scores, positive) == pytest.approx(np.mean(pairs))
    statistic = mannwhitneyu(scores[positive], scores[~positive]).statistic
    assert area_under_curve(scores, positive) == pytest.approx(statistic / len(pairs))
    assert math.isnan(area_under_curve(scores, np.ones(60, dtype=bool)))


def test_kappa_of_the_textbook():
    """Cohen's table of 20, 5, 10, 15: agreement 0.7, by chance 0.5."""
    first = np.repeat([0, 0, 1, 1], [20, 5, 10, 15])
    second = np.repeat([0, 1, 0, 1], [20, 5, 10, 15])
    assert cohen_kappa(first, second, 2) == pytest.approx(0.4)
    assert cohen_kappa(first, second, 2, quadratic=True) == pytest.approx(0.4)
    assert cohen_kappa(first, first, 2) == 1
    assert math.isnan(cohen_kappa(np.zeros(5), np.zeros(5), 2))
    assert math.isnan(cohen_kappa(np.zeros(0), np.zeros(0), 2))
    # Weighted by squares: far apart counts more than beside each other.
    steps = np.arange(5)
    assert cohen_kappa(steps, steps[[1, 0, 2, 3, 4]], 5, True) > cohen_kappa(steps, steps[[4, 1, 2, 3, 0]], 5, True)
    # 1 - sum of squares of differences over what independent readings give.
    other = np.array([1, 0, 2, 4, 4])
    expected = np.mean((steps[:, None] - other[None]) ** 2)
    assert cohen_kappa(steps, other, 5, True) == pytest.approx(1 - np.mean((steps - other) ** 2) / expected)


def test_share_has_an_interval_at_its_ends():
    assert proportion(10, 10)["low"] == pytest.approx(10 / (10 + norm.ppf(0.975) ** 2))
    assert proportion(0, 0) == {"value": None, "low": None, "high": None, "n": 0}


def test_bootstrap_draws_patients_whole():
    values = np.repeat([0.0, 1.0, 2.0, 3.0], 25)
    whole = [np.flatnonzero(values == value) for value in range(4)]
    alone = [np.array([position]) for position in range(100)]
    wide, narrow = (bootstrap_interval(lambda drawn: values[drawn].mean(), [units], 500, 0) for units in (whole, alone))
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])
    assert bootstrap_interval(lambda drawn: math.nan, [alone], 20, 0) == (None, None)


@pytest.mark.parametrize("skill", [0.0, 0.8, 2.0])
def test_known_skill_lies_in_the_interval(skill, small_study, simulate):
    """The area of the score is that of normal distributions ``skill`` apart, but for the five steps of confidence."""
    study = small_study(80, repeats=0.0)
    truth = _true_area(simulate, study, skill)
    inside = 0
    for seed in range(25):
        scores = score_readers(study.key, [simulate(study, "A", skill, seed)], num_samples=200, seed=seed)
        auc = scores["readers"]["A"]["auc"]
        inside += auc["low"] <= truth <= auc["high"]
    assert inside >= 21, "95% intervals hold the truth in at least 21 of 25 studies"


def _true_area(simulate, study, skill):
    truth = np.array([item["truth"] == "synthetic" for item in study.key["items"]])
    scores, positive = [], []
    for seed in range(1000, 1100):
        answers = simulate(study, "A", skill, seed)["answers"].values()
        scores += [(1 if one["verdict"] == "synthetic" else -1) * one["confidence"] for one in answers]
        positive.append(truth)
    return area_under_curve(np.array(scores, dtype=float), np.concatenate(positive))


def test_verdict_follows_the_readers(small_study, simulate):
    study = small_study(80)
    good = score_readers(study.key, [simulate(study, name, 2.0, seed) for seed, name in enumerate("ABC")], 200)
    blind = score_readers(study.key, [simulate(study, name, 0.0, seed + 5) for seed, name in enumerate("ABC")], 200)
    fooled = score_readers(study.key, [simulate(study, name, -2.0, seed) for seed, name in enumerate("ABC")], 200)
    assert good["verdict"].startswith("readers tell synthetic slices from real ones")
    assert blind["verdict"].startswith("it is not shown")
    assert fooled["verdict"].startswith("readers take synthetic slices for real ones")
    assert good["mean"]["realism"]["difference"]["high"] < 0 < fooled["mean"]["realism"]["difference"]["low"]
    assert [pair["readers"] for pair in good["agreement"]] == [["A", "B"], ["A", "C"], ["B", "C"]]
    assert good["agreement"][0]["verdict"]["kappa"] > blind["agreement"][0]["verdict"]["kappa"]
    assert good["counts"] == {"readers": 3, "slices": 80, "synthetic": 40, "real_patients": 40, "repeats": 16}
    assert score_readers(study.key, [simulate(study, "A", 2.0, 0)], 50) == score_readers(
        study.key, [simulate(study, "A", 2.0, 0)], 50
    )


def test_shares_sensitivity_and_repeats_by_hand(small_study, simulate):
    study = small_study(20, repeats=0.3)
    answers = simulate(study, "A", 0.0, 0)
    truth = {item["id"]: item["truth"] for item in study.key["items"]}
    for identity, answer in answers["answers"].items():
        answer["verdict"] = truth[identity]
    originals = [item for item in study.key["items"] if item["repeat_of"] is None]
    repeats = [item for item in study.key["items"] if item["repeat_of"] is not None]
    wrong = [item["id"] for item in originals if item["truth"] == "synthetic"][:3]
    for identity in wrong:
        answers["answers"][identity]["verdict"] = "real"
    missing = next(item["id"] for item in originals if item["truth"] == "real")
    del answers["answers"][missing]
    found = score_readers(study.key, [answers], 50)["readers"]["A"]
    assert found["sensitivity"]["value"] == pytest.approx(0.7) and found["sensitivity"]["n"] == 10
    assert found["specificity"]["value"] == 1 and found["specificity"]["n"] == 9
    assert found["accuracy"]["value"] == pytest.approx(16 / 19) and found["answered"] == 19
    given = [item for item in repeats if item["repeat_of"] != missing]
    same = [item["repeat_of"] not in wrong for item in given]
    assert len(repeats) == 6
    assert found["within"]["verdict"]["n"] == len(given)
    assert found["within"]["verdict"]["same"] == pytest.approx(np.mean(same))
    classes = found["classes"]
    assert sum(one["accuracy"]["n"] for one in classes.values()) == 19
    assert sorted(classes) == ["glioma", "meningioma"]
    assert "1 of 20 slices without a verdict" in "".join(score_readers(study.key, [answers], 50)["remarks"])


def test_confidence_alone_missing_leaves_shares(small_study, simulate):
    study = small_study(20)
    answers = simulate(study, "A", 1.0, 0)
    for answer in answers["answers"].values():
        answer["confidence"] = None
    scores = score_readers(study.key, [answers], 50)
    assert scores["readers"]["A"]["auc"] == {"value": None, "low": None, "high": None}
    assert scores["readers"]["A"]["accuracy"]["n"] == 20
    assert "too few answers" in scores["verdict"]


def test_few_patients_are_said(small_study, simulate):
    study = small_study(20, patients=2)
    remarks = score_readers(study.key, [simulate(study, "A", 1.0, 0)], 50)["remarks"]
    assert any("real slices are of 2 patient(s)" in remark for remark in remarks)


def test_report_holds_every_number_and_no_markup_of_a_reader(small_study, simulate, tmp_path):
    study = small_study(20)
    names = ("A|<script>", "B\n# C")
    scores = score_readers(study.key, [simulate(study, name, 1.0, seed) for seed, name in enumerate(names)], 50)
    text = write_scores(scores, tmp_path / "out").read_text()
    assert json.loads((tmp_path / "out/readers.json").read_text()) == scores
    assert "NaN" not in (tmp_path / "out/readers.json").read_text()
    assert "<script>" not in text and "\n# C" not in text
    widths = [line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")]
    assert set(widths) == {9, 6, 8}
    for heading in ("# Reader study", "## Ratings", "## Agreement", "## Classes", "## Conditions"):
        assert heading in text


def _files(study, simulate, folder):
    answers = simulate(study, "A", 1.0, 0)
    content = {"format": ANSWERS_FORMAT, "version": 1, "study": study.key["study"], **answers}
    write_json(folder / "key.json", study.key)
    write_json(folder / "answers.json", content)
    return content


def test_answers_go_through_files(small_study, simulate, tmp_path):
    study = small_study(20)
    _files(study, simulate, tmp_path)
    key = load_key(tmp_path / "key.json")
    assert key == study.key
    assert load_answers(tmp_path / "answers.json", key) == simulate(study, "A", 1.0, 0)


BAD_ANSWERS = [
    [lambda content: content.update(study="0" * 16), "must hold answers of the study"],
    [lambda content: content.update(format="other"), "must hold answers that the page of a study saved, got 'other'"],
    [lambda content: content.update(version=2), "must be of version 1, got 2"],
    [lambda content: content.update(reader=" "), "must name the reader"],
    [lambda content: content.update(answers=[]), "must hold answers by id, got list"],
    [lambda content: content.update(answers={}), "must hold at least one verdict, got none"],
    [lambda content: content["answers"].update(abc={}), "must answer items of the study, got 'abc'"],
    [lambda content: _first(content).update(verdict="fake"), "must have the verdict real or synthetic, got 'fake'"],
    [lambda content: _first(content).update(confidence=6), "must have confidence from 1 to 5, got 6"],
    [lambda content: _first(content).update(realism="5"), "must have realism from 1 to 5, got '5'"],
    [lambda content: _first(content).update(quality=True), "must have quality from 1 to 5, got True"],
    [lambda content: _first(content).update(quality=[1]), r"must have quality from 1 to 5, got \[1\]"],
    [lambda content: _first(content).update(seconds=-1), "must have seconds of at least 0, got -1"],
    [lambda content: _first(content).update(comment=3), "must have a text as comment, got 3"],
]


def _first(content):
    return next(iter(content["answers"].values()))


@pytest.mark.parametrize("damage, text", BAD_ANSWERS)
def test_bad_answers_are_refused(damage, text, small_study, simulate, tmp_path):
    study = small_study(20)
    content = _files(study, simulate, tmp_path)
    damage(content)
    write_json(tmp_path / "bad.json", content)
    with pytest.raises(ValueError, match=text):
        load_answers(tmp_path / "bad.json", study.key)


BAD_KEYS = [
    [lambda key: key.update(format="x"), "must hold a key that readers make wrote, got 'x'"],
    [lambda key: key.update(study=3), "must name its study, got 3"],
    [lambda key: key.update(items=[]), "must hold a list of items"],
    [lambda key: key["items"].insert(0, 3), "item 0 must be an object with an id"],
    [lambda key: key["items"].append(key["items"][0]), "must have an id of its own"],
    [lambda key: key["items"][0].update(truth="fake"), "item 0 must be real or synthetic, got 'fake'"],
    [lambda key: key["items"][0].pop("patient"), "item 0 must have patient"],
    [lambda key: key["items"][0].update(repeat_of="abc"), "item 0 must repeat an earlier item of its kind"],
    [lambda key: [item.update(truth="real") for item in key["items"]], "got none that is synthetic"],
]


@pytest.mark.parametrize("damage, text", BAD_KEYS)
def test_bad_keys_are_refused(damage, text, small_study, tmp_path):
    key = json.loads(json.dumps(small_study(20).key))
    damage(key)
    write_json(tmp_path / "key.json", key)
    with pytest.raises(ValueError, match=text):
        load_key(tmp_path / "key.json")


def test_cut_off_files_and_doubled_readers(small_study, simulate, tmp_path):
    study = small_study(20)
    (tmp_path / "cut.json").write_text(json.dumps(study.key)[:-20])
    with pytest.raises(ValueError, match="must be a JSON file"):
        load_key(tmp_path / "cut.json")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_answers(tmp_path / "none.json", study.key)
    one = simulate(study, "A", 1.0, 0)
    with pytest.raises(ValueError, match="answers must hold one file per reader, got two of 'A'"):
        score_readers(study.key, [one, one])
    with pytest.raises(ValueError, match="at least one reader, got none"):
        score_readers(study.key, [])
