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
"""What decides on the content of a store: where cases come from, and which slices are made of them."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists import DataList, find_cases
from monai_dcgan.transforms import CutSlicesd
from monai_dcgan.utils.checks import check_choice, check_positive_int
from monai_dcgan.utils.enums import Axis, Fit, Keys, Layout, OnError, Reader, SliceChoice, SliceClass, TumorPolicy

__all__ = ["Slicing", "Source", "split_settings"]


@dataclass(frozen=True)
class Source:
    """Where the cases of a data set come from; see ``find_cases``.

    Args:
        layout: one of ``Layout``; ``auto`` goes by what lies there.
        modalities: channels of the images, one or several, by name or number; None means all.
        patient_pattern: regular expression whose first group is the patient.
        fold_column: where the fold stands.
        mask_suffix: ending of the masks of pictures.
        image_pattern: template of the paths of images.
        label_pattern: template of the paths of labels.
        reader: what reads volumes, one of ``Reader``.

    Raises:
        ValueError: when an argument is wrong.
    """

    layout: str = Layout.AUTO
    modalities: Sequence[str | int] | str | int | None = None
    patient_pattern: str | None = None
    fold_column: str | None = None
    mask_suffix: str = "_mask"
    image_pattern: str | None = None
    label_pattern: str | None = None
    reader: str = Reader.AUTO

    def __post_init__(self) -> None:
        check_choice("layout", self.layout, Layout)
        check_choice("reader", self.reader, Reader)

    def find(self, data_dir: str | Path, on_error: str = OnError.STOP) -> DataList:
        """Return the cases of the data set in ``data_dir``."""
        options = {name: value for name, value in vars(self).items() if name != "reader"}
        return find_cases(data_dir, on_error=on_error, **options)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-like; one modality is a list of one."""
        one = isinstance(self.modalities, (str, int))
        names = [self.modalities] if one else self.modalities
        plain = {"modalities": None if names is None else [str(name) for name in names]}  # type: ignore[union-attr]
        return {**asdict(self), "layout": str(self.layout), "reader": str(self.reader), **plain}


@dataclass(frozen=True)
class Slicing:
    """Which slices are made of a case, and how; see ``CutSlicesd``.

    Args:
        image_size: side of a slice in pixels, a power of two from 32 to 512.
        axis: plane of the slices of a volume.
        tumor: ``any`` slice, only slices ``with`` or only slices ``without`` tumor.
        min_foreground: least share of a slice that is head.
        min_tumor_area: least share of a slice that is tumor, for ``tumor="with"``.
        fit: ``resize`` or ``pad`` to the square.
        crop_head: crop a volume's slices to one box around its head.
        lower: percentile of the head that becomes 0.
        upper: percentile of the head that becomes 1.
        tumor_labels: labels that are tumor; None means all above 0; or a region that the data set is known to have:
            ``whole``, ``core`` or ``enhancing``.
        pixel_spacing: size of a pixel in mm, for ``fit="pad"``.
        neighbors: slices on either side that become channels too.
        slice_step: take only every so many slices.
        slice_choice: how to choose slices where there are more than ``max_slices_per_patient``.
        max_slices_per_patient: most slices of a patient, shared evenly by his cases; None means all.
        slice_class: the class of a slice is that of its ``case``, or whether it shows ``tumor``.

    Raises:
        ValueError: when an argument is wrong.
    """

    image_size: int = 64
    axis: str = Axis.AXIAL
    tumor: str = TumorPolicy.ANY
    min_foreground: float = 0.1
    min_tumor_area: float = 0.001
    fit: str = Fit.RESIZE
    crop_head: bool = True
    lower: float = 0.5
    upper: float = 99.5
    tumor_labels: Sequence[int] | str | None = None
    pixel_spacing: float | None = None
    neighbors: int = 0
    slice_step: int = 1
    slice_choice: str = SliceChoice.SPREAD
    max_slices_per_patient: int | None = None
    slice_class: str = SliceClass.CASE

    def __post_init__(self) -> None:
        check_choice("slice_class", self.slice_class, SliceClass)
        if self.max_slices_per_patient is not None:
            check_positive_int("max_slices_per_patient", self.max_slices_per_patient)
        named = isinstance(self.tumor_labels, str)
        CutSlicesd(**self.cutting(None if named else self.tumor_labels))  # type: ignore[arg-type]

    def cutting(self, tumor_labels: Sequence[int] | None) -> dict[str, Any]:
        """Return the arguments of ``CutSlicesd``, with the labels of a region in place of its name."""
        others = ("max_slices_per_patient", "slice_class")
        own = {name: value for name, value in vars(self).items() if name not in others}
        return {**own, "tumor_labels": None if tumor_labels is None else list(tumor_labels)}

    def labels_in(self, cases: DataList) -> Sequence[int] | None:
        """Return the labels that are tumor in a data set.

        Raises:
            ValueError: when the data set is not known to have the region that is named.
        """
        if not isinstance(self.tumor_labels, str):
            return self.tumor_labels
        if self.tumor_labels not in cases.regions:
            known = (
                f"a region of the data set ({', '.join(sorted(cases.regions))})" if cases.regions else "label values"
            )
            raise ValueError(
                f"tumor_labels must be {known}, got {self.tumor_labels!r} for layout {cases.layout}; give the values "
                "that mean it as a list"
            )
        return cases.regions[self.tumor_labels]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-like."""
        words = {name: str(getattr(self, name)) for name in ("axis", "tumor", "fit", "slice_choice", "slice_class")}
        named = self.tumor_labels is None or isinstance(self.tumor_labels, str)
        return {**asdict(self), **words, "tumor_labels": self.tumor_labels if named else list(self.tumor_labels or ())}


def split_settings(settings: Mapping[str, Any]) -> tuple[Source, Slicing]:
    """Sort settings by name into those of the source and those of the slices.

    Raises:
        TypeError: when a name belongs to neither; the text says which one is near.
        ValueError: when a value is wrong.
    """
    names = {kind: [field.name for field in dataclasses.fields(kind)] for kind in (Source, Slicing)}
    known = names[Source] + names[Slicing]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise TypeError(f"prepare has no setting {name!r}; {hint}")
    source, slicing = ({name: settings[name] for name in own if name in settings} for own in names.values())
    return Source(**source), Slicing(**slicing)


def uses_masks(cases: DataList) -> bool:
    """Return whether any case of a data set has a mask."""
    return any(case[Keys.LABEL] is not None for case in cases)
