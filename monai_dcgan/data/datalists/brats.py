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
"""Data sets with the file names of the BraTS challenges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from monai_dcgan.data.datalists.channels import choose_modalities, pick_images
from monai_dcgan.data.datalists.common import DataList, Request, make_case, single
from monai_dcgan.data.datalists.patients import brats_patient, warn_of_visits
from monai_dcgan.utils.enums import Keys, Layout

__all__ = ["brats_cases", "brats_files", "is_brats"]

# Endings of BraTS files up to 2021, and of those since 2023 under the same names.
BRATS_MODALITIES = ("t1", "t1ce", "t2", "flair")
BRATS_2023 = {"t1n": "t1", "t1c": "t1ce", "t2w": "t2", "t2f": "flair"}
BRATS_FILE = re.compile(
    r"(?P<case>.+)[_-](?P<what>t1|t1ce|t2|flair|seg|t1n|t1c|t2w|t2f)(\.nii(\.gz)?|\.mha)", re.IGNORECASE
)
# 2013 to 2015: a folder per file, and the case is the folder above, HGG/brats_2013_pat0001_1 or HG/0001.
VSD_FILE = re.compile(r"VSD\.Brain.*\.(?P<what>MR_T1c|MR_T1|MR_T2|MR_Flair|OT)(?:[._].*)?\.mha", re.IGNORECASE)
VSD_KINDS = {"mr_t1": "t1", "mr_t1c": "t1ce", "mr_t2": "t2", "mr_flair": "flair", "ot": "seg"}
SEGMENTATION = "seg"
REGIONS_2021 = {"whole": (1, 2, 3, 4), "core": (1, 3, 4), "enhancing": (4,)}
REGIONS_2023 = {"whole": (1, 2, 3), "core": (1, 3), "enhancing": (3,)}


def brats_files(data_dir: Path, files: Iterable[Path]) -> Iterator[tuple[Path, Path, str, str]]:
    """Yield file, folder of the case, case and ending (as it is written) of every file named after BraTS."""
    for path in files:
        match = BRATS_FILE.fullmatch(path.name)
        if match:
            yield path, path.parent, match["case"], match["what"].lower()
            continue
        match = VSD_FILE.fullmatch(path.name)
        if match:
            folder = path.parent
            while folder != data_dir and folder.name.lower().startswith("vsd."):
                folder = folder.parent
            short = folder == data_dir or folder.name.lower().startswith("brats")
            name = folder.name if short else folder.relative_to(data_dir).as_posix()
            yield path, folder, name, VSD_KINDS[match["what"].lower()]


def is_brats(data_dir: Path, files: Iterable[Path]) -> bool:
    """Return whether there is a case of a BraTS challenge.

    It has a segmentation and a modality, and is named after BraTS or its folder, or no other case has its name: a
    folder per patient with ``Pre_T1`` and ``Pre_seg`` in each is none.
    """
    found: dict[tuple[Path, str], set[str]] = {}
    for _, folder, name, kind in brats_files(data_dir, files):
        found.setdefault((folder, name), set()).add(kind)
    whole = [key for key, kinds in found.items() if SEGMENTATION in kinds and len(kinds) > 1]
    if any(name.lower().startswith("brats") or name.endswith(folder.name) for folder, name in whole):
        return True
    return bool(whole) and len({name for _, name in whole}) == len(whole)


def brats_cases(request: Request) -> DataList:
    """List cases of the BraTS layout; see ``find_cases``."""
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    endings = set()
    for path, folder, name, kind in brats_files(request.data_dir, request.files):
        endings.add(f"-{kind}" if kind == "t1c" and f"_{kind}" in path.name.lower() else kind)
        found.setdefault((folder, name), {})[BRATS_2023.get(kind, kind)] = path
    labeled = {}
    for key, files in found.items():
        if SEGMENTATION not in files:
            reason = f"every case must have a segmentation, got no {key[1]}_seg beside the images"
            request.problems.add(key[1], files.values(), reason)
        elif len(files) > 1:
            labeled[key] = files
        else:
            request.problems.add(key[1], files.values(), "every segmentation must have images beside it, got none")
    wanted = request.modalities and [
        BRATS_2023.get(str(kind).lower(), str(kind).lower()) for kind in request.modalities
    ]
    chosen = choose_modalities(list(labeled.values()), wanted, BRATS_MODALITIES)
    cases = []
    for (_, name), files in labeled.items():
        images = pick_images(request, name, files, chosen)
        patient = images and request.patient(brats_patient(name), name, images[0])
        if images and patient:
            cases.append(make_case(single(images), files[SEGMENTATION], patient, name))
    if request.pattern is None:
        warn_of_visits(case[Keys.PATIENT] for case in cases)
    return DataList(cases, Layout.BRATS, chosen, regions=_regions(endings), problems=request.problems)


def _regions(endings: set[str]) -> dict[str, tuple[int, ...]]:
    """Return the regions by the endings of the files; none where those of both times occur."""
    new = bool(endings & set(BRATS_2023))
    old = bool(endings & {*BRATS_MODALITIES, "-t1c"})
    return {} if new == old else dict(REGIONS_2023 if new else REGIONS_2021)
