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
"""Put synthetic slices in the place of real ones, at random."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import set_rnd
from monai.transforms import MapTransform, RandomizableTransform, Resize
from monai.utils import MAX_SEED, convert_to_tensor, ensure_tuple, ensure_tuple_rep

from monai_dcgan.utils.checks import check_fraction

__all__ = ["RandSyntheticSliced"]


class RandSyntheticSliced(RandomizableTransform, MapTransform):
    """Replace image and label of an item, with a probability, by those of a random synthetic slice.

    A training set keeps its length, and every epoch shows other synthetic slices. It goes behind the transforms that
    bring real slices to their size and intensities, and before random ones, which then change both kinds alike. Values
    take the dtype and the kind (array, tensor, ``MetaTensor``) of those they replace; of metadata only the affine
    stays, because file names and earlier transforms are those of the real slice. Other keys stay as they are, so a
    class under another key must be among ``keys`` too.

    Args:
        keys: keys to replace, all by the same synthetic slice; the first is the image, unless ``mode`` is given.
        source: synthetic slices, any sequence of dictionaries with arrays (C, H, W), such as
            :class:`~monai_dcgan.data.SyntheticDataset`.
        prob: probability of a replacement, from 0 to 1.
        spatial_size: bring synthetic slices to this size, (H, W) or one number for both; as they are when None.
        mode: interpolation for each key, as of ``monai.transforms.Resize``; by default ``area`` for an image that
            shrinks and ``bilinear`` for one that grows, ``nearest-exact`` for the other keys.
        source_keys: keys in ``source``, one for each of ``keys``; the same keys when None.
        allow_missing_keys: leave out keys that the item has not.

    Raises:
        ValueError: when an argument is wrong; when called, where a synthetic slice has another shape than what it
            replaces, or does not fit into its whole numbers.

    Example:
        >>> keys = ["image", "label"]
        >>> transform = RandSyntheticSliced(keys, SyntheticDataset("RUN", num=1000), prob=0.3).set_random_state(0)
        >>> transform({"image": torch.zeros(1, 64, 64), "label": torch.zeros(1, 64, 64)})["image"].shape
        torch.Size([1, 64, 64])
    """

    def __init__(
        self,
        keys: KeysCollection,
        source: Sequence[Mapping[Hashable, Any]],
        prob: float = 0.5,
        spatial_size: Sequence[int] | int | None = None,
        mode: Sequence[str] | str | None = None,
        source_keys: KeysCollection | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        check_fraction("prob", prob)
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        if not len(source):
            raise ValueError("source must hold at least one synthetic slice, got none")
        self.source_keys = self.keys if source_keys is None else ensure_tuple(source_keys)
        if len(self.source_keys) != len(self.keys):
            raise ValueError(f"source_keys must be one for each of {self.keys}, got {self.source_keys}")
        self.spatial_size = None if spatial_size is None else ensure_tuple_rep(spatial_size, 2)
        if self.spatial_size is not None and min(self.spatial_size) < 1:
            raise ValueError(f"spatial_size must be at least 1 along each side, got {spatial_size}")
        labels = [None] + ["nearest-exact"] * (len(self.keys) - 1)
        self.mode: Sequence[str | None] = labels if mode is None else ensure_tuple_rep(mode, len(self.keys))
        self.source = source
        self._index = 0

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> RandSyntheticSliced:
        """Seed the transform, and random transforms of ``source`` with it."""
        super().set_random_state(seed, state)
        set_rnd(self.source, int(self.R.randint(MAX_SEED, dtype="uint32")))
        return self

    def randomize(self, data: Any = None) -> None:
        """Draw whether to replace, and by which slice."""
        super().randomize(None)
        if self._do_transform:
            self._index = int(self.R.randint(len(self.source)))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item, perhaps with another image and label.

        Args:
            data: an item whose values under ``keys`` are arrays or tensors (C, H, W).
        """
        result = dict(data)
        self.randomize()
        if not self._do_transform:
            # A wrong key is an error in every item, not in some.
            tuple(self.key_iterator(result))
            return result
        synthetic = self.source[self._index]
        for key, source_key, mode in self.key_iterator(result, self.source_keys, self.mode):
            if source_key not in synthetic:
                raise KeyError(f"source must have {source_key!r}, got {list(synthetic)}; name its keys in source_keys")
            result[key] = self._fitted(key, synthetic[source_key], result[key], mode)
        return result

    def _fitted(self, key: Hashable, value: Any, replaced: Any, mode: str | None) -> Any:
        """Return ``value`` in the size asked for and as the kind of array that ``replaced`` is."""
        tensor = convert_to_tensor(value, dtype=torch.float32, track_meta=False)
        if self.spatial_size is not None and tuple(tensor.shape[1:]) != self.spatial_size:
            shrinks = any(own > asked for own, asked in zip(tensor.shape[1:], self.spatial_size))
            tensor = Resize(self.spatial_size, mode=mode or ("area" if shrinks else "bilinear"))(tensor)
            tensor = convert_to_tensor(tensor, track_meta=False)
        if tuple(tensor.shape) != tuple(replaced.shape):
            raise ValueError(
                f"{key!r} of a synthetic slice must have the shape of what it replaces, {tuple(replaced.shape)}, got "
                f"{tuple(tensor.shape)}; give spatial_size, and a generator with as many channels"
            )
        is_array = isinstance(replaced, np.ndarray)
        floating = np.issubdtype(replaced.dtype, np.floating) if is_array else replaced.dtype.is_floating_point
        if not floating and not torch.equal(tensor, tensor.round()):
            raise ValueError(
                f"{key!r} must be of a floating dtype to hold a synthetic slice, got {replaced.dtype}; scale the real "
                "image before, as the synthetic one is"
            )
        if is_array:
            return tensor.numpy().astype(replaced.dtype)
        tensor = tensor.to(device=replaced.device, dtype=replaced.dtype, copy=True)
        return MetaTensor(tensor, affine=replaced.affine.clone()) if isinstance(replaced, MetaTensor) else tensor
