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
"""Names for what an experiment keeps, by all that decides about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

__all__ = ["described", "digest"]


def described(value: Any) -> Any:
    """Return what identifies a value, JSON-like: of classes, functions and partial calls name and arguments.

    Raises:
        ValueError: when a value has no such description, as objects have none that are made already.
    """
    if isinstance(value, partial):
        return {
            "call": described(value.func),
            "positional": described(value.args),
            "keywords": described(value.keywords),
        }
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): described(own) for name, own in value.items()}
    if isinstance(value, Sequence):
        return [described(own) for own in value]
    if callable(value) and hasattr(value, "__qualname__") and "<" not in value.__qualname__:
        return f"{value.__module__}.{value.__qualname__}"
    raise ValueError(
        f"networks and transforms must be given as classes, named functions or functools.partial of them, got {value!r}"
        "; what was made with it could not be told from what was made with another"
    )


def digest(content: Mapping[str, Any]) -> str:
    """Return ten hexadecimal digits of the SHA-256 of JSON-like content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
