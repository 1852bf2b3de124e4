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
"""The whole way on real brain MRI: from each data set to a report and a synthetic set."""

from __future__ import annotations

import json

import pytest

from monai_dcgan.cli import main
from monai_dcgan.data import SliceStore, prepare

SMALL = {
    "image_size": 32,
    "width": 4,
    "latent_size": 8,
    "images_per_epoch": 64,
    "batch_size": 16,
    "max_epochs": 1,
    "val_interval": 1,
}
# Data set, overlay, image channels, patients (or folds) in train, validation and test.
TEST_CASES = [
    ["tcga_lgg", "data/tcga_lgg", 1, (35, 8, 7)],
    ["brats2013", "data/brats2013", 2, (1, 1, 1)],
    ["figshare_t1ce_128", "data/figshare", 1, (3, 1, 0)],
]


@pytest.mark.parametrize(("folder", "overlay", "channels", "sizes"), TEST_CASES)
def test_from_volumes_to_report(folder, overlay, channels, sizes, real_data, tmp_path):
    run = tmp_path / "run"
    settings = [argument for name, value in SMALL.items() for argument in ("--set", f"{name}={value}")]
    assert main(["train", str(real_data / folder), "--out", str(run), "--config", overlay, *settings]) == 0
    assert json.loads((run / "network.json").read_text())["image_channels"] == channels
    split = json.loads((run / "split.json").read_text())
    assert tuple(len(split.get(part, [])) for part in ("train", "validation", "test")) == sizes
    assert main(["evaluate", str(run)]) == 0
    metrics = json.loads((run / "evaluation" / "metrics.json").read_text())["metrics"]
    if sizes[0] > 1:
        assert metrics["frechet_distance"]["ratio"] > 1, "an untrained generator is no better than other patients"
    assert main(["generate", str(run), "--out", str(tmp_path / "made"), "--num", "2"]) == 0
    store = prepare(tmp_path / "made", tmp_path / "store", image_size=32, crop_head=False, min_foreground=0.0)
    assert SliceStore(store.path).image_channels == channels
