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
"""Find the cases of a data set on the disk: one dictionary per volume or picture."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from monai.data import load_decathlon_datalist

from monai_dcgan.utils.checks import check_choice
from monai_dcgan.utils.enums import Keys, Layout
from monai_dcgan.utils.files import read_json

__all__ = ["CHANNELS", "find_cases"]

logger = logging.getLogger(__name__)

MSD_FILE, INDEX_FILE = "dataset.json", "index.csv"
PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
# Endings of BraTS files up to 2021, and of those since 2023 under the same names.
BRATS_MODALITIES = ("t1", "t1ce", "t2", "flair")
BRATS_2023 = {"t1n": "t1", "t1c": "t1ce", "t2w": "t2", "t2f": "flair"}
BRATS_FILE = re.compile(r"(?P<case>.+)[_-](?P<what>t1|t1ce|t2|flair|seg|t1n|t1c|t2w|t2f)\.nii(\.gz)?", re.IGNORECASE)
# Names that end in the number of a visit, so that several cases are one patient.
BRATS_PATIENT = re.compile(r"(BraTS-[A-Za-z]+-\d+)-\d+|(brats_2013_pat\d+)_\d+|(Brats1[78]_\w+_\w+)_\d+", re.IGNORECASE)
CHANNELS = "channels"


def find_cases(
    data_dir: str | Path,
    layout: str = Layout.AUTO,
    modalities: Sequence[str | int] | None = None,
    mask_suffix: str = "_mask",
    patient_pattern: str | None = None,
    fold_column: str | None = None,
) -> list[dict[str, Any]]:
    """List the cases of a data set.

    Layouts:
        ``msd``: ``dataset.json`` of the Medical Segmentation Decathlon; the section ``training`` is read. An entry may
        have ``patient``, ``fold`` and ``class_name`` besides ``image`` and ``label``.

        ``brats``: case folders anywhere below ``data_dir`` with ``<case>_flair.nii.gz``, ``_t1``, ``_t1ce``, ``_t2`` and
        ``_seg`` (until 2021) or ``<case>-t2f.nii.gz``, ``-t1n``, ``-t1c``, ``-t2w`` and ``-seg`` (since 2023).

        ``pictures``: 2D images with ``<stem><mask_suffix>`` masks beside them (png, tif, tiff, jpg, jpeg) in nested
        folders. An ``index.csv`` with the columns ``image`` and ``mask``, and maybe ``patient``, ``class`` and a column
        of folds, is used where there is one.

    Args:
        data_dir: folder of the data set.
        layout: one of ``Layout``; ``auto`` goes by what lies there.
        modalities: BraTS: which of t1, t1ce, t2, flair, in this order; None means all that every case has. MSD: channels
            by number or by their name in ``dataset.json``. Pictures: channels by number. None means all.
        mask_suffix: what a mask's name has after the stem of its picture.
        patient_pattern: regular expression whose first group, searched in a file's path relative to ``data_dir``, is the
            patient.
        fold_column: column of ``index.csv``, or key of an entry of ``dataset.json``, that holds the fold.

    Returns:
        cases sorted by name, each with ``Keys``: image (path, or one path per modality), label (path), patient, case,
        class_name ("" without), fold ("" without), and ``channels`` where some are picked.

    Raises:
        FileNotFoundError: when the folder or a listed file is missing.
        ValueError: when nothing is found, a case occurs twice, a picture has no mask, or an argument is wrong.
    """
    data_dir = Path(data_dir)
    check_choice("layout", layout, Layout)
    if not data_dir.is_dir():
        raise FileNotFoundError(f"data_dir must be a folder, got {data_dir}, which does not exist")
    pattern = _compile(patient_pattern)
    chosen = _detect(data_dir) if str(layout) == str(Layout.AUTO) else Layout(layout)
    logger.info("layout of %s: %s%s", data_dir, chosen, " (detected)" if str(layout) == str(Layout.AUTO) else "")
    if chosen == Layout.MSD:
        cases = _msd_cases(data_dir, modalities, pattern, fold_column)
    elif chosen == Layout.BRATS:
        _refuse_fold_column(fold_column, chosen)
        cases = _brats_cases(data_dir, modalities, pattern)
    elif (data_dir / INDEX_FILE).is_file():
        cases = _index_cases(data_dir, modalities, pattern, fold_column)
    else:
        _refuse_fold_column(fold_column, chosen)
        cases = _picture_cases(data_dir, modalities, pattern, mask_suffix)
    return _checked(cases, data_dir, chosen)


def _compile(patient_pattern: str | None) -> re.Pattern[str] | None:
    if patient_pattern is None:
        return None
    try:
        pattern = re.compile(patient_pattern)
    except re.error as error:
        raise ValueError(f"patient_pattern must be a regular expression, got {patient_pattern!r}: {error}") from error
    if pattern.groups < 1:
        raise ValueError(f"patient_pattern must have a group that holds the patient, got {patient_pattern!r}")
    return pattern


def _refuse_fold_column(fold_column: str | None, layout: Layout) -> None:
    if fold_column is not None:
        raise ValueError(f"fold_column goes with {MSD_FILE} or {INDEX_FILE}, got {fold_column!r} for layout {layout}")


def _detect(data_dir: Path) -> Layout:
    """Return the layout by what lies in ``data_dir``."""
    if (data_dir / MSD_FILE).is_file():
        return Layout.MSD
    if (data_dir / INDEX_FILE).is_file():
        return Layout.PICTURES
    if next(_brats_files(data_dir), None) is not None:
        return Layout.BRATS
    if any(path.suffix.lower() in PICTURE_SUFFIXES for path in data_dir.rglob("*")):
        return Layout.PICTURES
    raise ValueError(
        f"no data set found in {data_dir}: looked for {MSD_FILE} (msd), <case>/<case>_flair.nii.gz and the like (brats), "
        f"{INDEX_FILE} or {', '.join(PICTURE_SUFFIXES)} files with masks (pictures)"
    )


def _match_patient(pattern: re.Pattern[str], path: Path, data_dir: Path) -> str:
    name = path.relative_to(data_dir).as_posix() if path.is_relative_to(data_dir) else path.as_posix()
    match = pattern.search(name)
    if match is None or match.group(1) is None:
        raise ValueError(f"patient_pattern must match every file, got no match of {pattern.pattern!r} in {name}")
    return match.group(1)


def _stem(path: Path) -> str:
    """Return the name of a file without its suffixes (``.nii.gz``)."""
    return path.name[: -len(".nii.gz")] if path.name.lower().endswith(".nii.gz") else path.stem


def _case(image: Any, label: Any, patient: str, name: str, class_name: str = "", fold: str = "") -> dict[str, Any]:
    return {
        str(Keys.IMAGE): image,
        str(Keys.LABEL): label,
        str(Keys.PATIENT): patient,
        str(Keys.CASE): name,
        str(Keys.CLASS_NAME): class_name,
        str(Keys.FOLD): fold,
    }


def _channel_numbers(modalities: Sequence[str | int] | None, names: dict[str, int]) -> list[int] | None:
    """Return channel numbers for numbers or names."""
    if modalities is None:
        return None
    known = {name.lower(): number for name, number in names.items()}
    numbers = []
    for wanted in modalities:
        if str(wanted).isdigit():
            numbers.append(int(wanted))
        elif str(wanted).lower() in known:
            numbers.append(known[str(wanted).lower()])
        else:
            raise ValueError(f"modalities must be channel numbers{f' or among {sorted(names)}' if names else ''}, got {wanted!r}")
    if not numbers or len(set(numbers)) != len(numbers):
        raise ValueError(f"modalities must name at least one channel and none twice, got {list(modalities)}")
    return numbers


# --- MSD -------------------------------------------------------------------------------------------------------------


def _msd_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None, fold_column: str | None
) -> list[dict[str, Any]]:
    file = data_dir / MSD_FILE
    content = read_json(file)
    names = {str(name): int(number) for number, name in (content.get("modality") or {}).items() if str(number).isdigit()}
    channels = _channel_numbers(modalities, names)
    cases = []
    for entry in load_decathlon_datalist(str(file), is_segmentation=True, data_list_key="training"):
        if "label" not in entry:
            raise ValueError(f"{file} must give a label for every training image, got none for {entry.get('image')}")
        images = [Path(image) for image in _listed(entry["image"])]
        name = _stem(images[0])
        fold = entry.get(fold_column or "fold", "")
        if fold_column is not None and fold_column not in entry:
            raise ValueError(f"fold_column must be a key of every training entry of {file}, got {fold_column!r}")
        patient = entry.get("patient") or (_match_patient(pattern, images[0], data_dir) if pattern else name)
        label = [Path(item) for item in _listed(entry["label"])]
        case = _case(_single(images), _single(label), str(patient), name, str(entry.get("class_name", "")), str(fold))
        cases.append(case if channels is None else {**case, CHANNELS: channels})
    return cases


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _single(paths: list[Path]) -> Path | list[Path]:
    return paths[0] if len(paths) == 1 else paths


# --- BraTS -----------------------------------------------------------------------------------------------------------


def _brats_files(data_dir: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield file, case and kind (a modality, or ``seg``) of every file named after BraTS."""
    for path in data_dir.rglob("*.nii*"):
        match = BRATS_FILE.fullmatch(path.name)
        if match and not path.name.startswith("."):
            kind = match["what"].lower()
            yield path, match["case"], BRATS_2023.get(kind, kind)


def _brats_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None
) -> list[dict[str, Any]]:
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    for path, name, kind in sorted(_brats_files(data_dir)):
        found.setdefault((path.parent, name), {})[kind] = path
    labeled = {key: files for key, files in found.items() if "seg" in files}
    if len(labeled) < len(found):
        logger.warning("%d cases of %s have no _seg file and are left out", len(found) - len(labeled), data_dir)
    chosen = _brats_modalities(list(labeled.values()), modalities)
    cases = []
    for (_, name), files in labeled.items():
        missing = [kind for kind in chosen if kind not in files]
        if missing:
            raise FileNotFoundError(f"case {name} must have the modalities {chosen}, got no file for {missing}")
        images = [files[kind] for kind in chosen]
        match = BRATS_PATIENT.fullmatch(name)
        own = next(group for group in match.groups() if group) if match else name
        patient = _match_patient(pattern, images[0], data_dir) if pattern else own
        cases.append(_case(_single(images), files["seg"], patient, name))
    if labeled:
        logger.info("modalities: %s", ", ".join(chosen))
    return cases


def _brats_modalities(cases: list[dict[str, Path]], wanted: Sequence[str | int] | None) -> list[str]:
    if wanted is not None:
        kinds = [BRATS_2023.get(str(kind).lower(), str(kind).lower()) for kind in wanted]
        if not kinds or len(set(kinds)) != len(kinds):
            raise ValueError(f"modalities must name at least one of {BRATS_MODALITIES} and none twice, got {list(wanted)}")
        for kind in kinds:
            check_choice("modalities", kind, BRATS_MODALITIES)
        return kinds
    common = [kind for kind in BRATS_MODALITIES if all(kind in files for files in cases)]
    if cases and not common:
        raise ValueError("no modality is there for every case; name the ones to use with modalities")
    return common


# --- pictures --------------------------------------------------------------------------------------------------------


def _index_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None, fold_column: str | None
) -> list[dict[str, Any]]:
    file = data_dir / INDEX_FILE
    with open(file, newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        columns, rows = list(reader.fieldnames or []), list(reader)
    wanted = ["image", "mask"] + ([fold_column] if fold_column else [])
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise ValueError(f"{file} must have the columns {', '.join(wanted)}, got {', '.join(columns)}")
    patient_of: Callable[[dict[str, str], Path], str]
    if "patient" in columns:
        patient_of = lambda row, image: row["patient"]  # noqa: E731
    elif pattern is not None:
        patient_of = lambda row, image: _match_patient(pattern, image, data_dir)  # noqa: E731
    elif fold_column:
        logger.warning(
            "%s has no column patient: each fold of %r counts as one patient, so that a fold is the smallest unit of "
            "splits and of intervals",
            file,
            fold_column,
        )
        patient_of = lambda row, image: f"fold-{row[fold_column]}"  # noqa: E731
    else:
        guess = _PatientByPlace(data_dir)
        patient_of = lambda row, image: guess(image)  # noqa: E731
    channels = _channel_numbers(modalities, {})
    cases = []
    for row in rows:
        if not row["image"] or not row["mask"]:
            raise ValueError(f"{file} must give an image and a mask in every row, got {row}")
        image = data_dir / row["image"]
        name = Path(row["image"]).with_suffix("").as_posix()
        fold = row[fold_column] if fold_column else ""
        case = _case(image, data_dir / row["mask"], patient_of(row, image), name, row.get("class") or "", fold)
        cases.append(case if channels is None else {**case, CHANNELS: channels})
    return cases


def _picture_cases(
    data_dir: Path, modalities: Sequence[str | int] | None, pattern: re.Pattern[str] | None, mask_suffix: str
) -> list[dict[str, Any]]:
    if not mask_suffix:
        raise ValueError("mask_suffix must not be empty: it tells masks from pictures")
    files = [path for path in data_dir.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()]
    files = sorted(path for path in files if not path.name.startswith("."))
    masks = {path.with_name(path.stem[: -len(mask_suffix)]): path for path in files if path.stem.endswith(mask_suffix)}
    images = [path for path in files if not path.stem.endswith(mask_suffix)]
    without = [path for path in images if path.with_name(path.stem) not in masks]
    if without and masks:
        raise ValueError(
            f"every picture must have a mask <stem>{mask_suffix}, got none for {len(without)} of {len(images)}, "
            f"the first {without[0]}"
        )
    lonely = sorted(set(masks) - {path.with_name(path.stem) for path in images})
    if lonely:
        raise ValueError(f"every mask must have a picture, got none for {len(lonely)} masks, the first {masks[lonely[0]]}")
    guess = _PatientByPlace(data_dir)
    channels = _channel_numbers(modalities, {})
    cases = []
    for image in images if masks else []:
        patient = _match_patient(pattern, image, data_dir) if pattern else guess(image)
        name = image.relative_to(data_dir).with_suffix("").as_posix()
        case = _case(image, masks[image.with_name(image.stem)], patient, name)
        cases.append(case if channels is None else {**case, CHANNELS: channels})
    return cases


class _PatientByPlace:
    """Guess the patient from where a picture lies, and say once what was taken."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.said = False

    def __call__(self, image: Path) -> str:
        in_folder = image.parent != self.data_dir
        patient = image.parent.name if in_folder else image.stem.rstrip("0123456789").rstrip("_- ") or image.stem
        if not self.said:
            what = "the folder of a picture" if in_folder else "the name of a picture without its trailing number"
            logger.warning(
                "nothing says which patient a picture of %s is of: %s is taken as the patient (%r for %s); if that is "
                "wrong, splits are not by patient: give patient_pattern",
                self.data_dir,
                what,
                patient,
                image.name,
            )
            self.said = True
        return patient


# --- all layouts -----------------------------------------------------------------------------------------------------


def _checked(cases: list[dict[str, Any]], data_dir: Path, layout: Layout) -> list[dict[str, Any]]:
    """Return the cases sorted by name, or raise when there are none, a file is missing or a case is there twice."""
    if not cases:
        sought = {
            Layout.MSD: f"entries of the section training of {MSD_FILE}",
            Layout.BRATS: "<case>_<modality>.nii.gz with <case>_seg.nii.gz beside them",
            Layout.PICTURES: f"{INDEX_FILE} or {', '.join(PICTURE_SUFFIXES)} files with masks beside them",
        }[layout]
        raise ValueError(f"no case found in {data_dir} with layout {layout}: looked for {sought}")
    seen: set[str] = set()
    for case in cases:
        name = case[Keys.CASE]
        if name in seen:
            raise ValueError(f"every case must occur once, got {name!r} twice in {data_dir}")
        seen.add(name)
        for key in (Keys.IMAGE, Keys.LABEL):
            for path in _listed(case[key]):
                if not Path(path).exists():
                    raise FileNotFoundError(f"{key} of case {name} is missing: {path}")
    classed = sum(bool(case[Keys.CLASS_NAME]) for case in cases)
    if classed not in (0, len(cases)):
        raise ValueError(f"either every case must have a class or none, got a class for {classed} of {len(cases)} cases")
    return sorted(cases, key=lambda case: case[Keys.CASE])
