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
"""The ``metadata.json`` of a bundle that was made from a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import Any

from monai_dcgan.sharing.facts import RunFacts
from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import bundle_root

__all__ = ["NOT_STATED", "PATIENTS", "BundleLabel", "bundle_metadata"]

NOT_STATED, PATIENTS = "not stated", "patients"
PACKAGE = "monai_dcgan"


@dataclass(frozen=True)
class BundleLabel:
    """What a bundle says of itself that no run knows.

    Attributes:
        title: name that people read.
        version: such as ``0.1.0``.
        changes: what is new in this version.
        authors: who made the weights.
        data_source: where the data come from, with a link.
        data_license: terms of the data.
        patients: what the data name in the place of patients, such as ``series``.
        modalities: names of the image channels, where the run has none.
    """

    title: str
    version: str = "0.1.0"
    changes: str = "first version"
    authors: str = NOT_STATED
    data_source: str = NOT_STATED
    data_license: str | None = None
    patients: str = PATIENTS
    modalities: tuple[str, ...] = ()


def bundle_metadata(
    facts: RunFacts,
    label: BundleLabel,
    changelog: Mapping[str, str] | None = None,
    requirements: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Return the metadata of a bundle.

    Args:
        facts: what is known of the run.
        label: what the bundle says of itself.
        changelog: versions before this one -> what was new in them.
        requirements: distributions that the bundle needs beside MONAI, PyTorch and NumPy; by default those of the
            bundle of this package, which needs the package.

    Returns:
        a dictionary for ``configs/metadata.json``; what does not depend on the run is that of the package's bundle.
    """
    ours = read_json(bundle_root() / "configs" / "metadata.json")
    needed = ours["required_packages_version"] if requirements is None else requirements
    return ours | {
        "version": label.version,
        "changelog": {label.version: label.changes, **(changelog or {})},
        "monai_version": facts.versions["monai"],
        "pytorch_version": facts.versions["torch"],
        "numpy_version": facts.versions["numpy"],
        "required_packages_version": {name: _version(name, facts) for name in sorted(needed)},
        "name": label.title,
        "description": _description(facts, label),
        "authors": label.authors,
        "copyright": f"Copyright (c) {label.authors}" if label.authors != NOT_STATED else NOT_STATED,
        "data_source": label.data_source,
        "image_classes": f"{', '.join(facts.image_channels)}: intensities of a 2D slice, in [-1, 1]",
        "label_classes": _mask_text(facts),
        "pred_classes": f"{', '.join(facts.image_channels)} in [-1, 1]; {_mask_text(facts)}",
        "eval_metrics": _figures(facts.metrics),
        "network_data_format": _network_data_format(facts, ours["network_data_format"]),
    }


def _version(distribution: str, facts: RunFacts) -> str:
    return facts.versions.get(distribution) or installed_version(distribution).split("+")[0]


def _description(facts: RunFacts, label: BundleLabel) -> str:
    number, size = facts.patients["train"], facts.network["image_size"]
    masks = " together with their tumor masks" if facts.mask_channels else ""
    classes = f" of {', '.join(facts.class_names)}" if facts.class_names else ""
    whose = "1 patient" if (number, label.patients) == (1, PATIENTS) else f"{number} {label.patients}"
    return (
        f"A deep convolutional GAN that makes 2D brain MRI slices ({', '.join(facts.image_channels)}){classes}, "
        f"{size}x{size} pixels{masks}, trained on slices of {whose}"
    )


def _mask_text(facts: RunFacts) -> str:
    return f"{', '.join(facts.mask_channels)}: tumor where above 0" if facts.mask_channels else "no masks"


def _figures(metrics: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the measured values; the README of the bundle says under which conditions they hold."""
    entries = {} if metrics is None else metrics["metrics"]
    return {name: entry["value"] for name, entry in entries.items() if entry["value"] is not None}


def _network_data_format(facts: RunFacts, ours: Mapping[str, Any]) -> dict[str, Any]:
    network = facts.network
    latent, classes, size = network["latent_size"], facts.class_names, network["image_size"]
    pairs = [*facts.image_channels, *facts.mask_channels]
    noise = {"0": f"standard normal noise, to channel {latent - 1}"}
    noise |= {str(latent + number): f"1 for {name}, else 0" for number, name in enumerate(classes)}
    image, pred = ours["inputs"]["image"], ours["outputs"]["pred"]
    channels = {str(number): name for number, name in enumerate(pairs)}
    return {
        "inputs": {"image": image | {"num_channels": latent + len(classes), "channel_def": noise}},
        "outputs": {
            "pred": pred | {"num_channels": len(pairs), "spatial_shape": [size, size], "channel_def": channels}
        },
    }
