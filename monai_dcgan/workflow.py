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
"""Run the bundle's configs: one source of settings for the command line, the library and MONAI's bundle commands."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow
from monai.utils import ensure_tuple

__all__ = [
    "DCGANWorkflow",
    "bundle_root",
    "config_file",
    "generate",
    "inference_workflow",
    "overlay_file",
    "plain_errors",
    "root_cause",
    "weights_of",
]

PACKAGE = Path(__file__).parent


def _settings_folder(name: str) -> Path:
    """Find ``bundle`` or ``configs``: inside an installed package, beside the package in a checkout."""
    for folder in (PACKAGE / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no folder {name!r} in {PACKAGE} or beside it; install the package again")


def bundle_root() -> Path:
    """Return the folder of the bundle."""
    return _settings_folder("bundle")


def config_file(name: str) -> Path:
    """Return the bundle's config ``name``, such as ``train`` or ``inference``."""
    return bundle_root() / "configs" / f"{name}.json"


def overlay_file(name: str) -> Path:
    """Return the overlay that ``name`` means: a path of a file, or a name below ``configs/`` such as ``data/brats``.

    Raises:
        FileNotFoundError: when there is neither; the text lists the overlays that there are.
    """
    if Path(name).is_file():
        return Path(name)
    root = _settings_folder("configs")
    path = root / f"{name}.json"
    if path.is_file():
        return path
    known = sorted(str(found.relative_to(root).with_suffix("")) for found in root.rglob("*.json"))
    raise FileNotFoundError(f"no config file {name!r}; give the path of a JSON file, or one of {', '.join(known)}")


class DCGANWorkflow(ConfigWorkflow):
    """MONAI's config workflow, with a check that every setting that is given exists.

    MONAI takes a misspelled top-level id in silence. Here an id that neither the bundle's configs define nor anything
    refers to is an error. ``bundle_root`` is the folder that the first config file belongs to, unless it is given.

    Use it with MONAI's command as ``--workflow_name monai_dcgan.workflow.DCGANWorkflow``.

    Args:
        config_file: config files; the first and those in its folder define the ids.
        override: values by id, such as ``max_epochs=3`` or ``{"train#trainer#amp": "off"}``.
        kwargs: other arguments of ``ConfigWorkflow``: ``workflow_type``, ``meta_file``, ``logging_file``, ...

    Raises:
        ValueError: when an id is unknown; the text names the nearest known one.
    """

    def __init__(
        self,
        config_file: str | Path | Sequence[str | Path],
        override: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        files = [Path(path) for path in ensure_tuple(config_file)]
        override = dict(override or {})
        arguments = {name: kwargs.pop(name) for name in _WORKFLOW_ARGUMENTS if name in kwargs}
        override.update(kwargs)
        contents = {path: ConfigParser.load_config_file(path) for path in files}
        _check_ids(contents, override)
        if files[0].parent.name == "configs":
            override.setdefault("bundle_root", str(files[0].parent.parent))
        if "overlay" in contents[files[0]]:
            override["overlay"] = _given(contents, override)
        super().__init__(config_file=[str(path) for path in files], **arguments, **override)


def _given(contents: Mapping[Path, Mapping[str, Any]], override: Mapping[str, Any]) -> str:
    """Return as JSON what was given on top of the bundle's configs, beside the settings that a run records anyway."""
    first = next(iter(contents))
    bundle = [content for path, content in contents.items() if path.parent == first.parent]
    recorded = {
        *_OF_THE_MACHINE,
        *(name for content in bundle for group in _RECORDED for name in content.get(group, ())),
    }
    given: dict[str, Any] = {}
    for path, content in contents.items():
        if path.parent != first.parent:
            given |= content
    return json.dumps(
        {name: value for name, value in {**given, **override}.items() if name not in recorded}, default=str
    )


_RECORDED = ("settings", "network_settings", "experiment_settings")
_OF_THE_MACHINE = (
    "bundle_root",
    "output_dir",
    "resume",
    "resume_from",
    "device",
    "distributed",
    "prepare_workers",
    "num_workers",
    "dask",
    "resident",
    "compile_mode",
    "deterministic",
    "log_interval",
    "keep_checkpoints",
    "checkpoint_interval",
    "mlflow_uri",
    "overlay",
)
_WORKFLOW_ARGUMENTS = (
    "meta_file",
    "logging_file",
    "init_id",
    "run_id",
    "final_id",
    "tracking",
    "workflow_type",
    "properties_path",
)


def _check_ids(contents: Mapping[Path, Mapping[str, Any]], override: Mapping[str, Any]) -> None:
    files = list(contents)
    bundle_files = [path for path in files if path.parent == files[0].parent]
    known = {name for path in bundle_files for name in _top_ids(contents[path])}
    text = json.dumps([*contents.values(), override], default=str)
    merged = ConfigParser.load_config_files([str(path) for path in files])
    for source, content in [
        *((str(path), content) for path, content in contents.items()),
        ("the command line", override),
    ]:
        for name in _top_ids(content):
            if name not in known and not re.search(rf"@{re.escape(name)}(?!\w)", text):
                raise ValueError(_unknown(name, source, files[0], known))
        for name in content:
            _check_path(name, source, merged)


def _check_path(name: str, source: str, config: Any) -> None:
    """Refuse ``a#b#c`` where there is no ``a#b``: MONAI would say no more than that a key is missing."""
    *parents, _ = _segments(name)
    for number, segment in enumerate(parents):
        keys = [str(index) for index in range(len(config))] if isinstance(config, list) else list(config or {})
        if segment not in keys:
            path = "#".join(parents[: number + 1])
            raise ValueError(_unknown(path, source, Path("the config"), keys))
        config = config[int(segment)] if isinstance(config, list) else config[segment]
        if not isinstance(config, (dict, list)):
            return


def _unknown(name: str, source: str, where: Path, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.split("#")[-1], sorted(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
    return f"config id {name!r} of {source} is not one that {where.name} knows; {hint}"


def _segments(name: str) -> list[str]:
    return name.lstrip("+~").replace("::", "#").split("#")


def _top_ids(content: Mapping[str, Any]) -> list[str]:
    return [_segments(name)[0] for name in content]


def root_cause(error: BaseException) -> BaseException:
    """Return the error that MONAI's config parser wrapped, or ``error`` itself."""
    seen = {id(error)}
    while isinstance(error, RuntimeError) and error.__cause__ is not None and id(error.__cause__) not in seen:
        error = error.__cause__
        seen.add(id(error))
    return error


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raise what went wrong itself in the place of the errors that MONAI's config parser wraps it in."""
    try:
        yield
    except RuntimeError as error:
        cause = root_cause(error)
        if cause is error:
            raise
        raise cause from error


def generate(
    model: str | Path,
    output_dir: str | Path,
    num_slices: int = 64,
    seed: int = 0,
    image_format: str = "nifti",
    shard: str | None = None,
    **override: Any,
) -> Path:
    """Make labeled slices with a trained generator, by the bundle's ``inference.json``.

    A call that was stopped leaves what it made in a hidden folder beside the set; the same call goes on with it.

    Args:
        model: folder of a training run or of a bundle, or weights with their ``network.json`` beside them;
            ``bundle_root()`` has the generator that comes with the package.
        output_dir: folder of the synthetic set, new or empty.
        num_slices: number of slices, of all shards together.
        seed: seed; slice ``i`` of a seed is the same whatever ``num_slices``.
        image_format: ``nifti`` or ``png``.
        shard: ``I/N`` makes part I of N of the set, in a folder of ``output_dir``; the call that ends last makes
            ``output_dir`` a set of all parts, whose slices are those of a call without.
        override: further ids of ``inference.json``.

    Returns:
        the folder of the set, or of the shard, with ``dataset.json`` that ``monai.data.load_decathlon_datalist`` reads.

    Raises:
        FileNotFoundError: when there is no model.
        ValueError: when an argument is out of its range or the weights do not fit their settings.
        FileExistsError: when ``output_dir`` is not empty, or another process is making the same.
    """
    given = {"output_dir": str(output_dir), "num_slices": num_slices, "seed": seed, "image_format": image_format}
    workflow = inference_workflow(model, {**given, "shard": shard, **override})
    with plain_errors():
        workflow.initialize()
        workflow.run()
        workflow.finalize()
    return Path(workflow.parser.get_parsed_content("writer").out_dir)


def inference_workflow(model: str | Path, override: Mapping[str, Any] | None = None) -> DCGANWorkflow:
    """Return the workflow of ``inference.json`` for a trained generator.

    Args:
        model: folder of a training run or of a bundle, or weights with their ``network.json`` beside them.
        override: further ids of ``inference.json``.

    Raises:
        FileNotFoundError: when there is no model, or nothing that says how its network is built.
        ValueError: when what says so is not whole.
    """
    weights = weights_of(model)
    files, settings = [config_file("inference")], {}
    overlay, bundle = weights.with_name("network.json"), weights.parent.parent
    if overlay.is_file():
        files.append(overlay)
        found = ConfigParser.load_config_file(overlay)
    elif weights.parent.name == "models" and _is_bundle(bundle):
        # What else a bundle says, and the modules that it may bring, are for MONAI's own commands.
        found = ConfigParser.load_config_file(bundle / "configs" / "inference.json")
        settings = {name: value for name, value in found.items() if name in _network_ids()}
    else:
        raise FileNotFoundError(
            f"network.json must lie beside {weights} and say how its network is built; there is none"
        )
    missing = sorted(_network_ids() - set(found))
    if missing:
        raise ValueError(f"settings of the network of {weights} must be whole, {', '.join(missing)} are missing")
    given = {**settings, "ckpt_path": str(weights), **(override or {})}
    return DCGANWorkflow(files, given, workflow_type="inference", logging_file=False)


def weights_of(model: str | Path) -> Path:
    """Return the weights of a bundle or of a run folder, or ``model`` itself where it is a file.

    Raises:
        FileNotFoundError: when there are none.
    """
    path = Path(model)
    if path.is_dir():
        path = path / "models" / "model.pt" if _is_bundle(path) else path / "model.pt"
    if not path.is_file():
        raise FileNotFoundError(
            f"no trained generator at {path}; train one first, or give the folder of a run or of a bundle"
        )
    return path


def _is_bundle(path: Path) -> bool:
    return (path / "configs" / "inference.json").is_file()


def _network_ids() -> set[str]:
    """Return the ids that say how a generator is built and what its classes are called."""
    return {*ConfigParser.load_config_file(config_file("inference"))["network_settings"], "class_names"}
