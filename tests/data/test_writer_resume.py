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
"""A synthetic set that is left, gone on with, or made in shards is the one that is made at once."""

from __future__ import annotations

import pytest
import torch
from monai.data import load_decathlon_datalist

from monai_dcgan.data import SyntheticSetWriter
from monai_dcgan.inferers import shard_places
from monai_dcgan.utils.files import read_json


def batch(count: int = 8, channels: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Slices of noise with a tumor in one corner."""
    images = torch.rand(count, channels, 32, 32, generator=torch.Generator().manual_seed(0))
    masks = torch.zeros(count, 1, 32, 32)
    masks[:, :, 6:12, 5:9] = 1
    return images, masks


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


def begun(folder, shard=None, **plan):
    """Return a writer that has gone on with a set of 8 places, and the places that are there."""
    writer = SyntheticSetWriter(folder, "png", {"seed": 3}, shard=shard)
    return writer, writer.resume(shard_places(8, shard), **plan)


def test_a_set_that_was_left_is_gone_on_with(tmp_path):
    images, masks = batch(8)
    with SyntheticSetWriter(tmp_path / "whole", "png", {"seed": 3}) as writer:
        writer.write(images, masks, pictures=range(8))
    first, made = begun(tmp_path / "set")
    assert made == set()
    for places in ([0, 1], [5], [3, 2]):
        first.write(images[places], masks[places], pictures=places, places=places, rejected={"small": 1})
    first._pool.wait()
    first.leave()
    assert contents(tmp_path) == [".set.unfinished", "whole"]
    with open(tmp_path / ".set.unfinished/.progress.jsonl", "a") as stream:
        stream.write('{"places": [7], "chan')
    second, made = begun(tmp_path / "set")
    assert made == {0, 1, 2, 3, 5}
    with pytest.raises(ValueError, match=r"places must be 0 to 7 with none left out, got up to 5"):
        second.close()
    second.write(images[[4, 6]], masks[[4, 6]], pictures=[4, 6], places=[4, 6])
    second._pool.wait()
    second.leave()
    third, made = begun(tmp_path / "set")
    assert made == {0, 1, 2, 3, 4, 5, 6}
    third.write(images[7:], masks[7:], pictures=[7], places=[7])
    assert third.rejected == {"small": 3}
    third.close()
    assert contents(tmp_path) == ["set", "whole"]
    for path in sorted((tmp_path / "whole").rglob("*")):
        if path.is_file():
            assert (tmp_path / "set" / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes()
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")


def test_a_set_is_gone_on_with_by_one_process_and_as_it_was_begun(tmp_path):
    images, masks = batch(8)
    first, _ = begun(tmp_path / "set", rules={"least": 0.1})
    with pytest.raises(FileExistsError, match="out_dir must not be made by two processes at once"):
        begun(tmp_path / "set", rules={"least": 0.1})
    with pytest.raises(ValueError, match="resume must come before write, got a writer that has begun"):
        first.resume(range(8))
    first.write(images[:1], masks[:1], places=[0])
    first.leave()
    for plan, text in [
        [{"rules": {"least": 0.2}}, r"was begun with least 0\.1, not 0\.2; give the same again to go on, remove"],
        [{}, r"was begun with rules \{.*\}, not null"],
    ]:
        with pytest.raises(ValueError, match=text):
            begun(tmp_path / "set", **plan)
    assert contents(tmp_path) == [".set.unfinished"]
    last, made = begun(tmp_path / "set", rules={"least": 0.1})
    assert made == {0}
    last.discard()
    assert contents(tmp_path) == []


def test_shards_are_joined_by_the_last_one(tmp_path):
    images, masks = batch(8)
    for shard, rows in [("2/2", slice(4, 8)), ("1/2", slice(0, 4))]:
        assert not (tmp_path / "dataset.json").exists()
        writer, _ = begun(tmp_path, shard)
        writer.write(images[rows], masks[rows], places=range(8)[rows])
        writer.note(selection={"rules": {"a": 1}, "tried": 6, "rejected": {"a": 2}})
        writer.close()
    assert contents(tmp_path) == ["dataset.json", "provenance.json", "shard_01_of_02", "shard_02_of_02"]
    entries = read_json(tmp_path / "dataset.json")["training"]
    assert entries[3]["image"] == "./shard_01_of_02/imagesTr/synthetic_000003.png"
    assert entries[4]["label"] == "./shard_02_of_02/labelsTr/synthetic_000004.png"
    assert read_json(tmp_path / "provenance.json") == {
        "synthetic": True,
        "count": 8,
        "seed": 3,
        "selection": {"rules": {"a": 1}, "tried": 12, "rejected": {"a": 4}},
        "shards": 2,
    }
    (tmp_path / "dataset.json").unlink()
    writer, made = begun(tmp_path, "1/2")
    assert made == {0, 1, 2, 3}
    with pytest.raises(FileExistsError, match="out_dir must not be finished before write"):
        writer.write(images, masks, places=range(8, 16))
    writer.close()
    assert read_json(tmp_path / "dataset.json")["training"] == entries
    with pytest.raises(ValueError, match="resume must come before write for a shard"):
        SyntheticSetWriter(tmp_path / "other", shard="1/2").write(images, masks)


def test_an_error_of_the_disk_is_not_lost(tmp_path):
    images, masks = batch(8)
    writer, _ = begun(tmp_path / "set")
    writer.write(images[:4], masks[:4], places=range(4))
    writer._pool.wait()
    (tmp_path / ".set.unfinished/imagesTr/synthetic_000005.png.part").mkdir()
    writer.write(images[4:], masks[4:], places=range(4, 8))
    for _ in range(2):
        with pytest.raises(OSError, match=r"synthetic_000005"):
            writer.close()
    writer.leave()
    assert contents(tmp_path) == [".set.unfinished"]
    (tmp_path / ".set.unfinished/imagesTr/synthetic_000005.png.part").rmdir()
    writer, made = begun(tmp_path / "set")
    assert made == {0, 1, 2, 3}
    writer.write(images[4:], masks[4:], places=range(4, 8))
    writer.close()
    assert len(load_decathlon_datalist(tmp_path / "set/dataset.json")) == 8


def test_equal_slices_give_equal_bytes_and_threads_do_not_matter(tmp_path):
    images, masks = batch(8, channels=2)
    for name, workers in (("one", 1), ("four", 4)):
        with SyntheticSetWriter(tmp_path / name, num_workers=workers) as writer:
            writer.write(images, masks)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.nii.gz"))
    assert len(files) == 16
    assert all((tmp_path / "one" / path).read_bytes() == (tmp_path / "four" / path).read_bytes() for path in files)
    with pytest.raises(ValueError, match="num_workers must be a whole number of at least 1, got 0"):
        SyntheticSetWriter(tmp_path / "set", num_workers=0)
