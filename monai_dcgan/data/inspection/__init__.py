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
"""What a data set holds before it is used, and what a store holds: numbers, and texts for people."""

from __future__ import annotations

from monai_dcgan.data.inspection.store import inspect_store
from monai_dcgan.data.inspection.store_text import inspection_text
from monai_dcgan.data.inspection.survey import Survey, survey
from monai_dcgan.data.inspection.survey_text import survey_text

__all__ = ["Survey", "inspect_store", "inspection_text", "survey", "survey_text"]
