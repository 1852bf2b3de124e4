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
"""The examples that make slices without the package, in processes that cannot import it."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from monai_dcgan.data import generate_arrays
from monai_dcgan.sharing import BundleLabel, make_bundle
from monai_dcgan.sharing.exports import export_model


@pytest.fixture
def run(repository, tmp_path):
    """Run an example where ``import monai_dcgan`` fails."""
    blocker = tmp_path / "blocker"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text("import sys\nsys.modules['monai_dcgan'] = None\n")

    def call(name, *arguments):
        command = [sys.executable, str(repository / "examples" / "serving" / name), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(blocker)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return call


def test_plain_pytorch(run, trained, tmp_path):
    export_model(trained, tmp_path, ["torchscript"])
    assert "20 slices of (1, 32, 32) in slices.npz" in run(
        "plain_pytorch.py", "generator.ts", "--num", 20, "--out", "slices.npz"
    )
    made = np.load(tmp_path / "slices.npz")
    assert made["image"].shape == made["label"].shape == (20, 1, 32, 32)
    assert 0 <= made["image"].min() < made["image"].max() <= 1
    assert set(np.unique(made["label"])) <= {0, 1}
    assert made["image"].std(axis=0).max() > 0.01, "slices differ"


def test_monai_project(run, trained, tmp_path):
    make_bundle(trained, tmp_path / "my_bundle", BundleLabel("my bundle"), scripts=True)
    lines = run("monai_project.py", "my_bundle", "--num", 20).splitlines()
    assert [line.split(")")[0] for line in lines if line.startswith("(")] == ["(16, 1, 32, 32", "(4, 1, 32, 32"]


def test_slices_of_a_bundle_are_those_of_the_run(repository, trained, tmp_path, monkeypatch):
    bundle = make_bundle(trained, tmp_path / "my_bundle", BundleLabel("my bundle"))
    monkeypatch.syspath_prepend(repository / "examples" / "serving")
    from monai_project import BundleSlices

    images, masks = generate_arrays(trained, 5, seed=3)
    slices = BundleSlices(str(bundle), 5, seed=3)
    for index in range(5):
        np.testing.assert_allclose(slices[index]["image"], images[index], atol=1e-5)
        assert (slices[index]["label"].numpy() != masks[index]).mean() < 0.01
