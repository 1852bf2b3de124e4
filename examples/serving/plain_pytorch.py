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
"""Labeled synthetic slices in a plain PyTorch script: nothing but torch and numpy is needed.

monai-dcgan export-model RUN --out EXPORTED --to torchscript          # once, where the package is installed
python examples/serving/plain_pytorch.py EXPORTED/generator.ts --num 1000 --out slices.npz
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import numpy as np
import torch


def load(path: str) -> tuple[torch.jit.ScriptModule, dict]:
    """Return the generator and its settings, which lie in the same file."""
    files = {"metadata.json": ""}
    generator = torch.jit.load(path, map_location="cpu", _extra_files=files).eval()
    return generator, json.loads(files["metadata.json"])["network_settings"]


def slices(
    generator: torch.jit.ScriptModule, settings: dict, number: int, seed: int = 0, batch_size: int = 16
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield batches: images (B, C, H, W) in [0, 1], masks (B, M, H, W) of 0 and 1, classes (B,), which take turns."""
    random = torch.Generator().manual_seed(seed)
    turns = max(1, settings["num_classes"])
    for start in range(0, number, batch_size):
        size = min(batch_size, number - start)
        latents = torch.randn(size, settings["latent_size"], generator=random)
        classes = torch.arange(start, start + size) % turns
        if settings["num_classes"]:
            latents = torch.cat([latents, torch.nn.functional.one_hot(classes, turns).float()], dim=1)
        with torch.inference_mode():
            pairs = generator(latents[:, :, None, None])
        images, masks = pairs[:, : settings["image_channels"]], pairs[:, settings["image_channels"] :]
        yield (images + 1) / 2, (masks > 0).to(torch.uint8), classes


def main() -> None:
    """Write slices as arrays; a training would take them batch by batch instead."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="generator.ts of monai-dcgan export-model")
    parser.add_argument("--num", type=int, default=64, help="number of slices")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", required=True, help="file .npz for image, label and class_index")
    args = parser.parse_args()
    batches = zip(*slices(*load(args.model), args.num, args.seed))
    images, masks, classes = (torch.cat(parts).numpy() for parts in batches)
    np.savez_compressed(args.out, image=images, label=masks, class_index=classes)
    print(
        f"{len(images)} slices of {images.shape[1:]} in {args.out}, {masks.any(axis=(1, 2, 3)).mean():.0%} with tumor"
    )


if __name__ == "__main__":
    main()
