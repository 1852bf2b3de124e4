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
"""Synthetic sets in the form that other projects read: nnU-Net, Auto3DSeg, volumes."""

from __future__ import annotations

from monai_dcgan.data.exports.auto3dseg import to_auto3dseg_datalist
from monai_dcgan.data.exports.nnunet import to_nnunet_raw
from monai_dcgan.data.exports.volumes import stack_into_volumes

__all__ = ["stack_into_volumes", "to_auto3dseg_datalist", "to_nnunet_raw"]
