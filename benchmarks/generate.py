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
"""Time how fast a trained generator makes slices: in memory, as files, and in other forms than PyTorch.

    python benchmarks/generate.py --json FILE

Networks of both recipes, with weights as they are drawn: their speed does not depend on what was learned. Everything
compared takes turns in one process; medians are quoted, and ratios are medians over the turns, whose arms ran next to
each other. On a machine that has other work to do, only ratios say anything.

* ``arrays_vs_forward``: slices per second of ``generate_arrays``, everything included, against bare forward passes of
  the same network in batches of the same size on latents that are there;
* ``batch_N_vs_16``: forward passes in batches of other sizes;
* ``png_vs_forward``, ``nifti_vs_forward``: ``monai-dcgan generate``, configs and all, against the same;
* ``write_png_vs_pillow``, ``write_nifti_vs_nibabel``: ``SyntheticSetWriter`` on slices that are there, against a loop
  that gives image and mask to ``PIL.Image.save`` or ``nibabel.save`` and does nothing else;
* ``torchscript_vs_eager``, ``onnx_vs_eager`` (where onnxruntime is installed), ``export_vs_eager``: forward passes of
  exported files, in batches of 16, without gradients.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.utils import optional_import
from PIL import Image

from monai_dcgan.data import SyntheticSetWriter, generate_arrays
from monai_dcgan.networks import DCGANGenerator
from monai_dcgan.sharing.exports import ExportFormat, Generator, export_model, load_exported, load_generator
from monai_dcgan.utils.files import read_json, write_json, write_tensors
from monai_dcgan.utils.run_folder import package_versions
from monai_dcgan.workflow import config_file, generate, overlay_file

BATCH = 16
BATCHES = (1, 4, 64, 256)
NETWORK = ("image_size", "latent_size", "width", "max_channels", "upsampling", "g_residual", "g_head", "num_classes")

Arm = Callable[[], Any]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], help="sides of the slices in pixels")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="of the forward passes of a turn (default: %(default)s)"
    )
    parser.add_argument("--turns", type=int, default=5, help="turns of each arm (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch (default: %(default)s)")
    parser.add_argument("--work", type=Path, help="folder for the files (default: a temporary one)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        results = {
            f"{recipe} {size}x{size}": measure(drawn(Path(folder) / f"{recipe}_{size}", recipe, size), args)
            for recipe in ("default", "paper")
            for size in args.sizes
        }
    report = {
        "what": "benchmarks/generate.py",
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": package_versions() | {"onnxruntime": "installed" if has_onnxruntime() else "not installed"},
        "threads": args.threads,
        "turns": args.turns,
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "networks": results,
    }
    write_json(args.json, report)
    print(json.dumps({name: result["ratios"] for name, result in results.items()}, indent=1))


def has_onnxruntime() -> bool:
    """Return whether ONNX files run at the speed that they are meant to run at."""
    return bool(optional_import("onnxruntime")[1])


def drawn(folder: Path, recipe: str, size: int) -> Path:
    """Write the generator of a recipe as it is before a training."""
    train = read_json(config_file("train"))
    if recipe == "paper":
        train |= read_json(overlay_file("train/paper"))
    settings = {name: train[name] for name in NETWORK} | {"image_size": size, "image_channels": 1, "mask_channels": 1}
    names = {"g_residual": "residual", "g_head": "head"}
    torch.manual_seed(0)
    network = DCGANGenerator(**{names.get(name, name): value for name, value in settings.items()})
    write_tensors(folder / "model.pt", network.state_dict())
    write_json(folder / "network.json", {**settings, "class_names": []})
    return folder


def measure(model: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Let all arms take turns on one network."""
    generator = load_generator(model)
    slices = slices_in(args.seconds, generator)
    images, masks = generate_arrays(model, slices)
    latents = generator.sampler().at(range(slices))
    arms: dict[str, Arm] = {f"batch_{size}": partial(forward, generator.network, latents, size) for size in BATCHES}
    arms |= {"forward": partial(forward, generator.network, latents, BATCH)}
    arms |= {"arrays": lambda: generate_arrays(model, slices, batch_size=BATCH)}
    for form, bare in (("png", pillow_loop), ("nifti", nibabel_loop)):
        out = model / form
        arms[form] = partial(into, out, partial(generate, model, num_slices=slices, image_format=form))
        arms[f"write_{form}"] = partial(into, out, partial(write, form, images, masks))
        arms[bare.__name__] = partial(into, out, partial(bare, images, masks))
    forms = [form for form in ExportFormat if form not in ("safetensors", *([] if has_onnxruntime() else ["onnx"]))]
    for exported in export_model(model, model / "exports", forms):
        arms[str(exported.form)] = partial(forward, load_exported(exported.path), latents, BATCH)
    speeds = take_turns(arms, args.turns, slices)
    pairs = {
        "arrays_vs_forward": ("arrays", "forward"),
        "png_vs_forward": ("png", "forward"),
        "nifti_vs_forward": ("nifti", "forward"),
        "write_png_vs_pillow": ("write_png", "pillow_loop"),
        "write_nifti_vs_nibabel": ("write_nifti", "nibabel_loop"),
        **{f"batch_{size}_vs_16": (f"batch_{size}", "forward") for size in BATCHES},
        **{f"{form}_vs_eager": (str(form), "forward") for form in forms},
    }
    return {
        "slices_a_turn": slices,
        "slices_per_second": {name: round(statistics.median(own), 1) for name, own in speeds.items()},
        "ratios": {name: ratio(speeds[one], speeds[two]) for name, (one, two) in pairs.items()},
    }


def slices_in(seconds: float, generator: Generator) -> int:
    """Return about how many slices bare forward passes make in a time, a multiple of the largest batch."""
    latents = generator.sampler().at(range(4 * BATCH))
    forward(generator.network, latents, BATCH)
    started = time.perf_counter()
    forward(generator.network, latents, BATCH)
    speed = len(latents) / (time.perf_counter() - started)
    return max(1, round(seconds * speed / max(BATCHES))) * max(BATCHES)


def take_turns(arms: dict[str, Arm], turns: int, slices: int) -> dict[str, list[float]]:
    """Return the slices per second of every turn; the first one warms up and does not count."""
    speeds: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(turns + 1):
        for name, arm in arms.items():
            started = time.perf_counter()
            arm()
            spent = time.perf_counter() - started
            if turn:
                speeds[name].append(slices / spent)
    return speeds


def ratio(one: list[float], two: list[float]) -> float:
    """Return the median ratio of two arms, turn by turn."""
    return round(statistics.median(first / second for first, second in zip(one, two, strict=True)), 3)


@torch.inference_mode()
def forward(network: Callable[[torch.Tensor], torch.Tensor], latents: torch.Tensor, size: int) -> None:
    """Make pictures and drop them."""
    for batch in latents.split(size):
        network(batch)


def into(folder: Path, arm: Callable[[Path], Any]) -> None:
    """Let an arm write to a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    arm(folder)


def write(image_format: str, images: np.ndarray, masks: np.ndarray, folder: Path) -> None:
    """Write a set as ``generate`` does."""
    with SyntheticSetWriter(folder, image_format) as writer:
        for first in range(0, len(images), BATCH):
            writer.write(images[first : first + BATCH], masks[first : first + BATCH])


def pillow_loop(images: np.ndarray, masks: np.ndarray, folder: Path) -> None:
    """Write PNG files and nothing else."""
    folder.mkdir()
    for number, (image, mask) in enumerate(zip(images, masks)):
        Image.fromarray(np.rint(image[0] * 255).astype(np.uint8)).save(folder / f"{number}_image.png")
        Image.fromarray(mask[0] * 255).save(folder / f"{number}_mask.png")


def nibabel_loop(images: np.ndarray, masks: np.ndarray, folder: Path) -> None:
    """Write NIfTI files and nothing else."""
    folder.mkdir()
    for number, (image, mask) in enumerate(zip(images, masks)):
        for name, values in (("image", np.rint(image * 1000).astype(np.int16)), ("mask", mask)):
            nibabel.save(nibabel.Nifti1Image(values.T, np.eye(4)), folder / f"{number}_{name}.nii.gz")


if __name__ == "__main__":
    main()
