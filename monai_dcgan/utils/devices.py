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
"""What the device at hand is good at."""

from __future__ import annotations

import torch
from ignite.utils import manual_seed
from monai.utils import set_determinism as monai_set_determinism

from monai_dcgan.utils.checks import check_choice

__all__ = ["AMP_MODES", "autocast_dtype", "pick_device", "set_determinism"]

AMP_MODES = ("auto", "bfloat16", "float16", "off")


def pick_device(name: str = "auto") -> torch.device:
    """Return the device ``name``; ``auto`` is the first CUDA device where there is one, else the CPU.

    Raises:
        ValueError: when ``name`` asks for CUDA and PyTorch finds none.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device must be one that PyTorch finds, got {name!r} without CUDA; use 'cpu' or 'auto'")
    return device


def autocast_dtype(amp: str, device: str | torch.device) -> torch.dtype | None:
    """Return the type of automatic mixed precision, or ``None`` for full precision.

    ``auto`` takes bfloat16 where the device computes with it natively: a GPU since Ampere, a CPU with AVX512-BF16 or
    AMX. An older GPU gets float16.

    Args:
        amp: ``auto``, ``bfloat16``, ``float16`` or ``off``.
        device: the device of the training.

    Raises:
        ValueError: when ``amp`` is none of these, or float16 is asked for on a CPU.
    """
    check_choice("amp", amp, AMP_MODES)
    device = torch.device(device)
    if amp == "off":
        return None
    if amp == "float16" and device.type == "cpu":
        raise ValueError("amp must be auto, bfloat16 or off on a CPU, got 'float16'")
    if amp != "auto":
        return getattr(torch, amp)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"):
            return torch.bfloat16
    return None


def set_determinism(seed: int, deterministic: bool) -> None:
    """Seed all random numbers and choose how a GPU computes.

    Args:
        seed: seed of the run.
        deterministic: whether cuDNN takes algorithms that give the same bits every time; if not, it tries which are the
            fastest. Bilinear interpolation of PyTorch on a GPU does not give the same bits either way.
    """
    if deterministic:
        monai_set_determinism(seed=seed)
        return
    manual_seed(seed)
    torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.benchmark = True
