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
"""Features of a TorchScript network: a classifier, or a detector of the project's own that returns features."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from monai_dcgan.evaluation.features.base import FeatureExtractor
from monai_dcgan.evaluation.features.preprocessing import resize
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.files import sha256_file

__all__ = ["TorchScriptExtractor", "load_script"]


def load_script(path: str | Path, device: torch.device) -> torch.jit.ScriptModule:
    """Load a TorchScript file, which holds a network and no Python code.

    Args:
        path: the file.
        device: where to run.

    Raises:
        ValueError: when the file is not TorchScript.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(path, map_location=device).eval()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} must be a TorchScript file made with torch.jit.save: {reason}") from error


class TorchScriptExtractor(FeatureExtractor):
    """Features of a TorchScript network, such as an ImageNet classifier or the project's own tumor detector.

    Args:
        path: TorchScript file; its network takes (B, 3, input_size, input_size).
        input_size: side length in pixels that the network takes; slices are resized to it.
        value_range: values that the network takes for black and white.
        output_index: which output holds the features (B, d), where the network returns several.
        device: where to run.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is not TorchScript.

    Example:
        >>> extractor = TorchScriptExtractor("mobilenetv2_imagenet.ts")  # doctest: +SKIP
        >>> extractor(torch.rand(2, 1, 64, 64)).shape  # doctest: +SKIP
        torch.Size([2, 1280])
    """

    def __init__(
        self,
        path: str | Path,
        input_size: int = 224,
        value_range: tuple[float, float] = (-1.0, 1.0),
        output_index: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        check_positive_int("input_size", input_size)
        if len(value_range) != 2 or not value_range[0] < value_range[1]:
            raise ValueError(f"value_range must be (black, white) with black below white, got {value_range}")
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}; give a TorchScript file")
        self.device = torch.device(device)
        self._network = load_script(path, self.device)
        self._input_size, self._value_range, self._output_index = input_size, value_range, output_index
        self.name = path.stem
        self.sha256 = sha256_file(path)
        self.layer = f"output {output_index}"
        self.preprocessing = (
            f"gray repeated to 3 channels, antialiased bilinear resize to {input_size}x{input_size}, "
            f"[0, 1] scaled to [{value_range[0]:g}, {value_range[1]:g}]"
        )

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        low, high = self._value_range
        output = self._network(resize(images, self._input_size) * (high - low) + low)
        if not isinstance(output, torch.Tensor):
            if not -len(output) <= self._output_index < len(output):
                raise ValueError(
                    f"output_index must name one of the {len(output)} outputs of {self.name}, got {self._output_index}"
                )
            output = output[self._output_index]
        features = output.flatten(1) if output.shape[2:].numel() == 1 else output
        if features.ndim != 2:
            raise ValueError(
                f"{self.name} must return features (B, d) as {self.layer}, got the shape {tuple(output.shape)}; "
                "choose another output_index or pool them in the network"
            )
        return features
