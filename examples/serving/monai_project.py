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
"""Labeled synthetic slices from a bundle, as a data set of a MONAI project.

    monai-dcgan bundle RUN --out my_bundle --scripts                      # once, where the package is installed
    python examples/serving/monai_project.py my_bundle --num 1000

With ``--scripts`` the bundle brings its modules; MONAI, and what ``metadata.json`` names, is enough here. Where
``monai_dcgan`` is installed, ``monai_dcgan.data.SyntheticDataset`` does the same and more.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, RandAdjustContrastd, RandFlipd


class BundleSlices(Dataset):
    """Slice ``i`` of a seed, made when it is asked for: ``image`` (C, H, W) in [0, 1], ``label`` (M, H, W) of 0 and 1.

    Args:
        bundle: folder of the bundle.
        number: number of slices.
        transform: of MONAI, applied to each item.
        override: ids of ``inference.json``, such as ``seed`` or ``truncation``.
    """

    def __init__(self, bundle: str, number: int, transform: Any = None, **override: Any) -> None:
        sys.path.insert(0, bundle)  # for the modules that it may bring
        config = ConfigParser.load_config_file(f"{bundle}/configs/inference.json")
        parser = ConfigParser({**config, "bundle_root": bundle, "device": "cpu", **override})
        for expression in range(len(parser["imports"])):
            parser.get_parsed_content(f"imports#{expression}")
        self.generator = parser.get_parsed_content("network").eval()
        self.sampler = parser.get_parsed_content("latent_sampler")
        self.image_channels = parser.get_parsed_content("image_channels")
        self.class_names = parser.get_parsed_content("class_names")
        super().__init__(range(number), transform)

    def _transform(self, index: int) -> Any:
        with torch.inference_mode():
            pair = self.generator(self.sampler.at([index]))[0]
        item = {"image": (pair[: self.image_channels] + 1) / 2, "label": (pair[self.image_channels :] > 0).float()}
        if self.class_names:
            item["class_name"] = self.class_names[index % len(self.class_names)]
        return self.transform(item) if self.transform else item


def main() -> None:
    """Show a few batches, as a training would get them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", help="folder that monai-dcgan bundle made")
    parser.add_argument("--num", type=int, default=64, help="number of slices")
    args = parser.parse_args()
    keys = ["image", "label"]
    augment = Compose([RandFlipd(keys, prob=0.5, spatial_axis=1), RandAdjustContrastd("image", prob=0.3)])
    slices = BundleSlices(args.bundle, args.num, augment, seed=0)
    for batch in DataLoader(slices, batch_size=16, shuffle=True):
        tumors = int(batch["label"].flatten(1).any(dim=1).sum())
        print(f"{tuple(batch['image'].shape)}, {tumors} with tumor {sorted(set(batch.get('class_name', [])))}")


if __name__ == "__main__":
    main()
