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
"""A blinded study: real and synthetic slices in one order and one encoding, and the key that tells them apart."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monai_dcgan.utils.checks import check_positive_int

__all__ = ["KEY_FORMAT", "REAL", "SYNTHETIC", "VERSION", "Candidates", "Study", "make_study", "to_gray"]

REAL, SYNTHETIC = "real", "synthetic"
KEY_FORMAT, VERSION = "monai-dcgan-reader-key", 1
MOST_REPEATS = 0.4
_ID_DIGITS = 12
_STUDY_DIGITS = 16
_TOLERANCE = 1e-3


@dataclass
class Candidates:
    """Slices of one kind that were drawn for a study.

    Args:
        pixels: (N, C, H, H) uint8, from ``to_gray``.
        masks: (N, M, H, H) with values {0, 1}; M may be 0.
        sources: N numbers that tell the study's leader which slice each is: its index in the store or synthetic set.
        classes: N names of classes, "" where there are none.
        patients: N pseudonyms of patients; None for synthetic slices.

    Raises:
        ValueError: when shapes, types or lengths do not fit.
    """

    pixels: np.ndarray
    masks: np.ndarray
    sources: Sequence[int]
    classes: Sequence[str]
    patients: Sequence[str] | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 4 or 0 in shape or shape[2] != shape[3]:
            raise ValueError(
                f"pixels must be uint8 of shape (N, C, H, H), got {self.pixels.dtype} of shape {shape}; use to_gray"
            )
        if self.masks.ndim != 4 or len(self.masks) != len(self.pixels) or self.masks.shape[2:] != shape[2:]:
            raise ValueError(f"masks must be (N, M, H, H) that fits pixels {shape}, got {self.masks.shape}")
        if not np.isin(self.masks, (0, 1)).all():
            raise ValueError(f"masks must hold only 0 and 1, got {self.masks.min()} to {self.masks.max()}")
        for name, values in (("sources", self.sources), ("classes", self.classes), ("patients", self.patients)):
            if values is not None and len(values) != len(self.pixels):
                raise ValueError(f"{name} must be one per slice, {len(self.pixels)}, got {len(values)}")

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass
class Study:
    """A blinded study.

    Attributes:
        page: what the page holds: ``study`` (its id), ``size``, ``channels``, ``mask_channels``, ``items`` with ``id``,
            ``pixels`` and ``masks`` (base64 of raw bytes; the same length for every item).
        key: what the page must not hold: which item is what, its source, class, patient's pseudonym, and the item that
            it repeats.
    """

    page: dict[str, Any]
    key: dict[str, Any]


def to_gray(images: np.ndarray, levels: int) -> np.ndarray:
    """Quantize images to 8 bits by way of the levels that the synthetic set was stored with.

    Rounding twice leaves a comb in the histogram. Both kinds of slices pass the same two steps, so that both bear it.

    Args:
        images: any shape, in [0, 1].
        levels: the brightest stored value of the synthetic set, such as 1000.

    Returns:
        the same shape, uint8, where 255 stands for 1.

    Raises:
        ValueError: when a value lies outside [0, 1] or is not finite.
    """
    check_positive_int("levels", levels)
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):
        raise ValueError(f"images must lie in [0, 1], got {low:g} to {high:g}; scale them first")
    stored = np.rint(images.astype(np.float64).clip(0, 1) * levels)
    return np.rint(stored / levels * 255).astype(np.uint8)


def make_study(
    synthetic: Candidates, real: Candidates, seed: int = 0, repeats: float = 0.0, channels: Sequence[str] | None = None
) -> Study:
    """Blind and shuffle slices.

    Order and ids come from a hash of the seed together with all pixels and which of them are real. So the same input
    gives the same study, yet nobody who has the page, this program and the seed can compute which slices are real.

    Args:
        synthetic: the synthetic slices.
        real: as many real ones.
        seed: seed of order and ids.
        repeats: share of the slices that are shown twice, half of them real, from 0 to 0.4; at least a quarter of
            the study lies between.
        channels: one name per channel of the images.

    Returns:
        the study.

    Raises:
        ValueError: when the two kinds differ in number, size or channels, or ``repeats`` is out of its range.
    """
    _check_alike(synthetic, real)
    names = [f"{number + 1}" for number in range(real.pixels.shape[1])] if channels is None else list(channels)
    if len(names) != real.pixels.shape[1]:
        raise ValueError(f"channels must be one name per channel, {real.pixels.shape[1]}, got {names}")
    if isinstance(repeats, bool) or not 0 <= repeats <= MOST_REPEATS:
        raise ValueError(f"repeats must be a share from 0 to {MOST_REPEATS}, got {repeats!r}")
    secret = _secret(seed, synthetic, real)
    random = np.random.default_rng(int.from_bytes(secret, "big"))
    chosen = [(kind, number) for kind in (REAL, SYNTHETIC) for number in range(len(real))]
    order = [chosen[place] for place in random.permutation(len(chosen))]
    order = _with_repeats(order, round(repeats * len(order)), random)
    ids = [hashlib.sha256(secret + b"item%d" % place).hexdigest()[:_ID_DIGITS] for place in range(len(order))]
    first: dict[tuple[str, int], str] = {}
    items, answers = [], []
    for identity, (kind, number) in zip(ids, order):
        slices = real if kind == REAL else synthetic
        items.append(
            {"id": identity, "pixels": _encoded(slices.pixels[number]), "masks": _packed(slices.masks[number])}
        )
        answers.append(
            {
                "id": identity,
                "truth": kind,
                "source": int(slices.sources[number]),
                "class_name": str(slices.classes[number]),
                "patient": None if slices.patients is None else str(slices.patients[number]),
                "repeat_of": first.get((kind, number)),
            }
        )
        first.setdefault((kind, number), identity)
    study = hashlib.sha256(secret + b"study").hexdigest()[:_STUDY_DIGITS]
    page = {
        "study": study,
        "size": real.pixels.shape[-1],
        "channels": names,
        "mask_channels": real.masks.shape[1],
        "items": items,
    }
    key = {"format": KEY_FORMAT, "version": VERSION, "study": study, "seed": seed, "items": answers}
    return Study(page, key)


def _check_alike(synthetic: Candidates, real: Candidates) -> None:
    if len(synthetic) != len(real):
        raise ValueError(f"a study must have as many real slices as synthetic ones, got {len(real)}, {len(synthetic)}")
    for name in ("pixels", "masks"):
        made, found = getattr(synthetic, name).shape[1:], getattr(real, name).shape[1:]
        if made != found:
            raise ValueError(
                f"{name} of synthetic and real slices must have the same shape per slice, got {made} and {found}; "
                "prepare the real ones with the image_size, modalities and masks of the synthetic ones"
            )


def _secret(seed: int, synthetic: Candidates, real: Candidates) -> bytes:
    """Return 32 bytes that depend on the seed and on which pixels are real."""
    digest = hashlib.sha256(f"{seed}".encode())
    for kind, slices in ((REAL, real), (SYNTHETIC, synthetic)):
        digest.update(kind.encode())
        digest.update(np.ascontiguousarray(slices.pixels).tobytes())
        digest.update(np.ascontiguousarray(slices.sources, dtype="<i8").tobytes())
    return digest.digest()


def _with_repeats(order: list[tuple[str, int]], count: int, random: np.random.Generator) -> list[tuple[str, int]]:
    """Show ``count`` slices again, as many real as synthetic, each at least a quarter of the study after its first."""
    early = {kind: [item for item in order if item[0] == kind][: len(order) // 4] for kind in (REAL, SYNTHETIC)}
    wanted = {REAL: count // 2, SYNTHETIC: count // 2}
    wanted[REAL if random.random() < 0.5 else SYNTHETIC] += count % 2
    again = [items[place] for kind, items in early.items() for place in random.permutation(len(items))[: wanted[kind]]]
    shown = list(order)
    for place in random.permutation(len(again)):
        soonest = shown.index(again[place]) + 1 + len(order) // 4
        shown.insert(int(random.integers(soonest, len(shown) + 1)), again[place])
    return shown


def _encoded(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _packed(mask: np.ndarray) -> str:
    """Return base64 of the bits of (M, H, H), most significant first."""
    return _encoded(np.packbits(mask.astype(bool), axis=None))
