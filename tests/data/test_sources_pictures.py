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
"""Pictures in every arrangement, and data sets whose places are given by templates."""

from __future__ import annotations

import pytest

from monai_dcgan.data.datalists import find_cases, says_no_tumor
from monai_dcgan.data.datalists.templates import compile_template

from .test_sources import made, seen


def test_kaggle_dates_are_one_patient(tmp_path):
    for folder in ("TCGA_CS_4942_19970222", "TCGA_CS_4942_19980101", "TCGA_DU_5849_19950405"):
        made(tmp_path, f"kaggle_3m/{folder}/{folder}_1.tif", f"kaggle_3m/{folder}/{folder}_1_mask.tif")
    cases = find_cases(tmp_path)
    assert [case["patient"] for case in cases] == ["TCGA_CS_4942", "TCGA_CS_4942", "TCGA_DU_5849"]
    assert cases.modalities == []


def test_masks_in_a_sibling_folder(tmp_path):
    names = ("glioma/p1_1.png", "glioma/p1_2.png", "meningioma/p2_1.png")
    made(tmp_path, *[f"images/{name}" for name in names], *[f"masks/{name}" for name in names])
    cases = find_cases(tmp_path)
    assert seen(cases, tmp_path)[0] == ("glioma/p1_1", "p1", "images/glioma/p1_1.png", "masks/glioma/p1_1.png")
    assert [case["class_name"] for case in cases] == ["glioma", "glioma", "meningioma"]
    made(tmp_path, "images/no_tumor/h_1.png")
    assert [(case["label"], case["class_name"]) for case in find_cases(tmp_path)][-1] == (None, "no_tumor")
    made(tmp_path, "images/glioma/p9_1.png")
    with pytest.raises(ValueError, match="case images/glioma/p9_1 cannot be used"):
        find_cases(tmp_path)


def test_sibling_folders_of_patients(tmp_path):
    made(
        tmp_path,
        *[f"{p}/{kind}/{n}{end}.png" for p in "ab" for n in (1, 2) for kind, end in (("img", ""), ("seg", "_gt"))],
    )
    cases = find_cases(tmp_path, mask_suffix="_gt")
    assert [(case["case"], case["patient"]) for case in cases] == [
        ("a/1", "a"),
        ("a/2", "a"),
        ("b/1", "b"),
        ("b/2", "b"),
    ]


def test_masks_beside_with_classes(tmp_path):
    made(tmp_path, "glioma/1.png", "glioma/1_mask.png", "no tumor/2.png")
    assert [(case["class_name"], case["label"] is None) for case in find_cases(tmp_path)] == [
        ("glioma", False),
        ("no tumor", True),
    ]


def test_classes_without_masks(tmp_path, caplog):
    made(tmp_path, "Training/glioma/1.jpg", "Training/notumor/2.jpg", "Testing/glioma/1.jpg", "Testing/notumor/3.jpg")
    cases = find_cases(tmp_path)
    assert [(case["case"], case["class_name"], case["label"]) for case in cases][:2] == [
        ("Testing/glioma/1", "glioma", None),
        ("Testing/notumor/3", "notumor", None),
    ]
    assert len({case["patient"] for case in cases}) == 4
    assert "each picture by itself is taken as the patient" in caplog.text
    assert "no picture of" in caplog.text


def test_classes_of_other_names(tmp_path):
    cases = find_cases(made(tmp_path, "kind A/1.jpg", "kind A/2.jpg", "no/3.jpg"))
    assert [case["class_name"] for case in cases] == ["kind A", "kind A", "no"]
    assert len({case["patient"] for case in cases}) == 3


@pytest.mark.parametrize(
    "names",
    [
        ["anna/1.png", "bert/1.png"],
        ["glioma/1.png", "glioma/1_seg.png", "no/2.png"],
        ["glioma/1.png", "glioma/2.png"],
        ["1.png", "no/2.png", "yes/3.png"],
        ["glioma/1.png", "masks/1.png", "no/3.png"],
    ],
)
def test_pictures_without_masks_are_no_classes(tmp_path, names):
    with pytest.raises(ValueError, match="no case found in .* with layout pictures: looked for masks <stem>_mask"):
        find_cases(made(tmp_path, *names))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no", True),
        ("No_Tumor", True),
        ("notumor", True),
        ("no tumour", True),
        ("healthy", True),
        ("normal", True),
        ("tumor", False),
        ("glioma", False),
        ("", False),
    ],
)
def test_says_no_tumor(name, expected):
    assert says_no_tumor(name) is expected


def test_index_without_masks_and_with_healthy_rows(tmp_path, write_index):
    made(tmp_path, "a.png", "a_m.png", "b.png")
    row = {"image": "a.png", "mask": "a_m.png", "class": "glioma", "patient": "p"}
    write_index(tmp_path, [row, {**row, "image": "b.png", "mask": "", "class": "healthy"}])
    assert [case["label"] is None for case in find_cases(tmp_path)] == [False, True]
    write_index(tmp_path, [{**row, "mask": ""}, {**row, "image": "b.png", "mask": ""}])
    assert [case["label"] for case in find_cases(tmp_path)] == [None, None]
    write_index(tmp_path, [row, {**row, "image": "../b.png"}])
    with pytest.raises(ValueError, match="got a path out of the data root"):
        find_cases(tmp_path)
    write_index(tmp_path, [row, {**row, "image": "b.png", "patient": ""}])
    with pytest.raises(ValueError, match="must give a patient in every row"):
        find_cases(tmp_path)
    (tmp_path / "index.csv").write_text("image,mask\na.png,a_m.png,more\n")
    with pytest.raises(ValueError, match="must have no more cells in a row than columns"):
        find_cases(tmp_path)


IMAGES, LABELS = "{patient}/{case}_Scan_{modality}.nii.gz", "{patient}/{case}_Mask.nii.gz"


def test_templates(real_data):
    data = real_data / "brain_tumor_progression"
    cases = find_cases(data, image_pattern=IMAGES, label_pattern=LABELS)
    assert (cases.layout, cases.modalities) == ("folders", ["T1"])
    expected = ("01/Post", "01", "01/Post_Scan_T1.nii.gz", "01/Post_Mask.nii.gz")
    assert (len(cases), seen(cases, data)[0]) == (4, expected)


def test_templates_of_pictures_with_class_and_fold(tmp_path):
    made(tmp_path, "1/glioma/p1/x.png", "1/glioma/p1/x.gt.png", "2/no/p2/y.png")
    cases = find_cases(
        tmp_path, "auto", image_pattern="{fold}/{class}/{patient}/{case}.png", label_pattern="**/{case}.gt.png"
    )
    assert (cases.layout, len(cases)) == ("pictures", 2)
    assert [(case["fold"], case["class_name"], case["label"] is None) for case in cases] == [
        ("1", "glioma", False),
        ("2", "no", True),
    ]
    assert [case["label"] for case in find_cases(tmp_path, image_pattern="*/*/*/{case}.png")] == [None] * 3


def test_templates_with_several_modalities(tmp_path):
    made(tmp_path, "p/a_T1.nii", "p/a_T2.nii", "p/a_m.nii", "q/a_T1.nii", "q/a_m.nii", "r/a_m.nii", "s/a_T1.nii")
    patterns = {"image_pattern": "{patient}/{case}_{modality}.nii", "label_pattern": "{patient}/{case}_m.nii"}
    cases = find_cases(tmp_path, modalities=["t2", "T1"], on_error="skip", **patterns)
    assert cases.modalities == ["T2", "T1"]
    assert seen(cases, tmp_path) == [("p/a", "p", "p/a_T2.nii p/a_T1.nii", "p/a_m.nii")]
    assert sorted(problem.case for problem in cases.problems) == ["q/a", "r/a_m", "s/a"]


def test_files_that_are_one_too_many_leave_the_case_out(tmp_path):
    made(tmp_path, "a.png", "a_mask.png", "a_mask.tif", "b.png", "b_mask.png")
    assert [case["case"] for case in find_cases(tmp_path, on_error="skip")] == ["b"]
    patterns = {"image_pattern": "{case}.png", "label_pattern": "{case}_mask.*"}
    cases = find_cases(tmp_path, on_error="skip", **patterns)
    assert [case["case"] for case in cases] == ["b"]
    assert "every case must have one mask" in str(next(iter(cases.problems)))
    with pytest.raises(ValueError, match="every case must have one mask"):
        find_cases(tmp_path, **patterns)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"image_pattern": "{name}.png"}, r"must have no placeholders but \{patient\}, .* got \{name\}"),
        ({"image_pattern": "{case.png"}, "must close every brace"),
        ({"image_pattern": "/{case}.png"}, "must be a path relative to the data set"),
        ({"image_pattern": "../{case}.png"}, "must be a path relative to the data set"),
        ({"image_pattern": "*.png"}, r"must have \{case\} or \{patient\}"),
        ({"label_pattern": "{case}.png"}, "label_pattern must come with image_pattern"),
        ({"image_pattern": "{case}.png", "label_pattern": "{case}{modality}.png"}, "label_pattern must not have"),
        ({"image_pattern": "{case}.png", "label_pattern": "{patient}.png"}, "must share"),
        ({"image_pattern": "{case}.png", "layout": "brats"}, "image_pattern goes with layout auto, folders, pictures"),
        ({"image_pattern": "{case}.png", "fold_column": "x"}, "fold_column goes with"),
        ({"image_pattern": "{case}.tif"}, r"no case found in .* looked for image_pattern \{case\}.tif"),
    ],
)
def test_wrong_templates(tmp_path, arguments, reason):
    with pytest.raises(ValueError, match=reason):
        find_cases(made(tmp_path, "a.png"), **arguments)


@pytest.mark.parametrize(
    ("template", "path", "matches"),
    [
        ("{case}.png", "a.png", True),
        ("{case}.png", "a/b.png", False),
        ("**/{case}.png", "b.png", True),
        ("**/{case}.png", "x/y/b.png", True),
        ("{patient}/*/{case}.png", "p/q/r.png", True),
        ("{patient}/{patient}_{case}.png", "p/p_1.png", True),
        ("{patient}/{patient}_{case}.png", "p/q_1.png", False),
        ("{case}.png", "aXpng", False),
    ],
)
def test_template(template, path, matches):
    assert (compile_template("image_pattern", template).fullmatch(path) is not None) is matches
