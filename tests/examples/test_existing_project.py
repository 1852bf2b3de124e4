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
"""The example of an existing project runs, and takes synthetic slices in with three lines."""

from __future__ import annotations

import difflib
import importlib.util
import math

import numpy as np
import pytest
import torch
from monai.data import load_decathlon_datalist
from monai.transforms import AsDiscreted, Compose, FillHolesd, GaussianSmoothd, RandFlipd

from monai_dcgan.data import SyntheticDataset
from monai_dcgan.downstream.pool import cleaned
from monai_dcgan.transforms import RandCopyTumord, RandSyntheticSliced

PLAIN, SYNTHETIC = "segment.py", "segment_with_synthetic.py"


@pytest.fixture
def folder(repository):
    return repository / "examples" / "existing_project"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(folder):
    """Return the lines by which the scripts differ, without empty ones."""
    before, after = ((folder / name).read_text().splitlines() for name in (PLAIN, SYNTHETIC))
    lines = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    return [line[0] + line[2:] for line in lines if line[1:].strip()]


def test_three_lines_differ_and_the_readme_shows_them(folder):
    lines = changed(folder)
    assert 0 < len(lines) <= 3 and all(line.startswith("+") for line in lines)
    shown = (folder / "README.md").read_text().split("```diff\n")[1].split("```")[0]
    assert shown.splitlines() == lines


def test_scripts_run(folder, phantoms, trained, tmp_path):
    given = ["--data", str(phantoms), "--channel", "3", "--size", "32", "--cases", "4", "--epochs", "1"]
    plain = load(folder / PLAIN).main([*given, "--out", str(tmp_path / "plain.pt")])
    both = load(folder / SYNTHETIC).main([*given, "--out", str(tmp_path / "both.pt"), "--synthetic", str(trained)])
    assert both["slices"] == 2 * plain["slices"] > 0
    for result in (plain, both):
        assert math.isfinite(result["loss"]) and 0 <= result["dice"] <= 1
    weights = [torch.load(tmp_path / name, weights_only=True) for name in ("plain.pt", "both.pt")]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_real_and_synthetic_slices_are_alike(folder, phantoms, trained):
    """The transforms of the example bring real slices to the axes and range of the generator's."""
    script = load(folder / PLAIN)
    case = load_decathlon_datalist(phantoms / "dataset.json", is_segmentation=True)[0]
    volume = script.volume_transform(3)(case)
    real = script.slices_of(volume, script.slice_transform(32))
    middle, made = real[len(real) // 2], SyntheticDataset(trained, 1)[0]
    for key in script.KEYS:
        assert middle[key].shape == made[key].shape and middle[key].affine.shape == made[key].affine.shape
    assert 0 <= middle["image"].min() < middle["image"].max() <= 1
    assert set(torch.stack([item["label"] for item in real]).unique().tolist()) == {0.0, 1.0}
    rows, columns = (int((middle["image"][0] > 0).any(dim).sum()) for dim in (1, 0))
    assert rows > columns, "a head is longer from front to back than wide: rows run from front to back"


def test_transform_of_the_readme(folder, trained):
    script = load(folder / PLAIN)
    synthetic = SyntheticDataset(trained, num=10)
    flip = RandFlipd(script.KEYS, prob=0.5, spatial_axis=1)
    augment = Compose([RandSyntheticSliced(script.KEYS, synthetic, prob=0.3), flip])
    augment.set_random_state(0)
    item = {"image": torch.zeros(1, 32, 32), "label": torch.zeros(1, 32, 32)}
    assert 0 < sum(bool(augment(item)["image"].any()) for _ in range(40)) < 40


def test_clean_outlines_of_the_readme(trained):
    """MONAI's transforms and the experiment's own cleaning agree, but for a few pixels at edges."""
    clean = Compose([GaussianSmoothd("label", sigma=1.0), AsDiscreted("label", threshold=0.5), FillHolesd("label")])
    plain, smooth = (SyntheticDataset(trained, num=10, transform=change) for change in (None, clean))
    masks, found = (torch.stack([item["label"] for item in items]).numpy() for items in (plain, smooth))
    expected = cleaned(masks)
    assert set(np.unique(found)) <= {0, 1} and (masks != found).any()
    assert (expected[..., 2:-2, 2:-2] != found[..., 2:-2, 2:-2]).mean() < 0.01


def test_tumors_of_the_readme(folder, phantoms):
    """With real slices as the source: the generator of the tests has seen too little for tumors that fit."""
    script = load(folder / PLAIN)
    case = load_decathlon_datalist(phantoms / "dataset.json", is_segmentation=True)[0]
    real = script.slices_of(script.volume_transform(3)(case), script.slice_transform(32))
    augment = Compose([RandCopyTumord(script.KEYS, real, prob=0.5), RandFlipd(script.KEYS, prob=0.5)])
    augment.set_random_state(0)
    healthy = next(item for item in real if not item["label"].any() and (item["image"] > 0).float().mean() > 0.4)
    made = [augment(healthy) for _ in range(20)]
    assert {item["image"].shape for item in made} == {healthy["image"].shape}
    assert 0 < sum(bool(item["label"].any()) for item in made) < 20
