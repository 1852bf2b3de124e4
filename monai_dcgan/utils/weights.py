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
"""Load weights into a network, or say plainly why they do not fit."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["bundle_weights", "check_weights", "load_weights", "read_checkpoint"]


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a file of tensors and plain values; nothing in it is executed.

    The checksums in the file are compared with what they stand for: ``torch.load`` alone takes a flipped bit in the
    numbers for a weight.

    Args:
        path: file that ``torch.save`` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no such file, damaged, or holds anything but tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint at {path}; ckpt_path says where it is, or bundle_root where the bundle with it lies"
        )
    try:
        _check_sums(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} must be a whole checkpoint of tensors and plain values, it cannot be read: {reason}"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a dictionary of tensors, got {type(content).__name__}")
    return content


def _check_sums(path: Path) -> None:
    """Raise unless every part of a zip archive has its checksum; files of before torch 1.6 are none and have none."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} in it has another checksum than when it was written")


def check_weights(network: nn.Module, weights: Mapping[str, Any], source: str | Path) -> None:
    """Raise ``ValueError`` unless ``weights`` has the names and shapes of ``network``.

    Args:
        network: the network to fill.
        weights: tensors by name.
        source: where they come from, for the text of the error.
    """
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items() if isinstance(value, torch.Tensor)}
    advice = "use the settings that the weights were trained with (network.json beside them)"
    for name, shape in expected.items():
        if name not in found:
            raise ValueError(f"{source} must fit {type(network).__name__}: {name!r} is missing; {advice}")
        if found[name] != shape:
            raise ValueError(
                f"{source} must fit {type(network).__name__}: {name!r} must have the shape {shape}, got {found[name]}; "
                f"{advice}"
            )
    surplus = sorted(set(weights) - set(expected))
    if surplus:
        raise ValueError(f"{source} must fit {type(network).__name__}: {surplus[0]!r} is not part of it; {advice}")


def load_weights(network: nn.Module, path: str | Path) -> nn.Module:
    """Fill ``network`` with the weights in ``path``.

    Args:
        network: changed in place.
        path: file with a flat dictionary of tensors.

    Returns:
        ``network``.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file cannot be read or does not fit.
    """
    weights = read_checkpoint(path)
    check_weights(network, weights, path)
    network.load_state_dict(weights)
    return network


def bundle_weights(root: str | Path = ".") -> str:
    """Return the path of ``models/model.pt`` of a bundle, whether it is there or not.

    Args:
        root: folder of the bundle. ``.`` is the working directory and, where no weights lie there, the bundle that
            MONAI's ``run`` was given a config of: MONAI puts its folder on the Python path, before all others.
    """
    path = Path(root) / "models" / "model.pt"
    if Path(root) == Path() and not path.is_file():
        bundles = (Path(entry) for entry in sys.path if (Path(entry) / "configs" / "inference.json").is_file())
        path = next(bundles, Path(root)) / "models" / "model.pt"
    return str(path)
