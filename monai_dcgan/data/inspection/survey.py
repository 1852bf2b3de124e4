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
"""Look at a data set without changing anything: what is there, what of it can be used, and what looks odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_dcgan.data.datalists import DataList
from monai_dcgan.data.datalists.attributes import ATTRIBUTES, count_attributes
from monai_dcgan.data.datalists.common import stem_of
from monai_dcgan.data.datalists.patients import visit_groups
from monai_dcgan.data.prepare import check_headers
from monai_dcgan.data.problems import Problem
from monai_dcgan.data.reading import CaseHeader, case_files, read_label
from monai_dcgan.data.settings import Source
from monai_dcgan.utils.checks import check_positive_int
from monai_dcgan.utils.enums import Keys, Layout, OnError

__all__ = ["LabelSample", "Survey", "survey"]


@dataclass(frozen=True)
class LabelSample:
    """What the labels of some cases hold.

    Args:
        read: cases whose labels were read.
        values: label value, besides 0 -> number of these cases that have it.
        with_tumor: how many of these cases have any value above 0.
        tumor_share: least, median and largest share of voxels above 0 of a case that has any; None without one.
    """

    read: int
    values: dict[int, int]
    with_tumor: int
    tumor_share: tuple[float, float, float] | None


@dataclass(frozen=True)
class Survey:
    """What a data set holds.

    Args:
        data_dir: the folder.
        layout: how it lies on the disk, one of ``Layout``.
        detected: whether the layout was found out, not given.
        cases: volumes or pictures that can be used.
        patients: patients of these.
        cases_per_patient: number of cases -> patients that have so many.
        largest_patient: patient with the most cases, and how many these are.
        modalities: names of the channels; empty where nothing names them.
        channels: number of channels -> cases.
        image_files: ending -> files with images.
        label_files: ending -> files with labels.
        shapes: voxels (X, Y[, Z]) in LPS orientation -> cases.
        spacings: voxel size in mm -> cases; pictures have none.
        orientations: axes as stored -> cases; pictures have none.
        dtypes: type of the images' voxels -> cases.
        with_mask: cases that have a label.
        classes: class -> cases; empty without classes.
        folds: fold -> cases; empty without folds.
        attributes: what is known of the patients, as ``count_attributes`` gives it; empty where nothing is.
        differing: patients whose cases differ in their sex.
        label_names: label values that the data set declares, with 0.
        regions: label values of ``whole``, ``core`` and ``enhancing`` tumor, where they are known.
        labels: what the labels of some cases hold.
        problems: cases that cannot be used, each with the reason.
        visits: groups of patients whose names differ only by what looks like a visit.
    """

    data_dir: str
    layout: str
    detected: bool
    cases: int
    patients: int
    cases_per_patient: dict[int, int]
    largest_patient: tuple[str, int] | None
    modalities: list[str]
    channels: dict[int, int]
    image_files: dict[str, int]
    label_files: dict[str, int]
    shapes: dict[tuple[int, ...], int]
    spacings: dict[tuple[float, ...], int]
    orientations: dict[str, int]
    dtypes: dict[str, int]
    with_mask: int
    classes: dict[str, int]
    folds: dict[str, int]
    attributes: dict[str, dict[str, Any]]
    differing: list[str]
    label_names: dict[int, str]
    regions: dict[str, tuple[int, ...]]
    labels: LabelSample
    problems: list[Problem]
    visits: list[list[str]]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-like: keys are text, a shape is ``240 x 240 x 155``."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def survey(
    data_dir: str | Path,
    source: Source | None = None,
    on_error: str = OnError.SKIP,
    sample_labels: int = 24,
    cases: DataList | None = None,
) -> Survey:
    """Look at a data set: all names, all headers, and the labels of some cases. Nothing is written.

    Args:
        data_dir: folder of the data set.
        source: where its cases come from; with defaults when None.
        on_error: ``skip`` notes cases that cannot be used, ``stop`` raises for them.
        sample_labels: most cases whose labels are read, evenly spread over all.
        cases: what ``source.find`` found, where that is known already.

    Returns:
        what was found; ``survey_text`` makes it readable.

    Raises:
        FileNotFoundError: when there is no such folder.
        ValueError: when there is no data set in it, an argument is wrong, or, with ``on_error="stop"``, a case cannot
            be used.

    Example:
        >>> found = survey("Task01_BrainTumour")
        >>> found.layout, found.cases, found.labels.values
        ('msd', 484, {1: 24, 2: 24, 3: 24})
    """
    check_positive_int("sample_labels", sample_labels)
    source = Source() if source is None else source
    cases = source.find(data_dir, on_error) if cases is None else cases
    headers = check_headers(cases, source.reader, cases.problems)
    labels, broken = _sample(
        [case for case in cases if case[Keys.CASE] in headers and case[Keys.LABEL] is not None],
        source.reader,
        sample_labels,
    )
    for problem in broken:
        cases.problems.add(problem.case, problem.files, problem.reason)
        headers.pop(problem.case)
    cases.problems.settle()
    usable = [case for case in cases if case[Keys.CASE] in headers]
    patients = Counter(str(case[Keys.PATIENT]) for case in usable)
    return Survey(
        data_dir=str(data_dir),
        layout=str(cases.layout),
        detected=str(source.layout) == str(Layout.AUTO),
        cases=len(usable),
        patients=len(patients),
        cases_per_patient=_sorted(patients.values()),
        largest_patient=max(sorted(patients.items()), key=lambda item: item[1], default=None),
        modalities=list(cases.modalities),
        with_mask=sum(case[Keys.LABEL] is not None for case in usable),
        image_files=_endings(usable, Keys.IMAGE),
        label_files=_endings(usable, Keys.LABEL),
        classes=_sorted(case[Keys.CLASS_NAME] for case in usable if case[Keys.CLASS_NAME]),
        folds=_sorted(case[Keys.FOLD] for case in usable if case[Keys.FOLD]),
        attributes=count_attributes(case.get(ATTRIBUTES, {}) for case in usable),
        differing=_differing(usable),
        label_names=dict(cases.label_names),
        regions=dict(cases.regions),
        labels=labels,
        problems=list(cases.problems),
        visits=visit_groups(patients) if source.patient_pattern is None else [],
        **_geometry(headers.values()),
    )


def _geometry(headers: Iterable[CaseHeader]) -> dict[str, Any]:
    headers = list(headers)
    volumes = [header for header in headers if header.orientation]
    return {
        "channels": _sorted(header.channels for header in headers),
        "shapes": _sorted(header.shape for header in headers),
        "spacings": _sorted(tuple(round(size, 3) for size in header.spacing) for header in volumes),
        "orientations": _sorted(header.orientation for header in volumes),
        "dtypes": _sorted(header.dtype for header in headers),
    }


def _differing(cases: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the patients, sorted, that are male in one case and female in another."""
    sexes: dict[str, set[str]] = {}
    for case in cases:
        if "sex" in case.get(ATTRIBUTES, {}):
            sexes.setdefault(str(case[Keys.PATIENT]), set()).add(case[ATTRIBUTES]["sex"])
    return sorted(patient for patient, found in sexes.items() if len(found) > 1)


def _sorted(values: Iterable[Any]) -> dict[Any, int]:
    counts = Counter(values)
    return {value: counts[value] for value in sorted(counts)}


def _endings(cases: Iterable[Mapping[str, Any]], key: str) -> dict[str, int]:
    return _sorted(_ending(path) for case in cases for path in case_files(case, key))


def _ending(path: Path) -> str:
    if path.is_dir():
        return "DICOM series"
    return path.name[len(stem_of(path)) :].lower() or path.suffix.lower() or "no ending"


def _sample(cases: Sequence[Mapping[str, Any]], reader: str, most: int) -> tuple[LabelSample, list[Problem]]:
    """Read the labels of at most ``most`` cases; return what they hold, and those that cannot be read."""
    count = min(most, len(cases))
    # The middle one of each of ``count`` equal stretches.
    chosen = [cases[(2 * number + 1) * len(cases) // (2 * count)] for number in range(count)]
    values: Counter[int] = Counter()
    shares: list[float] = []
    problems: list[Problem] = []
    for case in chosen:
        try:
            channels, found = read_label(case, reader)
        except (ValueError, OSError) as error:
            files = tuple(str(path) for path in case_files(case))
            problems.append(Problem(case[Keys.CASE], files, " ".join(str(error).split())))
            continue
        values.update(found)
        shares.append(float(np.any([channel > 0 for channel in channels], axis=0).mean()) if found else 0.0)
    tumor = [share for share in shares if share > 0]
    spread = (min(tumor), float(np.median(tumor)), max(tumor)) if tumor else None
    return LabelSample(len(shares), {value: values[value] for value in sorted(values)}, len(tumor), spread), problems


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        names = (" x ".join(f"{size:g}" for size in key) if isinstance(key, tuple) else str(key) for key in value)
        return dict(zip(names, map(_plain, value.values())))
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
