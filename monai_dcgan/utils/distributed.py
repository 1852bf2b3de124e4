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
"""What several processes that train together exchange; with one process nothing happens.

Gradients are averaged by one call a step instead of by ``DistributedDataParallel``: a step of a GAN sends two or three
batches through a network before one backward pass, freezes it in the other network's step, and takes gradients of
gradients, which that class does not support together.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import ignite.distributed as idist
import torch
from torch import nn

__all__ = ["average_gradients", "broadcast_weights", "join", "leave", "local_device", "mean_over_processes"]


def join(distributed: bool) -> None:
    """Join the processes that ``torchrun`` has started, by NCCL where there are GPUs, else by Gloo.

    Args:
        distributed: whether there are others; if not, nothing happens.

    Raises:
        ValueError: when ``distributed`` is on in a process that ``torchrun`` has not started.
    """
    if not distributed:
        return
    if "LOCAL_RANK" not in os.environ:
        raise ValueError(
            "distributed must be on under torchrun alone, got a process without LOCAL_RANK; start it by "
            "torchrun --standalone --nproc-per-node N -m monai.bundle run ..."
        )
    idist.initialize("nccl" if torch.cuda.is_available() else "gloo")


def leave(distributed: bool) -> None:
    """Part from the other processes, if there are any."""
    if distributed:
        idist.finalize()


def local_device() -> torch.device:
    """Return the device of this process: the GPU with its number on this machine, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace the gradients of every process by their mean over all processes.

    Args:
        parameters: the same ones in the same order in every process; those without gradient are left out.
    """
    if idist.get_world_size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = mean_over_processes(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = flat.split([gradient.numel() for gradient in gradients])
    torch._foreach_copy_(gradients, [part.view_as(gradient) for part, gradient in zip(parts, gradients)])


def mean_over_processes(values: torch.Tensor) -> torch.Tensor:
    """Return the mean of a tensor over all processes; it has the same shape in each."""
    if idist.get_world_size() == 1:
        return values
    total = idist.all_reduce(values.clone())
    assert isinstance(total, torch.Tensor)
    return total / idist.get_world_size()


def broadcast_weights(*networks: nn.Module) -> None:
    """Give the networks of every process the parameters and buffers of the first process's."""
    if idist.get_world_size() == 1:
        return
    for network in networks:
        for value in network.state_dict().values():
            value.copy_(idist.broadcast(value.detach().contiguous(), src=0))
