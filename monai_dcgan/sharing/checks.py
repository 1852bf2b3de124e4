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
"""The checks of the MONAI Model Zoo on a bundle, none of them left out, by MONAI's own functions where it has them."""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, verify_net_in_out
from monai.bundle.properties import TrainProperties
from monai.utils import BundleProperty, BundlePropertyConfig, optional_import

from monai_dcgan.sharing.scripts import SCRIPTS
from monai_dcgan.utils.files import read_json, sha256_file
from monai_dcgan.workflow import root_cause

__all__ = ["LARGE_FILES", "SCHEMA", "check_bundle", "check_validator", "is_large"]

SCHEMA = Path(__file__).with_name("metadata_schema.json")
METADATA, INFERENCE, WEIGHTS = "configs/metadata.json", "configs/inference.json", "models/model.pt"
REQUIRED = ("LICENSE", METADATA, INFERENCE, "configs/logging.conf", "docs/README.md", "docs/data_license.txt", WEIGHTS)
# The zoo reads YAML as well; JSON needs no further package.
LARGE_FILES = "large_files.json"
MAX_BYTES = 25 * 2**20
NET_ID = "network_def"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]*$")


def check_validator() -> None:
    """Raise ``ImportError`` unless the package that checks metadata is installed."""
    if not optional_import("jsonschema")[1]:
        raise ImportError("jsonschema must be installed to check a bundle; pip install jsonschema")


def is_large(path: Path) -> bool:
    """Return whether the zoo takes a file only by a link."""
    return path.stat().st_size > MAX_BYTES


def check_bundle(folder: str | Path, name: str | None = None, previous: str | Path | None = None) -> list[str]:
    """Check a bundle as the MONAI Model Zoo does before it takes one.

    Its files and its name; ``metadata.json`` against :data:`SCHEMA`; the version and its changelog; files above 25 MB;
    the ids that workflows need; shapes and types of the network; its export to TorchScript.

    Args:
        folder: folder of the bundle.
        name: name of the bundle, by default that of the folder.
        previous: folder of the version before, whose number must be lower and whose changelog must be kept.

    Returns:
        what is wrong, one line each; nothing where the bundle is as it must be.

    Raises:
        ImportError: when ``jsonschema`` is not installed.
    """
    check_validator()
    folder = Path(folder).resolve()
    problems = _name(name or folder.name)
    missing = [f"{file} must be in the bundle, it is missing" for file in REQUIRED if not (folder / file).is_file()]
    problems += [*missing, *_large_files(folder)]
    if (folder / METADATA).is_file():
        try:
            metadata = read_json(folder / METADATA)
        except ValueError as error:
            return [*problems, str(error).replace(f"{folder}/", "")]
        wrong = _against_schema(metadata)
        problems += wrong or _version(metadata, previous)
    return problems or _runs(folder)


def _name(name: str) -> list[str]:
    if not _NAME.match(name):
        return [f"the name must be of letters, digits, _ and -, got {name!r}"]
    if re.search(r"_v\d", name):
        return [f"the name must not end in a version, which the zoo adds itself, got {name!r}"]
    return []


def _against_schema(metadata: Any) -> list[str]:
    validator, _ = optional_import("jsonschema", name="Draft202012Validator")
    errors = sorted(validator(read_json(SCHEMA)).iter_errors(metadata), key=lambda error: error.json_path)
    return [f"{METADATA} {error.json_path.removeprefix('$.')}: {error.message}" for error in errors]


def _version(metadata: Mapping[str, Any], previous: str | Path | None) -> list[str]:
    version, changelog = metadata["version"], metadata["changelog"]
    if version not in changelog:
        return [f"version must be in the changelog, got {version} and {', '.join(changelog)}"]
    if previous is None:
        return []
    before = read_json(Path(previous) / METADATA)
    problems = []
    if _numbers(version) <= _numbers(before["version"]):
        problems.append(f"version must be above that of the bundle before, {before['version']}, got {version}")
    lost = [old for old in before["changelog"] if old not in changelog]
    if lost:
        problems.append(f"the changelog must keep the versions before, {', '.join(lost)} is missing")
    return problems


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _large_files(folder: Path) -> list[str]:
    large = [path for path in sorted(folder.rglob("*")) if path.is_file() and is_large(path)]
    listed: dict[str, Mapping[str, Any]] = {}
    for path in sorted(folder.glob("large_files.*")):
        content = ConfigParser.load_config_file(path)
        listed = {entry.get("path", ""): entry for entry in content.get("large_files", [])}
    return [problem for path in large for problem in _large_file(path, path.relative_to(folder).as_posix(), listed)]


def _large_file(path: Path, name: str, listed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    entry = listed.get(name)
    if entry is None:
        return [f"{name} must be listed in {LARGE_FILES} with a url, the zoo takes no file above 25 MB"]
    if not str(entry.get("url", "")).startswith(("http://", "https://")):
        return [f"{LARGE_FILES} must say from which url {name} can be downloaded, got {entry.get('url')!r}"]
    if entry.get("hash_val") and (entry.get("hash_type"), entry["hash_val"]) != ("sha256", sha256_file(path)):
        return [f"{LARGE_FILES} must hold the sha256 of {name} that lies in the bundle"]
    return []


def _runs(folder: Path) -> list[str]:
    """Check what needs the network to be built."""
    checks: dict[str, Callable[[Path], None]] = {
        "the ids that MONAI's workflows need": _properties,
        "shapes and types of the network": _shapes,
        "export to TorchScript": _torchscript,
    }
    problems = []
    with _importable(folder), _quiet():
        for what, check in checks.items():
            try:
                check(folder)
            except Exception as error:
                # Whatever a config raises is a finding about the bundle.
                text = " ".join(str(root_cause(error)).split())
                problems.append(f"{what}: {text.replace(str(folder), '.')}")
    return problems


def _properties(folder: Path) -> None:
    train = folder / "configs" / "train.json"
    if train.is_file():
        # MONAI's own check would look for the data of the training.
        parser = ConfigParser(ConfigParser.load_config_file(train))
        required = [value for value in TrainProperties.values() if value[BundleProperty.REQUIRED]]
        needed = [str(value[BundlePropertyConfig.ID]) for value in required]
        _refuse_missing(train.name, [name for name in needed if name not in parser])
    with tempfile.TemporaryDirectory() as place:
        workflow = ConfigWorkflow(
            str(folder / INFERENCE),
            str(folder / METADATA),
            logging_file=False,
            workflow_type="inference",
            bundle_root=str(folder),
            output_dir=f"{place}/made",
        )
        workflow.initialize()
        _refuse_missing(INFERENCE, workflow.check_properties() or [])


def _refuse_missing(config: str, missing: Sequence[str]) -> None:
    if missing:
        raise ValueError(f"{config} must define {', '.join(missing)}")


def _files_of(folder: Path) -> dict[str, Any]:
    files = {"meta_file": METADATA, "config_file": INFERENCE}
    return {"net_id": NET_ID, "bundle_root": str(folder)} | {key: str(folder / file) for key, file in files.items()}


def _shapes(folder: Path) -> None:
    verify_net_in_out(**_files_of(folder), device="cpu")


def _torchscript(folder: Path) -> None:
    formats = read_json(folder / METADATA)["network_data_format"]
    latent, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.ts"
        ckpt_export(**_files_of(folder), filepath=str(path), ckpt_file=str(folder / WEIGHTS))
        network = torch.jit.load(path, map_location="cpu").eval()
    with torch.no_grad():
        shape = (2, latent["num_channels"], *latent["spatial_shape"])
        made = network(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    expected = [2, pred["num_channels"], *pred["spatial_shape"]]
    if list(made.shape) != expected:
        raise ValueError(f"pred must have the shape {expected} for 2 pictures, got {list(made.shape)}")
    low, high = pred["value_range"] or (-torch.inf, torch.inf)
    if not (low <= made.min() and made.max() <= high):
        raise ValueError(f"pred must lie in {pred['value_range']}, got {made.min():.3g} to {made.max():.3g}")


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules that a bundle brings be imported, as MONAI's commands do, and forget them afterwards.

    Compiled modules hold the path that they were compiled at: none is written into the bundle.
    """
    before, compiled = {name: sys.modules.pop(name) for name in _loaded()}, sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = compiled
        sys.path.remove(str(folder))
        for name in _loaded():
            del sys.modules[name]
        sys.modules.update(before)


def _loaded() -> list[str]:
    return [name for name in sys.modules if name == SCRIPTS or name.startswith(f"{SCRIPTS}.")]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what MONAI logs of its own progress off the screen."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
