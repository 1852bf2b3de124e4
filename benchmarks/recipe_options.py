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
"""The runs that ``recipes.py screen`` compares."""

from __future__ import annotations

from typing import Any

from monai_dcgan.utils.files import read_json
from monai_dcgan.workflow import config_file, overlay_file

__all__ = ["options"]

STEPS: dict[str, tuple[str, ...]] = {
    "+adversarial_alone": ("l1_weight", "feature_matching_weight"),
    "+d_augmentation": ("d_brightness", "d_contrast", "d_translation"),
    "+label_smoothing": ("label_smoothing",),
    "+batch_16": ("batch_size",),
    "+flips_alone": ("rotation", "contrast", "brightness"),
    "+generator": ("upsampling", "g_residual", "g_head"),
    "+discriminator": ("d_norm", "d_minibatch_std", "d_stem", "d_blur"),
    "+r1": ("r1", "penalty_every"),
    "+adam": ("learning_rate", "adam_betas"),
}
"""From the recipe ``paper`` to ``default``, one group of settings after the other."""
AFFINE = {"d_rotation": 10.0, "d_scale": 0.2}
VARIANTS: dict[str, dict[str, Any]] = {
    "no_g_head": {"g_head": 0},
    "momentum": {"adam_betas": [0.5, 0.999]},
    "slower": {"learning_rate": 2e-4},
    "faster": {"learning_rate": 1e-3},
    "transposed": {"upsampling": "transposed"},
    "no_d_augmentation": {"d_brightness": 0.0, "d_contrast": 0.0, "d_translation": 0.0},
    "batch_64": {"batch_size": 64},
    "no_r1": {"r1": 0.0},
    "r1_strong": {"r1": 0.3},
    "batch_norm": {"d_norm": "batch"},
    "no_norm": {"d_norm": "none"},
    "relativistic_r2": {"label_smoothing": 0.0, "r2": 0.1, "adversarial_loss": "relativistic"},
    "hinge": {"label_smoothing": 0.0, "adversarial_loss": "hinge"},
    "spectral_norm": {"d_norm": "none", "d_spectral_norm": True},
    "affine": AFFINE,
    "adaptive": {**AFFINE, "ada_target": 0.6, "ada_images": 100_000},
    "no_minibatch_std": {"d_minibatch_std": 0},
    "no_stem_no_blur": {"d_stem": 0, "d_blur": False},
    "classes": {"num_classes": 3},
    "no_smoothing": {"label_smoothing": 0.0},
    "feature_matching": {"feature_matching_weight": 1.0},
    "no_g_residual": {"g_residual": False},
    "d_residual": {"d_residual": True},
    "all_of_real_augmentation": {"rotation": 0.5, "contrast": 0.3, "brightness": 0.3},
    "batch_8": {"batch_size": 8},
    "no_stem": {"d_stem": 0},
    "r1_weak": {"r1": 0.03},
    "r2": {"r2": 0.1},
    "least_squares": {"label_smoothing": 0.0, "adversarial_loss": "least_squares"},
    "wasserstein": {
        "label_smoothing": 0.0,
        "adversarial_loss": "wasserstein",
        "r1": 0.0,
        "wgan_gp": 10.0,
        "penalty_every": 1,
    },
    "two_time_scales": {"learning_rate": 2.5e-4, "d_learning_rate": 1e-3},
    "cutout": {"d_cutout": 0.5},
    "instance_noise": {"instance_noise": 0.1, "instance_noise_images": 50_000},
    "mask_blur": {"mask_blur": 0.7},
    "l1": {"l1_weight": 1.0},
}
"""What is changed in the recipe ``default``, one thing at a time; what is likely to matter most comes first."""


def options() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the runs of ``screen``: the recipe that each starts from, and what it changes."""
    default, paper = read_json(config_file("train")), read_json(overlay_file("train/paper"))
    runs: dict[str, tuple[str, dict[str, Any]]] = {"paper": ("paper", {}), "default": ("default", {})}
    changed: dict[str, Any] = {}
    for name, ids in STEPS.items():
        changed |= {setting: default[setting] for setting in ids}
        runs[name] = ("paper", dict(changed))
    # The last step arrives at the recipe that stands there already.
    runs.popitem()
    left = sorted(name for name, value in paper.items() if {**paper, **changed}[name] != default[name])
    if left:
        raise SystemExit(f"the steps must lead from the recipe paper to default, {', '.join(left)} are left out")
    return {**runs, **{f"default_{name}": ("default", change) for name, change in VARIANTS.items()}}
