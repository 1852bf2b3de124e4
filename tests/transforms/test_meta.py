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
"""Switching metadata off and on leaves no trace, nested or in threads."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from monai.data import get_track_meta, set_track_meta

from monai_dcgan.transforms import tracking_meta


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_nested(before, outer, inner):
    set_track_meta(before)
    try:
        with tracking_meta(outer):
            with tracking_meta(inner):
                assert get_track_meta() == inner
            assert get_track_meta() == outer
            with pytest.raises(KeyError), tracking_meta(inner):
                raise KeyError
            assert get_track_meta() == outer
        assert get_track_meta() == before
    finally:
        set_track_meta(True)


def test_overlapping_as_in_threads():
    first, second = ExitStack(), ExitStack()
    first.enter_context(tracking_meta(False))
    second.enter_context(tracking_meta(False))
    first.close()
    assert not get_track_meta(), "the second block is still open"
    second.close()
    assert get_track_meta()
