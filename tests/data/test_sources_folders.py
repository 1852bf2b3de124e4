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
"""Volumes and DICOM series without a standard's names are paired with their masks."""

from __future__ import annotations

import pytest

from monai_dcgan.data.datalists import find_cases

from .test_sources import made, seen

FOLDERS = [
    [["images/a b.mha", "labels/a b.mha"], [("a b", "a b", "images/a b.mha", "labels/a b.mha")]],
    [["scans/ä.nrrd", "masks/ä_mask.nii.gz"], [("ä", "ä", "scans/ä.nrrd", "masks/ä_mask.nii.gz")]],
    [["imgs/p1/x.nii", "segs/p1/x_seg.nii"], [("p1/x", "p1", "imgs/p1/x.nii", "segs/p1/x_seg.nii")]],
    [["p1/image/x.nii", "p1/label/x.nii"], [("p1/x", "p1", "p1/image/x.nii", "p1/label/x.nii")]],
    [
        ["images/a_0000.nii", "images/a_0001.nii", "labels/a.nii"],
        [("a", "a", "images/a_0000.nii images/a_0001.nii", "labels/a.nii")],
    ],
    [["images/a_0007.nii", "labels/a_0007.nii"], [("a_0007", "a_0007", "images/a_0007.nii", "labels/a_0007.nii")]],
    [
        ["images/p7_visit1.nii", "images/p7_visit2.nii", "labels/p7_visit1.nii", "labels/p7_visit2.nii"],
        [
            ("p7_visit1", "p7", "images/p7_visit1.nii", "labels/p7_visit1.nii"),
            ("p7_visit2", "p7", "images/p7_visit2.nii", "labels/p7_visit2.nii"),
        ],
    ],
    [
        ["brain_scan_1.nii", "brain_scan_2.nii", "brain_seg_1.nii", "brain_seg_2.nii"],
        [
            ("brain_1", "brain_1", "brain_scan_1.nii", "brain_seg_1.nii"),
            ("brain_2", "brain_2", "brain_scan_2.nii", "brain_seg_2.nii"),
        ],
    ],
    [["p1/t1.nii", "p1/flair.nii", "p1/mask.nii"], [("p1", "p1", "p1/flair.nii p1/t1.nii", "p1/mask.nii")]],
    [["p1/brain.mhd", "p1/brain.raw", "p1/tumor-roi.mhd"], [("p1/tumor", "p1", "p1/brain.mhd", "p1/tumor-roi.mhd")]],
    [
        ["p1/T1_Gd.nii", "p1/T1.nii", "p1/T1_mask.nii", "p1/T1_Gd_mask.nii"],
        [("p1/T1", "p1", "p1/T1.nii", "p1/T1_mask.nii"), ("p1/T1Gd", "p1", "p1/T1_Gd.nii", "p1/T1_Gd_mask.nii")],
    ],
    [
        ["p1/ses-1/x.nii", "p1/ses-1/x_seg.nii", "p1/2001-01-31/x.nii", "p1/2001-01-31/x_seg.nii"],
        [
            ("p1/2001-01-31/x", "p1", "p1/2001-01-31/x.nii", "p1/2001-01-31/x_seg.nii"),
            ("p1/ses-1/x", "p1", "p1/ses-1/x.nii", "p1/ses-1/x_seg.nii"),
        ],
    ],
]


@pytest.mark.parametrize(("names", "expected"), FOLDERS)
def test_folders(tmp_path, names, expected):
    cases = find_cases(made(tmp_path, *names))
    assert cases.layout == "folders"
    if names[0].startswith("p1/T1_Gd"):
        # One image each, of modalities that differ: channels without a name.
        assert cases.modalities == []
    assert seen(cases, tmp_path) == expected


FOLDER_PROBLEMS = [
    [
        ["images/a.nii", "images/b.nii", "labels/a.nii"],
        "case images/b .* every image must have a mask .* none for b.nii",
    ],
    [
        ["images/a.nii", "labels/a.nii", "labels/b.nii"],
        "case labels/b .*every mask must have an image of the same name",
    ],
    [["p/a_x.nii", "p/a-x.nii", "p/a_x_seg.nii"], "one image per modality, got 2 images"],
    [["a.nii", "b.nii"], "no mask found for the 2 volumes"],
    [["p/b.nii", "p/b_seg.nii", "q/c.nii"], "case q/c cannot be used"],
]


@pytest.mark.parametrize(("names", "reason"), FOLDER_PROBLEMS)
def test_folders_with_gaps(tmp_path, names, reason):
    with pytest.raises(ValueError, match=reason):
        find_cases(made(tmp_path, *names))


def test_channels_by_number_of_one_file(tmp_path):
    made(tmp_path, "images/a.nii", "labels/a.nii")
    assert find_cases(tmp_path, modalities=[1])[0]["channels"] == [1]
    with pytest.raises(ValueError, match="modalities must be one of T1, got 'T2'"):
        find_cases(
            made(tmp_path, "images/b_T1.nii", "labels/b.nii", "images/a_T1.nii", "images/a.nii"), modalities="T2"
        )


def dicom(folder, *names):
    """Files without a suffix that begin as DICOM files do."""
    made(folder, *names)
    for name in names:
        (folder / name).write_bytes(bytes(128) + b"DICM")


def test_dicom(tmp_path):
    made(tmp_path, "P1/x/1.dcm", "P1/x/2.dcm", "P1/seg.nii.gz", "P2/study/x/1.dcm", "P2/study/masks/any.dcm")
    dicom(tmp_path, "P3/x/IM0", "P3/x/1.2.840.1", "P3/Segmentation/IM0", "P3/Segmentation/IM1")
    made(tmp_path, "P4/x/1.dcm", "P4/x/2.dcm", "P4/x/seg.dcm", "DICOMDIR", "P4/readme.txt")
    made(tmp_path, "P5/2001/x/1.dcm", "P5/2001/tumorMask.nrrd", "P5/2002/x/1.dcm", "P5/2002/x-label/1.dcm")
    cases = find_cases(tmp_path)
    assert cases.layout == "dicom"
    assert seen(cases, tmp_path) == [
        ("P1", "P1", "P1/x", "P1/seg.nii.gz"),
        ("P2/study", "P2", "P2/study/x", "P2/study/masks/any.dcm"),
        ("P3", "P3", "P3/x", "P3/Segmentation"),
        ("P4/x", "P4", "P4/x", "P4/x/seg.dcm"),
        ("P5/2001", "P5", "P5/2001/x", "P5/2001/tumorMask.nrrd"),
        ("P5/2002", "P5", "P5/2002/x", "P5/2002/x-label/1.dcm"),
    ]
    assert find_cases(tmp_path, patient_pattern="P([1-5])")[5]["patient"] == "5"


def test_dicom_series_of_several_modalities(tmp_path):
    for patient, names in (("P1", ("4-T1", "5-FLAIR")), ("P2", ("4_flair", "4_t1"))):
        made(tmp_path, *[f"{patient}/{name}/1.dcm" for name in names], f"{patient}/4_mask.nii.gz")
    made(tmp_path, "P1/5_mask.nii.gz")
    with pytest.raises(ValueError, match="no modality of"):
        find_cases(tmp_path)
    cases = find_cases(tmp_path, modalities=["T1"], on_error="skip")
    assert [case["case"] for case in cases] == ["P1/4", "P2/4"]
    assert find_cases(tmp_path, modalities=["flair"], on_error="skip")[1]["case"] == "P2/4"


def test_dicom_in_sibling_folders_and_without_masks(tmp_path):
    made(tmp_path, "images/p1/1.dcm", "labels/p1.nii.gz", "images/p2/1.dcm", "labels/p2_seg.nii.gz")
    assert seen(find_cases(tmp_path), tmp_path) == [
        ("p1", "p1", "images/p1", "labels/p1.nii.gz"),
        ("p2", "p2", "images/p2", "labels/p2_seg.nii.gz"),
    ]
    made(tmp_path, "images/p3/1.dcm")
    with pytest.raises(ValueError, match="case images/p3 cannot be used .*must have a mask"):
        find_cases(tmp_path)


def test_dicom_of_one_patient_is_said(tmp_path, caplog):
    made(tmp_path, *[f"collection/{p}/{name}" for p in ("P1", "P2") for name in ("x/1.dcm", "seg.nii.gz")])
    assert {case["patient"] for case in find_cases(tmp_path)} == {"collection"}
    assert "all 2 cases of" in caplog.text
    assert {case["patient"] for case in find_cases(tmp_path / "collection")} == {"P1", "P2"}
