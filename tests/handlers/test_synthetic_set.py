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
"""Tests of the saver of synthetic sets, in an engine."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from monai.data import DataLoader, load_decathlon_datalist
from monai.engines import SupervisedEvaluator
from monai.inferers import SimpleInferer

from monai_dcgan.data import SyntheticSetWriter
from monai_dcgan.handlers import SyntheticSetSaver
from monai_dcgan.inferers import LatentDataset, LatentSampler, OfferSampler, SliceSelection
from monai_dcgan.metrics import MaskRules
from monai_dcgan.utils.files import read_json


class Painter(torch.nn.Module):
    """Pairs of 8 x 8 pixels: as many mask pixels as the first latent variable says, and none where it is below 0."""

    made = 0
    stop_at, error = None, None

    def forward(self, latent):
        """Return the pairs (B, 2, 8, 8) of latents (B, L, 1, 1)."""
        if self.stop_at is not None and self.made >= self.stop_at:
            raise self.error
        self.made += len(latent)
        pixels = (latent[:, 0, 0, 0] * 16).long()
        mask = torch.arange(64)[None] < pixels[:, None]
        return torch.cat([torch.zeros(len(latent), 64), mask * 2.0 - 1], dim=1).reshape(-1, 2, 8, 8)


def make_set(out, number, num_classes=0, batch_size=5, stop_at=None, error=None, class_names=(), **rules):
    sampler = LatentSampler(latent_size=2, num_classes=num_classes, seed=1)
    selection = SliceSelection(MaskRules(**rules), number, num_classes)
    writer = SyntheticSetWriter(out, "png", {"seed": 1})
    network = Painter()
    network.stop_at, network.error = stop_at, error
    SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(
            LatentDataset(sampler, selection.most), batch_sampler=OfferSampler(selection, batch_size)
        ),
        network=network,
        inferer=SimpleInferer(),
        val_handlers=[SyntheticSetSaver(writer, 1, selection, class_names)],
        decollate=False,
    ).run()
    return network, sampler


@pytest.mark.parametrize("num_classes", [0, 2])
def test_set_holds_the_pictures_that_pass(num_classes, tmp_path):
    _, sampler = make_set(tmp_path / "made", 12, num_classes, min_mask_area=0.1, max_mask_area=0.3)
    expected, rejected = [], Counter()
    for place in range(12):
        picture, area = place, area_of(sampler, place)
        while not 0.1 <= area <= 0.3:
            rejected["min_mask_area" if area < 0.1 else "max_mask_area"] += 1
            picture += 2**32 * max(1, num_classes)
            area = area_of(sampler, picture)
        expected.append(picture)
    entries = read_json(tmp_path / "made/dataset.json")["training"]
    assert [entry["picture"] for entry in entries] == expected != list(range(12))
    assert [entry["image"][-10:-4] for entry in entries] == [f"{place:06d}" for place in range(12)]
    record = read_json(tmp_path / "made/provenance.json")["selection"]
    assert record["rules"] == {"min_mask_area": 0.1, "max_mask_area": 0.3}
    assert record["rejected"] == rejected and len(rejected) == 2
    assert record["tried"] == 12 + rejected.total()


def area_of(sampler, picture):
    """Return the share of mask pixels of a picture, or 0 for none."""
    return (Painter()(sampler.at([picture]))[0, 1] > 0).float().mean().item()


def test_files_are_those_of_the_same_pictures_without_rules(tmp_path):
    make_set(tmp_path / "all", 20)
    make_set(tmp_path / "few", 20, batch_size=3, min_mask_area=0.1)
    same = [entry for entry in read_json(tmp_path / "few/dataset.json")["training"] if entry["picture"] < 20]
    assert 3 < len(same) < 17
    for entry in same:
        for key, folder in (("image", "imagesTr"), ("label", "labelsTr")):
            other = tmp_path / "all" / folder / f"synthetic_{entry['picture']:06d}.png"
            assert (tmp_path / "few" / entry[key]).read_bytes() == other.read_bytes()


def test_without_rules_every_picture_is_taken(tmp_path):
    network, _ = make_set(tmp_path / "made", 12)
    assert network.made == 12
    assert [entry["picture"] for entry in load_decathlon_datalist(tmp_path / "made/dataset.json")] == list(range(12))
    record = read_json(tmp_path / "made/provenance.json")["selection"]
    assert record == {"rules": {}, "tried": 12, "rejected": {}}


def test_slices_are_labeled_with_the_names_of_their_classes(tmp_path):
    make_set(tmp_path / "made", 7, num_classes=2, class_names=["no_tumor", "tumor"], min_mask_area=0.1)
    names = [entry["class_name"] for entry in read_json(tmp_path / "made/dataset.json")["training"]]
    assert names == ["no_tumor", "tumor"] * 3 + ["no_tumor"]
    with pytest.raises(ValueError, match=r"class_names must name the classes of the generator, 2, got \['tumor'\]"):
        make_set(tmp_path / "other", 7, num_classes=2, class_names=["tumor"])


def test_nothing_is_left_where_it_gives_up(tmp_path):
    with pytest.raises(ValueError, match=r"got 0 of 1000 with min_mask_area=1 \(broken by 1000\)"):
        make_set(tmp_path / "made", 3, batch_size=200, min_mask_area=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("out of memory"), OSError("disk full")])
def test_what_was_made_stays_where_it_is_stopped(error, tmp_path):
    with pytest.raises(type(error)):
        make_set(tmp_path / "made", 22, stop_at=10, error=error)
    assert [path.name for path in tmp_path.iterdir()] == [".made.unfinished"]
    network, _ = make_set(tmp_path / "made", 22)
    assert network.made == 12, "the first ten are not made again"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert [entry["picture"] for entry in read_json(tmp_path / "made/dataset.json")["training"]] == list(range(22))


def test_a_late_error_of_a_value_removes_nothing_of_before(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make_set(tmp_path / "made", 22, stop_at=10, error=KeyboardInterrupt())
    with pytest.raises(ValueError, match="broken"):
        make_set(tmp_path / "made", 22, stop_at=5, error=ValueError("broken"))
    network, _ = make_set(tmp_path / "made", 22)
    assert network.made == 7, "what the second call made is kept as well"
