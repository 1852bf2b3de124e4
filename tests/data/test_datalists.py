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
"""Cases are found in every layout, and what is wrong is said."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest

from monai_dcgan.data.datalists import find_cases
from monai_dcgan.utils.files import read_json, write_json

from .volume_makers import head_volume, save, save_picture

KEYS = {"image", "label", "patient", "case", "class_name", "fold"}


def test_msd(msd):
    cases = find_cases(msd)
    assert [case["patient"] for case in cases] == ["P0", "P1", "P2"]
    assert all(set(case) == KEYS and case["image"].is_file() and case["label"].is_file() for case in cases)


def test_msd_takes_patient_class_and_fold(msd):
    content = read_json(msd / "dataset.json")
    for number, entry in enumerate(content["training"]):
        entry.update(patient="same", fold=number, class_name="glioma")
    write_json(msd / "dataset.json", content)
    cases = find_cases(msd)
    assert [(case["patient"], case["fold"], case["class_name"]) for case in cases] == [
        ("same", str(number), "glioma") for number in range(3)
    ]


def test_msd_channels_by_name_and_number(msd):
    assert find_cases(msd, modalities=["flair"])[0]["channels"] == [0]
    assert find_cases(msd, modalities=[0])[0]["channels"] == [0]
    with pytest.raises(ValueError, match=r"modalities must be channel numbers or among \['FLAIR'\], got 't9'"):
        find_cases(msd, modalities=["t9"])


def test_brats(brats, caplog):
    with caplog.at_level(logging.INFO):
        cases = find_cases(brats)
    assert "brats (detected)" in caplog.text
    assert [case["case"] for case in cases] == ["BraTS20_Training_000", "BraTS20_Training_001"]
    assert [path.name.split("_")[-1] for path in cases[0]["image"]] == ["t1.nii.gz", "t1ce.nii.gz", "flair.nii.gz"]
    assert find_cases(brats, modalities=["flair", "t1"])[0]["image"][0].name.endswith("_flair.nii.gz")
    assert find_cases(brats, modalities=["flair"])[0]["image"].name.endswith("_flair.nii.gz")
    reason = "case BraTS20_Training_001 cannot be used .* must have the modalities t2, got no file for t2"
    with pytest.raises(ValueError, match=reason):
        find_cases(brats, modalities=["t2"])
    with pytest.raises(ValueError, match="modalities must be one of t1, t1ce, t2, flair, got 'adc'"):
        find_cases(brats, modalities=["adc"])


def test_brats_2023_names_and_visits_of_one_patient(tmp_path):
    image, label = head_volume(0)
    for visit in ("000", "001"):
        name = f"BraTS-GLI-00005-{visit}"
        save(image, tmp_path / name / f"{name}-t2f.nii.gz")
        save(image, tmp_path / name / f"{name}-t1c.nii.gz")
        save(label, tmp_path / name / f"{name}-seg.nii.gz")
    cases = find_cases(tmp_path, modalities=["t1ce", "t2f"])
    assert [case["patient"] for case in cases] == ["BraTS-GLI-00005"] * 2
    assert [path.name[-10:] for path in cases[0]["image"]] == ["t1c.nii.gz", "t2f.nii.gz"]


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("brats_2013_pat0003_1", "brats_2013_pat0003"),
        ("Brats17_2013_0_1", "Brats17_2013_0"),
        ("Brats18_TCIA08_167_1", "Brats18_TCIA08_167"),
        ("BraTS19_CBICA_AAB_1", "BraTS19_CBICA_AAB"),
        ("BraTS-MEN-RT-0001-1", "BraTS-MEN-RT-0001"),
        ("BraTS20_Training_001", "BraTS20_Training_001"),
        ("BraTS2021_00003", "BraTS2021_00003"),
    ],
)
def test_brats_scan_number_is_no_patient(tmp_path, name, patient):
    image, label = head_volume(0)
    save(image, tmp_path / name / f"{name}_flair.nii.gz")
    save(label, tmp_path / name / f"{name}_seg.nii.gz")
    assert find_cases(tmp_path)[0]["patient"] == patient


def msd_of(folder, names):
    """A data set in MSD layout whose files hold one byte."""
    for kind in ("imagesTr", "labelsTr"):
        (folder / kind).mkdir()
        for name in names:
            (folder / kind / f"{name}.nii.gz").write_text("x")
    entries = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in names]
    write_json(folder / "dataset.json", {"training": entries})


@pytest.mark.parametrize(
    "names",
    [
        ("sub-01_ses-1", "sub-01_ses-2"),
        ("sub-01_ses-1_FLAIR", "sub-01_ses-2_FLAIR"),
        ("a_visit2", "a_visit1"),
        ("TCGA_CS_4942_19970222", "TCGA_CS_4942_19980101"),
        ("x-2001-01-31", "x-2002-01-31"),
        ("p7_T1", "p7_T2"),
        ("UPENN-GBM-00001_11", "UPENN-GBM-00001_21"),
        ("UCSF-PDGM-0429", "UCSF-PDGM-0429_FU003d"),
        ("sub-01_pre", "sub-01_post"),
    ],
)
def test_visits_as_patients_are_warned_of(tmp_path, names, caplog):
    msd_of(tmp_path, [*names, "other"])
    assert [case["patient"] for case in find_cases(tmp_path)] == sorted([*names, "other"])
    first, second = sorted(names)
    assert f"{first} and {second} count as different patients" in caplog.text
    assert "(1 such groups)" in caplog.text
    assert "give patient_pattern" in caplog.text


@pytest.mark.parametrize(
    "names",
    [
        ("TCGA_CS_4941", "TCGA_CS_4942", "TCGA_DU_5849"),
        ("BRATS_001", "BRATS_002"),
        ("BraTS2021_00000", "BraTS2021_00001"),
        ("BraTS20_Training_001", "BraTS20_Training_002"),
        ("sub-01", "sub-02"),
        ("sub-01_ses-1", "sub-02_ses-1"),
        ("brain_2013_1", "brain_2013_2"),
        ("1", "2"),
    ],
)
def test_numbers_of_patients_are_not_warned_of(tmp_path, names, caplog):
    msd_of(tmp_path, names)
    assert len({case["patient"] for case in find_cases(tmp_path)}) == len(names)
    assert not caplog.records


def test_msd_with_names_of_brats(tmp_path, caplog):
    msd_of(tmp_path, ["BraTS-GLI-00000-000", "BraTS-GLI-00000-001"])
    assert {case["patient"] for case in find_cases(tmp_path)} == {"BraTS-GLI-00000"}
    assert not caplog.records


def test_pattern_goes_before_what_the_data_say(msd, brats, pictures, index_rows, write_index, tmp_path, caplog):
    folder = tmp_path / "visits"
    folder.mkdir()
    msd_of(folder, ["sub-01_ses-1", "sub-01_ses-2"])
    assert {case["patient"] for case in find_cases(folder, patient_pattern="([^/]+)_[^/]*$")} == {"sub-01"}
    content = read_json(msd / "dataset.json")
    write_json(msd / "dataset.json", {"training": [{**entry, "patient": "x"} for entry in content["training"]]})
    assert [case["patient"] for case in find_cases(msd, patient_pattern=r"P(\d)")] == ["0", "1", "2"]
    assert [case["patient"] for case in find_cases(brats, "brats", "t1", patient_pattern=r"ing_\d+(\d)_")] == ["0", "1"]
    write_index(pictures, [{**row, "patient": "x"} for row in index_rows])
    assert {case["patient"] for case in find_cases(pictures, patient_pattern=r"^(\w+)/")} == {"anna", "bert"}
    assert not caplog.records
    for data in (msd, brats):
        with pytest.raises(ValueError, match="patient_pattern must match every file"):
            find_cases(data, patient_pattern="(nothing)")


def test_pictures_by_folder(pictures, caplog):
    cases = find_cases(pictures)
    assert [(case["patient"], case["case"]) for case in cases] == [
        ("anna", "anna/s_0"),
        ("anna", "anna/s_1"),
        ("bert", "bert/s_0"),
        ("bert", "bert/s_1"),
    ]
    assert "the folder of a picture is taken as the patient ('anna'" in caplog.text


def test_pictures_by_pattern(pictures, caplog):
    cases = find_cases(pictures, patient_pattern=r"s_(\d)\.")
    assert sorted({case["patient"] for case in cases}) == ["0", "1"]
    assert not caplog.records
    with pytest.raises(ValueError, match="patient_pattern must match every file"):
        find_cases(pictures, patient_pattern=r"(anna)")
    with pytest.raises(ValueError, match="must have a group"):
        find_cases(pictures, patient_pattern="anna")
    with pytest.raises(ValueError, match="must be a regular expression"):
        find_cases(pictures, patient_pattern="(")


def test_pictures_in_the_root(tmp_path, caplog):
    blank = np.zeros((8, 8), np.uint8)
    for name in ("TCGA_1_12", "TCGA_1_13", "TCGA_2_1"):
        save_picture(blank, tmp_path / f"{name}.tif")
        save_picture(blank, tmp_path / f"{name}_seg.png")
    cases = find_cases(tmp_path, mask_suffix="_seg")
    assert [case["patient"] for case in cases] == ["TCGA_1", "TCGA_1", "TCGA_2"]
    assert "without its trailing number" in caplog.text


def test_index(pictures, index_rows, write_index, caplog):
    write_index(pictures, index_rows)
    cases = find_cases(pictures, fold_column="the_fold")
    assert [(case["patient"], case["fold"], case["class_name"]) for case in cases] == [
        ("fold-1", "1", "glioma"),
        ("fold-1", "1", "glioma"),
        ("fold-2", "2", "meningioma"),
        ("fold-2", "2", "meningioma"),
    ]
    assert "each fold of 'the_fold' counts as one patient" in caplog.text
    assert find_cases(pictures) == cases
    write_index(pictures, [{**row, "patient": "P" + row["the_fold"]} for row in index_rows])
    assert [case["patient"] for case in find_cases(pictures)] == ["P1", "P1", "P2", "P2"]
    with pytest.raises(ValueError, match=r"index.csv must have the columns image, mask, other, got"):
        find_cases(pictures, fold_column="other")


def test_index_with_gaps(pictures, index_rows, write_index):
    write_index(pictures, [{**index_rows[0], "mask": ""}, *index_rows[1:]])
    with pytest.raises(ValueError, match="must give an image and a mask in every row"):
        find_cases(pictures)
    assert [case["case"] for case in find_cases(pictures, on_error="skip")] == ["anna/s_1", "bert/s_0", "bert/s_1"]
    write_index(pictures, [{**index_rows[0], "class": ""}, *index_rows[1:]])
    with pytest.raises(ValueError, match="either every case must have a class or none, got a class for 3 of 4"):
        find_cases(pictures)
    write_index(pictures, [*index_rows, index_rows[0]])
    with pytest.raises(ValueError, match="every case must occur once, got 'anna/s_0' twice"):
        find_cases(pictures)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data_dir must be a folder, got .*nowhere"):
        find_cases(tmp_path / "nowhere")


@pytest.mark.parametrize("layout", ["auto", "brats", "bids", "dicom", "folders", "pictures"])
def test_nothing_found(tmp_path, layout):
    with pytest.raises(ValueError, match="looked for") as error:
        find_cases(tmp_path, layout)
    assert str(tmp_path) in str(error.value)
    assert layout in str(error.value) or layout == "auto"


def test_empty_msd(msd):
    write_json(msd / "dataset.json", {"training": []})
    with pytest.raises(ValueError, match=r"no case found in .* with layout msd: looked for dataset.json"):
        find_cases(msd)


def test_missing_files(msd, pictures):
    (msd / "imagesTr" / "P1.nii.gz").unlink()
    with pytest.raises(
        ValueError, match=r"image of case P1 cannot be read: every file must be there, got none at .*P1"
    ):
        find_cases(msd)
    (msd / "labelsTr" / "P2.nii.gz").write_bytes(b"")
    with pytest.raises(ValueError, match="case P1 cannot be used .*; 1 more cases cannot be used either"):
        find_cases(msd)
    left = find_cases(msd, on_error="skip")
    assert [case["case"] for case in left] == ["P0"]
    assert [problem.case for problem in left.problems] == ["P1", "P2"]
    assert "got 0 bytes in" in str(list(left.problems)[1])
    (pictures / "anna" / "s_0_mask.png").unlink()
    with pytest.raises(ValueError, match=r"case anna/s_0 .* every picture must have a mask <stem>_mask beside it"):
        find_cases(pictures)
    shutil.move(pictures / "anna" / "s_0.png", pictures / "anna" / "other_mask.png")
    with pytest.raises(ValueError, match=r"other_mask.*: every mask must have a picture beside it, got none"):
        find_cases(pictures)


def test_same_case_twice(msd, brats):
    content = read_json(msd / "dataset.json")
    write_json(msd / "dataset.json", {"training": content["training"] + content["training"][:1]})
    with pytest.raises(ValueError, match="every case must occur once, got 'P0' twice"):
        find_cases(msd)
    shutil.copytree(brats / "HGG", brats / "LGG")
    with pytest.raises(ValueError, match="every case must occur once, got 'BraTS20_Training_000' twice"):
        find_cases(brats)


def test_bad_layout(msd):
    with pytest.raises(
        ValueError, match="layout must be one of auto, msd, nnunet, brats, bids, dicom, folders, pictures, got"
    ):
        find_cases(msd, layout="xnat")
    with pytest.raises(ValueError, match="fold_column goes with"):
        find_cases(msd, layout="brats", fold_column="fold")
