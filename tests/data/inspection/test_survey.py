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
"""What is said of a data set before anything is made of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monai_dcgan.data import Source, survey, survey_text
from monai_dcgan.data.inspection.survey_text import hints
from tests.data.volume_makers import head_volume, save, save_picture

SHAPE = (40, 48, 6)


def tumor_shares(numbers):
    return sorted(float((head_volume(number)[1] > 0).mean()) for number in numbers)


def test_volumes(msd):
    found = survey(msd).as_dict()
    least, middle, most = tumor_shares(range(3))
    expected = {
        "layout": "msd",
        "detected": True,
        "cases": 3,
        "patients": 3,
        "cases_per_patient": {"1": 3},
        "modalities": ["FLAIR"],
        "channels": {"1": 3},
        "image_files": {".nii.gz": 3},
        "label_files": {".nii.gz": 3},
        "shapes": {"40 x 48 x 6": 3},
        "spacings": {"1 x 1 x 2": 3},
        "orientations": {"LPS": 3},
        "dtypes": {"float32": 3},
        "with_mask": 3,
        "classes": {},
        "folds": {},
        "labels": {
            "read": 3, "values": {"1": 3, "2": 3}, "with_tumor": 3, "tumor_share": pytest.approx([least, middle, most])
        },
        "problems": [],
        "visits": [],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert json.loads(json.dumps(found)) == found


def test_channels_of_their_own_files(brats):
    found = survey(brats, Source(modalities=["flair", "t1"]))
    assert (found.modalities, found.channels, found.image_files) == (["flair", "t1"], {2: 2}, {".nii.gz": 4})
    assert found.regions["whole"]


def test_pictures_with_classes_and_folds(pictures, write_index, index_rows):
    write_index(pictures, index_rows)
    found = survey(pictures)
    assert found.classes == {"glioma": 2, "meningioma": 2}
    assert found.folds == {"1": 2, "2": 2}
    assert found.cases_per_patient == {2: 2}
    assert found.spacings == found.orientations == {}
    assert found.labels.values == {255: 4}


def test_nothing_is_written(msd):
    def state():
        return {path: path.stat().st_mtime_ns for path in sorted(msd.parent.rglob("*"))}

    before = state()
    survey_text(survey(msd))
    assert state() == before


def break_image(folder):
    save(head_volume(1, (40, 48, 5))[0], folder / "imagesTr" / "P1.nii.gz")


def break_label(folder):
    save(np.full(SHAPE, 0.5, dtype=np.float32), folder / "labelsTr" / "P1.nii.gz")


def remove_image(folder):
    (folder / "imagesTr" / "P1.nii.gz").unlink()


@pytest.mark.parametrize(
    "harm, reason", [[break_image, "same shape"], [break_label, "whole numbers"], [remove_image, "cannot be read"]]
)
def test_cases_that_cannot_be_used(harm, reason, msd):
    harm(msd)
    found = survey(msd)
    assert (found.cases, found.patients, [problem.case for problem in found.problems]) == (2, 2, ["P1"])
    text = survey_text(found)
    assert "1 case cannot be used:\n  P1: " in text
    assert reason in text
    with pytest.raises(ValueError, match=reason):
        survey(msd, on_error="stop")


def test_all_cases_bad_is_still_said(msd):
    for number in range(3):
        save(head_volume(number, (40, 48, 5))[0], msd / "imagesTr" / f"P{number}.nii.gz")
    found = survey(msd)
    assert (found.cases, len(found.problems), found.largest_patient) == (0, 3, None)
    assert "3 cases cannot be used" in survey_text(found)


def test_sampled_labels_are_evenly_spread(pictures, monkeypatch):
    image = np.full((40, 40), 50, dtype=np.uint8)
    for number in range(10):
        for ending in ("", "_mask"):
            save_picture(image, pictures / "carl" / f"c_{number}{ending}.png")
    taken = []

    def read(case, reader):
        taken.append(case["case"])
        return [np.ones((40, 40))], [1]

    monkeypatch.setitem(survey.__globals__, "read_label", read)
    found = survey(pictures, sample_labels=3)
    names = sorted([f"carl/c_{n}" for n in range(10)] + [f"{p}/s_{n}" for p in ("anna", "bert") for n in range(2)])
    assert taken == [names[2], names[7], names[11]]
    assert (found.labels.read, found.with_mask) == (3, 14)
    assert "3 of 14, evenly spread" in survey_text(found)


def make_clean(folder):
    return Source()


def make_visits(folder):
    for number in (1, 2):
        image, label = head_volume(number)
        save(image, folder / "imagesTr" / f"P0_visit{number}.nii.gz")
        save(label, folder / "labelsTr" / f"P0_visit{number}.nii.gz")
    entries = [
        {"image": f"imagesTr/{name}.nii.gz", "label": f"labelsTr/{name}.nii.gz"}
        for name in ("P0_visit1", "P0_visit2", "P1", "P2")
    ]
    (folder / "dataset.json").write_text(json.dumps({"training": entries}))
    return Source()


def make_visits_with_pattern(folder):
    make_visits(folder)
    return Source(patient_pattern=r"(P\d)")


def make_maskless(folder):
    entries = [{"image": f"imagesTr/P{number}.nii.gz"} for number in range(3)]
    (folder / "dataset.json").write_text(json.dumps({"training": entries}))
    return Source()


def make_empty_masks(folder):
    for number in range(3):
        save(np.zeros(SHAPE, dtype=np.uint8), folder / "labelsTr" / f"P{number}.nii.gz")
    return Source()


def declare_one_label(folder):
    content = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**content, "labels": {"0": "background", "1": "edema"}}))
    return Source()


def make_few(folder):
    content = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**content, "training": content["training"][:2]}))
    return Source()


def make_flat(folder):
    for number in range(3):
        for array, kind in zip(head_volume(number), ("images", "labels")):
            save(array, folder / f"{kind}Tr" / f"P{number}.nii.gz", np.diag([-1.0, -1.0, 1.0, 1.0]))
    return Source()


@pytest.mark.parametrize(
    "make, expected",
    [
        [make_clean, None],
        [make_visits, "P0_visit1 and P0_visit2 count as different patients"],
        [make_visits_with_pattern, None],
        [make_maskless, "no case has a mask"],
        [make_empty_masks, "no mask that was read shows any tumor"],
        [declare_one_label, "labels 2 are in the masks but are not declared"],
        [make_few, "at least 3 patients, here are 2"],
        [make_flat, "the volumes are only 6 mm thick"],
    ],
)
def test_hints(make, expected, msd):
    found = survey(msd, make(msd))
    given = hints(found)
    assert len(given) == (expected is not None), given
    text = survey_text(found)
    assert ("please look at this" in text) == (expected is not None)
    assert expected is None or expected in text


def test_folds_in_place_of_patients(pictures, write_index, index_rows):
    rows = [{**row, "the_fold": str(number)} for number, row in enumerate(index_rows)]
    write_index(pictures, rows)
    assert [text for text in hints(survey(pictures)) if "each fold counts as one patient" in text]
    named = [{**row, "patient": row["image"][:4]} for row in index_rows]
    write_index(pictures, named)
    assert not [text for text in hints(survey(pictures)) if "fold" in text]


PATIENTS = [
    [{"anna": 2, "bert": 2}, "2, 2 cases each"],
    [{"anna": 3, "bert": 2}, "2, 2 to 3 cases each (anna has most)"],
    [{"anna": 3, "bert": 1}, "2, 1 of them with several cases (anna has most, 3)"],
    [{"anna": 2}, "1, anna, with 2 cases"],
    [{"anna": 1, "bert": 1}, "2, one case each"],
]


@pytest.mark.parametrize("counts, expected", PATIENTS)
def test_patients_in_words(counts, expected, tmp_path):
    picture = np.arange(1600, dtype=np.uint8).reshape(40, 40)
    for patient, count in counts.items():
        for number in range(count):
            save_picture(picture, tmp_path / patient / f"s_{number}.png")
            save_picture((picture > 100).astype(np.uint8), tmp_path / patient / f"s_{number}_mask.png")
    line = next(line for line in survey_text(survey(tmp_path)).splitlines() if line.startswith("  patients"))
    assert line.split(maxsplit=1)[1] == expected


def test_wrong_arguments(msd, tmp_path):
    with pytest.raises(ValueError, match="sample_labels must be a whole number of at least 1, got 0"):
        survey(msd, sample_labels=0)
    with pytest.raises(FileNotFoundError, match="must be a folder"):
        survey(tmp_path / "nowhere")


REAL = {
    "tcga_lgg": {"layout": "msd", "cases": 50, "patients": 50, "modalities": ["FLAIR"], "dtypes": {"uint8": 50}},
    "tcga_lgg_tif": {"layout": "pictures", "cases": 20, "patients": 1, "channels": {3: 20}, "shapes": {(256, 256): 20}},
    "brats2013": {
        "layout": "brats", "cases": 3, "patients": 3, "shapes": {(240, 240, 155): 3}, "spacings": {(1.0, 1.0, 1.0): 3}
    },
    "brain_tumor_progression": {
        "layout": "folders", "cases": 4, "patients": 2, "cases_per_patient": {2: 2}, "shapes": {(256, 256, 24): 4}
    },
    "figshare_t1ce_128": {
        "layout": "pictures", "cases": 2400, "patients": 4, "folds": {"1": 570, "2": 655, "3": 562, "4": 613},
        "classes": {"glioma": 1079, "meningioma": 563, "pituitary": 758}, "shapes": {(128, 128): 2400},
    },
}  # fmt: skip
REAL_LABELS = {
    "tcga_lgg": {1},
    "tcga_lgg_tif": {255},
    "brats2013": {1, 2, 3, 4},
    "brain_tumor_progression": {1},
    "figshare_t1ce_128": {1},
}


@pytest.mark.parametrize("name", REAL)
def test_real_data_are_understood_as_they_are(name, real_data):
    found = survey(real_data / name)
    assert {key: getattr(found, key) for key in REAL[name]} == REAL[name]
    assert found.detected
    assert not found.problems
    assert found.with_mask == found.cases
    assert set(found.labels.values) == REAL_LABELS[name]
    if name == "tcga_lgg":
        assert {shape[:2] for shape in found.shapes} == {(256, 256)}
        assert (min(shape[2] for shape in found.shapes), max(shape[2] for shape in found.shapes)) == (20, 88)
    if name == "brats2013":
        assert set(found.modalities) == {"flair", "t1ce"}
