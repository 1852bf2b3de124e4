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
"""A trained generator in the forms that other software runs, each compared with the network before it is there."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.data import save_net_with_metadata
from monai.networks.utils import convert_to_onnx, convert_to_torchscript
from monai.utils import StrEnum, optional_import
from torch import nn

from monai_dcgan.data.making import parsed
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.files import atomic_path
from monai_dcgan.workflow import DCGANWorkflow, config_file, inference_workflow

__all__ = ["ExportFormat", "Exported", "Generator", "compare", "export_model", "load_exported", "load_generator"]

logger = logging.getLogger(__name__)

safetensors, has_safetensors = optional_import("safetensors")
safetensors_torch, _ = optional_import("safetensors.torch")
onnx, has_onnx = optional_import("onnx")
_, has_onnxscript = optional_import("onnxscript")
onnxruntime, has_onnxruntime = optional_import("onnxruntime")

TOLERANCE = 1e-5
ROUNDINGS = 2
"""How many times as far apart as single and double precision of a network two ways to compute it may be."""
BATCHES = (1, 2, 5, 16)
CHECK_SEED = 20_230_517
SETTINGS = "settings.json"
INPUT, OUTPUT = "latent", "pair"

Forward = Callable[[torch.Tensor], torch.Tensor]


class ExportFormat(StrEnum):
    """Forms of a generator outside of this package."""

    TORCHSCRIPT = "torchscript"
    ONNX = "onnx"
    EXPORT = "export"
    SAFETENSORS = "safetensors"


FILES = {
    ExportFormat.TORCHSCRIPT: "generator.ts",
    ExportFormat.ONNX: "generator.onnx",
    ExportFormat.EXPORT: "generator.pt2",
    ExportFormat.SAFETENSORS: "generator.safetensors",
}


@dataclass(frozen=True)
class Generator:
    """A trained generator and what it was built from.

    Attributes:
        network: from latents (B, L + K, 1, 1) to pairs (B, C + M, H, W) in [-1, 1].
        settings: ``network_settings`` of the bundle.
    """

    network: nn.Module
    settings: dict[str, Any]

    def sampler(self, seed: int = 0) -> LatentSampler:
        """Return what draws its latents."""
        return LatentSampler(self.settings["latent_size"], self.settings["num_classes"], seed)


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        difference: greatest difference of a value from the network's, of values in [-1, 1].
        rounding: that of the network itself, between single and double precision.
    """

    form: ExportFormat
    path: Path
    difference: float
    rounding: float


def export_model(
    model: str | Path, out_dir: str | Path, formats: Sequence[str] = tuple(ExportFormat)
) -> list[Exported]:
    """Export the generator of a run.

    Every file takes latents ``(B, latent_size + num_classes, 1, 1)`` float32 of any batch size, standard normal
    noise and the one-hot class, and gives pairs ``(B, image_channels + mask_channels, H, W)`` in [-1, 1]; a mask is
    where its channel is above 0. The settings of the network are in the file: as ``settings.json`` beside the code
    (TorchScript: among MONAI's metadata), as metadata in ONNX and safetensors. The latter holds weights alone.

    A file takes its place only if, read again, it makes the same pictures from fresh latents, in several batch sizes
    and of each class: to 1e-5 or, where that is more, to twice what the network's own rounding makes of them, which is
    its difference from double precision. ONNX files run for that in onnxruntime, or where it is missing in the slow
    reference of the package onnx.

    Args:
        model: folder of a training run or of a bundle, or weights with their ``network.json`` beside them.
        out_dir: folder for the files ``generator.ts``, ``.onnx``, ``.pt2``, ``.safetensors``; it is made.
        formats: some of ``torchscript``, ``onnx``, ``export``, ``safetensors``; each once.

    Returns:
        what was written, in the order of ``formats``.

    Raises:
        FileNotFoundError: when there is no model.
        FileExistsError: when a file is there.
        ImportError: when a package is missing; the text says what to install.
        ValueError: when ``formats`` are wrong, or a file does not make the same pictures.
    """
    wanted = _checked(formats)
    paths = [Path(out_dir) / FILES[form] for form in wanted]
    for path in paths:
        if path.exists():
            raise FileExistsError(f"out_dir must not hold {path.name}, got {path}; remove it or name another folder")
    generator = load_generator(model)
    rounding = compare(generator, _in_double_precision(generator))
    return [
        Exported(form, path, _export(generator, form, path, rounding), rounding) for form, path in zip(wanted, paths)
    ]


def load_generator(model: str | Path) -> Generator:
    """Return the generator of a run on the CPU, ready to make pictures.

    Raises:
        FileNotFoundError: when there is no model.
        ValueError: when the weights do not fit their settings.
    """
    found = parsed(inference_workflow(model, {"device": "cpu"}), "network", "network_settings")
    return Generator(found["network"].eval(), dict(found["network_settings"]))


def load_exported(path: str | Path, form: str | None = None) -> Forward:
    """Return what a file of :func:`export_model` computes, as a function on the CPU.

    Args:
        path: the file.
        form: what it is; by default what its suffix says.

    Raises:
        ValueError: when the form is not known.
        ImportError: when a package is missing.
    """
    suffixes = {Path(name).suffix: known for known, name in FILES.items()}
    form = form or suffixes.get(Path(path).suffix)
    check_choice("form", form, ExportFormat)
    return _LOADERS[ExportFormat(str(form))](Path(path))


def compare(generator: Generator, forward: Forward) -> float:
    """Return the greatest difference between two ways from fresh latents to pictures.

    Latents go in batches of several sizes, in which classes take turns, and one batch of each class alone.

    Raises:
        ValueError: when the shapes differ, or a value is not finite.
    """
    worst = 0.0
    with torch.inference_mode():
        for latents in _fresh_latents(generator):
            expected, found = generator.network(latents), forward(latents)
            if found.shape != expected.shape or not bool(found.isfinite().all()):
                raise ValueError(f"pairs must be finite and {tuple(expected.shape)}, got {tuple(found.shape)}")
            worst = max(worst, float((found - expected).abs().max()))
    return worst


def _fresh_latents(generator: Generator) -> Iterator[torch.Tensor]:
    sampler, first = generator.sampler(CHECK_SEED), 0
    for size in BATCHES:
        yield sampler.at(range(first, first + size))
        first += size
    for label in range(generator.settings["num_classes"]):
        yield sampler.at(range(first, first + 2), labels=[label] * 2)
        first += 2


def _checked(formats: Sequence[str]) -> list[ExportFormat]:
    if isinstance(formats, str) or not formats or len(set(formats)) < len(formats):
        raise ValueError(f"formats must be a list of different ones of {', '.join(ExportFormat)}, got {formats!r}")
    for form in formats:
        check_choice("formats", form, ExportFormat)
    for form, found, names in (
        (ExportFormat.ONNX, has_onnx and has_onnxscript, "onnx and onnxscript"),
        (ExportFormat.SAFETENSORS, has_safetensors, "safetensors"),
    ):
        if form in formats and not found:
            raise ImportError(f"{form} needs {names}, which are missing; pip install 'monai_dcgan[export]'")
    return [ExportFormat(str(form)) for form in formats]


def _in_double_precision(generator: Generator) -> Forward:
    network = copy.deepcopy(generator.network).double()
    return lambda latents: network(latents.double()).float()


def _export(generator: Generator, form: ExportFormat, path: Path, rounding: float) -> float:
    """Write one file, compare it with the network, and only then put it in its place."""
    allowed = max(TOLERANCE, ROUNDINGS * rounding)
    with atomic_path(path) as temporary:
        _SAVERS[form](generator, temporary)
        difference = compare(generator, load_exported(temporary, form))
        if not difference <= allowed:
            raise ValueError(
                f"{path.name} must make the pictures of the network to {allowed:.2g}, got a difference of "
                f"{difference:g}; nothing was written, take another form"
            )
    logger.info("%s: greatest difference %.1e", path, difference)
    return difference


def _example(generator: Generator) -> torch.Tensor:
    # A batch of 1 would be taken for a constant.
    return generator.sampler().at(range(2))


def _save_torchscript(generator: Generator, path: Path) -> None:
    script = convert_to_torchscript(generator.network)
    with open(path, "wb") as stream:
        save_net_with_metadata(script, stream, meta_values={"network_settings": generator.settings})


def _save_onnx(generator: Generator, path: Path) -> None:
    written = convert_to_onnx(
        generator.network,
        [_example(generator)],
        input_names=[INPUT],
        output_names=[OUTPUT],
        filename=str(path),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
        verbose=False,
    )
    onnx.helper.set_model_props(written, {SETTINGS: json.dumps(generator.settings)})
    onnx.save(written, str(path))


def _save_program(generator: Generator, path: Path) -> None:
    program = torch.export.export(
        generator.network, (_example(generator),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    torch.export.save(program, path, extra_files={SETTINGS: json.dumps(generator.settings)})


def _save_safetensors(generator: Generator, path: Path) -> None:
    weights = {name: value.contiguous() for name, value in generator.network.state_dict().items()}
    safetensors_torch.save_file(weights, path, metadata={SETTINGS: json.dumps(generator.settings)})


def _load_onnx(path: Path) -> Forward:
    if has_onnxruntime:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    else:
        session = onnx.reference.ReferenceEvaluator(str(path))
    return lambda latents: torch.from_numpy(session.run(None, {INPUT: latents.numpy()})[0])


def _load_safetensors(path: Path) -> Forward:
    with safetensors.safe_open(path, framework="pt") as opened:
        settings = json.loads(opened.metadata()[SETTINGS])
    workflow = DCGANWorkflow(config_file("inference"), settings, workflow_type="inference", logging_file=False)
    network = workflow.parser.get_parsed_content("network_def")
    network.load_state_dict(safetensors_torch.load_file(path))
    return network.eval()


_SAVERS: dict[ExportFormat, Callable[[Generator, Path], None]] = {
    ExportFormat.TORCHSCRIPT: _save_torchscript,
    ExportFormat.ONNX: _save_onnx,
    ExportFormat.EXPORT: _save_program,
    ExportFormat.SAFETENSORS: _save_safetensors,
}
_LOADERS: dict[ExportFormat, Callable[[Path], Forward]] = {
    ExportFormat.TORCHSCRIPT: lambda path: torch.jit.load(path).eval(),
    ExportFormat.ONNX: _load_onnx,
    ExportFormat.EXPORT: lambda path: torch.export.load(path).module(),
    ExportFormat.SAFETENSORS: _load_safetensors,
}
