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
"""Tests of the whole evaluation."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from monai_dcgan.evaluation import LabeledSlices, RandomConvExtractor, evaluate, extract
from monai_dcgan.evaluation.report.compare import compare_metrics
from monai_dcgan.metrics import best_match_ssim, frechet_distance, pairwise_ssim

KEYS = [
    "frechet_distance",
    "frechet_infinity",
    "kernel_distance",
    "precision",
    "recall",
    "density",
    "coverage",
    "ssim_best_match",
    "ssim_random_pair",
    "ssim_within_set",
    "ms_ssim_within_set",
    "intensity_distance",
    "spectrum_distance",
    "mask_area",
    "mask_row",
    "mask_column",
    "mask_parts",
]
FIELDS = {
    *("title", "group", "better", "value", "std", "std_over", "interval", "n_synthetic", "n_real", "matched"),
    *("real_vs_real", "ratio", "reason", "note", "conditions"),
}
CONDITIONS = {"preprocessing", "heldout", "image_size", "seed", "split"}
OF_FEATURES = {"extractor", "sha256", "layer"}
WITHIN = ("ssim_within_set", "ms_ssim_within_set")
# Twenty slices make a line, six a neighborhood: fewer than the half of the held-out slices here.
NEEDS_MORE = ("frechet_infinity", "precision", "recall", "density", "coverage")


@pytest.fixture(scope="module")
def extractor():
    return RandomConvExtractor()


def _anonymous(slices: LabeledSlices) -> LabeledSlices:
    return LabeledSlices(slices.images, slices.masks)


def test_every_number_is_complete(make_slices, extractor):
    found = evaluate(_anonymous(make_slices(6, 8, seed=1)), make_slices(6, 8), extractor, num_samples=20)
    assert list(found["metrics"]) == KEYS
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for key, entry in found["metrics"].items():
        assert set(entry) == FIELDS, key
        assert set(entry["conditions"]) >= CONDITIONS, key
        assert (set(entry["conditions"]) >= OF_FEATURES) == (entry["group"] == "features"), key
        assert (entry["n_synthetic"], entry["n_real"]) == (48, 48), key
        assert isinstance(entry["value"], float), key
        assert entry["interval"]["low"] <= entry["interval"]["high"], key
        assert entry["interval"]["num_patients"] == (None if key in WITHIN else 6), key
        assert entry["conditions"]["image_size"] == [32, 32]
        if entry["ratio"] is None:
            assert "not above 0" in entry["reason"], key
        else:
            assert entry["ratio"] == pytest.approx(entry["matched"]["value"] / entry["real_vs_real"]["value"]), key
    assert found["metrics"]["frechet_distance"]["title"] == "Frechet distance (random-conv-seed0)"
    assert found["metrics"]["frechet_distance"]["conditions"]["sha256"] == extractor.sha256
    assert "FID" not in json.dumps(found)
    assert found["counts"] == {
        "synthetic": 48,
        "synthetic_used": 48,
        "heldout": 48,
        "heldout_used": 48,
        "heldout_patients": 6,
    }


def test_an_interval_holds_its_number_and_narrows_with_patients(make_slices, extractor):
    few, many = (
        evaluate(_anonymous(make_slices(8, 5, seed=1)), make_slices(count, 5), extractor, num_samples=60)["metrics"]
        for count in (4, 16)
    )
    for key in ("frechet_distance", "ssim_best_match", "ssim_random_pair", "intensity_distance", "mask_row"):
        for metrics in (few, many):
            assert metrics[key]["interval"]["low"] <= metrics[key]["value"] <= metrics[key]["interval"]["high"], key
    widths = [
        metrics["mask_row"]["interval"]["high"] - metrics["mask_row"]["interval"]["low"] for metrics in (few, many)
    ]
    assert widths[1] < widths[0]
    assert "unreliable" in few["mask_row"]["interval"]["note"]
    assert many["mask_row"]["interval"]["note"] is None


def test_too_few_slices_are_refused_or_marked(make_slices, extractor):
    found = evaluate(_anonymous(make_slices(2, 2, seed=1)), make_slices(2, 2), extractor, num_samples=10)["metrics"]
    for key, fewest in (("precision", 6), ("frechet_infinity", 20)):
        assert found[key]["value"] is None
        assert found[key]["reason"] == f"needs at least {fewest} slices in each set, got 4 and 4"
    assert "the covariance is singular" in found["frechet_distance"]["note"]
    assert "2 patients do not stand for others" in found["frechet_distance"]["note"]


def test_values_agree_with_the_metrics(make_slices, extractor):
    made, real = make_slices(3, 5, seed=1), make_slices(4, 4)
    found = evaluate(_anonymous(made), real, extractor)["metrics"]
    features = [extract(extractor, slices.images) for slices in (made, real)]
    assert found["frechet_distance"]["value"] == pytest.approx(frechet_distance(*features))
    assert found["ssim_best_match"]["value"] == pytest.approx(
        best_match_ssim(made.images, real.images).mean(), rel=1e-5
    )
    assert found["ssim_random_pair"]["value"] == pytest.approx(pairwise_ssim(made.images, real.images).mean(), rel=1e-5)


def test_sizes_are_equal_where_a_ratio_is_taken(make_slices, extractor):
    found = evaluate(_anonymous(make_slices(1, 5, seed=1)), make_slices(4, 10), extractor)["metrics"]
    for key in set(KEYS) - {*WITHIN, *NEEDS_MORE}:
        assert found[key]["matched"]["n"] == found[key]["real_vs_real"]["n"] == 5, key
        assert found[key]["matched"]["num_splits"] == 5


def test_held_out_slices_as_synthetic_are_at_least_as_near_as_other_patients(make_slices, extractor):
    real = make_slices(12, 6)
    found = evaluate(_anonymous(real), real, extractor)["metrics"]
    assert found["frechet_distance"]["value"] == pytest.approx(0, abs=1e-6)
    assert found["frechet_distance"]["ratio"] < 1
    assert found["ssim_best_match"]["value"] == pytest.approx(1, abs=1e-4)
    assert found["ssim_best_match"]["ratio"] > 1
    assert found["mask_row"]["value"] == 0


def test_noise_is_worse_and_one_repeated_slice_is_found_out(make_slices, extractor):
    real, other = make_slices(8, 5), make_slices(8, 5, seed=1)
    noise = np.random.RandomState(0).rand(*other.images.shape) * 0.3
    worse = evaluate(LabeledSlices((other.images + noise).clip(0, 1), other.masks), real, extractor)["metrics"]
    good = evaluate(_anonymous(other), real, extractor)["metrics"]
    assert worse["frechet_distance"]["ratio"] > 2 * good["frechet_distance"]["ratio"]
    assert worse["kernel_distance"]["value"] > good["kernel_distance"]["value"]
    assert worse["ssim_best_match"]["ratio"] < good["ssim_best_match"]["ratio"]
    collapsed = _anonymous(other.take(np.zeros(20, dtype=int)))
    assert evaluate(collapsed, real, extractor)["metrics"]["ssim_within_set"]["value"] == pytest.approx(1, abs=1e-4)


def test_misplaced_masks_show(make_slices, extractor):
    real = make_slices(10, 4)
    found = evaluate(_anonymous(make_slices(10, 4, seed=1, shift=8)), real, extractor)
    assert found["metrics"]["mask_row"]["value"] > 0.15
    assert found["metrics"]["mask_row"]["ratio"] > 2
    means = [found["masks"][name][0]["row"]["mean"] for name in ("synthetic", "real")]
    assert means[0] > means[1] + 0.15


@pytest.mark.parametrize(
    ("patients", "per_patient", "text"),
    [(1, 8, r"held-out set has 1 patient\(s\) and 8 slice\(s\)"), (3, 1, "at least 2 patients and 4 slices")],
)
def test_too_few_patients_give_a_reason(make_slices, extractor, patients, per_patient, text):
    found = evaluate(_anonymous(make_slices(2, 4, seed=1)), make_slices(patients, per_patient), extractor)
    json.dumps(found, allow_nan=False)
    for key in set(KEYS) - set(NEEDS_MORE):
        entry = found["metrics"][key]
        assert entry["value"] is not None
        if key not in WITHIN:
            assert entry["real_vs_real"] is entry["matched"] is entry["ratio"] is None
            assert re.search(text, entry["reason"])
    within = found["metrics"]["ssim_within_set"]
    assert (within["real_vs_real"] is None) == (patients == 1)
    assert ("held-out set has one" in (within["reason"] or "")) == (patients == 1)


def test_half_of_one_slice_gives_a_reason(make_slices, extractor):
    real = make_slices(2, 5)
    real = real.take(np.arange(6))
    entry = evaluate(_anonymous(make_slices(2, 4, seed=1)), real, extractor)["metrics"]["frechet_distance"]
    assert entry["real_vs_real"] is None
    assert "smaller half of the held-out patients has 1 slice" in entry["reason"]


def test_empty_masks_give_a_reason(make_slices, extractor):
    made = make_slices(3, 4, seed=1)
    found = evaluate(LabeledSlices(made.images, made.masks * 0), make_slices(4, 4), extractor)
    json.dumps(found, allow_nan=False)
    assert found["metrics"]["mask_row"]["value"] is found["metrics"]["mask_row"]["ratio"] is None
    assert "a set has nothing to compare, such as no mask" in found["metrics"]["mask_row"]["reason"]
    assert found["metrics"]["mask_area"]["value"] > 0
    assert found["masks"]["synthetic"][0]["share_empty"] == 1


def test_subsampling_and_seed(make_slices, extractor):
    made, real = _anonymous(make_slices(3, 10, seed=1)), make_slices(6, 8)
    first, again, other = (
        evaluate(made, real, extractor, seed=seed, max_slices=20, max_ssim_slices=12) for seed in (0, 0, 1)
    )
    assert first == again
    assert first["metrics"]["frechet_distance"]["value"] != other["metrics"]["frechet_distance"]["value"]
    assert first["counts"]["heldout_used"] == first["metrics"]["frechet_distance"]["n_real"] == 20
    assert first["metrics"]["ssim_best_match"]["n_real"] == 12


def test_mask_channels_are_told_apart(make_slices, extractor):
    found = evaluate(_anonymous(make_slices(2, 4, masks=2, seed=1)), make_slices(4, 4, masks=2), extractor)
    assert {"mask_0_area", "mask_1_area"} <= set(found["metrics"])
    assert len(found["masks"]["real"]) == 2


def test_errors(make_slices, extractor):
    real = make_slices(4, 4)
    with pytest.raises(ValueError, match="heldout must name the patient of every slice"):
        evaluate(real, _anonymous(real), extractor)
    with pytest.raises(ValueError, match="synthetic must keep at least 2 slices, got 1"):
        evaluate(real.take(np.arange(1)), real, extractor)
    with pytest.raises(ValueError, match="masks of synthetic and heldout must have the same shape per slice"):
        evaluate(make_slices(masks=2), real, extractor)
    smaller = LabeledSlices(real.images[..., :16, :16], real.masks[..., :16, :16])
    with pytest.raises(ValueError, match="images of synthetic and heldout must have the same shape per slice"):
        evaluate(smaller, real, extractor)
    with pytest.raises(ValueError, match=r"heldout must be of other patients than training, got 'patient-0' in both"):
        evaluate(_anonymous(real), real, extractor, training=make_slices(2, 4, seed=1))
    with pytest.raises(ValueError, match="extractor must be given, got None"):
        evaluate(_anonymous(real), real, None)
    with pytest.raises(ValueError, match="num_splits must be a whole number of at least 1, got 0"):
        evaluate(real, real, extractor, num_splits=0)


def test_one_group_of_patients_is_compared_with_the_training(make_slices, extractor):
    """Where the held-out slices cannot be halved, other real patients stand in for a half."""
    synthetic, heldout, reference = (make_slices(count, 24 // count, seed=count) for count in (3, 1, 4))
    reference.patients = [f"trained-{name}" for name in reference.patients]
    alone = evaluate(synthetic, heldout, extractor, num_splits=2)
    assert alone["metrics"]["frechet_distance"]["real_vs_real"] is None
    metrics = evaluate(synthetic, heldout, extractor, num_splits=2, training=reference)["metrics"]
    for key in ("frechet_distance", "ssim_best_match", "mask_area"):
        entry = metrics[key]
        assert entry["real_vs_real"]["n"] == 24, key
        assert "reference" in entry["conditions"]["split"], key
    features = [extract(extractor, slices.images) for slices in (reference, heldout)]
    expected = frechet_distance(*features)
    assert metrics["frechet_distance"]["real_vs_real"]["value"] == pytest.approx(expected, rel=1e-6)


def test_classes_and_groups_are_told_apart(make_slices, extractor):
    made, real = make_slices(6, 8, seed=1), make_slices(6, 8)
    names = ["glioma" if int(name[-1]) % 2 else "meningioma" for name in real.patients]
    real = LabeledSlices(
        real.images, real.masks, real.patients, names, {"sex": ["f"] * 24 + ["m"] * 24, "age": [33.0] * 40 + [None] * 8}
    )
    made = LabeledSlices(made.images, made.masks, classes=["glioma"] * 24 + ["other"] * 24)
    found = evaluate(made, real, extractor, num_samples=20)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    # A class of one set alone is not compared.
    assert list(found["classes"]) == ["glioma"]
    glioma = found["classes"]["glioma"]
    assert glioma["counts"] == {"synthetic": 24, "heldout": 24, "heldout_patients": 3}
    chosen = [index for index, name in enumerate(names) if name == "glioma"]
    features = [extract(extractor, images) for images in (made.images[:24], real.images[chosen])]
    assert glioma["metrics"]["frechet_distance"]["value"] == pytest.approx(frechet_distance(*features))
    heldout, synthetic = found["subgroups"]["heldout"], found["subgroups"]["synthetic"]
    assert set(heldout) == {"tumor size", "class", "sex", "age"}
    assert {row["group"]: row["n"] for row in heldout["age"]["SSIM with the nearest synthetic slice"]["rows"]} == {
        "under 40": 40,
        "unknown": 8,
    }
    assert {row["group"] for row in synthetic["class"]["SSIM with the nearest held-out slice"]["rows"]} == {
        "glioma",
        "other",
    }


def test_a_neglected_group_shows(make_slices, extractor):
    """Synthetic slices that look like one half of the patients stand for the other half less well."""
    real = make_slices(10, 4)
    groups = ["seen" if int(name[-1]) < 5 else "neglected" for name in real.patients]
    darker = real.images.copy()
    darker[20:] = darker[20:] ** 2
    made = real.take(np.arange(20))
    noisy = (made.images + 0.02 * np.random.RandomState(0).rand(*made.images.shape)).clip(0, 1)
    real = LabeledSlices(darker, real.masks, real.patients, groups={"scanner": groups})
    found = evaluate(LabeledSlices(noisy, made.masks), real, extractor, num_samples=50)["subgroups"]["heldout"][
        "scanner"
    ]
    for measure in (
        "SSIM with the nearest synthetic slice",
        "SSIM with the nearest synthetic slice, less that with the nearest slice of another patient",
    ):
        gap = found[measure]["gap"]
        assert gap["groups"] == ["seen", "neglected"], measure
        assert gap["interval"][0] > 0, measure


def test_copies_are_found_and_strangers_are_not(make_slices, extractor):
    training, real = make_slices(8, 6, seed=2), make_slices(8, 6)
    training.patients = [f"trained-{name}" for name in training.patients]
    options = {"training": training, "num_samples": 50}
    copied = evaluate(_anonymous(training.take(np.arange(0, 48, 2))), real, extractor, **options)
    levels = {point["topic"]: point["level"] for point in copied["verdict"]["points"]}
    assert copied["privacy"]["memorization"]["verdict"]["copied"]
    assert (levels["privacy"], levels["membership"]) == ("bad", "bad")
    assert "copies of training slices found" in copied["verdict"]["text"]
    assert min(copied["privacy"]["control"]["recall"].values()) > 0
    clean = evaluate(_anonymous(make_slices(8, 6, seed=3)), real, extractor, **options)
    assert not clean["privacy"]["memorization"]["verdict"]["copied"]
    assert json.loads(json.dumps(clean, allow_nan=False)) == clean
    untested = evaluate(_anonymous(make_slices(8, 6, seed=3)), real, extractor, privacy=False, num_samples=10)
    assert untested["privacy"] is None
    assert "copying not tested" in untested["verdict"]["text"]


def test_other_held_out_slices_are_known_as_others(make_slices, extractor):
    """As many slices of as many patients, yet not the same: two runs against them do not compare."""
    made, real = _anonymous(make_slices(3, 4, seed=1)), make_slices(4, 4)
    other = LabeledSlices(real.images[..., ::-1], real.masks, real.patients)
    options = {"privacy": False, "num_samples": 5}
    reports = {
        name: evaluate(made, slices, extractor, **options)
        for name, slices in (("one", real), ("again", real), ("other", other))
    }
    same = compare_metrics({name: reports[name] for name in ("one", "again")})
    assert same["warnings"] == []
    warned = compare_metrics({name: reports[name] for name in ("one", "other")})["warnings"]
    assert any(text.startswith("heldout differs") for text in warned)
