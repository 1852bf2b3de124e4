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
"""Losses: adversarial, L1 with a stated pairing, feature matching."""

from __future__ import annotations

from monai_dcgan.losses.adversarial import (
    AdversarialKind,
    AdversarialLoss,
    BCEAdversarialLoss,
    HingeAdversarialLoss,
    LeastSquaresAdversarialLoss,
    RelativisticAdversarialLoss,
    WassersteinAdversarialLoss,
    adversarial_loss,
)
from monai_dcgan.losses.feature_matching import FeatureMatchingLoss
from monai_dcgan.losses.penalties import GradientPenalty
from monai_dcgan.losses.reconstruction import L1Pairing, PairedL1Loss
from monai_dcgan.losses.terms import DiscriminatorLoss, GeneratorLoss

__all__ = [
    "AdversarialKind",
    "AdversarialLoss",
    "BCEAdversarialLoss",
    "DiscriminatorLoss",
    "FeatureMatchingLoss",
    "GeneratorLoss",
    "GradientPenalty",
    "HingeAdversarialLoss",
    "L1Pairing",
    "LeastSquaresAdversarialLoss",
    "PairedL1Loss",
    "RelativisticAdversarialLoss",
    "WassersteinAdversarialLoss",
    "adversarial_loss",
]
