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
"""The page of a bundle: what it makes, what was measured, and what was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_dcgan.evaluation.report.blocks import Block, Bullets, Point, Points, Section, Table, Text
from monai_dcgan.evaluation.report.markdown import render_markdown
from monai_dcgan.evaluation.report.values import (
    condition_groups,
    counts_text,
    explanation,
    interval_text,
    number,
    remarks,
    spread,
)
from monai_dcgan.losses import AdversarialKind
from monai_dcgan.networks import Upsampling
from monai_dcgan.sharing.facts import RunFacts
from monai_dcgan.sharing.metadata import PATIENTS, BundleLabel
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import config_file

__all__ = ["bundle_readme", "data_terms"]

_PENALTIES = {
    "r1": "R1",
    "r2": "R2",
    "wgan_gp": "WGAN-GP",
    "l1_weight": "L1 with weight",
    "feature_matching_weight": "feature matching with weight",
}
_OF_THE_DISCRIMINATOR = (
    "d_brightness",
    "d_contrast",
    "d_translation",
    "d_cutout",
    "d_rotation",
    "d_scale",
    "d_horizontal_flip",
)
_HEADER = ("metric", "synthetic vs held-out", "interval", "real vs real", "ratio", "better")


def data_terms(label: BundleLabel) -> str:
    """Return ``docs/data_license.txt``: the terms of the data, or that nobody stated them."""
    if label.data_license is None:
        return (
            f"Source of the data: {label.data_source}\n\nThe terms of the data were not stated when this bundle was "
            "made. Ask its authors before you use it.\n"
        )
    return f"Source of the data: {label.data_source}\n\n{label.data_license.strip()}\n"


def bundle_readme(facts: RunFacts, label: BundleLabel, metadata: Mapping[str, Any], with_package: bool) -> str:
    """Return ``docs/README.md`` of a bundle, in the order of the zoo's template.

    Args:
        facts: what is known of the run.
        label: what the bundle says of itself.
        metadata: its ``metadata.json``.
        with_package: whether it needs the package and so can train; else it only makes slices.
    """
    blocks: list[Block] = [
        Section("Authors", [Text(label.authors)]),
        Section("Tags", [Text("Synthesis, Generative, GAN, MR, Brain, Tumor, Augmentation")]),
        Section("Model description", [Text(f"{metadata['description']}."), Text(metadata["intended_use"])]),
        Section("Data", list(_data(facts, label))),
        Section("Training configuration", list(_training(facts))),
        Section("Performance", list(_performance(facts.metrics))),
        Section("Privacy", list(_privacy(facts.metrics))),
        Section("Input and output", list(_formats(metadata["network_data_format"]))),
    ]
    rest = [
        Section("Limitations", [Bullets(_limits(facts, label))]),
        Section("References", [Bullets(metadata["references"])]),
        Section("License", [Text("Apache License 2.0, see LICENSE; terms of the data: docs/data_license.txt.")]),
    ]
    docs = Path("docs")
    head, tail = render_markdown(label.title, blocks, docs), render_markdown("", rest, docs)
    return "\n".join([head, _commands(with_package), *tail.split("\n")[2:]])


def _data(facts: RunFacts, label: BundleLabel) -> Iterator[Block]:
    parts = ", ".join(f"{count} {part.replace('_', ' ')}" for part, count in facts.patients.items() if count)
    slices = "not recorded" if facts.training_slices is None else str(facts.training_slices)
    named = label.patients == PATIENTS
    yield Bullets(
        [
            f"Source: {label.data_source}.",
            f"{label.patients.capitalize()}, split before their slices: {parts}.",
            *(
                []
                if named
                else [f"The data name no patients: wherever this page says patients, it means {label.patients}."]
            ),
            f"Slices trained with: {slices}.",
            f"Image channels: {', '.join(facts.image_channels)}; masks: {', '.join(facts.mask_channels) or 'none'}.",
            f"Classes: {', '.join(facts.class_names) or 'none'}.",
        ]
    )
    yield Text(
        "Each volume or picture is oriented, scaled by percentiles of the intensities inside the head, and cut into "
        "slices. Of the patients, this bundle holds nothing but what the weights have learned."
    )


def _training(facts: RunFacts) -> Iterator[Block]:
    ours = read_json(config_file("train"))
    yield Text(f"Real slices shown: {facts.images}, on {facts.device}. {_kept(facts.chosen)}")
    yield Bullets(list(_recipe(facts.network, {**ours, **facts.settings})))
    own = {name: value for name, value in facts.settings.items() if name in ours and _differs(ours, name, value)}
    if own:
        yield Text("Settings that differ from those of the package:")
        yield Bullets([f"{name}: {value}" for name, value in sorted(own.items())])
    yield Text("Made with: " + ", ".join(f"{name} {version}" for name, version in facts.versions.items()) + ".")


def _kept(chosen: Mapping[str, Any] | None) -> str:
    if chosen is None:
        return "The last generator was kept."
    return (
        f"The generator was kept that was best on validation patients, after {chosen['images']} slices "
        f"({chosen['metric']} {chosen['value']:.4g})."
    )


def _recipe(network: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """Say in words what was trained, and how."""
    transposed = network["upsampling"] == Upsampling.TRANSPOSED
    yield (
        f"Generator: {network['latent_size']} normal variables, "
        f"{'transposed convolutions' if transposed else network['upsampling'] + ' upsampling and convolutions'}"
        f"{', residual' if network['g_residual'] else ''}, batch normalization, ReLU, tanh; {network['width']} "
        "channels at its widest map."
    )
    yield (
        f"Discriminator, not in this bundle: {'smoothed ' if settings['d_blur'] else ''}strided convolutions, "
        f"{settings['d_norm']} normalization, LeakyReLU(0.2); its loss works on the logit."
    )
    penalties = [f"{title} {settings[name]:g}" for name, title in _PENALTIES.items() if settings[name]]
    smoothing = f", real labels at {1 - settings['label_smoothing']:g}" if settings["label_smoothing"] else ""
    kind = settings["adversarial_loss"]
    loss = "binary cross-entropy" if kind == AdversarialKind.BCE else kind.replace("_", " ")
    yield f"Loss: {'; '.join([loss + smoothing, *penalties])}."
    rates = {settings["learning_rate"], settings["d_learning_rate"]}
    yield (
        f"Adam, learning rate {' and '.join(f'{rate:g}' for rate in sorted(rates))}, betas "
        f"{' and '.join(f'{beta:g}' for beta in settings['adam_betas'])}, batch size {settings['batch_size']}; moving "
        f"average of the generator over {settings['ema_half_life']} slices (half-life)."
    )
    strengths = [f"{name[2:]} {settings[name]:g}" for name in _OF_THE_DISCRIMINATOR if settings[name]]
    yield f"Augmentation of all that the discriminator sees: {', '.join(strengths) or 'none'}."


def _differs(ours: Mapping[str, Any], name: str, value: Any) -> bool:
    """Return whether a setting is not that of the package; those that refer to others are not compared."""
    refers = isinstance(ours[name], str) and ours[name][:1] in ("@", "$")
    return not refers and ours[name] != value


def _performance(metrics: Mapping[str, Any] | None) -> Iterator[Block]:
    if metrics is None:
        yield Text("Nothing was measured: this generator was not compared with held-out patients.", "lead")
        return
    entries = metrics["metrics"]
    verdict = metrics["verdict"]
    yield Text(verdict["text"], "lead")
    yield Points([Point(point["topic"], point["level"], point["text"]) for point in verdict["points"]])
    yield Text(counts_text(metrics))
    yield Table("Values and their intervals.", _HEADER, [_row(entry) for entry in entries.values()])
    yield Text(explanation(metrics))
    yield Bullets(remarks(metrics))
    yield Section("Conditions", [Bullets(list(_conditions(entries)))])


def _row(entry: Mapping[str, Any]) -> Sequence[str]:
    ratio = "-" if entry["ratio"] is None else f"{entry['ratio']:.2f}"
    real = spread(entry["real_vs_real"])
    return entry["title"], number(entry["value"]), interval_text(entry) or "-", real, ratio, entry["better"]


def _conditions(entries: Mapping[str, Any]) -> Iterator[str]:
    for conditions, titles in condition_groups(entries):
        said = "; ".join(f"{name}: {value}" for name, value in conditions.items() if value is not None)
        yield f"{', '.join(titles)}: {said}"


def _privacy(metrics: Mapping[str, Any] | None) -> Iterator[Block]:
    if metrics is None or metrics["privacy"] is None:
        reason = "there was no evaluation" if metrics is None else metrics["privacy_reason"]
        yield Text(f"Copies of training slices were not looked for: {reason}.", "lead")
    else:
        found = metrics["privacy"]
        yield Bullets([found["memorization"]["verdict"]["text"], found["membership"]["text"]])
    yield Text("No alarm is no proof of privacy: weights may hold more of a patient than slices show.")


def _formats(formats: Mapping[str, Any]) -> Iterator[Block]:
    for name, tensor in [("image", formats["inputs"]["image"]), ("pred", formats["outputs"]["pred"])]:
        shape = ", ".join(map(str, ["B", tensor["num_channels"], *tensor["spatial_shape"]]))
        channels = "; ".join(f"{channel}: {text}" for channel, text in tensor["channel_def"].items())
        yield Text(f"{name}: ({shape}), {tensor['dtype']}, in {tensor['value_range'] or 'any range'}; {channels}.")


def _limits(facts: RunFacts, label: BundleLabel) -> list[str]:
    size = facts.network["image_size"]
    return [
        "Not for clinical use: synthetic slices are no evidence about any patient.",
        f"2D slices of {size}x{size} pixels, not volumes; intensities are relative, not those of a scanner.",
        f"What was learned from {facts.patients['train']} {label.patients} is their look.",
        "A Frechet distance with other features than those of Inception 2015-12-05 is no FID.",
    ]


def _commands(with_package: bool) -> str:
    needs = "with the package" if with_package else "without the package monai_dcgan"
    blocks = {
        f"Make labeled slices, as a Decathlon data set ({needs}; from the folder of the bundle)": (
            "python -m monai.bundle run --config_file configs/inference.json --output_dir SYNTHETIC --num_slices 64"
        ),
        "The same with TensorRT, on a GPU": (
            "python -m monai.bundle run --config_file "
            "\"['configs/inference.json','configs/inference_trt.json']\" --output_dir SYNTHETIC"
        ),
        "Export to TorchScript": (
            "python -m monai.bundle ckpt_export --net_id network_def --filepath models/model.ts --ckpt_file "
            "models/model.pt --meta_file configs/metadata.json --config_file configs/inference.json"
        ),
    }
    if with_package:
        train = "--config_file configs/train.json --dataset_dir DATA --output_dir RUN"
        blocks |= {
            "Train on your own volumes, with the settings of the package": f"python -m monai.bundle run {train}",
            "On several GPUs": (
                "torchrun --standalone --nproc-per-node 2 -m monai.bundle run --config_file "
                "\"['configs/train.json','configs/multi_gpu_train.json']\" --dataset_dir DATA --output_dir RUN"
            ),
            "Evaluate that run on its validation patients (`--evaluate_split test` once, at the end)": (
                "python -m monai.bundle run --config_file "
                "\"['configs/train.json','configs/evaluate.json','RUN/settings.json','RUN/network.json']\" "
                "--output_dir RUN"
            ),
            "Make slices with it": (
                "python -m monai.bundle run --config_file \"['configs/inference.json','RUN/network.json']\" "
                "--ckpt_path RUN/model.pt --output_dir SYNTHETIC"
            ),
            "Measure what synthetic slices are worth to a segmenter of your data": (
                "python -m monai.bundle run --config_file \"['configs/train.json','configs/downstream.json']\" "
                "--dataset_dir DATA --output_dir EXPERIMENT"
            ),
        }
    lines = ["## Commands", ""]
    for title, command in blocks.items():
        lines += [f"{title}:", "", "```", command, "```", ""]
    return "\n".join(lines)
