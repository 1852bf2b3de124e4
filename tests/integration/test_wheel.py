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
"""The wheel: an installed package works outside the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

SOURCES = ("monai_dcgan", "bundle", "configs", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(repository, tmp_path_factory):
    """Folder with the unpacked wheel, built from a copy of the sources."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in SOURCES:
        path = repository / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(target.glob("*.whl"))) as wheel:
        wheel.extractall(target / "site")
    return target / "site"


def run(installed, cwd, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def test_wheel_carries_bundle_and_configs(installed, repository):
    for folder in ("bundle", "configs"):
        for path in (repository / folder).rglob("*"):
            if path.is_file():
                assert (installed / "monai_dcgan" / path.relative_to(repository)).is_file(), path
    for path in (repository / "monai_dcgan").rglob("page*"):
        if "__pycache__" not in path.parts:
            assert (installed / path.relative_to(repository)).is_file(), path


def test_installed_package_works_outside_the_checkout(installed, tmp_path, phantoms, tiny):
    probe = "import monai_dcgan.workflow as w; print(w.__file__); print(w.bundle_root())"
    done = run(installed, tmp_path, "-c", probe)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith(str(installed)) for line in done.stdout.split()), done.stdout
    done = run(installed, tmp_path, "-m", "monai_dcgan", "train", phantoms, "--out", "run", *tiny)
    assert done.returncode == 0, done.stderr
    done = run(installed, tmp_path, "-m", "monai_dcgan", "generate", "run", "--out", "made", "--num", "2")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made/dataset.json").is_file()


def test_the_wheel_alone_makes_slices_of_every_class(installed, tmp_path):
    done = run(installed, tmp_path, "-m", "monai_dcgan", "generate", "--out", "made", "--num", "64")
    assert done.returncode == 0, done.stderr
    cases = json.loads((tmp_path / "made/dataset.json").read_text())["training"]
    assert len(cases) == 64 and len({case["class_name"] for case in cases}) == 3
