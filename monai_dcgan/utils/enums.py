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
"""Keys of dictionaries and choices of options."""

from __future__ import annotations

from monai.utils import StrEnum

__all__ = [
    "Axis",
    "EvaluationKeys",
    "Fit",
    "ImageFormat",
    "Keys",
    "Layout",
    "OnError",
    "SliceChoice",
    "Reader",
    "SliceClass",
    "Split",
    "Stratify",
    "TumorPolicy",
]


class Keys(StrEnum):
    """Keys of a case (one volume or one 2D picture), of a slice item and of a batch."""

    IMAGE = "image"
    LABEL = "label"
    PATIENT = "patient"
    CASE = "case"
    CLASS_NAME = "class_name"
    CLASS_INDEX = "class_index"
    FOLD = "fold"
    PICTURE = "picture"


class Split(StrEnum):
    """Parts of a data set; a patient belongs to exactly one. Those who are ``left_out`` are used for nothing."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    LEFT_OUT = "left_out"


class Stratify(StrEnum):
    """What the parts of a split shall have in like shares."""

    BURDEN = "burden"
    CLASS = "class"


class Layout(StrEnum):
    """How a data set lies on the disk."""

    AUTO = "auto"
    MSD = "msd"
    NNUNET = "nnunet"
    BRATS = "brats"
    BIDS = "bids"
    DICOM = "dicom"
    FOLDERS = "folders"
    PICTURES = "pictures"


class OnError(StrEnum):
    """What becomes of a case that cannot be used."""

    STOP = "stop"
    SKIP = "skip"


class Reader(StrEnum):
    """What reads volumes: nibabel where it knows the format and ITK elsewhere, or one of them for all."""

    AUTO = "auto"
    NIBABEL = "nibabel"
    ITK = "itk"


class Axis(StrEnum):
    """Anatomical plane of the slices."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


class TumorPolicy(StrEnum):
    """Which slices to take from a volume."""

    ANY = "any"
    WITH = "with"
    WITHOUT = "without"


class SliceChoice(StrEnum):
    """How to choose slices of a volume when there may be only so many."""

    SPREAD = "spread"
    TUMOR_AREA = "tumor_area"


class SliceClass(StrEnum):
    """What the class of a slice is: that of its case, or whether it shows tumor."""

    CASE = "case"
    TUMOR = "tumor"


class Fit(StrEnum):
    """How a slice is brought to a square of ``image_size`` pixels."""

    RESIZE = "resize"
    PAD = "pad"


class ImageFormat(StrEnum):
    """File format of a synthetic set."""

    NIFTI = "nifti"
    PNG = "png"


class EvaluationKeys(StrEnum):
    """Keys of what an evaluation hands to metrics and handlers."""

    REAL_IMAGE = "real_image"
    REAL_MASK = "real_mask"
    SYNTHETIC_IMAGE = "synthetic_image"
    SYNTHETIC_MASK = "synthetic_mask"
    PATIENT = "patient"
