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

import numpy as np
import pytest

from monai_dcgan.data import find_cases, prepare


@pytest.fixture(scope="module")
def few_patients(real_data, tmp_path_factory):
    """Three patients of TCGA-LGG as a data set of their own."""
    content = json.loads((real_data / "tcga_lgg" / "dataset.json").read_text())
    folder = tmp_path_factory.mktemp("tcga")
    for entry in content["training"]:
        entry.update({key: str(real_data / "tcga_lgg" / entry[key]) for key in ("image", "label")})
    names = ("TCGA_CS_6290", "TCGA_DU_7010", "TCGA_FG_8189")
    entries = [entry for entry in content["training"] if any(name in entry["image"] for name in names)]
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
    middle = store.images[np.argsort([record["foreground_fraction"] for record in store.slices])[-20:], 0] > 0
    width = middle.sum(axis=2).mean(axis=0)
    assert width[8:20].mean() < width[40:52].mean()


def test_published_folds(real_data):
    cases = find_cases(real_data / "figshare_t1ce_128", fold_column="patient_disjoint_fold")
    assert len(cases) == 2400
    assert {case["class_name"] for case in cases} == {"glioma", "meningioma", "pituitary"}
    assert all(case["patient"] == f"fold-{case['fold']}" for case in cases)


def test_pictures_as_published(real_data, tmp_path):
    store = prepare(real_data / "tcga_lgg_tif", tmp_path / "store")
    assert store.patients == ["TCGA_CS_4942_19970222"]
    assert store.image_channels == 3
