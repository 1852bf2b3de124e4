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
"""Words and columns."""

from __future__ import annotations

import pytest

from monai_dcgan.utils.text import aligned, count_of, human_bytes, most_common, percent

CASES = [
    [count_of, (1, "case"), "1 case"],
    [count_of, (0, "case"), "0 cases"],
    [count_of, (3, "axis"), "3 axes"],
    [percent, (0.37,), "37%"],
    [percent, (0.0,), "0%"],
    [percent, (0.0018,), "0.18%"],
    [percent, (1.0,), "100%"],
    [percent, (0.0996,), "10%"],
    [most_common, ({"LPS": 4},), "LPS"],
    [most_common, ({"RAS": 3, "LPS": 12}, 1), "LPS (12) and 1 other (3)"],
    [most_common, ({"a": 1, "b": 2, "c": 3, "d": 4}, 2), "d (4), c (3) and 2 others (3)"],
    [human_bytes, (1023,), "1023 bytes"],
    [human_bytes, (1536,), "1.5 KiB"],
    [human_bytes, (5 * 2**40,), "5.0 TiB"],
    [aligned, ([("a", "1"), ("long", ["2", "3"]), ("none", [])],), "  a     1\n  long  2\n        3"],
    [aligned, ([],), ""],
]


@pytest.mark.parametrize("function, arguments, expected", CASES)
def test_words(function, arguments, expected):
    assert function(*arguments) == expected
