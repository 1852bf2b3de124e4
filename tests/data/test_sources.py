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
"""Volumes are found in every layout, with patients, modalities and masks as they were meant."""

from __future__ import annotations

import logging

import pytest

from monai_dcgan.data.datalists import find_cases
from monai_dcgan.utils.files import write_json


def made(folder, *names):
    """Files of one byte; returns the folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def seen(cases, data_dir):
    """Case, patient, images and mask, as paths below the data set."""

    def text(value):
        if value is None:
            return None
        paths = value if isinstance(value, list) else [value]
        return " ".join(path.relative_to(data_dir).as_posix() for path in paths)

    return [(case["case"], case["patient"], text(case["image"]), text(case["label"])) for case in cases]


NNUNET = ("imagesTr/a_0000.nrrd", "imagesTr/a_0001.nrrd", "imagesTr/b_0000.nrrd", "imagesTr/b_0001.nrrd")


@pytest.fixture
def nnunet(tmp_path):
    """Two cases with two channels."""
    labels = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": 3}
    content = {"channel_names": {"0": "T1", "1": "FLAIR"}, "labels": labels, "numTraining": 2, "file_ending": ".nrrd"}
    write_json(tmp_path / "dataset.json", content)
    return made(tmp_path, *NNUNET, "labelsTr/a.nrrd", "labelsTr/b.nrrd")


def test_nnunet(nnunet):
    cases = find_cases(nnunet)
    assert cases.layout == "nnunet"
    assert seen(cases, nnunet)[0] == ("a", "a", "imagesTr/a_0000.nrrd imagesTr/a_0001.nrrd", "labelsTr/a.nrrd")
    assert cases.modalities == ["T1", "FLAIR"]
    # A label that only regions list is declared by them.
    names = {0: "background", 1: "whole tumor", 2: "whole tumor + tumor core", 3: "enhancing tumor"}
    assert cases.label_names == names
    assert cases.regions == {"whole": (1, 2, 3), "core": (2, 3), "enhancing": (3,)}
    flair = find_cases(nnunet, modalities="flair")
    assert flair.modalities == ["FLAIR"]
    assert seen(flair, nnunet)[1] == ("b", "b", "imagesTr/b_0001.nrrd", "labelsTr/b.nrrd")
    with pytest.raises(ValueError, match=r"modalities must be channel numbers or among \['FLAIR', 'T1'\], got 'T2'"):
        find_cases(nnunet, modalities=["T2"])
    with pytest.raises(ValueError, match=r"modalities must be channel numbers among \[0, 1\], got \[7\]"):
        find_cases(nnunet, modalities=[7])


def test_nnunet_gaps(nnunet):
    (nnunet / "imagesTr/b_0001.nrrd").unlink()
    made(nnunet, "imagesTr/c_0000.nrrd")
    cases = find_cases(nnunet, on_error="skip")
    assert [case["case"] for case in cases] == ["a"]
    assert [(problem.case, problem.reason[-15:]) for problem in cases.problems] == [
        ("c", "sTr/c, got none"),
        ("b", "o file for 0001"),
    ]


def test_nnunet_version_1_lists_images_without_numbers(tmp_path):
    entries = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in "ab"]
    write_json(
        tmp_path / "dataset.json", {"modality": {"0": "T1"}, "labels": {"0": "bg", "1": "x"}, "training": entries}
    )
    made(tmp_path, *[f"imagesTr/{name}_0000.nii.gz" for name in "ab"], *[f"labelsTr/{name}.nii.gz" for name in "ab"])
    cases = find_cases(tmp_path)
    assert (cases.layout, cases.label_names, len(cases)) == ("nnunet", {0: "bg", 1: "x"}, 2)


def test_nnunet_with_a_list_of_files(tmp_path):
    entry = {"images": ["x/1.nii.gz", "x/2.nii.gz"], "label": "x/3.nii.gz"}
    bad = {"images": ["../1.nii.gz", "x/2.nii.gz"], "label": "x/3.nii.gz"}
    write_json(tmp_path / "dataset.json", {"channel_names": {"0": "A", "1": "B"}, "dataset": {"p": entry, "q": bad}})
    made(tmp_path, "x/1.nii.gz", "x/2.nii.gz", "x/3.nii.gz")
    cases = find_cases(tmp_path, on_error="skip")
    assert seen(cases, tmp_path) == [("p", "p", "x/1.nii.gz x/2.nii.gz", "x/3.nii.gz")]
    assert "got a path out of the data root" in str(next(iter(cases.problems)))


def test_msd_says_labels_and_regions(tmp_path):
    made(tmp_path, "i/a.nii.gz", "l/a.nii.gz")
    labels = {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"}
    entries = [{"image": "i/a.nii.gz", "label": "l/a.nii.gz"}]
    names = {"0": "FLAIR", "1": "T1w", "2": "t1gd"}
    write_json(tmp_path / "dataset.json", {"modality": names, "labels": labels, "training": entries})
    cases = find_cases(tmp_path, modalities=["T1GD", 0])
    assert cases.modalities == ["t1gd", "FLAIR"]
    assert cases.label_names == {int(value): name for value, name in labels.items()}
    assert cases.regions == {"whole": (1, 2, 3), "core": (2, 3), "enhancing": (3,)}
    write_json(tmp_path / "dataset.json", {"labels": {"1": "edema", "2": "cyst"}, "training": entries})
    assert (find_cases(tmp_path).regions, find_cases(tmp_path).modalities) == ({}, [])


def test_msd_without_masks_and_with_some(tmp_path, caplog):
    made(tmp_path, "a.nii.gz", "b.nii.gz", "l.nii.gz")
    write_json(tmp_path / "dataset.json", {"training": [{"image": "a.nii.gz"}, {"image": "b.nii.gz"}]})
    assert [case["label"] for case in find_cases(tmp_path)] == [None, None]
    assert "has a mask" in caplog.text
    entries = [{"image": "a.nii.gz"}, {"image": "b.nii.gz", "label": "l.nii.gz"}]
    write_json(tmp_path / "dataset.json", {"training": entries})
    with pytest.raises(
        ValueError, match="case a cannot be used .*every training image must have a label where others do"
    ):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "must be a JSON object, got list"),
        ({"training": [3]}, "must give an object with 'image' for every training entry, got 3"),
        ({"labels": ["x"], "training": []}, "labels of .* must be a JSON object"),
        ({"name": "x"}, "must have a list 'training', got the sections name"),
    ],
)
def test_broken_dataset_json(tmp_path, content, reason):
    write_json(tmp_path / "dataset.json", content)
    with pytest.raises(ValueError, match=reason):
        find_cases(tmp_path, on_error="skip")


@pytest.mark.parametrize("path", ["../a.nii.gz", "/etc/passwd", "x/../../a.nii.gz"])
def test_paths_out_of_the_data(tmp_path, path):
    data = made(tmp_path / "data", "b.nii.gz", "l.nii.gz")
    made(tmp_path, "a.nii.gz")
    entries = [{"image": path, "label": "l.nii.gz"}, {"image": "x/../b.nii.gz", "label": str(data / "l.nii.gz")}]
    write_json(data / "dataset.json", {"training": entries})
    with pytest.raises(ValueError, match="got a path out of the data root"):
        find_cases(data)
    assert [case["case"] for case in find_cases(data, on_error="skip")] == ["b"]


VSD = [f"HG/0001/VSD.Brain.XX.O.MR_{kind}.{n}/VSD.Brain.XX.O.MR_{kind}.{n}.mha" for n, kind in enumerate(("T1", "T1c"))]
VSD_MASK = "HG/0001/VSD.Brain_3more.XX.XX.OT.9/VSD.Brain_3more.XX.XX.OT.9.mha"


def test_brats_of_2013(tmp_path):
    made(tmp_path, *VSD, VSD_MASK, *[name.replace("HG/", "LG/") for name in (*VSD, VSD_MASK)])
    cases = find_cases(tmp_path)
    assert (cases.layout, cases.modalities) == ("brats", ["t1", "t1ce"])
    assert seen(cases, tmp_path)[0] == ("HG/0001", "HG/0001", " ".join(VSD), VSD_MASK)
    assert cases[1]["patient"] == "LG/0001"


@pytest.mark.parametrize(
    ("names", "regions"),
    [
        (["a/a_t1ce.nii", "a/a_seg.nii"], {"whole": (1, 2, 3, 4), "core": (1, 3, 4), "enhancing": (4,)}),
        (["a/a-t1c.nii.gz", "a/a-seg.nii.gz"], {"whole": (1, 2, 3), "core": (1, 3), "enhancing": (3,)}),
        (["a/a-t2f.nii.gz", "a/a-seg.nii.gz", "b/b_flair.nii", "b/b_seg.nii"], {}),
    ],
)
def test_brats_regions(tmp_path, names, regions):
    assert find_cases(made(tmp_path, *names)).regions == regions


def test_brats_without_segmentation_is_a_problem(tmp_path):
    made(tmp_path, "BraTS1/BraTS1_t1.nii.gz", "BraTS1/BraTS1_seg.nii.gz", "BraTS2/BraTS2_t1.nii.gz")
    with pytest.raises(ValueError, match="case BraTS2 cannot be used .* must have a segmentation"):
        find_cases(tmp_path)
    assert len(find_cases(tmp_path, on_error="skip")) == 1


def test_modalities_that_some_lack_are_named(tmp_path, caplog):
    made(tmp_path, "a/a_t1.nii", "a/a_t2.nii", "a/a_seg.nii", "b/b_t2.nii", "b/b_seg.nii")
    assert find_cases(tmp_path).modalities == ["t2"]
    assert "modality t1 is left out: 1 of 2 cases lack it" in caplog.text


def bids_names(subject, session, *suffixes):
    folder = f"sub-{subject}/ses-{session}/anat"
    return [f"{folder}/sub-{subject}_ses-{session}_{suffix}.nii.gz" for suffix in suffixes]


def test_bids(tmp_path):
    for subject in ("01", "02"):
        for session in ("a", "b"):
            made(tmp_path, *bids_names(subject, session, "FLAIR", "ce-gadolinium_T1w", "T1w"))
            (mask,) = bids_names(subject, session, "space-T1w_label-lesion_mask")
            made(tmp_path, f"derivatives/manual/{mask}")
            made(tmp_path, f"derivatives/fs/{mask.replace('label-lesion', 'desc-brain')}")
    cases = find_cases(tmp_path)
    assert (cases.layout, cases.modalities, len(cases)) == ("bids", ["FLAIR", "T1w", "T1w_ce"], 4)
    assert [case["patient"] for case in cases] == ["sub-01", "sub-01", "sub-02", "sub-02"]
    folder = "sub-01/ses-a/anat/sub-01_ses-a_"
    mask = f"derivatives/manual/{folder}space-T1w_label-lesion_mask.nii.gz"
    assert seen(find_cases(tmp_path, modalities=["t1w_ce"]), tmp_path)[0] == (
        "sub-01_ses-a",
        "sub-01",
        f"{folder}ce-gadolinium_T1w.nii.gz",
        mask,
    )
    made(tmp_path, f"derivatives/other/{folder}roi.nii.gz", *bids_names("03", "a", "FLAIR"))
    problems = [str(problem) for problem in find_cases(tmp_path, on_error="skip").problems]
    assert "every session must have one mask, got 2" in problems[0]
    assert "case sub-03_ses-a cannot be used" in problems[1]


def test_bids_without_sessions_and_with_masks_beside(tmp_path):
    for subject in ("01", "02"):
        name = f"sub-{subject}/anat/sub-{subject}"
        made(tmp_path, f"{name}_acq-a_T1w.nii", f"{name}_acq-b_T1w.nii", f"{name}_dseg.nii", f"{name}_T1w.json")
    cases = find_cases(tmp_path)
    assert (cases.layout, cases.modalities) == ("bids", ["T1w_acq-a", "T1w_acq-b"])
    assert seen(cases, tmp_path)[0] == (
        "sub-01",
        "sub-01",
        "sub-01/anat/sub-01_acq-a_T1w.nii sub-01/anat/sub-01_acq-b_T1w.nii",
        "sub-01/anat/sub-01_dseg.nii",
    )


def test_real(real_data, caplog):
    with caplog.at_level(logging.INFO):
        cases = find_cases(real_data / "brain_tumor_progression")
    assert [(case["case"], case["patient"]) for case in cases] == [
        ("01/Post", "01"),
        ("01/Pre", "01"),
        ("02/Post", "02"),
        ("02/Pre", "02"),
    ]
    assert cases.modalities == ["T1"]
    assert "folders (detected)" in caplog.text


@pytest.mark.parametrize(
    ("name", "layout", "count", "patients"),
    [
        ("tcga_lgg", "msd", 50, 50),
        ("brats2013", "brats", 3, 3),
        ("figshare_t1ce_128", "pictures", 2400, 4),
        ("tcga_lgg_tif", "pictures", 20, 1),
    ],
)
def test_real_sets(real_data, name, layout, count, patients):
    cases = find_cases(real_data / name)
    assert (cases.layout, len(cases), len({case["patient"] for case in cases})) == (layout, count, patients)
    assert not len(cases.problems)
