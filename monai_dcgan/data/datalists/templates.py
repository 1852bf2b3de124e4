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
"""Data sets whose places are given by templates such as ``{patient}/{case}_{modality}.nii.gz``."""

from __future__ import annotations

import re
from pathlib import Path

from monai_dcgan.data.datalists.channels import channel_numbers, choose_modalities, pick_images
from monai_dcgan.data.datalists.common import (
    CHANNELS,
    PICTURE_SUFFIXES,
    VOLUME_SUFFIXES,
    DataList,
    Request,
    has_suffix,
    make_case,
    single,
)
from monai_dcgan.data.datalists.names import says_no_tumor
from monai_dcgan.data.datalists.patients import patient_by_place, warn_of_visits, without_date
from monai_dcgan.utils.enums import Keys, Layout

__all__ = ["compile_template", "template_cases"]

PLACEHOLDERS = ("patient", "case", "modality", "class", "fold")
# What tells one case from another.
IDENTITY = ("patient", "case", "class", "fold")
PIECE = re.compile(r"\{([^{}]*)\}|(\*\*/)|(\*\*)|(\*)|([{}])|([^*{}]+)")


def compile_template(name: str, template: str) -> re.Pattern[str]:
    """Return the regular expression of a template for paths relative to the data set.

    ``{patient}``, ``{case}``, ``{modality}``, ``{class}`` and ``{fold}`` stand for a part of one name, ``*`` for any
    part of one name, ``**`` for any number of folders; a placeholder that comes again stands for the same text.

    Args:
        name: argument that gives the template, for errors.
        template: the template.

    Raises:
        ValueError: when a placeholder is unknown, a brace is alone, no case can be told, or the path is not relative.
    """
    if not template or template.startswith(("/", "~")) or ".." in template.split("/"):
        raise ValueError(f"{name} must be a path relative to the data set, got {template!r}")
    text, seen = "", set()
    for match in PIECE.finditer(template):
        placeholder, folders, anything, part, brace, literal = match.groups()
        if brace:
            raise ValueError(f"{name} must close every brace, got {template!r}")
        if placeholder is not None:
            if placeholder not in PLACEHOLDERS:
                known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
                raise ValueError(f"{name} must have no placeholders but {known}, got {{{placeholder}}} in {template!r}")
            group = f"in_{placeholder}"
            text += f"(?P={group})" if placeholder in seen else f"(?P<{group}>[^/]+?)"
            seen.add(placeholder)
        elif literal:
            text += re.escape(literal)
        else:
            text += "(?:[^/]+/)*" if folders else ".*" if anything else "[^/]*" if part else ""
    if not seen & {"case", "patient"}:
        raise ValueError(f"{name} must have {{case}} or {{patient}}, got {template!r}")
    return re.compile(text)


def template_cases(request: Request, image_pattern: str, label_pattern: str | None, layout: Layout | None) -> DataList:
    """List cases by templates; see ``find_cases``.

    Args:
        request: what is asked.
        image_pattern: template of the images.
        label_pattern: template of the masks; None for a data set without masks.
        layout: layout that was asked for; None means by the files' suffixes.
    """
    images_by, labels = _found(request, image_pattern, label_pattern)
    fields: dict[str, dict[str, str]] = {name: one for name, (one, _) in images_by.items()}
    cases: dict[str, dict[str, Path]] = {}
    for name, (one, files) in images_by.items():
        if label_pattern is not None and name not in labels and not says_no_tumor(one.get("class", "")):
            reason = f"every image must have a mask by label_pattern {label_pattern}, got none"
            request.problems.add(name, files.values(), reason)
        else:
            cases[name] = files
    named = "{modality}" in image_pattern
    chosen = choose_modalities(list(cases.values()), request.modalities) if named else []
    channels = None if named else channel_numbers(request.modalities, {})
    result = []
    for name, files in cases.items():
        images = pick_images(request, name, files, chosen) if named else list(files.values())
        patient = images and request.patient(_patient(request, fields[name], images[0]), name, images[0])
        if images and patient:
            own = fields[name]
            case = make_case(single(images), labels.get(name), patient, name, own.get("class", ""), own.get("fold", ""))
            result.append(case if channels is None else {**case, CHANNELS: channels})
    if request.pattern is None and "{patient}" not in image_pattern:
        warn_of_visits({case[Keys.PATIENT] for case in result})
    pictures = all(has_suffix(path, PICTURE_SUFFIXES) for files in cases.values() for path in files.values())
    found = layout or (Layout.PICTURES if pictures else Layout.FOLDERS)
    return DataList(result, found, chosen, problems=request.problems)


def _patient(request: Request, fields: dict[str, str], image: Path) -> str:
    """Return the patient of the template, else of the folder, else of the name."""
    if "patient" in fields:
        return fields["patient"]
    return patient_by_place(request.parts(image)[:-1]) or without_date(fields["case"])


def _found(
    request: Request, image_pattern: str, label_pattern: str | None
) -> tuple[dict[str, tuple[dict[str, str], dict[str, Path]]], dict[str, Path]]:
    """Return placeholders and images by modality, and the masks, by case; problems where a file is one too many."""
    of_image = compile_template("image_pattern", image_pattern)
    of_label = None if label_pattern is None else compile_template("label_pattern", label_pattern)
    if of_label is not None and "in_modality" in of_label.groupindex:
        raise ValueError(f"label_pattern must not have {{modality}}: a case has one mask, got {label_pattern!r}")
    shared = [
        key
        for key in IDENTITY
        if f"in_{key}" in of_image.groupindex and (of_label is None or f"in_{key}" in of_label.groupindex)
    ]
    if not set(shared) & {"case", "patient"}:
        raise ValueError(
            f"image_pattern and label_pattern must share {{case}} or {{patient}}, got {image_pattern!r} and "
            f"{label_pattern!r}"
        )
    images: dict[str, tuple[dict[str, str], dict[str, Path]]] = {}
    by_key: dict[tuple[str, ...], Path] = {}
    keys: dict[str, tuple[str, ...]] = {}
    unclear: set[tuple[str, ...]] = set()
    for path in request.files:
        if not has_suffix(path, VOLUME_SUFFIXES + PICTURE_SUFFIXES):
            continue
        text = "/".join(request.parts(path))
        label, image = of_label and of_label.fullmatch(text), of_image.fullmatch(text)
        match = label or image
        if match is None:
            continue
        fields = {key.removeprefix("in_"): value for key, value in match.groupdict().items()}
        key = tuple(fields[one] for one in shared)
        if label:
            if key in by_key:
                reason = f"every case must have one mask, got {text} beside {'/'.join(request.parts(by_key[key]))}"
                request.problems.add("/".join(key), [path], reason)
                unclear.add(key)
            by_key.setdefault(key, path)
            continue
        name = "/".join(fields[one] for one in ("patient", "case") if one in fields)
        files = images.setdefault(name, (fields, {}))[1]
        keys[name] = key
        modality = fields.get("modality", "")
        if modality in files:
            reason = f"every case must have one image per modality, got {text} beside {files[modality].name}"
            request.problems.add(name, [path], reason)
            unclear.add(key)
        files.setdefault(modality, path)
    labels = {name: by_key[key] for name, key in keys.items() if key in by_key}
    for path in sorted(set(by_key.values()) - set(labels.values())):
        reason = f"every mask must have an image by image_pattern {image_pattern}, got none"
        request.problems.add(request.name(path), [path], reason)
    return {name: found for name, found in images.items() if keys[name] not in unclear}, labels
