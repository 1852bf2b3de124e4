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
"""Switch MONAI's tracking of metadata for a while, safely in threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from monai.data import get_track_meta, set_track_meta

__all__ = ["tracking_meta"]

_lock = threading.Lock()
_before = True
# What each block that is open now asked for, in the order they began.
_open: list[list[bool]] = []


@contextmanager
def tracking_meta(on: bool) -> Iterator[None]:
    """Switch the tracking of metadata on or off inside the block; afterwards it is as it was.

    Slices have no affine, and without metadata MONAI's random transforms are several times as fast on them. Volumes
    need it for their orientation, whatever the caller has switched. Blocks may be nested, and may overlap in threads:
    what the youngest open block asked for holds, and with the last one the state before the first comes back.

    Args:
        on: whether transforms make ``MetaTensor``.
    """
    global _before
    block = [on]
    with _lock:
        if not _open:
            _before = get_track_meta()
        _open.append(block)
        set_track_meta(on)
    try:
        yield
    finally:
        with _lock:
            # By identity: another block may ask for the same.
            _open[:] = [other for other in _open if other is not block]
            set_track_meta(_open[-1][0] if _open else _before)
