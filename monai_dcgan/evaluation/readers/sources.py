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
"""Where the slices of a study come from: a synthetic set, and the held-out patients of a store."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

import numpy as np

from monai_dcgan.data import SliceStore
from monai_dcgan.data.synthetic_set import SyntheticSet as StoredSet
from monai_dcgan.evaluation.readers.study import Candidates, to_gray
from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import Keys, Split

__all__ = ["SyntheticSet", "draw_real", "held_out_patients"]

logger = logging.getLogger(__name__)


class SyntheticSet(StoredSet):
    """A synthetic set to draw slices from."""

    def draw(self, count: int, random: np.random.Generator) -> Candidates:
        """Read ``count`` slices at random.

        Raises:
            ValueError: when there are fewer, or a file is damaged.
        """
        if len(self.entries) < count:
            raise ValueError(
                f"a study needs {count} synthetic slices, got {len(self.entries)} in {self.folder}; lower num, or make "
                "more of them"
            )
        chosen = [int(place) for place in random.permutation(len(self.entries))[:count]]
        entries = [self.entries[place] for place in chosen]
        images, masks = (np.stack(arrays) for arrays in zip(*(self.read(place) for place in chosen)))
        classes = [str(entry.get("class_name", "")) for entry in entries]
        return Candidates(to_gray(images / self.levels, self.levels), masks, chosen, classes)


def held_out_patients(store: SliceStore, splits: Mapping[str, str], part: str) -> list[str]:
    """Return the patients of the store that the split holds out.

    Args:
        store: the real slices.
        splits: patient -> part.
        part: ``validation`` or ``test``.

    Raises:
        ValueError: when ``part`` is the training's, or no patient of it is in the store.
    """
    check_choice("part", part, (Split.VALIDATION, Split.TEST))
    wanted = {patient for patient, own in splits.items() if str(own) == str(part)}
    found = sorted(wanted & set(store.patients))
    if not found:
        raise ValueError(
            f"the split must hold patients of the store in its part {part}, got {len(wanted)} patients, none of them "
            f"in {store.path}; is it the split of these data?"
        )
    if len(found) < len(wanted):
        logger.warning("%d of %d patients of part %s are not in %s", len(wanted) - len(found), len(wanted), part, store)
    return found


def draw_real(
    store: SliceStore, patients: list[str], like: Candidates, levels: int, random: np.random.Generator
) -> tuple[Candidates, list[str]]:
    """Draw as many real slices as there are synthetic ones, and of the same composition.

    Composition is the class, where both kinds have classes, and whether the mask is empty: a mask on every synthetic
    slice and on few real ones would give the answer away. Within it, patients take turns.

    Args:
        store: the real slices.
        patients: patients to draw from.
        like: the synthetic slices.
        levels: see ``to_gray``.
        random: the generator of the draw.

    Returns:
        the slices, with patients as ``p1``, ``p2``, ..., and in words where the composition could not be matched.

    Raises:
        ValueError: when the patients have too few slices.
    """
    columns = store.slices.columns
    classes = set(columns[Keys.CLASS_NAME]) - {""}
    by_class = bool(classes) and set(like.classes) <= classes
    wanted = Counter((name if by_class else "", bool(mask.any())) for name, mask in zip(like.classes, like.masks))
    groups: dict[tuple[str, bool], list[int]] = {}
    for index in _in_turns(columns[Keys.PATIENT], store.indices(patients), random):
        kind = (columns[Keys.CLASS_NAME][index] if by_class else "", columns["mask_pixels"][index] > 0)
        groups.setdefault(kind, []).append(index)
    chosen = [index for kind, count in sorted(wanted.items()) for index in groups.get(kind, [])[:count]]
    remarks = [] if by_class or not (classes or any(like.classes)) else ["classes are not those of the other kind"]
    if len(chosen) < len(like):
        missing = {kind: count - len(groups.get(kind, [])) for kind, count in wanted.items()}
        remarks += [_shortage(kind, count) for kind, count in sorted(missing.items()) if count > 0]
        taken = set(chosen)
        rest = _in_turns(columns[Keys.PATIENT], store.indices(patients), random)
        chosen += [index for index in rest if index not in taken][: len(like) - len(chosen)]
    if len(chosen) < len(like):
        raise ValueError(
            f"a study needs {len(like)} real slices, got {len(chosen)} of {len(patients)} held-out patients; lower num"
        )
    for remark in remarks:
        logger.warning("real slices do not match the synthetic ones: %s", remark)
    images, masks, names = store.as_arrays(chosen)
    pseudonyms = {name: f"p{number}" for number, name in enumerate(sorted(set(names)), start=1)}
    found = Candidates(
        to_gray(images, levels),
        masks,
        chosen,
        [columns[Keys.CLASS_NAME][index] for index in chosen],
        [pseudonyms[name] for name in names],
    )
    return found, remarks


def _shortage(kind: tuple[str, bool], count: int) -> str:
    name = f" of class {kind[0]}" if kind[0] else ""
    return f"{count} fewer{name} {'with' if kind[1] else 'without'} a mask; others stand in"


def _in_turns(names: list[str], indices: np.ndarray, random: np.random.Generator) -> list[int]:
    """Order slices at random so that every patient comes once before any comes twice."""
    queues: dict[str, list[int]] = {}
    for index in random.permutation(indices):
        queues.setdefault(names[index], []).append(int(index))
    longest = max((len(queue) for queue in queues.values()), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues.values() if turn < len(queue)]
