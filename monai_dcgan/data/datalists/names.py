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
"""What the name of a file or folder says: image or mask, modality, class."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "ParsedName",
    "is_class_folder",
    "is_image_folder",
    "is_mask_folder",
    "is_mask_name",
    "parse_name",
    "says_no_tumor",
]

MASK_WORDS = frozenset(
    [
        "mask",
        "masks",
        "seg",
        "segs",
        "label",
        "labels",
        "roi",
        "rois",
        "segmentation",
        "segmentations",
        "labelmap",
        "annotation",
        "annotations",
    ]
)
IMAGE_WORDS = frozenset(["scan", "scans", "image", "images", "img", "imgs", "volume", "volumes", "vol"])
MODALITIES = frozenset(
    [
        "t1",
        "t1w",
        "t1n",
        "t1c",
        "t1ce",
        "t1gd",
        "t1wce",
        "t1wgd",
        "t1post",
        "t1pre",
        "t2",
        "t2w",
        "t2f",
        "t2star",
        "flair",
        "t2flair",
        "adc",
        "dwi",
        "swi",
        "pd",
        "pdw",
    ]
)
IMAGE_FOLDERS = frozenset(["images", "imgs", "image", "img", "scans", "scan", "volumes", "imagestr"])
MASK_FOLDERS = frozenset(
    ["labels", "masks", "label", "mask", "segmentations", "segmentation", "segs", "seg", "annotations", "labelstr"]
)
CLASS_WORDS = re.compile(
    r"glioma|glioblastoma|gbm|hgg|lgg|meningioma|pituitary|adenoma|metasta|astroc[iy]toma|ependymoma|blastoma"
    r"|schwannoma|neuroc[iy]toma|carcinoma|lymphoma|tumou?r|healthy|normal|benign|malignant|cancer"
)
WHOLE_CLASS_NAMES = frozenset(["yes", "no", "none", "control", "controls", "positive", "negative"])
NO_TUMOR = re.compile(r"no|none|notumou?rs?|withouttumou?r|healthy|normal|controls?|negative")
SEPARATORS = re.compile(r"[\W_]+")
CONTRAST = re.compile(r"(?<![^\W_])(t1w?)[\W_](c|ce|gd|post|pre)(?![^\W_])", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedName:
    """Parts of a name.

    Args:
        full: small-letter words of the name without those for image and mask.
        reduced: ``full`` without the modality.
        modality: the modality as it is written, or "".
        case: the name as it is written, without words for image, mask and modality.
        case_with_modality: as ``case``, but with the modality.
    """

    full: str
    reduced: str
    modality: str
    case: str
    case_with_modality: str


def parse_name(text: str) -> ParsedName:
    """Take the name of a file, without its suffix, to pieces.

    Example:
        >>> parse_name("Pre_Scan_T1")
        ParsedName(full='pre_t1', reduced='pre', modality='T1', case='Pre', case_with_modality='Pre_T1')
    """
    text = CONTRAST.sub(r"\1\2", text)
    words = [word for word in SEPARATORS.split(text) if word]
    kept = [word for word in words if word.lower() not in MASK_WORDS | IMAGE_WORDS]
    modalities = [word for word in kept if word.lower() in MODALITIES]
    return ParsedName(
        full="_".join(kept).lower(),
        reduced="_".join(word for word in kept if word not in modalities).lower(),
        modality="_".join(modalities),
        case=_without(text, MASK_WORDS | IMAGE_WORDS | MODALITIES),
        case_with_modality=_without(text, MASK_WORDS | IMAGE_WORDS),
    )


def _without(text: str, words: frozenset[str]) -> str:
    bare = re.sub(rf"(?<![^\W_])(?:{'|'.join(sorted(words))})(?![^\W_])", "", text, flags=re.IGNORECASE)
    return re.sub(r"^[\W_]+|[\W_]+$", "", re.sub(r"([\W_])[\W_]+", r"\1", bare))


def is_mask_name(text: str) -> bool:
    """Return whether one word of ``text`` is mask, seg, label, roi or the like; ``tumorMask`` holds two words."""
    words = SEPARATORS.split(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text))
    return any(word.lower() in MASK_WORDS for word in words)


def is_image_folder(name: str) -> bool:
    """Return whether a folder of this name holds images beside a folder of masks."""
    return name.lower() in IMAGE_FOLDERS


def is_mask_folder(name: str) -> bool:
    """Return whether a folder of this name holds masks beside a folder of images."""
    return name.lower() in MASK_FOLDERS


def is_class_folder(name: str) -> bool:
    """Return whether ``name`` is that of a class of tumors or of none, such as ``glioma`` or ``no tumor``."""
    bare = SEPARATORS.sub("", name).lower()
    return bare in WHOLE_CLASS_NAMES or CLASS_WORDS.search(bare) is not None


def says_no_tumor(class_name: str) -> bool:
    """Return whether a class of this name has no tumor: ``no``, ``no_tumor``, ``healthy``, ``normal`` and the like."""
    return NO_TUMOR.fullmatch(SEPARATORS.sub("", class_name).lower()) is not None
