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
"""What the tests of evaluation share: sets of slices, and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_dcgan.evaluation import LabeledSlices

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


@pytest.fixture
def make_slices() -> Callable[..., LabeledSlices]:
    """Make slices with a bright ellipse (the head) and a brighter disk (the mask), different for each patient."""

    def make(
        patients: int = 4, per_patient: int = 6, seed: int = 0, shift: float = 0.0, masks: int = 1
    ) -> LabeledSlices:
        random = np.random.RandomState(seed)
        y, x = np.mgrid[:32, :32]
        images, regions, names = [], [], []
        for patient in range(patients):
            height, width, gray = 10 + 3 * random.rand(), 8 + 3 * random.rand(), 0.3 + 0.2 * random.rand()
            row, column = 12 + 8 * random.rand() + shift, 12 + 8 * random.rand()
            for _ in range(per_patient):
                head = ((y - 16) / height) ** 2 + ((x - 16) / width) ** 2 < 1
                disk = (y - row) ** 2 + (x - column) ** 2 < (1.5 + 2 * random.rand()) ** 2
                images.append((head * gray + disk * 0.4 + 0.02 * random.rand(32, 32)).clip(0, 1)[None])
                regions.append(np.stack([disk] * masks))
                names.append(f"patient-{patient}")
        return LabeledSlices(np.stack(images), np.stack(regions), names)

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium without a window; tests that ask for it skip where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    found = [path for path in CHROMIUM if Path(path).is_file()]
    if not found:
        pytest.skip("needs Chromium")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        yield started
        started.close()
