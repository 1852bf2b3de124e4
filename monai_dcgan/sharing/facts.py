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
"""What a bundle says of the run that it was made from."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_dcgan.data import SliceDataset, SliceStore, is_store, load_splits
from monai_dcgan.data.provenance import OF_THE_DATA
from monai_dcgan.evaluation import read_report
from monai_dcgan.utils.enums import Split
from monai_dcgan.utils.files import read_json
from monai_dcgan.utils.run_folder import RunFolder

__all__ = ["RunFacts", "run_facts", "run_store"]

logger = logging.getLogger(__name__)

# Of the machine, or said beside each number.
_UNSAID = {*OF_THE_DATA, "extractor", "amp"}


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run, without what names data, patients or the machine.

    Attributes:
        network: settings of the generator.
        settings: settings of data and training.
        versions: versions of the packages that made it.
        images: real slices shown in the training.
        chosen: how the best of the generators was chosen, as ``best.json`` says; None where the last one was kept.
        device: what it was trained on, ``cpu`` or ``cuda``.
        patients: part -> number of patients.
        training_slices: number of slices trained with; None where the store is gone.
        metrics: what the evaluation found, or None without one.
    """

    network: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, str]
    images: int
    chosen: dict[str, Any] | None
    device: str
    patients: dict[str, int]
    training_slices: int | None
    metrics: dict[str, Any] | None

    @property
    def image_channels(self) -> list[str]:
        """Names of the image channels: the modalities where they were named."""
        number, named = self.network["image_channels"], self.settings.get("modalities")
        names = [str(name) for name in named or () if not str(name).isdigit()]
        if len(names) == number:
            return names
        return ["image"] if number == 1 else [f"image {channel + 1}" for channel in range(number)]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, as the data name them; none where the generator has no classes."""
        named = self.network.get("class_names") or []
        return [str(name) for name in named] or [f"class {number}" for number in range(self.network["num_classes"])]

    @property
    def mask_channels(self) -> list[str]:
        """Names of the mask channels."""
        number = self.network["mask_channels"]
        return ["tumor mask"] if number == 1 else [f"tumor mask {channel + 1}" for channel in range(number)]


def run_facts(run: RunFolder, store: SliceStore | None = None) -> RunFacts:
    """Read what is known of a finished run.

    Args:
        run: its folder.
        store: the slices that it was trained with, as of :func:`run_store`.

    Raises:
        FileNotFoundError: when no trained generator lies in the folder.
        ValueError: when the run is not finished, or a file of it is damaged.
    """
    run.check_trained()
    record = read_json(run.path / "run.json")
    if record.get("status") != "completed":
        raise ValueError(
            f"run must be a finished training, {run.path} is {record.get('status')!r}; go on with it: --resume"
        )
    splits = load_splits(run.split)
    parts = Counter(map(str, splits.values()))
    slices = None if store is None else len(SliceDataset(store, splits=splits, part=Split.TRAIN))
    measured = run.path / "evaluation" / "metrics.json"
    evaluated = measured.is_file()
    if evaluated and measured.stat().st_mtime < run.model.stat().st_mtime:
        logger.warning("%s is older than the weights: were they measured? Run monai-dcgan evaluate again", measured)
    return RunFacts(
        network=record["network"],
        settings={name: value for name, value in record["settings"].items() if name not in _UNSAID},
        versions={name: version.split("+")[0] for name, version in record["versions"].items()},
        images=record["images"],
        chosen=read_json(run.best.with_suffix(".json")) if record["settings"].get("keep") == "best" else None,
        device=str(record.get("conditions", {}).get("device", "unknown")).split(":")[0],
        patients={str(part): parts[str(part)] for part in Split},
        training_slices=slices,
        metrics=read_report(run.path)[0] if evaluated else None,
    )


def run_store(run: RunFolder) -> SliceStore | None:
    """Return the store that a run was trained with, or None where it is no longer in its place."""
    settings = read_json(run.path / "settings.json")
    places = [settings["dataset_dir"]]
    if Path(settings["cache_dir"]).is_dir():
        places += sorted(map(str, Path(settings["cache_dir"]).iterdir()))
    for place in filter(is_store, places):
        try:
            store = SliceStore(place)
        except ValueError as error:
            logger.warning("passed over: %s", error)
            continue
        if store.complete and store.digest == settings.get("data_digest"):
            return store
    logger.warning(
        "the slices that %s was trained with are no longer in their place: the bundle does not say how many they are, "
        "and names of cases are not looked for in it",
        run.path,
    )
    return None
