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
"""Write synthetic slices as a data set that segmentation projects read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch

from monai_dcgan.data.set_shards import SHARD_FILE, check_siblings, join_shards, shard_folder
from monai_dcgan.data.slice_files import DATASET, PROVENANCE, SUFFIXES, check_slices, description_of
from monai_dcgan.data.slice_pool import SlicePool
from monai_dcgan.data.unfinished import KeptFolder, PassingFolder, jsonable, move_folder
from monai_dcgan.inferers import parse_shard
from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import ImageFormat, Keys
from monai_dcgan.utils.files import write_json
from monai_dcgan.utils.folders import check_free_folder

__all__ = ["SyntheticSetWriter"]

IMAGES, LABELS = "imagesTr", "labelsTr"


class SyntheticSetWriter:
    """Write images and masks as numbered files with a ``dataset.json`` of the Medical Segmentation Decathlon.

    ``nifti``: int16 images, where 0 is 0 and 1 is 1000, of shape (W, H, 1), or (W, H, 1, C) with several channels;
    uint8 masks with labels 0 and 1. x runs to the patient's left and y to the back, so that a viewer shows an axial
    slice as it was made. The affine is nominal: it is that of an axial slice at the origin whatever the plane of the
    slices was, so that coronal and sagittal slices show upright but bear the wrong axes. ``png``: 8-bit images with 1
    or 3 channels, and masks with 0 and 255.

    Files carry a running number and nothing else; where they come from stands in ``provenance.json``. Threads write
    them to a hidden folder beside ``out_dir``, which takes its place on ``close``: a set that is not whole never stands
    there. The hidden folder goes with an error or the end of the process, unless :meth:`resume` was called: then it
    stays for the next writer that resumes.

    Args:
        out_dir: folder to make; it must be empty or not exist.
        image_format: ``nifti`` or ``png``.
        provenance: what made the images, JSON-like; no names of patients or paths.
        spacing: pixel size in mm, for NIfTI.
        channel_names: one per channel of the images, for ``dataset.json``; ``channel 0`` and so on when None.
        shard: ``I/N`` makes part I of N: a set of its own in a folder of ``out_dir``, which becomes the set of all of
            them when the last one is finished.
        num_workers: threads that write.

    Attributes:
        out_dir: folder of the set, or of the shard.
        rejected: how many pictures were left out by each rule, for the slices that are written.

    Raises:
        FileExistsError: when ``out_dir`` holds anything.
        ValueError: when an argument is wrong.

    Example:
        >>> with SyntheticSetWriter("synthetic", "nifti", {"seed": 0}) as writer:
        ...     writer.write(images, masks)
        >>> load_decathlon_datalist("synthetic/dataset.json")[0]["image"]
        'synthetic/imagesTr/synthetic_000000.nii.gz'
    """

    def __init__(
        self,
        out_dir: str | Path,
        image_format: str = ImageFormat.NIFTI,
        provenance: Mapping[str, Any] | None = None,
        spacing: float = 1.0,
        channel_names: Sequence[str] | None = None,
        shard: str | None = None,
        num_workers: int = 2,
    ) -> None:
        check_choice("image_format", image_format, ImageFormat)
        self.provenance = jsonable(provenance or {})
        if not spacing > 0:
            raise ValueError(f"spacing must be above 0 mm, got {spacing!r}")
        if channel_names is not None and (
            isinstance(channel_names, str) or not channel_names or len(set(channel_names)) != len(channel_names)
        ):
            raise ValueError(f"channel_names must be a list of different names, got {channel_names!r}")
        self.root, self.shard = Path(out_dir), None if shard is None else parse_shard(shard)
        self.out_dir = shard_folder(self.root, *self.shard) if self.shard else self.root
        self._before = self.shard is not None and (self.out_dir / SHARD_FILE).is_file()
        if not self._before:
            check_free_folder(self.out_dir)
        self.channel_names = channel_names and [str(name) for name in channel_names]
        self.image_format, self.spacing = ImageFormat(image_format), float(spacing)
        self.channels: tuple[int, int] | None = None
        self.rejected: Counter[str] = Counter()
        self.closed = False
        self._plan: dict[str, Any] = {}
        self._wanted: range | None = None
        self._made: dict[int, dict[str, Any]] = {}
        self._folder: PassingFolder | KeptFolder | None = None
        self._pool = SlicePool(num_workers)

    def __enter__(self) -> SyntheticSetWriter:
        return self

    def __exit__(
        self, error: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.close()
        finally:
            self.leave()

    def resume(self, places: range, **plan: Any) -> set[int]:
        """Go on where an earlier writer of the same set was stopped, and leave to later ones what this one makes.

        Args:
            places: running numbers of the set, or of the shard, that are to be written.
            plan: what the set depends on beside what the writer knows, JSON-like.

        Returns:
            the places whose files are there.

        Raises:
            ValueError: when the set, or another shard of it, was begun with other arguments.
            FileExistsError: when another process is writing it.
        """
        if self._folder is not None:
            raise ValueError(f"resume must come before write, got a writer that has begun with {self.out_dir}")
        shards = self.shard[1] if self.shard else 1
        own = {"image_format": str(self.image_format), "spacing": self.spacing, "channel_names": self.channel_names}
        self._plan = jsonable({**own, "shards": shards, **plan, "provenance": self.provenance})
        self._wanted = places
        if self.shard:
            check_siblings(self.root, self._plan)
        if self._before:
            return set(places)
        self._folder = KeptFolder(self.out_dir.absolute(), self._plan)
        for line in self._folder.made:
            self.channels = line["channels"][0], line["channels"][1]
            self._remember(line)
        return set(self._made)

    def write(
        self,
        images: torch.Tensor | np.ndarray,
        masks: torch.Tensor | np.ndarray,
        class_names: Sequence[str] | None = None,
        pictures: Sequence[int] | None = None,
        places: Sequence[int] | None = None,
        rejected: Mapping[str, int] | None = None,
    ) -> list[dict[str, Any]]:
        """Write a batch. An error of the disk may come from a later call, or from ``close``.

        Args:
            images: (B, C, H, W) in [0, 1].
            masks: (B, M, H, W) with values 0 and 1.
            class_names: B names of classes, noted in ``dataset.json``.
            pictures: B numbers of pictures of the seed, noted in ``dataset.json``.
            places: B running numbers in the set, from 0, each used once; by default those after the last.
            rejected: how many pictures were left out by each rule until these were found.

        Returns:
            the B new entries of ``dataset.json``: paths ``image`` and ``label``, ``class_name``, ``picture`` if given.

        Raises:
            ValueError: when shapes, ranges, numbers of channels or places are wrong, or the writer is closed.
        """
        if self.closed:
            raise ValueError(f"a writer must not be closed before write, got {self.out_dir} closed; make another one")
        arrays, labels = (np.array(torch.as_tensor(array).detach().float().cpu()) for array in (images, masks))
        self._check(arrays, labels, {"class_names": class_names, "pictures": pictures, "places": places})
        first = max(self._made, default=-1) + 1
        own = self._free(range(first, first + len(arrays)) if places is None else places)
        self.channels = arrays.shape[1], labels.shape[1]
        line = {"places": own, "channels": self.channels, "rejected": dict(rejected or {})}
        facts = {Keys.CLASS_NAME.value: class_names, Keys.PICTURE.value: pictures}
        line |= {name: list(values) for name, values in facts.items() if values is not None}
        folder = self._writable()
        files, written = [self._files(place) for place in own], partial(folder.note, line)
        self._pool.add(folder.path, files, arrays, labels, self.image_format, self.spacing, written)
        self._remember(line)
        return [self._entry(place) for place in own]

    def note(self, **facts: Any) -> None:
        """Add to ``provenance.json`` what became known while the images were made, JSON-like."""
        self.provenance.update(jsonable(facts))

    def close(self) -> None:
        """Write ``dataset.json`` and ``provenance.json`` and move all to ``out_dir``; a second call does nothing.

        Raises:
            FileExistsError: when ``out_dir`` holds anything by now.
            ValueError: when nothing was written, or places were left out.
        """
        if self.closed:
            return
        if not self._before:
            self._finish()
        self.leave()
        if self.shard:
            join_shards(self.root, self.shard[1])

    def leave(self) -> None:
        """End without a set: what was written is removed, or stays for the next writer if :meth:`resume` was called."""
        self._end(discard=False)

    def discard(self) -> None:
        """End without a set and remove what was written."""
        self._end(discard=True)

    def _end(self, discard: bool) -> None:
        self.closed = True
        if isinstance(self._folder, KeptFolder) and not discard:
            with suppress(OSError):
                self._pool.wait()
        self._pool.stop()
        if self._folder is not None:
            (self._folder.discard if discard else self._folder.leave)()
        self._folder = None

    def _writable(self) -> PassingFolder | KeptFolder:
        """Return the folder that files go to until ``close``, made on the first call."""
        if self.shard and self._wanted is None:
            raise ValueError(f"resume must come before write for a shard, got {self.out_dir} without it")
        if self._before:
            raise FileExistsError(f"out_dir must not be finished before write, got {self.out_dir}; remove it")
        if self._folder is None:
            self._folder = PassingFolder(self.out_dir.absolute(), self._pool.threads)
        for name in (IMAGES, LABELS):
            (self._folder.path / name).mkdir(exist_ok=True)
        return self._folder

    def _remember(self, line: Mapping[str, Any]) -> None:
        names = line.keys() & {Keys.CLASS_NAME.value, Keys.PICTURE.value}
        for row, place in enumerate(line["places"]):
            self._made[place] = {name: line[name][row] for name in sorted(names)}
        self.rejected.update(line["rejected"])

    def _files(self, place: int) -> tuple[str, str]:
        name = f"synthetic_{place:06d}.{SUFFIXES[self.image_format]}"
        return f"{IMAGES}/{name}", f"{LABELS}/{name}"

    def _entry(self, place: int) -> dict[str, Any]:
        """Return what ``dataset.json`` says of a slice."""
        image, label = self._files(place)
        return {Keys.IMAGE.value: f"./{image}", Keys.LABEL.value: f"./{label}", **self._made[place]}

    def _finish(self) -> None:
        """Make the folder a data set and move it to its place."""
        if self.channels is None or not self._made:
            raise ValueError("a synthetic set must hold at least one image, got none; call write before close")
        places = sorted(self._made)
        wanted = range(len(places)) if self._wanted is None else self._wanted
        if places != list(wanted):
            span = f"{wanted.start} to {wanted.stop - 1}"
            raise ValueError(f"places must be {span} with none left out, got up to {places[-1]}")
        folder = self._writable()
        self._pool.wait()
        record = {"synthetic": True, "count": len(places), **self.provenance}
        if self.shard:
            record["shard"] = "{}/{}".format(*self.shard)
            write_json(folder.path / SHARD_FILE, self._plan)
        write_json(folder.path / PROVENANCE, record)
        names = self.channel_names or [f"channel {channel}" for channel in range(self.channels[0])]
        entries = [self._entry(place) for place in places]
        write_json(folder.path / DATASET, description_of(self.image_format, names, entries))
        check_free_folder(self.out_dir)
        move_folder(folder.path, self.out_dir, last=DATASET)
        folder.moved(self.out_dir)

    def _free(self, places: Sequence[int]) -> list[int]:
        """Return ``places`` as whole numbers, which no slice has yet."""
        numbers = [int(place) for place in places]
        if len(set(numbers)) < len(numbers) or min(numbers, default=0) < 0 or self._made.keys() & set(numbers):
            raise ValueError(f"places must be numbers from 0 that no slice has yet, got {numbers}")
        return numbers

    def _check(self, images: np.ndarray, masks: np.ndarray, per_image: Mapping[str, Sequence[Any] | None]) -> None:
        channels = check_slices(images, masks, self.image_format)
        if self.channels not in (None, channels):
            raise ValueError(f"every batch must have the channels of the first, {self.channels}, got {channels}")
        if self.channel_names is not None and len(self.channel_names) != channels[0]:
            raise ValueError(f"channel_names must be one per channel, got {self.channel_names} for {channels[0]}")
        for name, values in per_image.items():
            if values is not None and len(values) != len(images):
                raise ValueError(f"{name} must be one per image, got {len(values)} for {len(images)}")
