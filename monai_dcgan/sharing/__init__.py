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
"""Share what was trained: bundles for the MONAI Model Zoo, and the checks before they leave the house."""

from __future__ import annotations

from monai_dcgan.sharing.bundle import make_bundle, zip_bundle
from monai_dcgan.sharing.checks import check_bundle
from monai_dcgan.sharing.leaks import check_private, find_leaks, private_words
from monai_dcgan.sharing.metadata import BundleLabel

__all__ = [
    "BundleLabel",
    "check_bundle",
    "check_private",
    "find_leaks",
    "make_bundle",
    "private_words",
    "zip_bundle",
]
