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
"""Make a bundle in the format of the MONAI Model Zoo from a finished run."""

from __future__ import annotations

import json
import logging
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from monai_dcgan.sharing.checks import LARGE_FILES, check_bundle, check_validator, is_large
from monai_dcgan.sharing.facts import RunFacts, run_facts, run_store
from monai_dcgan.sharing.leaks import check_private, private_words
from monai_dcgan.sharing.metadata import BundleLabel, bundle_metadata
from monai_dcgan.sharing.readme import bundle_readme, data_terms
from monai_dcgan.sharing.scripts import SCRIPTS, Scripts, names_in, rewritten_config
from monai_dcgan.utils.files import atomic_path, read_json, sha256_file, write_json, write_tensors, write_text
from monai_dcgan.utils.folders import check_free_folder, new_folder
from monai_dcgan.utils.run_folder import RunFolder
from monai_dcgan.utils.weights import check_weights, read_checkpoint
from monai_dcgan.workflow import bundle_root

__all__ = ["make_bundle", "zip_bundle"]

logger = logging.getLogger(__name__)

# Points of the verdict of an evaluation.
_PRIVACY = ("privacy", "membership")
_INFERENCE, _TENSORRT = "inference.json", "inference_trt.json"
_OF_THE_PACKAGE = ("train.json", "evaluate.json", "multi_gpu_train.json", "downstream.json")
# As the zoo does: equal bundles give equal archives.
_ZIP_DATE = (2022, 5, 30, 0, 0, 0)


def make_bundle(
    run: str | Path,
    out: str | Path,
    label: BundleLabel,
    scripts: bool = False,
    previous: str | Path | None = None,
    weights_url: str | None = None,
) -> Path:
    """Make a bundle of a finished run; it holds the generator and no discriminator, and nothing of a patient.

    Args:
        run: folder of the run.
        out: folder of the bundle, new or empty; its name is that of the bundle.
        label: what the bundle says of itself.
        scripts: bring the modules of the package that inference needs, so that the bundle runs where the package is not
            installed; it cannot train then.
        previous: folder of the version before; its changelog is kept.
        weights_url: from where weights above 25 MB can be downloaded, for the zoo takes no larger file.

    Returns:
        ``out``.

    Raises:
        FileExistsError: when ``out`` holds something.
        FileNotFoundError: when there is no trained generator in ``run``.
        ImportError: when ``jsonschema`` is not installed.
        ValueError: when the run is not finished, its weights do not fit its settings, something of a patient or of the
            machine would be in the bundle, or a check of the zoo finds something wrong; nothing is written then.
    """
    check_validator()
    check_free_folder(out, "out")
    run_folder = RunFolder(run)
    run_folder.check_trained()
    store = run_store(run_folder)
    facts = _named(run_facts(run_folder, store), label.modalities)
    _warn(facts)
    changelog = {} if previous is None else read_json(Path(previous) / "configs" / "metadata.json")["changelog"]
    with new_folder(out, "out") as folder:
        configs = _configs(facts)
        write_tensors(_made(folder / "models" / "model.pt"), _weights(run_folder.model, configs[_INFERENCE]))
        modules = Scripts(set().union(*map(names_in, configs.values()))) if scripts else None
        if modules is not None:
            modules.write(folder / SCRIPTS)
            configs = {name: _without_package(config) for name, config in configs.items()}
        _write_configs(folder / "configs", configs, with_package=not scripts)
        requirements = None if modules is None else modules.requirements()
        metadata = bundle_metadata(facts, label, changelog, requirements)
        _write_config(folder / "configs" / "metadata.json", metadata)
        _write_docs(folder, facts, label, metadata, with_package=not scripts)
        _list_large_files(folder, weights_url)
        check_private(folder, private_words(run_folder, store))
        problems = check_bundle(folder, Path(out).absolute().name, previous)
        if problems:
            raise ValueError(
                f"the bundle must pass the checks of the zoo, got {'; '.join(problems)}; nothing was written"
            )
    return Path(out)


def zip_bundle(folder: str | Path) -> Path:
    """Write ``<name>_v<version>.zip`` beside a bundle, as MONAI's ``download`` takes it; equal bundles, equal bytes.

    Args:
        folder: folder of the bundle.

    Returns:
        the archive; what it holds lies below one folder, ``<name>``.

    Raises:
        FileExistsError: when there is such a file.
        ValueError: when a file of the bundle is a link, which could lead out of it.
    """
    folder = Path(folder).absolute()
    version = read_json(folder / "configs" / "metadata.json")["version"]
    target = folder.with_name(f"{folder.name}_v{version}.zip")
    if target.exists():
        raise FileExistsError(f"out must have no archive of this version beside it, there is {target}; remove it")
    content = sorted(folder.rglob("*"))
    links = [path for path in content if path.is_symlink()]
    if links:
        raise ValueError(f"a bundle must hold no links, got {links[0]}; put what it leads to in its place")
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in content:
            # Compiled modules, which a run leaves, hold the paths of the machine.
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", _ZIP_DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target


def _named(facts: RunFacts, modalities: Sequence[str]) -> RunFacts:
    """Return the facts with names of the image channels, where some are given."""
    channels = facts.network["image_channels"]
    if modalities and len(modalities) != channels:
        raise ValueError(f"modalities must name every image channel, {channels}, got {', '.join(modalities)}")
    return replace(facts, settings={**facts.settings, "modalities": list(modalities)}) if modalities else facts


def _warn(facts: RunFacts) -> None:
    """Say what should keep weights from being shared; whether they are is not for a program to decide."""
    if facts.metrics is None or facts.metrics["privacy"] is None:
        logger.warning("copies of training slices were not looked for; run monai-dcgan evaluate before you share this")
        return
    for point in facts.metrics["verdict"]["points"]:
        if point["topic"] in _PRIVACY and point["level"] == "bad":
            logger.warning("before you share this: %s", point["text"])


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _configs(facts: RunFacts) -> dict[str, Any]:
    """Return the configs of inference with the settings of the run's network merged in."""
    folder = bundle_root() / "configs"
    inference = read_json(folder / _INFERENCE)
    own = {*inference["network_settings"], "class_names"}
    if differing := sorted(own ^ set(facts.network)):
        raise ValueError(
            f"run must be made with the settings of a network that {_INFERENCE} of this version has, got another set, "
            f"by {', '.join(differing)}; make the bundle with the version of the package that trained it"
        )
    return {_INFERENCE: inference | facts.network, _TENSORRT: read_json(folder / _TENSORRT)}


def _weights(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights of the generator, tensors by name, and nothing else that may lie in the file."""
    weights = read_checkpoint(path)
    check_weights(ConfigParser(dict(config)).get_parsed_content("network_def"), weights, path)
    return {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}


def _without_package(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config that imports from the scripts.

    MONAI makes the folder of a bundle importable when it runs ``run``, not when it runs ``initialize``.
    """
    config = dict(config)
    before = config.pop("initialize", [])
    if before:
        config["run"] = [*before, *config["run"]]
    return rewritten_config(config)


def _write_configs(folder: Path, configs: Mapping[str, Any], with_package: bool) -> None:
    for name, config in configs.items():
        _write_config(folder / name, config)
    for name in ("logging.conf", *(_OF_THE_PACKAGE if with_package else ())):
        shutil.copyfile(bundle_root() / "configs" / name, folder / name)


def _write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write a config as the zoo's are written, with four blanks."""
    write_text(path, json.dumps(config, indent=4) + "\n")


def _write_docs(
    folder: Path, facts: RunFacts, label: BundleLabel, metadata: Mapping[str, Any], with_package: bool
) -> None:
    shutil.copyfile(bundle_root() / "LICENSE", folder / "LICENSE")
    write_text(folder / "docs" / "README.md", bundle_readme(facts, label, metadata, with_package))
    write_text(folder / "docs" / "data_license.txt", data_terms(label))


def _list_large_files(folder: Path, url: str | None) -> None:
    weights = folder / "models" / "model.pt"
    if not is_large(weights):
        return
    if url is None:
        raise ValueError(
            "weights_url must be given for weights above 25 MB, got none: the zoo takes no larger file; say from where "
            "they will be downloaded (--weights-url)"
        )
    entry = {"path": "models/model.pt", "url": url, "hash_val": sha256_file(weights), "hash_type": "sha256"}
    write_json(folder / LARGE_FILES, {"large_files": [entry]})
