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
"""What commands share: from arguments to settings, and what is printed of them."""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.utils.text import aligned
from monai_dcgan.workflow import DCGANWorkflow, config_file, overlay_file

__all__ = ["make_workflow", "parsed", "print_plan", "training_workflow"]


def training_workflow(args: argparse.Namespace, override: dict[str, Any]) -> DCGANWorkflow:
    """Return the workflow of a training with what the command line says on top."""
    return make_workflow(args, [config_file("train")], {"image_size": args.image_size, **override})


def make_workflow(args: argparse.Namespace, files: list[Path], override: dict[str, Any]) -> DCGANWorkflow:
    """Return the workflow of ``files``, the overlays of ``--config``, ``override`` but for None, and ``--set``."""
    files = [*files, *(overlay_file(name) for name in args.config)]
    given = {name: value for name, value in override.items() if value is not None}
    return DCGANWorkflow(files, {**given, **dict(parsed(args.set))}, workflow_type="train", logging_file=False)


def parsed(assignments: list[tuple[str, str]]) -> list[tuple[str, Any]]:
    """Read values as Python literals, JSON words, or else as text."""
    result = []
    for name, text in assignments:
        words = {"true": True, "false": False, "null": None}
        try:
            value = words[text] if text in words else ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        result.append((name, value))
    return result


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print names and values in two columns."""
    texts = [
        (name, value if isinstance(value, str) else json.dumps(value, default=str)) for name, value in plan.items()
    ]
    print(aligned(texts))
