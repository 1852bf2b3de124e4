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
"""Real scans end upright, with their masks on what is brighter than its surroundings."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from monai_dcgan.data import case_volume, find_cases, prepare, split_patients


@pytest.fixture(scope="module")
def few_patients(real_data, tmp_path_factory):
    """Three patients of TCGA-LGG as a data set of their own."""
    content = json.loads((real_data / "tcga_lgg" / "dataset.json").read_text())
    folder = tmp_path_factory.mktemp("tcga")
    names = ("TCGA_CS_6290", "TCGA_DU_7010", "TCGA_FG_8189")
    entries = [entry for entry in content["training"] if any(name in entry["image"] for name in names)]
    for entry in entries:
        for key in ("image", "label"):
            link = folder / entry[key]
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(real_data / "tcga_lgg" / entry[key])
    (folder / "dataset.json").write_text(json.dumps({"training": entries}))
    return folder


def test_flair(few_patients, tmp_path):
    store = prepare(few_patients, tmp_path / "store")
    assert len(store.patients) == 3
    images, masks, _ = store.as_arrays()
    tumor = masks.any(axis=(1, 2, 3))
    assert 20 < tumor.sum() < len(store)
    assert images[masks > 0].mean() > 1.2 * images[(masks == 0) & (images > 0.05)].mean()
    # Bright fat must not hide the brain of TCGA_DU_7010 and TCGA_FG_8189: the middle of the head is tissue.
    middle = images[tumor][:, 0, 28:36, 28:36].mean(axis=(1, 2))
    assert (middle > 0.05).mean() > 0.95


def test_skull_stripped(real_data, tmp_path):
    store = prepare(real_data / "brats2013", tmp_path / "store", modalities=["flair", "t1ce"], tumor="with")
    assert store.image_channels == 2
    images, masks, _ = store.as_arrays()
    assert (images == 0).mean() > 0.3, "the z-scored background must be 0"
    assert images[:, :1][masks > 0].mean() > 0.5
    # Anterior is up: BraTS brains are narrower in front than behind.
    middle = images[np.argsort(store.slices.columns["foreground_fraction"])[-20:], 0] > 0
    width = middle.sum(axis=2).mean(axis=0)
    assert width[8:20].mean() < width[40:52].mean()


def test_published_folds(real_data):
    cases = find_cases(real_data / "figshare_t1ce_128", fold_column="patient_disjoint_fold")
    assert len(cases) == 2400
    assert {case["class_name"] for case in cases} == {"glioma", "meningioma", "pituitary"}
    assert all(case["patient"] == f"fold-{case['fold']}" for case in cases)


def test_pictures_as_published(real_data, tmp_path):
    store = prepare(real_data / "tcga_lgg_tif", tmp_path / "store")
    assert store.patients == ["TCGA_CS_4942"]
    assert store.image_channels == 3


def test_two_dates_of_a_patient_stay_together(real_data, tmp_path):
    store = prepare(real_data / "brain_tumor_progression", tmp_path / "store")
    assert sorted(store.cases) == ["01/Post", "01/Pre", "02/Post", "02/Pre"]
    assert store.patients == ["01", "02"]
    for seed in range(5):
        split = split_patients(store.slices, (0.5, 0.5, 0.0), seed)
        parts = {case: split[record["patient"]] for case, record in store.cases.items()}
        assert parts["01/Pre"] == parts["01/Post"] != parts["02/Pre"] == parts["02/Post"]


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize(
    ("name", "case", "image", "label"),
    [
        ("tcga_lgg", "TCGA_CS_6290", "imagesTr/TCGA_CS_6290.nii.gz", "labelsTr/TCGA_CS_6290.nii.gz"),
        ("brain_tumor_progression", "02/Post", "02/Post_Scan_T1.nii.gz", "02/Post_Mask.nii.gz"),
        (
            "brats2013",
            "brats_2013_pat0003_1",
            "brats_2013_pat0003_1/brats_2013_pat0003_1_flair.nii.gz",
            "brats_2013_pat0003_1/brats_2013_pat0003_1_seg.nii.gz",
        ),
    ],
)
def test_slices_at_their_place_are_the_volume(real_data, few_patients, tmp_path, axis, name, case, image, label):
    """What nibabel reads, under the scaling that the store tells, is what the store gives back."""
    folder = few_patients if name == "tcga_lgg" else real_data / name
    store = prepare(
        folder, tmp_path / "store", image_size=256, axis=axis, fit="pad", crop_head=False, min_foreground=0.0,
        modalities=["flair"] if name == "brats2013" else None,
    )  # fmt: skip
    back = case_volume(store, case)
    assert back.filled.all()
    for path, array in ((image, back.image[0]), (label, back.mask[0].astype(np.float32))):
        source = nibabel.load(folder / path)
        stored = nibabel.Nifti1Image(array, back.affine)
        turn = nibabel.orientations.ornt_transform(*(nibabel.io_orientation(each.affine) for each in (stored, source)))
        turned = stored.as_reoriented(turn)
        assert np.allclose(turned.affine, source.affine, atol=1e-4)
        found, original = np.asarray(turned.dataobj), source.get_fdata(dtype=np.float32)
        if path == label:
            assert np.array_equal(found, (original > 0).astype(np.float32))
        else:
            low, high = store.cases[case]["window"][0]
            scaled = np.clip((original - low) / (high - low), 0, 1)
            head = found > 0
            assert head.mean() > 0.1
            assert np.abs(found - scaled)[head].max() < 5e-4, "float16 in [0, 1]"
            outside = scaled[~head]
            assert np.percentile(outside, 90) < 0.2, "what is set to 0 is background"
