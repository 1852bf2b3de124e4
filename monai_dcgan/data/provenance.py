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
"""Where a synthetic set comes from, without a word about patients or machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_dcgan.utils.files import read_json, sha256_file
from monai_dcgan.utils.run_folder import package_versions

__all__ = ["provenance"]

OF_THE_DATA = (
    "dataset_dir", "cache_dir", "split_file", "data_digest", "patient_pattern", "fold_column", "mask_suffix",
    "image_pattern", "label_pattern",
)  # fmt: skip


def provenance(model: str | Path, **settings: Any) -> dict[str, Any]:
    """Return what identifies the making of a synthetic set.

    Args:
        model: weights of the generator; their hash is recorded, their path is not.
        settings: settings of the generation, JSON-like.

    Returns:
        ``model_sha256``, ``settings``, ``versions`` and, where the record of the training lies beside the weights,
        ``training``: its settings without what names the data.

    Raises:
        FileNotFoundError: when there are no weights.
    """
    path = Path(model)
    if not path.is_file():
        raise FileNotFoundError(f"no trained generator at {path}; train one first (ckpt_path says where it is)")
    result = {"model_sha256": sha256_file(path), "settings": settings, "versions": package_versions()}
    record = path.parent / "run.json"
    if record.is_file():
        run = read_json(record)
        kept = {name: value for name, value in run["settings"].items() if name not in OF_THE_DATA}
        result["training"] = {"images": run.get("images"), "settings": kept, "versions": run["versions"]}
    return result
