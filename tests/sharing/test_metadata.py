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
"""The schema of ``metadata.json``, through MONAI's own check of metadata."""

from __future__ import annotations

import json
import shutil

import pytest
from monai.bundle import verify_metadata

from monai_dcgan.sharing.checks import SCHEMA
from monai_dcgan.workflow import bundle_root


def verify(metadata, tmp_path):
    """Call MONAI's check; where the file of the schema is there, it downloads none."""
    meta_file = tmp_path / "metadata.json"
    meta_file.write_text(json.dumps(metadata))
    schema = shutil.copy(SCHEMA, tmp_path / "schema.json")
    verify_metadata(meta_file=str(meta_file), filepath=str(schema))


@pytest.fixture
def metadata():
    return json.loads((bundle_root() / "configs/metadata.json").read_text())


def test_the_schema_is_one():
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_the_metadata_of_the_repository_pass(metadata, tmp_path):
    verify(metadata, tmp_path)


def test_the_metadata_of_a_run_pass(made, tmp_path):
    verify(json.loads((made / "configs/metadata.json").read_text()), tmp_path)


def test_optional_packages_of_older_bundles_pass(metadata, tmp_path):
    verify({**metadata, "optional_packages_version": {"nibabel": "5.4.2"}}, tmp_path)


REQUIRED = json.loads(SCHEMA.read_text())["required"]


@pytest.mark.parametrize("name", sorted(set(REQUIRED) - {"schema"}))
def test_a_missing_field_is_refused(metadata, tmp_path, name):
    del metadata[name]
    with pytest.raises(ValueError, match=f"'{name}' is a required property"):
        verify(metadata, tmp_path)


BROKEN = [
    [("version",), 1],
    [("version",), "1.0"],
    [("version",), "v1.0.0"],
    [("changelog",), {}],
    [("changelog",), {"first": "text"}],
    [("changelog", "0.2.0"), ""],
    [("monai_version",), "latest"],
    [("pytorch_version",), "2.13.0+cpu"],
    [("required_packages_version",), ["nibabel"]],
    [("required_packages_version", "nibabel"), 5],
    [("name",), ""],
    [("authors",), ["A", "B"]],
    [("eval_metrics",), {"dice": None}],
    [("references",), "one"],
    [("network_data_format", "inputs"), {}],
    [("network_data_format", "inputs", "image", "num_channels"), 0],
    [("network_data_format", "inputs", "image", "num_channels"), True],
    [("network_data_format", "inputs", "image", "spatial_shape"), []],
    [("network_data_format", "inputs", "image", "spatial_shape"), [0, 1]],
    [("network_data_format", "inputs", "image", "spatial_shape"), ["import os"]],
    [("network_data_format", "inputs", "image", "is_patch_data"), "false"],
    [("network_data_format", "outputs", "pred", "dtype"), "float"],
    [("network_data_format", "outputs", "pred", "value_range"), [0]],
    [("network_data_format", "outputs", "pred", "channel_def"), {"zero": "image"}],
    [("network_data_format", "outputs", "pred", "chanel_def"), {}],
    [("licence",), "a field that nobody knows"],
]


@pytest.mark.parametrize("path, value", BROKEN)
def test_a_broken_field_is_refused(metadata, tmp_path, path, value):
    place = metadata
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ValueError, match="Failed validating"):
        verify(metadata, tmp_path)


SHAPES = [[160, 160, 160], ["*", "*"], ["2**n", "2**n*m"], ["16*n"]]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shapes_of_the_specification_pass(metadata, tmp_path, shape):
    metadata["network_data_format"]["outputs"]["pred"]["spatial_shape"] = shape
    verify(metadata, tmp_path)
