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
"""What is known of the patients, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monai_dcgan.utils.text import most_common

__all__ = ["attribute_rows"]


def attribute_rows(counted: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield a row of text, counted in cases, for each attribute that ``count_attributes`` found."""
    for name, found in counted.items():
        if "years" in found:
            least, middle, most = found["years"]
            text = f"{least:g} years" if least == most else f"{least:g} to {most:g} years, median {middle:g}"
        else:
            text = most_common(found["values"])
        yield name, text + (f"; not given ({found['missing']})" if found["missing"] else "")
