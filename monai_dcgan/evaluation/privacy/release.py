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
"""What a synthetic set would give away if it were released: copies, and who was in the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_dcgan.evaluation.features import FeatureExtractor
from monai_dcgan.evaluation.privacy.controls import control
from monai_dcgan.evaluation.privacy.membership import membership_control, membership_inference
from monai_dcgan.evaluation.privacy.memorization import Slices, described, memorization

__all__ = ["privacy_of"]

COPIES_PER_KIND = 50


def privacy_of(
    synthetic: Slices,
    training: Slices | None,
    heldout: Slices,
    extractor: FeatureExtractor,
    seed: int = 0,
    num_samples: int = 200,
    batch_size: int = 32,
    cache_dir: str | Path | None = None,
) -> tuple[dict[str, Any] | None, str | None]:
    """Look for copies of training slices and for signs of membership, each with a control that must find them.

    Args:
        synthetic: the set to be released; what :class:`DescribedSlices` know already is not computed anew.
        training: all slices of the training, with patients; None where they are not at hand.
        heldout: real slices of other patients.
        extractor: gives the features.
        seed: seed of every draw.
        num_samples: bootstrap draws.
        batch_size: slices that pass through the extractor at a time.
        cache_dir: folder where features are kept for the next time; None keeps none.

    Returns:
        ``memorization``, ``control``, ``membership`` and ``membership_control``, each what the function of
        :mod:`monai_dcgan.evaluation.privacy` returned, the controls None where the held-out slices are of one patient;
        or None. And why something is missing, or None.
    """
    if training is None:
        return None, "the training slices were not given"
    if training.patients is None:
        return None, "the patients of the training slices are not known"
    made, train, real = (
        described(slices, extractor, batch_size, cache_dir) for slices in (synthetic, training, heldout)
    )
    options: dict[str, Any] = {"seed": seed, "num_samples": num_samples}
    found: dict[str, Any] = {
        "memorization": memorization(made, train, real, **options),
        "membership": membership_inference(made, train, real, **options),
        "control": None,
        "membership_control": None,
    }
    if len(set(real.people("heldout"))) < 2:
        return found, "no control: the held-out slices are of one patient, or of one group without names"
    found["control"] = control(train, real, per_kind=COPIES_PER_KIND, **options)
    found["membership_control"] = membership_control(train, real, **options)
    return found, None
