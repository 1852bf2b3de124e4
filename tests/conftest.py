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
"""Fixtures that several test packages share."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def untouched_logging() -> None:
    """The command line sets levels for its process; no test sees what another one set."""
    for name in ("monai_dcgan", "monai_dcgan.evaluation.handler"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def denormals() -> None:
    """A training flushes denormal numbers to 0 for its process; no test sees what another one set."""
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real brain MRI, from ``MONAI_DCGAN_DATA`` or beside the checkout; tests skip where it is absent."""
    folder = Path(os.environ.get("MONAI_DCGAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set MONAI_DCGAN_DATA")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of digital patients."""
    from monai_dcgan.data.phantom import write_phantoms

    return write_phantoms(tmp_path_factory.mktemp("phantoms") / "data", num_patients=8, spacing=4.0)


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Arguments of the command line for a training of seconds."""
    values = {
        "modalities": '["FLAIR"]',
        "image_size": 32,
        "width": 4,
        "latent_size": 8,
        "images_per_epoch": 32,
        "batch_size": 8,
        "max_epochs": 2,
        "val_interval": 1,
        "log_interval": 2,
        "label_smoothing": 0.1,
        "d_contrast": 0.5,
        "d_translation": 0.125,
        "split_fractions": "[0.5, 0.25, 0.25]",
    }
    return [argument for name, value in values.items() for argument in ("--set", f"{name}={value}")]


@pytest.fixture(scope="session")
def trained(phantoms: Path, tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a training of seconds on digital patients."""
    from monai_dcgan.cli import main

    run = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(phantoms), "--out", str(run), *tiny]) == 0
    return run
