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
"""Tumors of synthetic slices in the slices of an existing project."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type, convert_to_numpy, ensure_tuple

from monai_dcgan.transforms.copying import TRIES, most_alike, paste_tumor, thumbnails
from monai_dcgan.utils.checks import check_fraction

__all__ = ["RandCopyTumord"]


class RandCopyTumord(RandomizableTransform, MapTransform):
    """Give an item without tumor, with a probability, the tumor of a slice of another source.

    With synthetic slices as the source, a project's own slices without tumor become ones with tumors that no patient
    has had, and all around them stays real. See :func:`~monai_dcgan.transforms.copy_tumors` for how; a tumor comes from
    one of the slices that are most like the item. An item with tumor, one of a level of the head where no slice of the
    source has a tumor, or whose head is too small for 20 tumors that are tried, stays as it is. It goes behind the
    transforms that bring slices to their size and intensities, and before random ones.

    Args:
        keys: two keys: of the image (C, H, W) in [0, 1] with a background of 0, and of its mask (M, H, W).
        source: slices, any sequence of dictionaries with such arrays of the same size and channels, such as
            :class:`~monai_dcgan.data.SyntheticDataset`, or real slices of the *training* patients. They are read once,
            when the transform is made; those without tumor are left out.
        prob: probability that an item without tumor is given one, from 0 to 1.
        source_keys: keys in ``source``, one for each of ``keys``; the same keys when None.
        least_alike: correlation, from 0 to 1, that the item and the slice with the tumor must have as pictures of 16x16
            pixels. Real slices with tumor have 0.82 or more with one of a generator of theirs (FLAIR of whole heads),
            slices of eyes, neck and crown 0.65 to 0.83.

    Raises:
        ValueError: when an argument is wrong, or no slice of ``source`` has a tumor; when called, where an item has
            another shape than the slices of ``source``, or values out of [0, 1].

    Example:
        >>> keys = ["image", "label"]
        >>> transform = RandCopyTumord(keys, SyntheticDataset("RUN", num=1000), prob=0.5).set_random_state(0)
        >>> transform({"image": healthy, "label": torch.zeros(1, 64, 64)})["label"].any()
        tensor(True)
    """

    def __init__(
        self,
        keys: KeysCollection,
        source: Sequence[Mapping[Hashable, Any]],
        prob: float = 0.5,
        source_keys: KeysCollection | None = None,
        least_alike: float = 0.85,
    ) -> None:
        check_fraction("prob", prob)
        check_fraction("least_alike", least_alike)
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        names = self.keys if source_keys is None else ensure_tuple(source_keys)
        if len(self.keys) != 2 or len(names) != 2:
            raise ValueError(f"keys and source_keys must be those of image and mask, got {self.keys} and {names}")
        pairs = [_arrays(source[place], names) for place in range(len(source))]
        with_tumor = [pair for pair in pairs if pair[1].any()]
        if not with_tumor:
            raise ValueError(f"source must hold a slice with tumor, got none in {len(source)}; make more of them")
        self.images, self.masks = (np.stack(arrays) for arrays in zip(*with_tumor))
        self.least_alike = least_alike
        self._small = thumbnails(self.images)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item, perhaps with a tumor.

        Args:
            data: an item whose values under ``keys`` are arrays or tensors.
        """
        result = dict(data)
        self.randomize(None)
        image, mask = _arrays(result, self.keys)
        self._check(image, mask)
        if self._do_transform and not mask.any():
            made = self._with_tumor(image)
            if made is not None:
                for key, value in zip(self.keys, made):
                    result[key] = convert_to_dst_type(value, result[key])[0]
        return result

    def _with_tumor(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        alike = most_alike(self._small, thumbnails(image[None])[0], self.least_alike)
        for _ in range(TRIES if len(alike) else 0):
            place = self.R.choice(alike)
            made = paste_tumor(self.images[place], self.masks[place], image, self.R)
            if made is not None:
                return made
        return None

    def _check(self, image: np.ndarray, mask: np.ndarray) -> None:
        if image.shape != self.images.shape[1:] or mask.shape != self.masks.shape[1:]:
            raise ValueError(
                f"items must have the shape of the slices of source, {self.images.shape[1:]} and "
                f"{self.masks.shape[1:]}, got {image.shape} and {mask.shape}; resize one of them before"
            )
        if not (np.issubdtype(image.dtype, np.floating) and image.min() >= 0 and image.max() <= 1):
            raise ValueError(
                f"images must be of a floating dtype in [0, 1], got {image.dtype} from {image.min():g} to "
                f"{image.max():g}; scale them before"
            )


def _arrays(item: Mapping[Hashable, Any], keys: Sequence[Hashable]) -> list[np.ndarray]:
    """Return the values under ``keys`` as arrays."""
    return [np.asarray(convert_to_numpy(item[key])) for key in keys]
