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

import pytest
import torch
from monai.data import DataLoader, load_decathlon_datalist
from monai.engines import SupervisedEvaluator
from monai.inferers import SimpleInferer

from monai_dcgan.data import SyntheticSetWriter
from monai_dcgan.handlers import SyntheticSetSaver
from monai_dcgan.inferers import LatentDataset, LatentSampler, SliceSelection
from monai_dcgan.metrics import MaskRules
from monai_dcgan.utils.files import read_json


class Painter(torch.nn.Module):
    """Pairs of 8 x 8 pixels: as many mask pixels as the first latent variable says, and none where it is below 0."""

    made = 0

    def forward(self, latent):
        """Return the pairs (B, 2, 8, 8) of latents (B, L, 1, 1)."""
        self.made += len(latent)
        pixels = (latent[:, 0, 0, 0] * 16).long()
        mask = torch.arange(64)[None] < pixels[:, None]
        return torch.cat([torch.zeros(len(latent), 64), mask * 2.0 - 1], dim=1).reshape(-1, 2, 8, 8)


def make_set(out, number, num_classes=0, batch_size=5, **rules):
    sampler = LatentSampler(latent_size=2, num_classes=num_classes, seed=1)
    selection = SliceSelection(MaskRules(**rules), number, num_classes)
    writer = SyntheticSetWriter(out, "png", {"seed": 1})
    network = Painter()
    SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(LatentDataset(sampler, selection.most), batch_size=batch_size),
        network=network,
        inferer=SimpleInferer(),
        val_handlers=[SyntheticSetSaver(writer, 1, selection)],
        decollate=False,
    ).run()
    return network, sampler


@pytest.mark.parametrize("num_classes", [0, 2])
def test_set_holds_the_pictures_that_pass(num_classes, tmp_path):
    network, sampler = make_set(tmp_path / "made", 12, num_classes, min_mask_area=0.1, max_mask_area=0.5)
    assert network.made < 100, "the engine stops where the set is whole"
    pairs = Painter()(sampler.at(range(network.made)))
    areas = (pairs[:, 1] > 0).float().mean(dim=(1, 2))
    passing = [picture for picture in range(network.made) if 0.1 <= areas[picture] <= 0.5]
    turns = max(1, num_classes)
    streams = [[picture for picture in passing if picture % turns == turn] for turn in range(turns)]
    expected = [streams[place % turns][place // turns] for place in range(12)]
    entries = read_json(tmp_path / "made/dataset.json")["training"]
    assert [entry["picture"] for entry in entries] == expected != list(range(12))
    assert [entry["image"][-10:-4] for entry in entries] == [f"{place:06d}" for place in range(12)]
    record = read_json(tmp_path / "made/provenance.json")["selection"]
    assert record["rules"] == {"min_mask_area": 0.1, "max_mask_area": 0.5}
    assert record["tried"] - sum(record["rejected"].values()) == 12
    last = [streams[turn][len(range(turn, 12, turns)) - 1] for turn in range(turns)]
    judged = [picture for turn in range(turns) for picture in range(turn, last[turn] + 1, turns)]
    assert record["rejected"] == {
        "min_mask_area": sum(areas[picture].item() < 0.1 for picture in judged),
        "max_mask_area": sum(areas[picture].item() > 0.5 for picture in judged),
    }


def test_files_are_those_of_the_same_pictures_without_rules(tmp_path):
    make_set(tmp_path / "all", 60)
    make_set(tmp_path / "few", 10, batch_size=3, min_mask_area=0.1)
    for entry in read_json(tmp_path / "few/dataset.json")["training"]:
        for key, folder in (("image", "imagesTr"), ("label", "labelsTr")):
            same = tmp_path / "all" / folder / f"synthetic_{entry['picture']:06d}.png"
            assert (tmp_path / "few" / entry[key]).read_bytes() == same.read_bytes()


def test_without_rules_every_picture_is_taken(tmp_path):
    network, _ = make_set(tmp_path / "made", 12)
    assert network.made == 12
    assert [entry["picture"] for entry in load_decathlon_datalist(tmp_path / "made/dataset.json")] == list(range(12))
    record = read_json(tmp_path / "made/provenance.json")["selection"]
    assert record == {"rules": {}, "tried": 12, "rejected": {}}


def test_nothing_is_left_where_it_gives_up(tmp_path):
    with pytest.raises(ValueError, match=r"got 0 of 1000 with min_mask_area=1 \(broken by 1000\)"):
        make_set(tmp_path / "made", 3, batch_size=200, min_mask_area=1)
    assert not (tmp_path / "made").exists()
