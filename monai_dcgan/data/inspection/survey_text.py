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
"""A survey in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monai_dcgan.data.inspection.attributes_text import attribute_rows
from monai_dcgan.data.inspection.survey import Survey
from monai_dcgan.utils.enums import Layout
from monai_dcgan.utils.text import aligned, count_of, most_common, percent

__all__ = ["hints", "survey_text"]

MOST_PROBLEMS = 10
# A split has three parts, of at least one patient each.
LEAST_PATIENTS = 3
# A scan of a head is hardly this flat; one whose slices lie further apart than its header says looks so.
FLAT = 0.5


def survey_text(survey: Survey) -> str:
    """Return what a survey found as lines for a terminal, with hints at the end where something looks odd."""
    how = "detected" if survey.detected else "as given"
    blocks = [f"{survey.data_dir}: layout {survey.layout} ({how})", aligned(_rows(survey))]
    if survey.problems:
        told = [f"  {problem.case}: {problem.reason}" for problem in survey.problems[:MOST_PROBLEMS]]
        if len(survey.problems) > MOST_PROBLEMS:
            told.append(f"  and {len(survey.problems) - MOST_PROBLEMS} more")
        blocks.append("\n".join([f"{count_of(len(survey.problems), 'case')} cannot be used:", *told]))
    odd = hints(survey)
    if odd:
        blocks.append("\n".join(["please look at this:", *(f"  - {text}" for text in odd)]))
    return "\n".join(blocks)


def hints(survey: Survey) -> list[str]:
    """Return what looks odd in a survey, a sentence each, with what to do."""
    return list(_hints(survey))


def _rows(survey: Survey) -> Iterator[tuple[str, str | Sequence[str]]]:
    yield "patients", _patients(survey)
    word = "picture" if survey.layout == Layout.PICTURES else "case"
    unusable = f", {len(survey.problems)} cannot be used" if survey.problems else ""
    yield f"{word}s", f"{survey.cases}{unusable}"
    yield "channels", _channels(survey)
    yield "images", f"{most_common(survey.image_files)}, {most_common(survey.dtypes)}" if survey.cases else ()
    masks = most_common(survey.label_files) if survey.label_files else "none"
    partly = f", {survey.with_mask} of {survey.cases} {word}s" if 0 < survey.with_mask < survey.cases else ""
    yield "masks", f"{masks}{partly}"
    yield "voxels", _shapes(survey.shapes)
    sizes = {f"{_times(size)} mm": count for size, count in survey.spacings.items()}
    yield "voxel size", most_common(sizes) if sizes else ()
    yield "stored axes", most_common(survey.orientations) if survey.orientations else ()
    yield "classes", _counted(survey.classes)
    yield "folds", _counted(survey.folds)
    yield from attribute_rows(survey.attributes)
    named = [f"{value} {name}" for value, name in survey.label_names.items()]
    yield "declared", ", ".join(named) if named else ()
    yield "regions", [f"{name}: labels {_listed(values)}" for name, values in survey.regions.items()]
    if survey.labels.read:
        read, total = survey.labels.read, survey.with_mask
        yield "masks read", "all" if read == total else f"{read} of {total}, evenly spread"
        yield "labels", _labels(survey)
        yield "tumor", _tumor(survey)


def _patients(survey: Survey) -> str:
    if survey.largest_patient is None or survey.largest_patient[1] == 1:
        return f"{survey.patients}" + (", one case each" if survey.patients > 1 else "")
    name, most = survey.largest_patient
    least = min(survey.cases_per_patient)
    if survey.patients == 1:
        return f"1, {name}, with {most} cases"
    if least == most:
        return f"{survey.patients}, {most} cases each"
    if least > 1:
        return f"{survey.patients}, {least} to {most} cases each ({name} has most)"
    several = survey.patients - survey.cases_per_patient[1]
    return f"{survey.patients}, {several} of them with several cases ({name} has most, {most})"


def _channels(survey: Survey) -> str | Sequence[str]:
    numbers = " or ".join(str(number) for number in survey.channels)
    return f"{numbers}: {', '.join(survey.modalities)}" if survey.modalities else numbers or ()


def _times(sizes: Sequence[float]) -> str:
    return " x ".join(f"{size:g}" for size in sizes)


def _shapes(shapes: dict[tuple[int, ...], int]) -> str | Sequence[str]:
    """Return shapes with their counts; of many, the range along each axis and the most frequent one."""
    if len(shapes) <= 3 or len({len(shape) for shape in shapes}) > 1:
        return most_common({_times(shape): count for shape, count in shapes.items()}) if shapes else ()
    ends = [(min(sizes), max(sizes)) for sizes in zip(*shapes)]
    ranges = " x ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in ends)
    common = max(shapes, key=lambda shape: shapes[shape])
    return f"{ranges} ({len(shapes)} shapes, most often {_times(common)})"


def _counted(counts: dict[str, int]) -> str | Sequence[str]:
    return ", ".join(f"{name} ({count})" for name, count in counts.items()) if counts else ()


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _labels(survey: Survey) -> str:
    return ", ".join(f"{value} (in {count})" for value, count in survey.labels.values.items()) or "0 alone"


def _tumor(survey: Survey) -> str:
    labels = survey.labels
    text = f"in {labels.with_tumor} of {labels.read} (any label above 0)"
    if labels.tumor_share is None:
        return text
    low, middle, high = (percent(share) for share in labels.tumor_share)
    return f"{text}, {middle} of the voxels of such a case (median; from {low} to {high})"


def _hints(survey: Survey) -> Iterator[str]:
    if survey.visits:
        first = " and ".join(survey.visits[0][:2])
        yield (
            f"{first} count as different patients, but their names differ only by what looks like a visit "
            f"({count_of(len(survey.visits), 'such group')}); if they are one person, give a patient pattern, or the "
            "person may be in training and test"
        )
    if survey.largest_patient is not None and survey.largest_patient[0] in {f"fold-{fold}" for fold in survey.folds}:
        yield "nothing names the patients, so each fold counts as one patient and is the smallest unit of a split"
    if survey.differing:
        count = count_of(len(survey.differing), "such patient")
        yield f"cases of patient {survey.differing[0]} differ in their sex ({count}): is that one person?"
    if survey.cases and survey.patients < LEAST_PATIENTS:
        yield (
            f"a split into training, validation and test needs at least {LEAST_PATIENTS} patients, here "
            f"{'is' if survey.patients == 1 else 'are'} {survey.patients}"
        )
    if survey.cases and not survey.with_mask:
        yield "no case has a mask: use tumor=any; slices will have no mask to learn"
    elif survey.labels.read and not survey.labels.with_tumor:
        yield "no mask that was read shows any tumor: are these the right files?"
    beyond = sorted(set(survey.labels.values) - set(survey.label_names)) if survey.label_names else []
    if beyond:
        yield (
            f"labels {_listed(beyond)} are in the masks but are not declared: such cases cannot be prepared; correct "
            "the masks, or what declares the labels"
        )
    yield from _flat(survey)


def _flat(survey: Survey) -> Iterator[str]:
    """Say so when every volume claims cubes of exactly 1 mm and is far too thin for a head."""
    if not survey.spacings or set(survey.spacings) != {(1.0, 1.0, 1.0)}:
        return
    thin = [shape for shape in survey.shapes if min(shape) > 1 and min(shape) < FLAT * sorted(shape)[1]]
    if len(thin) == len(survey.shapes):
        low, high = (function(min(shape) for shape in thin) for function in (min, max))
        span = f"{low} mm" if low == high else f"{low} to {high} mm"
        yield (
            f"all headers say 1 x 1 x 1 mm, by which the volumes are only {span} thick: if that is not so, the "
            "distance between slices is not known, nor may be the size of a pixel, and areas in mm2 mean nothing"
        )
