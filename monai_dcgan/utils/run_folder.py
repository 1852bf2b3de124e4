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
"""The folder of a training run: what it was made with, and where everything lies."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from monai.bundle.utils import ID_SEP_KEY

from monai_dcgan import __version__
from monai_dcgan.utils.files import read_json, write_json

__all__ = ["RunFolder", "package_versions"]

PACKAGES = ("monai", "torch", "pytorch-ignite", "numpy", "nibabel", "scipy", "scikit-image", "itk")
FREE_TO_CHANGE = ("max_epochs", "dataset_dir", "cache_dir")


def package_versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of those that decide about results."""
    versions = {"python": platform.python_version(), "monai_dcgan": __version__}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


class RunFolder:
    """A folder that holds one training run; of several processes that train together the first one writes.

    - ``run.json``: settings as resolved, versions, times
    - ``settings.json``, ``network.json``, ``overlay.json``: overlays for ``evaluate.json`` and ``inference.json``
    - ``split.json``: which patient is in which part
    - ``checkpoints/``, ``model.pt``, ``best.pt``: to go on, the generator to use, and the best one
    - ``metrics.jsonl``, ``tensorboard/``, ``loss_curves.png``, ``samples/``: what happened

    Args:
        path: the folder.
        resume: whether to go on with the run that lies there.
    """

    def __init__(self, path: str | Path, resume: bool = False) -> None:
        self.path = Path(path)
        self.resume = resume

    @property
    def checkpoints(self) -> Path:
        """Folder of the training checkpoints."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Weights of the generator."""
        return self.path / "model.pt"

    @property
    def best(self) -> Path:
        """Weights of the generator with the best metric of validation."""
        return self.path / "best.pt"

    @property
    def mlflow(self) -> Path:
        """Which run of MLflow this is, where it is one."""
        return self.path / "mlflow.json"

    @property
    def metrics(self) -> Path:
        """Log of the training, one line of JSON an interval."""
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        """Folder of the sample grids."""
        return self.path / "samples"

    @property
    def tensorboard(self) -> Path:
        """Folder of the TensorBoard events."""
        return self.path / "tensorboard"

    @property
    def split(self) -> Path:
        """Which patient is in which part."""
        return self.path / "split.json"

    @property
    def loss_curves(self) -> Path:
        """Picture of the losses."""
        return self.path / "loss_curves.png"

    def check_free(self) -> None:
        """Check that the folder is as ``resume`` says.

        Raises:
            FileExistsError: when a run lies in it and ``resume`` is off.
            FileNotFoundError: when none lies in it and ``resume`` is on.
        """
        if idist.get_rank() > 0:
            return
        found = (self.path / "run.json").exists()
        if self.resume and not found:
            raise FileNotFoundError(f"output_dir must be the folder of the run to go on with, {self.path} holds none")
        if found and not self.resume:
            raise FileExistsError(
                f"output_dir must be a new folder, {self.path} holds a run; choose another, or go on with it: "
                "--resume (bundle: --resume True)"
            )

    def check_trained(self) -> None:
        """Raise ``FileNotFoundError`` unless a trained generator lies in the folder."""
        for path in (self.path / "run.json", self.model):
            if not path.is_file():
                raise FileNotFoundError(f"output_dir must be the folder of a training run, there is no {path}")

    def start(
        self,
        settings: Mapping[str, Any],
        network: Mapping[str, Any],
        overlay: str = "{}",
        conditions: Mapping[str, Any] | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        """Claim the folder and write down what the run is made with.

        Args:
            settings: settings of the run, JSON-like.
            network: settings of the networks, JSON-like.
            overlay: JSON of what else was given on top of the bundle's configs.
            conditions: what decides about bits and speed but is no setting: device, type of mixed precision, threads.
            class_names: names of the classes of the generator, which go to what makes slices with it.

        Raises:
            FileExistsError: when a run lies in the folder and ``resume`` is off.
            FileNotFoundError: when none lies in it and ``resume`` is on.
            ValueError: when the run to go on with was made with other settings, or from other data.
        """
        if idist.get_rank() > 0:
            return
        self.check_free()
        # MONAI's parser writes the separator of nested ids in its own way.
        given = {name.replace(ID_SEP_KEY, "#"): value for name, value in json.loads(overlay).items()}
        named = {**network, "class_names": list(class_names)}
        made_with = {"settings": dict(settings), "network": named, "overlay": given}
        made_with = json.loads(json.dumps(made_with))
        record: dict[str, Any] = {"status": "running", "versions": package_versions(), "started": _now()}
        if self.resume:
            before = read_json(self.path / "run.json")
            for group, values in made_with.items():
                self._check_same(before.get(group, {}), values)
            record["resumed"] = [*before.get("resumed", []), _now()]
            record["started"] = before["started"]
        write_json(self.path / "run.json", {**record, "conditions": dict(conditions or {}), **made_with})
        for group, values in made_with.items():
            write_json(self.path / f"{group}.json", values)

    def finish(self, images: int) -> None:
        """Write down that the run has ended.

        Args:
            images: real slices shown.
        """
        if idist.get_rank() > 0:
            return
        record = read_json(self.path / "run.json")
        write_json(self.path / "run.json", {**record, "status": "completed", "completed": _now(), "images": images})

    def _check_same(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        names = sorted({*before, *now} - set(FREE_TO_CHANGE))
        differing = [name for name in names if before.get(name) != now.get(name)]
        if differing == ["data_digest"]:
            raise ValueError(
                f"the data must be those of the run in {self.path} to go on with it: its slices are others, so "
                "that patients could move between training and test"
            )
        if differing:
            name = differing[0]
            raise ValueError(
                f"settings must be those of the run in {self.path} to go on with it, {', '.join(differing)} differ "
                f"({name}: {before.get(name)!r} there, {now.get(name)!r} now)"
            )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
