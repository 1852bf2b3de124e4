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
"""The folder that ``prepare`` makes and trainings read: compressed slices, described, checked, larger than memory."""

from __future__ import annotations

from monai_dcgan.data.store.assembly import (
    CASES,
    FORMAT_VERSION,
    begin_store,
    finish_store,
    problems_of,
    read_header,
)
from monai_dcgan.data.store.folder import StoreFolder
from monai_dcgan.data.store.presence import is_made
from monai_dcgan.data.store.shards import Shard, shard_ids, whole_shards, write_shard
from monai_dcgan.data.store.store import SliceStore, is_store

__all__ = [
    "CASES",
    "FORMAT_VERSION",
    "Shard",
    "SliceStore",
    "StoreFolder",
    "begin_store",
    "finish_store",
    "is_made",
    "is_store",
    "problems_of",
    "read_header",
    "shard_ids",
    "whole_shards",
    "write_shard",
]
