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
"""Studies and simulated readers that the tests of reader studies share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monai_dcgan.evaluation.readers import Candidates, Study, make_study


@pytest.fixture
def make_candidates() -> Callable[..., Candidates]:
    """Make slices of noise with a square as mask: real and synthetic ones have one distribution."""

    def make(
        count: int = 10, seed: int = 0, patients: int | None = None, size: int = 32, channels: int = 1, masks: int = 1
    ) -> Candidates:
        random = np.random.RandomState(seed)
        regions = np.zeros((count, masks, size, size), dtype=np.uint8)
        regions[:, :, 4:12, 6:20] = 1
        return Candidates(
            random.randint(0, 256, (count, channels, size, size)).astype(np.uint8),
            regions,
            random.permutation(count).tolist(),
            [("glioma", "meningioma")[number % 2] for number in range(count)],
            None if patients is None else [f"p{number % patients}" for number in range(count)],
        )

    return make


@pytest.fixture
def small_study(make_candidates: Callable[..., Candidates]) -> Callable[..., Study]:
    """Make a study of ``num`` slices."""

    def make(num: int = 20, seed: int = 0, repeats: float = 0.2, **options: Any) -> Study:
        synthetic = make_candidates(num // 2, seed=2 * seed, **options)
        real = make_candidates(num // 2, seed=2 * seed + 1, patients=options.pop("patients", num // 2), **options)
        return make_study(synthetic, real, seed, repeats)

    return make


@pytest.fixture
def simulate() -> Callable[..., dict[str, Any]]:
    """Answer a study as a reader of known skill: the distance between what is seen of real and synthetic slices."""

    def answer(study: Study, name: str, skill: float, seed: int, bias: float = 0.0) -> dict[str, Any]:
        random = np.random.RandomState(seed)
        answers = {}
        for item in study.key["items"]:
            seen = random.randn() + (skill if item["truth"] == "synthetic" else 0) - skill / 2 + bias
            answers[item["id"]] = {
                "verdict": "synthetic" if seen > 0 else "real",
                "confidence": int(np.clip(1 + abs(seen) * 2, 1, 5)),
                "realism": int(np.clip(np.rint(3 - seen), 1, 5)),
                "quality": int(random.randint(1, 6)),
                "comment": "",
                "mask_shown": False,
                "seconds": 4.0,
            }
        return {"reader": name, "answers": answers}

    return answer
