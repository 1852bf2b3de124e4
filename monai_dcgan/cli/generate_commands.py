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
"""The commands that use a trained generator: make slices with it, and bring it to other software."""

from __future__ import annotations

import argparse
from pathlib import Path

from monai_dcgan.cli.common import parsed, print_plan
from monai_dcgan.data import join_shards
from monai_dcgan.inferers import parse_shard
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import bundle_root, inference_workflow, weights_of
from monai_dcgan.workflow import generate as generate_slices

__all__ = ["MASK_RULES", "add_export_model", "add_generate", "export_model", "generate"]

MASK_RULES = ("min_mask_area", "max_mask_area", "max_mask_parts")
_FORMATS = ("torchscript", "onnx", "export", "safetensors")
_MODEL = (
    "folder of a run or of a bundle, or weights with their network.json beside them (default: the generator that comes "
    "with the package)"
)
_GENERATE = "make labeled slices with a trained generator"
_GENERATE_MORE = "Where it was stopped, the same command goes on."
_EXPORT = "write a trained generator for other software, and check that it makes the same pictures"


def add_generate(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command ``generate``."""
    description = f"{_GENERATE[0].upper()}{_GENERATE[1:]}. {_GENERATE_MORE}"
    parser = commands.add_parser("generate", parents=parents, help=_GENERATE, description=description)
    parser.add_argument("model", nargs="?", default=bundle_root(), help=_MODEL)
    parser.add_argument("--out", required=True, help="new folder for the synthetic set")
    parser.add_argument("--num", type=int, help="number of slices, of all shards together")
    parser.add_argument("--seed", type=int, help="slice i of a seed is always the same")
    parser.add_argument("--format", choices=["nifti", "png"], help="file format")
    parser.add_argument(
        "--shard", metavar="I/N", help="make part I of N of the set; the last part to end makes OUT the set of all"
    )
    parser.add_argument(
        "--batch-size", metavar="N", help="slices that are made together (default: auto, what memory and device suit)"
    )
    parser.add_argument(
        "--min-mask-area",
        type=float,
        metavar="SHARE",
        help="leave out slices whose mask covers less of the slice, 0 to 1, such as 0.002; others take their place",
    )
    parser.add_argument(
        "--max-mask-area", type=float, metavar="SHARE", help="leave out slices whose mask covers more, 0 to 1"
    )
    parser.add_argument(
        "--max-mask-parts", type=int, metavar="N", help="leave out slices whose mask has more connected parts, from 1"
    )
    parser.add_argument("--device", help="cpu, cuda:0, ...")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved plan and write nothing")


def add_export_model(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command ``export-model``."""
    description = f"{_EXPORT[0].upper()}{_EXPORT[1:]}."
    parser = commands.add_parser("export-model", parents=parents, help=_EXPORT, description=description)
    parser.add_argument("model", nargs="?", default=bundle_root(), help=_MODEL)
    parser.add_argument("--out", required=True, help="folder for the files")
    parser.add_argument(
        "--to",
        nargs="+",
        choices=_FORMATS,
        default=list(_FORMATS),
        help="forms: TorchScript, ONNX, torch.export (.pt2), safetensors (default: all)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the resolved plan and write nothing")


def generate(args: argparse.Namespace) -> None:
    """Make labeled slices."""
    values = {
        "num_slices": args.num,
        "seed": args.seed,
        "image_format": args.format,
        "shard": args.shard,
        "batch_size": dict(parsed([("batch_size", args.batch_size)]))["batch_size"] if args.batch_size else None,
        "device": args.device,
        **{name: getattr(args, name) for name in MASK_RULES},
    }
    override = {name: value for name, value in {**dict(parsed(args.set)), **values}.items() if value is not None}
    if args.dry_run:
        print_plan(_plan(args, override))
        return
    folder = generate_slices(args.model, args.out, **override)
    made = len(read_json(folder / "dataset.json")["training"])
    print(f"{made} labeled slices in {folder} (dataset.json lists them, provenance.json says how they were made)")
    selection = read_json(folder / "provenance.json")["selection"]
    rejected = {name: number for name, number in selection["rejected"].items() if number}
    if rejected:
        reasons = ", ".join(f"{name} {number}" for name, number in rejected.items())
        print(f"left out: {sum(rejected.values())} of {selection['tried']} that were made ({reasons})")
    if args.shard:
        print(_of_the_shards(Path(args.out), args.shard))


def export_model(args: argparse.Namespace) -> None:
    """Write a trained generator in other forms."""
    from monai_dcgan.sharing import exports

    if args.dry_run:
        files = [str(Path(args.out) / exports.FILES[exports.ExportFormat(form)]) for form in args.to]
        print_plan({"weights": str(weights_of(args.model)), "files": files})
        return
    for exported in exports.export_model(args.model, args.out, args.to):
        print(
            f"{exported.path}: greatest difference from the network {exported.difference:.1e} "
            f"(its own rounding {exported.rounding:.1e})"
        )


def _plan(args: argparse.Namespace, override: dict[str, object]) -> dict[str, object]:
    value = inference_workflow(args.model, override).parser.get_parsed_content
    # Checks rules and shard too.
    places = value("selection").places
    sizes = ("image_size", "image_channels", "mask_channels", "latent_size")
    names = ("num_slices", "shard", "seed", "image_format", *MASK_RULES, *sizes)
    plan = {"weights": value("ckpt_path"), "out": args.out, **{name: value(name) for name in names}}
    return {**plan, "slices": f"{places.start} to {places.stop - 1}", "batch_size": value("batch")}


def _of_the_shards(root: Path, shard: str) -> str:
    """Say whether the set is whole, or which shards it still lacks."""
    _, count = parse_shard(shard)
    missing = join_shards(root, count)
    if not missing:
        total = read_json(root / "dataset.json")["numTraining"]
        return f"all {count} shards are there: {root} is one set of {total} slices"
    return f"missing are {len(missing)} of {count} shards: {', '.join(map(str, missing))}"
