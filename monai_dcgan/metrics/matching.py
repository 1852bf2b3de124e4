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
"""Match slices of two sets whatever their intensities, flips and shifts: the core of every search for copies.

Slices are reduced to 64x64 pixels and centered on the head. The most alike by a 16x16 thumbnail are compared in detail:
the normalized cross-correlation (Lewis 1995, Fast Normalized Cross-Correlation, with means of whole slices) of
difference-of-Gaussians images, sigma 0.7 and 2 pixels, at its best shift of up to 6 pixels in steps of half a pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["FLIPS", "FLIP_NAMES", "Descriptors", "Matches", "best_matches", "candidates", "correlate", "describe"]

Images = np.ndarray | Tensor | Iterable[np.ndarray | Tensor]

SIDE, COARSE_SIDE = 64, 16
FINE_SIGMA, WIDE_SIGMA = 0.7, 2.0
MAX_SHIFT, SHIFT_STEP, NUM_CANDIDATES = 6, 0.5, 8
READ_BLOCK, ROW_BLOCK, COLUMN_BLOCK, PAIR_BLOCK = 256, 1024, 8192, 1024
# Below this share of the largest absolute value, a range of values is rounding.
FLAT = 1e-3
# Axes of (N, C, H, W) that are turned.
FLIPS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))
FLIP_NAMES = dict(zip(FLIPS, ("none", "left-right", "up-down", "both")))


class Descriptors(NamedTuple):
    """What is compared of N slices.

    Attributes:
        details: (N, C, 64, 64) float16, each slice of mean 0 and norm 1, or all 0 where it has no contrast.
        coarse: (N, C, 16, 16) float16 thumbnails, likewise.
        offsets: (N, 2) float32, by how many of the 64 pixels the head's middle lies below and right of the slice's.
        scale: pixels of the slice per pixel of 64, down and right.
    """

    details: Tensor
    coarse: Tensor
    offsets: Tensor
    scale: tuple[float, float]

    def __len__(self) -> int:
        return len(self.details)


class Matches(NamedTuple):
    """The most alike reference of each of N queries.

    Attributes:
        similarity: (N,) float64, at most 1; 0 where a query or every reference that it may have is without contrast.
        reference: (N,) int64, which reference; -1 where there is none.
        flip: (N,) int64, position in :data:`FLIPS`: how the query was turned.
        shift: (N, 2) float64, by how many pixels of the slice the turned query lies below and right of the reference.
    """

    similarity: np.ndarray
    reference: np.ndarray
    flip: np.ndarray
    shift: np.ndarray


def describe(images: Images, block: int = READ_BLOCK) -> Descriptors:
    """Reduce slices to what is compared: at most 17 KiB per slice and channel.

    Args:
        images: (N, C, H, W) floats, background lowest, in any linear scaling; or an iterable of such batches, in order.
        block: slices to work on at a time.

    Raises:
        ValueError: when shapes do not fit or a value is not finite.
    """
    details, coarse, offsets, scale = [], [], [], (1.0, 1.0)
    for batch in _batches(images, block):
        scale = (batch.shape[2] / SIDE, batch.shape[3] / SIDE)
        if not torch.isfinite(batch).all():
            raise ValueError("images must be finite, got NaN or infinity; mend the slices before looking for copies")
        pictures, offset = _centered(_scaled(batch))
        wide = F.interpolate(pictures, (COARSE_SIDE, COARSE_SIDE), mode="bilinear", antialias=True)
        details.append(_unit(_blurred(pictures, FINE_SIGMA) - _blurred(pictures, WIDE_SIGMA)).half())
        coarse.append(_unit(wide).half())
        offsets.append(offset)
    if not details:
        none = torch.zeros(0, 1, SIDE, SIDE)
        return Descriptors(none, none[:, :, :COARSE_SIDE, :COARSE_SIDE], torch.zeros(0, 2), scale)
    return Descriptors(torch.cat(details), torch.cat(coarse), torch.cat(offsets), scale)


def candidates(
    queries: Descriptors,
    references: Descriptors,
    axes: tuple[int, ...] = (),
    groups: tuple[Tensor, Tensor] | None = None,
    row_block: int = ROW_BLOCK,
    column_block: int = COLUMN_BLOCK,
) -> tuple[Tensor, Tensor]:
    """Return the positions (P,) of queries and (P,) of their most alike references by thumbnail, at most 8 each.

    Args:
        queries: slices to find a match for.
        references: slices to find it among.
        axes: axes of (N, C, H, W) along which the queries are turned.
        groups: a number per query and per reference; those of one number are not compared.
        row_block: queries to work on at a time.
        column_block: references to work on at a time; there is no matrix of all pairs.
    """
    all_rows, all_columns = ([torch.zeros(0, dtype=torch.long)] for _ in range(2))
    for top in range(0, len(queries), row_block):
        turned = queries.coarse[top : top + row_block].float().flip(axes).flatten(1)
        values, columns = torch.zeros(len(turned), 0), torch.zeros((len(turned), 0), dtype=torch.long)
        for left in range(0, len(references), column_block):
            block = turned @ references.coarse[left : left + column_block].float().flatten(1).T
            if groups is not None:
                own = groups[0][top : top + row_block, None] == groups[1][None, left : left + column_block]
                block = block.masked_fill(own, -torch.inf)
            found, places = block.topk(min(NUM_CANDIDATES, block.shape[1]), dim=1)
            values, columns = torch.cat([values, found], 1), torch.cat([columns, places + left], 1)
            values, keep = values.topk(min(NUM_CANDIDATES, values.shape[1]), dim=1)
            columns = columns.gather(1, keep)
        rows, places = torch.nonzero(values > 0, as_tuple=True)
        all_rows.append(rows + top)
        all_columns.append(columns[rows, places])
    return torch.cat(all_rows), torch.cat(all_columns)


def correlate(
    queries: Descriptors,
    references: Descriptors,
    rows: Tensor,
    columns: Tensor,
    axes: tuple[int, ...] = (),
    block: int = PAIR_BLOCK,
) -> tuple[Tensor, Tensor]:
    """Compare pairs in detail.

    Args:
        queries: slices of which ``rows`` picks.
        references: slices of which ``columns`` picks.
        rows: (P,) positions of queries.
        columns: (P,) positions of references.
        axes: axes of (N, C, H, W) along which the queries are turned.
        block: pairs to work on at a time.

    Returns:
        the correlation (P,) at the best shift, at most 1, and that shift (P, 2) of the centered pictures, down and
        right, in 64ths of the slice.
    """
    down, right = _shift_matrices()
    values, shifts = [torch.zeros(0)], [torch.zeros(0, 2)]
    for first, second in zip(rows.split(block), columns.split(block)) if len(rows) else ():
        spectra = torch.fft.rfft2(queries.details[first].float().flip(axes))
        spectra = spectra * torch.fft.rfft2(references.details[second].float()).conj()
        best, places = (down @ spectra.sum(1) @ right).real.flatten(1).max(1)
        values.append(best.clamp(max=1.0))
        steps = torch.stack([places // right.shape[1], places % right.shape[1]], dim=1)
        shifts.append(steps * SHIFT_STEP - MAX_SHIFT)
    return torch.cat(values), torch.cat(shifts)


def best_matches(
    queries: Descriptors,
    references: Descriptors,
    groups: tuple[np.ndarray, np.ndarray] | None = None,
    flips: tuple[tuple[int, ...], ...] = FLIPS,
) -> Matches:
    """Find the most alike reference of every query, which is taken as it is and flipped.

    Args:
        queries: slices to find a match for.
        references: slices to find it among.
        groups: a name per query and per reference; those of one name (a patient) are not compared.
        flips: which of :data:`FLIPS` to try.

    Raises:
        ValueError: when the numbers of channels differ or ``groups`` does not fit.

    Example:
        >>> images = np.random.RandomState(0).rand(3, 1, 64, 64)
        >>> best_matches(describe(images[:, :, :, ::-1].copy()), describe(images)).reference
        array([0, 1, 2])
    """
    if len(queries) and len(references) and queries.details.shape[1] != references.details.shape[1]:
        raise ValueError(
            "queries and references must have the same number of channels, got "
            f"{queries.details.shape[1]} and {references.details.shape[1]}"
        )
    codes = None if groups is None else _codes(groups, (len(queries), len(references)))
    count = len(queries)
    matches = Matches(np.zeros(count), np.full(count, -1), np.zeros(count, np.int64), np.zeros((count, 2)))
    for axes in flips:
        rows, columns = candidates(queries, references, axes, codes)
        values, shifts = correlate(queries, references, rows, columns, axes)
        order = torch.argsort(values, stable=True)
        # Of one query's pairs the best comes last, and is the one that stays.
        last = dict(zip(rows[order].tolist(), order.tolist()))
        pairs = torch.tensor([pair for row, pair in last.items() if values[pair] > matches.similarity[row]]).long()
        own, others = rows[pairs], columns[pairs]
        matches.similarity[own], matches.reference[own] = values[pairs].double(), others
        matches.flip[own] = FLIPS.index(axes)
        matches.shift[own] = _displacement(queries.offsets[own], references, others, axes, shifts[pairs])
    return matches


def _codes(groups: tuple[np.ndarray, np.ndarray], sizes: tuple[int, int]) -> tuple[Tensor, Tensor]:
    if tuple(map(len, groups)) != sizes:
        raise ValueError(f"groups must name one group a slice, {sizes}, got {tuple(map(len, groups))}")
    both = np.concatenate([np.asarray(names, dtype=str) for names in groups])
    codes = torch.from_numpy(np.unique(both, return_inverse=True)[1])
    return codes[: sizes[0]], codes[sizes[0] :]


def _displacement(
    offsets: Tensor, references: Descriptors, columns: Tensor, axes: tuple[int, ...], shifts: Tensor
) -> np.ndarray:
    """Add to shifts of centered pictures what centering took away; turning a picture turns its offset."""
    signs = torch.tensor([-1.0 if axis in axes else 1.0 for axis in (2, 3)])
    whole = shifts + signs * offsets - references.offsets[columns]
    # On a torus of 64 pixels the nearest way round is the one meant.
    whole = (whole + SIDE / 2) % SIDE - SIDE / 2
    return np.asarray(whole.double().numpy() * np.array(references.scale))


def _batches(images: Images, block: int) -> Iterator[Tensor]:
    shape: tuple[int, ...] | None = None
    for batch in [images] if isinstance(images, (np.ndarray, Tensor)) else images:
        if batch.ndim != 4 or shape not in (None, tuple(batch.shape[1:])) or 0 in batch.shape[1:]:
            raise ValueError(f"images must be (N, C, H, W) with one C, H and W for all, got {tuple(batch.shape)}")
        shape = tuple(batch.shape[1:])
        for start in range(0, len(batch), block):
            part = batch[start : start + block]
            yield torch.from_numpy(np.array(part, dtype=np.float32)) if isinstance(part, np.ndarray) else part.float()


def _scaled(batch: Tensor) -> Tensor:
    """Resize to 64x64 and scale each channel linearly to [0, 1]; a flat channel becomes 0."""
    pictures = batch
    if batch.shape[2:] != (SIDE, SIDE):
        pictures = F.interpolate(batch, (SIDE, SIDE), mode="bilinear", antialias=True)
    size_of_values = pictures.abs().amax((2, 3), keepdim=True)
    pictures = pictures - pictures.amin((2, 3), keepdim=True)
    span = pictures.amax((2, 3), keepdim=True)
    return torch.where(span > FLAT * size_of_values, pictures / span.clamp_min(torch.finfo(span.dtype).tiny), 0.0)


def _centered(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Roll each slice so that the middle of its head, found on all channels, is the middle; return how far, too."""
    # The floor keeps faint noise of the background out, the ceiling keeps a bright tumor from pulling the middle.
    weights = (pictures.mean(1) - 0.15).clamp(0, 0.5)
    total = weights.sum((1, 2)).clamp_min(1e-6)
    places = torch.arange(SIDE) - (SIDE - 1) / 2
    offsets = torch.stack([(weights.sum(dim) * places).sum(1) / total for dim in (2, 1)], 1).round()
    rolled = [torch.roll(picture, (-y, -x), (1, 2)) for picture, (y, x) in zip(pictures, offsets.int().tolist())]
    return torch.stack(rolled), offsets


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    reach = int(3 * sigma + 0.5)
    kernel = torch.softmax(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2), 0)
    flat = F.pad(pictures.flatten(0, 1)[:, None], (reach,) * 4, mode="reflect")
    flat = F.conv2d(F.conv2d(flat, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    return flat.view_as(pictures)


def _unit(pictures: Tensor) -> Tensor:
    """Bring each channel to mean 0, and those that are not flat to equal weight in a slice of norm 1."""
    pictures = pictures - pictures.mean((2, 3), keepdim=True)
    norms = pictures.flatten(2).norm(dim=2)[:, :, None, None]
    pictures = torch.where(norms > FLAT, pictures / norms.clamp_min(FLAT), 0.0)
    return pictures / pictures.flatten(1).norm(dim=1).clamp_min(1.0)[:, None, None, None]


def _shift_matrices() -> tuple[Tensor, Tensor]:
    """Return what turns a product of ``rfft2`` spectra into a correlation at all shifts, half pixels included.

    Equation 1 of Guizar-Sicairos 2008, Efficient subpixel image registration algorithms: an inverse transform by
    matrices, (shifts, 64) and (33, shifts), evaluated only where it is wanted.
    """
    shifts = torch.arange(-MAX_SHIFT, MAX_SHIFT + SHIFT_STEP / 2, SHIFT_STEP)
    down = torch.outer(shifts, torch.fft.fftfreq(SIDE))
    right = torch.outer(torch.fft.rfftfreq(SIDE), shifts)
    # rfft2 leaves out the mirror images of all columns but the first and the last.
    weights = torch.full((SIDE // 2 + 1, 1), 2.0)
    weights[0] = weights[-1] = 1.0
    return torch.exp(2j * torch.pi * down) / SIDE**2, weights * torch.exp(2j * torch.pi * right)
