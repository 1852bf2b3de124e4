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
"""Digital patients: brain MRI with gliomas, made from a template, free of any patient's data."""

from __future__ import annotations

from monai_dcgan.data.phantom.contrast import SEQUENCES
from monai_dcgan.data.phantom.dataset import LABELS, write_phantoms
from monai_dcgan.data.phantom.patient import DEFAULT_SPACING, make_phantom

__all__ = ["DEFAULT_SPACING", "LABELS", "SEQUENCES", "make_phantom", "write_phantoms"]
