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
from monai_dcgan.metrics import best_match_ssim, frechet_distance, pairwise_ssim

KEYS = [
    "frechet_distance",
    "kernel_distance",
    "ssim_best_match",
    "ssim_random_pair",
    "ssim_within_set",
    "mask_area",
    "mask_row",
    "mask_column",
    "mask_parts",
]
FIELDS = {
    *("title", "better", "value", "std", "std_over", "n_synthetic", "n_real", "matched", "real_vs_real", "ratio"),
    *("reason", "conditions"),
}
CONDITIONS = {"extractor", "sha256", "layer", "preprocessing", "image_size", "seed", "split"}


@pytest.fixture(scope="module")
def extractor():
    return RandomConvExtractor()


def _anonymous(slices: LabeledSlices) -> LabeledSlices:
    return LabeledSlices(slices.images, slices.masks)


def test_every_number_is_complete(make_slices, extractor):
    found = evaluate(_anonymous(make_slices(3, 5, seed=1)), make_slices(6, 4), extractor)
    assert list(found["metrics"]) == KEYS
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for key, entry in found["metrics"].items():
        assert set(entry) == FIELDS, key
        assert set(entry["conditions"]) == CONDITIONS, key
        assert (entry["n_synthetic"], entry["n_real"]) == (15, 24), key
        assert isinstance(entry["value"], float), key
        assert entry["conditions"]["image_size"] == [32, 32]
        if entry["ratio"] is None:
            assert "not above 0" in entry["reason"], key
        else:
            assert entry["ratio"] == pytest.approx(entry["matched"]["value"] / entry["real_vs_real"]["value"]), key
    assert found["metrics"]["frechet_distance"]["title"] == "Frechet distance (random-conv-seed0)"
    assert found["metrics"]["frechet_distance"]["conditions"]["sha256"] == extractor.sha256
    assert "FID" not in json.dumps(found)
    assert found["counts"] == {
        "synthetic": 15,
        "synthetic_used": 15,
        "heldout": 24,
        "heldout_used": 24,
        "heldout_patients": 6,
    }


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
    for key in KEYS:
        if key != "ssim_within_set":
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
    for key in KEYS:
        entry = found["metrics"][key]
        assert entry["value"] is not None
        if key != "ssim_within_set":
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
    assert "has no mask to compare" in found["metrics"]["mask_row"]["reason"]
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
    with pytest.raises(ValueError, match="num_splits must be a whole number of at least 1, got 0"):
        evaluate(real, real, extractor, num_splits=0)


def test_one_group_of_patients_is_compared_with_the_reference(make_slices, extractor):
    """Where the held-out slices cannot be halved, other real patients stand in for a half."""
    synthetic, heldout, reference = (make_slices(count, 24 // count, seed=count) for count in (3, 1, 4))
    alone = evaluate(synthetic, heldout, extractor, num_splits=2)
    assert alone["metrics"]["frechet_distance"]["real_vs_real"] is None
    metrics = evaluate(synthetic, heldout, extractor, num_splits=2, reference=reference)["metrics"]
    for key in ("frechet_distance", "ssim_best_match", "mask_area"):
        entry = metrics[key]
        assert entry["real_vs_real"]["n"] == 24, key
        assert "reference" in entry["conditions"]["split"], key
    features = [extract(extractor, slices.images) for slices in (reference, heldout)]
    expected = frechet_distance(*features)
    assert metrics["frechet_distance"]["real_vs_real"]["value"] == pytest.approx(expected, rel=1e-6)
