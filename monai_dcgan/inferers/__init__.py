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
"""From a generator to pictures: latents, sampling, and the choice of what to keep."""

from __future__ import annotations

from monai_dcgan.inferers.batch_size import bytes_per_picture, pick_batch_size
from monai_dcgan.inferers.latent import LatentDataset, LatentSampler
from monai_dcgan.inferers.selection import OfferSampler, SliceSelection, parse_shard, shard_places

__all__ = [
    "LatentDataset",
    "LatentSampler",
    "OfferSampler",
    "SliceSelection",
    "bytes_per_picture",
    "parse_shard",
    "pick_batch_size",
    "shard_places",
]
