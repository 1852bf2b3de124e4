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
"""Tell the layout of a data set by what lies there."""

from __future__ import annotations

from monai_dcgan.data.datalists.bids import is_bids
from monai_dcgan.data.datalists.brats import is_brats
from monai_dcgan.data.datalists.common import PICTURE_SUFFIXES, VOLUME_SUFFIXES, Request, has_suffix
from monai_dcgan.data.datalists.dicom import is_dicom
from monai_dcgan.data.datalists.index import INDEX_FILE
from monai_dcgan.data.datalists.msd import MSD_FILE, read_dataset_json
from monai_dcgan.data.datalists.nnunet import is_nnunet
from monai_dcgan.utils.enums import Layout

__all__ = ["SOUGHT", "detect_layout"]

# What each layout looks for, in the order of ``detect_layout``.
SOUGHT = {
    Layout.MSD: f"{MSD_FILE} with a list 'training'",
    Layout.NNUNET: f"{MSD_FILE} with imagesTr/<case>_0000.<ext> and labelsTr/<case>.<ext>",
    Layout.PICTURES: f"{INDEX_FILE}, or {', '.join(PICTURE_SUFFIXES)} files with masks or in folders of classes",
    Layout.BIDS: "sub-*/[ses-*/]anat/sub-*_<suffix>.nii.gz",
    Layout.BRATS: "<case>_flair.nii.gz and the like with <case>_seg.nii.gz beside them",
    Layout.DICOM: "folders with DICOM series",
    Layout.FOLDERS: f"{', '.join(VOLUME_SUFFIXES)} files with masks beside them or in a sibling folder",
}


def detect_layout(request: Request) -> Layout:
    """Return the layout of a data set, the first one of these that applies.

    1. ``dataset.json``: nnunet where it is nnU-Net's, else msd. 2. ``index.csv``: pictures. 3. Files of BIDS: bids.
    4. Files named after BraTS, with a segmentation: brats. 5. DICOM files: dicom. 6. Volumes: folders. 7. Pictures.

    Raises:
        ValueError: when none does.
    """
    data_dir, files = request.data_dir, request.files
    if (data_dir / MSD_FILE).is_file():
        return Layout.NNUNET if is_nnunet(data_dir, read_dataset_json(data_dir)) else Layout.MSD
    if (data_dir / INDEX_FILE).is_file():
        return Layout.PICTURES
    if is_bids(data_dir, files):
        return Layout.BIDS
    if is_brats(data_dir, files):
        return Layout.BRATS
    if is_dicom(files):
        return Layout.DICOM
    for layout, suffixes in ((Layout.FOLDERS, VOLUME_SUFFIXES), (Layout.PICTURES, PICTURE_SUFFIXES)):
        if any(has_suffix(path, suffixes) for path in files):
            return layout
    sought = "; ".join(f"{text} ({layout})" for layout, text in SOUGHT.items())
    raise ValueError(f"no data set found in {data_dir}, which holds {len(files)} files: looked for {sought}")
