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
"""Make one shard of a store: the work of one process or thread."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monai_dcgan.data.datalists.attributes import ATTRIBUTES
from monai_dcgan.data.plan import ShardPlan
from monai_dcgan.data.problems import Problem
from monai_dcgan.data.reading import case_files, read_case
from monai_dcgan.data.store import Shard, StoreFolder, write_shard
from monai_dcgan.transforms import CutSlicesd
from monai_dcgan.utils.enums import Keys, OnError, Reader, SliceClass

__all__ = ["Work", "make_shard"]

logger = logging.getLogger(__name__)

WITH_TUMOR, WITHOUT_TUMOR = "tumor", "no_tumor"


@dataclass(frozen=True)
class Work:
    """What holds for every shard of a store.

    Args:
        target: folder or URL of the store.
        making: arguments of ``CutSlicesd``.
        reader: one of ``Reader``.
        slice_class: one of ``SliceClass``.
        label_values: values that labels may have besides 0; any when None.
        has_masks: whether the store has masks; a case without a label then has an empty one.
        on_error: one of ``OnError``.
    """

    target: str
    making: Mapping[str, Any]
    reader: str = Reader.AUTO
    slice_class: str = SliceClass.CASE
    label_values: Collection[int] | None = None
    has_masks: bool = True
    on_error: str = OnError.STOP


def make_shard(plan: ShardPlan, work: Work) -> Shard:
    """Read the cases of a shard, cut their slices and write them.

    Args:
        plan: the shard.
        work: what holds for all.

    Returns:
        what is known of the shard. With ``on_error="stop"`` and a case that cannot be used nothing is written, and the
        shard has this problem alone.

    Raises:
        OSError: when the shard cannot be written.
    """
    transform = CutSlicesd(**work.making)
    images, masks, cases, slices, problems = [], [], [], [], []
    for case in plan.cases:
        try:
            item = read_case(case, work.reader, work.label_values)
            if work.has_masks and item[Keys.LABEL] is None:
                item[Keys.LABEL] = [np.zeros(item["shape"], dtype=np.uint8)]
            item["max_slices"] = case.get("max_slices")
            cut = transform(item)
        except Exception as error:
            problem = Problem.of(case[Keys.CASE], case_files(case), _reason(error))
            if str(work.on_error) == str(OnError.STOP):
                return Shard(plan.name, [], [], [problem])
            problems.append(problem)
            continue
        records = _records(case, cut, work.slice_class)
        cases.append(_case_record(case, cut, len(records)))
        slices += records
        images.append(cut[Keys.IMAGE].numpy())
        masks.append(cut[Keys.LABEL].numpy())
    nothing = np.empty((0, 0, 1, 1), dtype=np.float32)
    return write_shard(
        StoreFolder(work.target),
        plan.name,
        np.concatenate(images) if images else nothing,
        np.concatenate(masks) if masks else nothing,
        cases,
        slices,
        problems,
    )


def _reason(error: Exception) -> str:
    known = isinstance(error, (ValueError, OSError, ImportError))
    if not known:
        logger.debug("unexpected error in a case", exc_info=error)
    text = " ".join(str(error).split())
    return text if known and text else f"unexpected {type(error).__name__}: {text}"


def _records(case: Mapping[str, Any], cut: Mapping[str, Any], slice_class: str) -> list[dict[str, Any]]:
    """Return the rows of the slices of a case."""
    by_tumor = str(slice_class) == str(SliceClass.TUMOR)
    pixels = cut[Keys.LABEL].numpy().sum(axis=(1, 2, 3)).astype(int).tolist()
    common = {str(key): case[key] for key in (Keys.PATIENT, Keys.CASE, Keys.CLASS_NAME, Keys.FOLD)}
    common |= {
        "axis": cut["plane"],
        "row_spacing": round(cut["plane_spacing"][0], 6),
        "column_spacing": round(cut["plane_spacing"][1], 6),
        "intensity_low": " ".join(f"{low:.9g}" for low, _ in cut["window"]),
        "intensity_high": " ".join(f"{high:.9g}" for _, high in cut["window"]),
    }
    own = zip(cut["slice_index"], cut["tumor_fraction"], cut["tumor_area"], cut["foreground_fraction"], pixels)
    return [
        {
            **common,
            **({str(Keys.CLASS_NAME): WITH_TUMOR if fraction > 0 else WITHOUT_TUMOR} if by_tumor else {}),
            "slice_index": index,
            "tumor_fraction": round(fraction, 6),
            "tumor_area": round(area, 4),
            "foreground_fraction": round(head, 6),
            "mask_pixels": count,
        }
        for index, fraction, area, head, count in own
    ]


def _case_record(case: Mapping[str, Any], cut: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Return what it takes to put slices of a case back into their volume, and what is known of the patient."""
    return {
        **{str(key): case[key] for key in (Keys.CASE, Keys.PATIENT, Keys.CLASS_NAME, Keys.FOLD)},
        "slices": count,
        "shape": list(cut["shape"]),
        "spacing": [round(size, 6) for size in cut["spacing"]],
        "stored_orientation": cut["orientation"],
        "affine": None if cut["affine"] is None else np.asarray(cut["affine"]).round(6).tolist(),
        "label_values": cut["label_values"],
        "frame": cut["frame"].as_dict(),
        "window": [list(window) for window in cut["window"]],
        "dropped": cut["dropped"],
        **({ATTRIBUTES: case[ATTRIBUTES]} if case.get(ATTRIBUTES) else {}),
    }
