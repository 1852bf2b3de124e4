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
"""Bundles made from a phantom run, for the tests of sharing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from monai_dcgan.cli import main


@pytest.fixture(scope="session")
def evaluated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of ``trained``, compared with its held-out patients."""
    run = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(trained, run)
    assert main(["evaluate", str(run)]) == 0
    return run


@pytest.fixture(scope="session", params=["package", "scripts"])
def made(request: pytest.FixtureRequest, evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of that run, in both forms."""
    out = tmp_path_factory.mktemp("bundles") / f"phantom_{request.param}"
    said = ["--authors", "A. Author", "--data-source", "digital patients", "--version", "1.2.3", "--changes", "trained"]
    form = ["--scripts"] if request.param == "scripts" else []
    assert main(["bundle", str(evaluated), "--out", str(out), *said, *form]) == 0
    return out
