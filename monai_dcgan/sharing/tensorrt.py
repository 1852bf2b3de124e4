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
"""Compile a generator with TensorRT, or say plainly why that cannot be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.networks import trt_compile
from monai.utils import optional_import
from torch import nn

__all__ = ["compiled_network"]

_PACKAGES = {"tensorrt": "tensorrt", "polygraphy": "polygraphy", "cuda.bindings.runtime": "cuda-python"}


def compiled_network(
    network: nn.Module, base_path: str, device: str | torch.device, args: Mapping[str, Any] | None = None
) -> nn.Module:
    """Compile a network with MONAI's ``trt_compile``, which without TensorRT would leave it as it is in silence.

    The plan is built when the first batch comes, which takes a minute, and kept beside ``base_path`` for the next time.
    Other arguments and other GPUs have plans of their own.

    Args:
        network: generator with its weights.
        base_path: where plans are kept; the weights, so that a plan is built anew when they change.
        device: a CUDA device.
        args: arguments of MONAI's ``TrtCompiler``, such as ``precision``.

    Returns:
        ``network``, on ``device`` and in evaluation mode.

    Raises:
        ValueError: when ``device`` is no GPU.
        ImportError: when a package that it needs is missing.
    """
    if torch.device(device).type != "cuda":
        raise ValueError(
            f"device must be a CUDA device for TensorRT, got {str(device)!r}; run without inference_trt.json on a CPU"
        )
    missing = [name for module, name in _PACKAGES.items() if not optional_import(module)[1]]
    if missing:
        raise ImportError(
            f"TensorRT needs {', '.join(missing)}; pip install {' '.join(missing)}, or run without inference_trt.json"
        )
    # MONAI knows plans by their path and by the age of the weights alone.
    made_for = {"args": dict(args or {}), "gpu": torch.cuda.get_device_name(device)}
    key = hashlib.sha256(json.dumps(made_for, sort_keys=True, default=str).encode()).hexdigest()[:12]
    timestamp = int(Path(base_path).stat().st_mtime)
    return trt_compile(network.to(device).eval(), f"{base_path}.{key}", args={**(args or {}), "timestamp": timestamp})
