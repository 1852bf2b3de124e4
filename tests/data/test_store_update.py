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
"""An update reads what is new or changed, and ends in the bytes of a new store."""

from __future__ import annotations

import pytest

from monai_dcgan.data import prepare
from tests.data.store_makers import SETTINGS, add_case, contents, count_reads, list_cases, make_cases
from tests.data.volume_makers import cut_off


def new_case(data):
    add_case(data, 5)
    list_cases(data, [0, 1, 2, 5])


def changed_case(data):
    add_case(data, 1, seed=7)


def removed_case(data):
    list_cases(data, [0, 2])


def mended_case(data):
    add_case(data, 2)


def nothing(data):
    pass


@pytest.mark.parametrize(
    ("change", "read"),
    [(new_case, ["P05"]), (changed_case, ["P01"]), (removed_case, []), (mended_case, ["P02"]), (nothing, [])],
)
def test_update_reads_what_is_new(tmp_path, monkeypatch, change, read):
    data = make_cases(tmp_path / "data", 3)
    label = data / "labelsTr" / "P02.nii.gz"
    if change is mended_case:
        cut_off(label, 20)
    old = prepare(data, tmp_path / "store", on_error="skip", **SETTINGS)
    assert old.left_out == (1 if change is mended_case else 0)
    change(data)
    if change is not nothing:
        with pytest.raises(FileExistsError, match="update=True reads what is new"):
            prepare(data, tmp_path / "store", **SETTINGS)
    reads = count_reads(monkeypatch)
    store = prepare(data, tmp_path / "store", update=True, **SETTINGS)
    assert reads == read
    assert store.left_out == 0
    prepare(data, tmp_path / "fresh", **SETTINGS)
    assert contents(tmp_path / "store") == contents(tmp_path / "fresh")
