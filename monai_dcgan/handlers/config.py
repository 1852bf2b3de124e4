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
"""Handlers of a config that stand under an id of their own."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["named"]

Handler = TypeVar("Handler")


def named(handler: Handler) -> Handler:
    """Return ``handler`` as it is.

    MONAI's checks of a bundle expect that every entry in a list of handlers is a component, not a reference. With this
    one, ``{"_target_": "monai_dcgan.handlers.named", "handler": "@train#log"}``, others can refer to the same handler.
    """
    return handler
