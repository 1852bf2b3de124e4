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
"""Checks of arguments: each error names the argument, the rule and the value."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "check_choice",
    "check_count",
    "check_fraction",
    "check_image_size",
    "check_keep",
    "check_non_negative",
    "check_num_classes",
    "check_positive",
    "check_positive_int",
]

MIN_IMAGE_SIZE = 32
MAX_IMAGE_SIZE = 512


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of ``choices``."""
    options = [str(choice) for choice in choices]
    if str(value) not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}, got {value!r}")


def check_positive_int(name: str, value: object) -> None:
    """Raise ``ValueError`` unless ``value`` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def check_positive(name: str, value: float) -> None:
    """Raise ``ValueError`` unless ``value`` is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a number above 0, got {value!r}")


def check_non_negative(name: str, value: float) -> None:
    """Raise ``ValueError`` unless ``value`` is a number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}")


def check_count(name: str, value: object) -> None:
    """Raise ``ValueError`` unless ``value`` is an integer of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, got {value!r}")


def check_num_classes(value: int, class_names: Iterable[str]) -> None:
    """Raise ``ValueError`` unless ``value`` is 0 or the number of classes of the data."""
    names = list(class_names)
    if value not in (0, len(names)):
        known = f"{len(names)} ({', '.join(names) or 'no classes'})"
        raise ValueError(f"num_classes must be 0 or that of the data, {known}, got {value!r}")


def check_keep(keep: str, val_interval: int, max_epochs: int) -> None:
    """Raise ``ValueError`` when the best generator is to be kept and no epoch would be validated."""
    check_choice("keep", keep, ("best", "last"))
    if keep == "best" and val_interval > max_epochs:
        raise ValueError(
            f"val_interval must be at most max_epochs, {max_epochs}, to keep the best generator, got {val_interval}"
        )


def check_fraction(name: str, value: float) -> None:
    """Raise ``ValueError`` unless ``value`` is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1, got {value!r}")


def check_image_size(value: object) -> None:
    """Raise ``ValueError`` unless ``value`` is a side length that the networks are made for, in pixels."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value & (value - 1) or not MIN_IMAGE_SIZE <= value <= MAX_IMAGE_SIZE:  # type: ignore[operator]
        raise ValueError(
            f"image_size must be a power of two from {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE}, got {value!r}; "
            "slices are resized to it, so any of these sizes fits any data"
        )
