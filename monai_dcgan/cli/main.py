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
"""Entry of the command line: ``monai-dcgan`` and ``python -m monai_dcgan``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from monai_dcgan import __version__
from monai_dcgan.cli.augment_commands import add_augment
from monai_dcgan.cli.bundle_commands import add_bundle
from monai_dcgan.cli.compare_commands import add_compare
from monai_dcgan.cli.export_commands import add_export
from monai_dcgan.cli.generate_commands import add_export_model, add_generate
from monai_dcgan.cli.readers_parser import add_readers
from monai_dcgan.utils.enums import Axis, Layout, OnError, Reader, TumorPolicy

__all__ = ["main"]

DESCRIPTION = """\
Train a deep convolutional GAN on 2D slices of 3D brain MRI with tumor masks, make
labeled synthetic slices with it, and measure how good they are.

start here:
  monai-dcgan demo                      the whole way on digital patients
  monai-dcgan inspect DATA              see what is understood of your own data
  monai-dcgan train DATA --out RUN      train on your own volumes and masks
  monai-dcgan generate RUN --out DIR    make labeled slices with what was trained
  monai-dcgan evaluate RUN              compare them with patients it has not seen
  monai-dcgan augment DATA --out DIR    are they worth it? networks with and without them
  monai-dcgan export SET --to ...       bring them to nnU-Net, Auto3DSeg, volumes
  monai-dcgan export-model RUN ...      bring the generator to TorchScript, ONNX, ...
  monai-dcgan bundle RUN --out DIR      share it: a bundle for the MONAI Model Zoo
  monai-dcgan compare RUN RUN ...       put several runs beside one another
  monai-dcgan readers make RUN ...      ask experts whether they can tell them apart

DATA is a folder of volumes (NIfTI, MetaImage, NRRD, DICOM) or 2D pictures with masks, in
the layout of the Medical Segmentation Decathlon, nnU-Net, BraTS, BIDS, DICOM series, or
folders and templates of your own; or a prepared store.
Not for clinical use.
"""
EXIT_CODES = """\
exit codes: 0 done, 1 could not be done (one line says why), 2 wrong call, 130 interrupted,
143 terminated; a training is saved before it leaves with 130 or 143, and --resume goes on
"""
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; those of the process by default.

    Returns:
        the exit code: 0 done, 1 could not be done, 130 interrupted, 143 terminated; a wrong call leaves with 2.
    """
    parser = build_parser()
    args = parser.parse_args(argv)
    _set_up_logging(args.verbose)
    from monai_dcgan.cli import commands
    from monai_dcgan.handlers import TrainingStopped
    from monai_dcgan.workflow import root_cause

    try:
        getattr(commands, args.command.replace("-", "_"))(args)
    except TrainingStopped as stopped:
        again = "the same command" if args.command == "augment" else "the same training with --resume"
        print(f"monai-dcgan {args.command}: {stopped}; {again} goes on", file=sys.stderr)
        return 128 + stopped.signal
    except KeyboardInterrupt:
        print("monai-dcgan: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if args.debug:
            raise
        cause = root_cause(error)
        text = " ".join(str(cause).split()) or "no further word"
        known = isinstance(cause, (ValueError, OSError, ImportError, FloatingPointError))
        kind = "" if known else f"unexpected {type(cause).__name__}: "
        print(f"monai-dcgan {args.command}: error: {kind}{text}", file=sys.stderr)
        if not known:
            print("run it again with --debug to see where it comes from", file=sys.stderr)
        return EXIT_FAILED
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="monai-dcgan",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"monai-dcgan {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    common.add_argument("-v", "--verbose", action="store_true", help="log more")
    overlays = argparse.ArgumentParser(add_help=False)
    overlays.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE",
        help="overlay on the bundle's config: a JSON file, or a name such as data/figshare; may be repeated",
    )
    values = argparse.ArgumentParser(add_help=False)
    values.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="ID=VALUE",
        help="value of a config id, such as width=64 or train#trainer#amp=off; may be repeated",
    )
    _add_demo(commands, [common])
    _add_phantom(commands, [common])
    _add_inspect(commands, [common])
    _add_prepare(commands, [common, overlays, values])
    _add_train(commands, [common, overlays, values])
    add_generate(commands, [common, values])
    _add_evaluate(commands, [common, overlays, values])
    add_augment(commands, [common, overlays, values])
    add_bundle(commands, [common])
    add_compare(commands, [common])
    add_export(commands, [common])
    add_export_model(commands, [common])
    add_readers(commands, [common])
    return parser


def _add_demo(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "demo", parents, "make digital patients, train, generate, evaluate: some 5 minutes")
    parser.add_argument("--out", default="demo", help="new folder for everything (default: %(default)s)")
    parser.add_argument("--patients", type=int, default=24, help="digital patients (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="epochs of training (default: as in configs/train/demo.json)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything (default: %(default)s)")
    _add_dry_run(parser)


def _add_phantom(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "phantom", parents, "write a data set of digital patients with gliomas, in the Decathlon layout"
    )
    parser.add_argument("--out", required=True, help="new folder for the data set")
    parser.add_argument("--patients", type=int, default=12, help="number of patients (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default: %(default)s)")
    parser.add_argument("--spacing", type=float, default=1.5, help="voxel size in mm, 1 to 4 (default: %(default)s)")
    parser.add_argument("--healthy", type=float, default=0.2, help="share without a tumor (default: %(default)s)")
    _add_dry_run(parser)


def _add_inspect(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "inspect", parents, "say what a data set holds before it is used, or what a store holds and check it"
    )
    parser.add_argument("path", help="folder of a data set, or folder or URL of a store")
    _add_source(parser)
    parser.add_argument(
        "--duplicates", action="store_true", help="store: look for near-identical slices of different patients"
    )
    parser.add_argument("--split", metavar="FILE", help="store: split.json of a run, to tell duplicates between parts")
    parser.add_argument("--no-verify", action="store_true", help="store: leave out the check of every file")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_prepare(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "prepare", parents, "read volumes once and store their slices for training")
    parser.add_argument("data", help="folder of the data set")
    parser.add_argument("--out", required=True, help="folder or URL for the store; an equal store is reused")
    parser.add_argument("--image-size", type=int, help="side of the slices in pixels, a power of two from 32 to 512")
    _add_source(parser)
    parser.add_argument("--axis", choices=[*map(str, Axis)], help="plane of the slices")
    parser.add_argument("--tumor", choices=[*map(str, TumorPolicy)], help="which slices to take")
    parser.add_argument(
        "--tumor-labels",
        type=_labels,
        metavar="LABELS",
        help="labels that are tumor, such as 1,3, or a region where the data set is known: whole, core, enhancing",
    )
    parser.add_argument(
        "--on-error", choices=[*map(str, OnError)], help="stop at cases that cannot be used, or skip and report them"
    )
    parser.add_argument("--workers", type=int, help="volumes that are read at the same time")
    parser.add_argument("--dask", metavar="ADDRESS", help="Dask scheduler whose workers do it, such as tcp://host:8786")
    parser.add_argument("--update", action="store_true", help="bring the store in --out up to date with the data set")
    _add_dry_run(parser)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", choices=[*map(str, Layout)], help="how the data set lies on the disk")
    parser.add_argument(
        "--modalities", type=_words, metavar="NAMES", help="channels by name or number, such as flair,t1ce"
    )
    parser.add_argument(
        "--patient-pattern", metavar="REGEX", help="its first group, in the path of an image, is the patient"
    )
    parser.add_argument(
        "--image-pattern", metavar="TEMPLATE", help="where images lie, such as '{patient}/{case}_{modality}.nii.gz'"
    )
    parser.add_argument("--label-pattern", metavar="TEMPLATE", help="where the masks to --image-pattern lie")
    parser.add_argument("--reader", choices=[*map(str, Reader)], help="what reads volumes")


def _add_train(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "train", parents, "train a generator of labeled slices")
    parser.add_argument("data", help="folder of the data set, or a prepared store")
    parser.add_argument("--out", required=True, help="new folder for the run")
    parser.add_argument("--image-size", type=int, help="side of the slices in pixels, a power of two from 32 to 512")
    parser.add_argument("--epochs", type=int, help="number of epochs; images_per_epoch says how long one is")
    parser.add_argument("--seed", type=int, help="seed of split, weights, latents and augmentation")
    parser.add_argument("--device", help="cpu, cuda:0, ... (default: a GPU where there is one)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    _add_dry_run(parser)


def _add_evaluate(commands: argparse._SubParsersAction, parents: list[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "evaluate", parents, "compare synthetic slices with patients that the run has not seen")
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("--data", help="folder of the data set, where it has moved since the training")
    parser.add_argument("--split", choices=["validation", "test"], help="part to compare with")
    parser.add_argument(
        "--extractor", help="inception, radimagenet, dinov2, swav, radiomics, random, or a TorchScript file"
    )
    parser.add_argument("--no-privacy", action="store_true", help="do not look for copies of training slices")
    parser.add_argument("--out", help="folder for the report (default: RUN/evaluation)")
    parser.add_argument("--device", help="cpu, cuda:0, ...")
    _add_dry_run(parser)


def _command(
    commands: argparse._SubParsersAction, name: str, parents: list[argparse.ArgumentParser], text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, parents=parents, help=text, description=text[0].upper() + text[1:] + ".")


def _add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print the resolved plan and write nothing")


def _assignment(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"must be ID=VALUE, got {text!r}")
    return name, value


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"must be names with commas between them, got {text!r}")
    return words


def _labels(text: str) -> list[int] | str:
    """Return label values, or the name of a region as it is."""
    words = _words(text)
    if all(word.isdigit() for word in words):
        return [int(word) for word in words]
    if len(words) > 1:
        raise argparse.ArgumentTypeError(f"must be whole numbers with commas between them, or one region, got {text!r}")
    return words[0]


def _set_up_logging(verbose: bool) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("monai_dcgan").setLevel(logging.DEBUG if verbose else logging.INFO)
    # The command prints the table itself, on the standard output.
    logging.getLogger("monai_dcgan.evaluation.handler").setLevel(logging.WARNING)
    if not verbose:
        # MONAI sets the level of this logger when the module is imported.
        import monai.bundle.workflows  # noqa: F401

        logging.getLogger("monai.bundle.workflows").setLevel(logging.ERROR)
        logging.getLogger("ignite").setLevel(logging.WARNING)
