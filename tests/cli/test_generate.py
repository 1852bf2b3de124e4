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
"""The commands that use a trained generator: sets in shards, sets that were stopped, and exports."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nibabel
import pytest
import torch
from monai.data import load_decathlon_datalist

from monai_dcgan.cli import main
from monai_dcgan.data import SyntheticDataset, SyntheticSet, generate_arrays, join_shards
from monai_dcgan.utils.files import read_json
from tests.untrained import write_generator

NUMBER = 23
RULE = ["--min-mask-area", "0.2"]
CLASSES = ["glioma", "meningioma", "pituitary"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_generator(tmp_path_factory.mktemp("model"), num_classes=3, class_names=CLASSES)


def call(model, out, *more, number=NUMBER):
    return [str(part) for part in ("generate", model, "--out", out, "--num", number, "--batch-size", 4, *more)]


def contents(folder):
    """Return entries, and bytes of the files by their names."""
    entries = read_json(folder / "dataset.json")["training"]
    files = {
        (key, Path(entry[key]).name): (folder / entry[key]).read_bytes()
        for entry in entries
        for key in ("image", "label")
    }
    facts = [{key: value for key, value in entry.items() if key not in ("image", "label")} for entry in entries]
    return facts, files


def fails(capsys, arguments):
    assert main([str(argument) for argument in arguments]) == 1
    return next(line for line in capsys.readouterr().err.splitlines() if line.startswith("monai-dcgan"))


@pytest.fixture(scope="module", params=["plain", "rule"])
def whole(request, model, tmp_path_factory):
    """Options, and the set that one process makes with them."""
    options = [] if request.param == "plain" else RULE
    folder = tmp_path_factory.mktemp("whole") / "set"
    assert main(call(model, folder, "--format", "png", *options)) == 0
    return options, folder


@pytest.mark.parametrize("count", [3, 5])
def test_shards_are_the_set_of_one_process(count, model, whole, tmp_path, capsys):
    options, folder = whole
    out = tmp_path / "set"
    for own in [*range(count, 0, -1), 2]:
        assert not (out / "dataset.json").exists() or own == 2
        assert main(call(model, out, "--format", "png", "--shard", f"{own}/{count}", *options)) == 0
    assert f"all {count} shards are there: {out} is one set of {NUMBER} slices" in capsys.readouterr().out
    assert contents(out) == contents(folder)
    assert sorted(path.name for path in out.iterdir()) == [
        "dataset.json",
        "provenance.json",
        *(f"shard_{own:02d}_of_{count:02d}" for own in range(1, count + 1)),
    ]
    records = [read_json(path / "provenance.json") for path in (out, folder)]
    assert records[0].pop("shards") == count
    assert records[0] == records[1]
    assert len(load_decathlon_datalist(out / "dataset.json", True, "training")) == NUMBER
    read, expected = SyntheticSet(out), SyntheticSet(folder)
    assert [entry["class_name"] for entry in read.entries] == [CLASSES[i % 3] for i in range(NUMBER)]
    assert all((read.read(i)[0] == expected.read(i)[0]).all() for i in range(NUMBER))
    part = SyntheticSet(out / f"shard_01_of_{count:02d}")
    assert len(part) == NUMBER // count and (part.read(0)[1] == expected.read(0)[1]).all()
    assert [read.class_index(i, read.class_names) for i in range(NUMBER)] == [i % 3 for i in range(NUMBER)]


def test_shards_of_different_sets_are_not_joined(model, tmp_path):
    """Two processes that began in one moment, each with another seed, do not see each other when they begin."""
    for number, seed in ((1, 0), (2, 1)):
        assert main(call(model, tmp_path / f"seed{seed}", "--shard", f"{number}/2", "--seed", seed)) == 0
    (tmp_path / "seed1/shard_02_of_02").rename(tmp_path / "seed0/shard_02_of_02")
    with pytest.raises(ValueError, match="must be of one set, got seed 1, not 0, in shard_02_of_02"):
        join_shards(tmp_path / "seed0", 2)
    assert not (tmp_path / "seed0/dataset.json").exists()


def test_missing_shards_are_named(model, tmp_path, capsys):
    out = tmp_path / "set"
    assert main(call(model, out, "--shard", "2/4")) == 0
    assert "missing are 3 of 4 shards: 1, 3, 4" in capsys.readouterr().out
    assert not (out / "dataset.json").exists()
    for other, text in [
        [call(model, out, "--shard", "1/4", "--seed", 1), "must be of one set, got seed 0, not 1, in shard_02_of_04"],
        [call(model, out, "--shard", "1/4", *RULE), "must be of one set, got min_mask_area null, not 0.2"],
        [call(model, out, "--shard", "1/3"), "must be of one set, got shards 4, not 3"],
        [call(model, out, "--shard", "1/4", number=24), r"got number 23, not 24"],
        [call(model, out, "--shard", "5/4"), "shard must be I/N with I from 1 to N, such as 3/16, got '5/4'"],
        [call(model, out, "--shard", "1/99"), "at most as many as there are slices, 23, got '1/99'"],
        [call(model, out), "out_dir must be absent or an empty folder"],
    ]:
        assert text in fails(capsys, other)
    assert [path.name for path in out.iterdir()] == ["shard_02_of_04"]


def killed(arguments, place, number):
    """Run a command in a process that is killed before the ``number``-th call of ``os.<place>``."""
    dying = f"from tests.dying import die_at; die_at({place!r}, {number}, False)"
    code = f"from monai_dcgan.cli import main; {dying}; main({arguments!r})"
    repository = Path(__file__).parents[2]
    return subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True).returncode == -9


def files_of(folder):
    return {path: path.stat().st_ino for path in folder.rglob("synthetic_*.png") if path.is_file()}


@pytest.mark.parametrize("shard", [[], ["--shard", "2/2"]])
def test_a_killed_process_is_gone_on_with(shard, model, tmp_path, capsys):
    """Killed among the first files, among later ones, and before the set takes its place."""
    options = ["--format", "png", *RULE, *shard]
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "set"
    assert main(call(model, undisturbed, *options)) == 0
    hidden, made = out.parent / ".set.unfinished", {}
    if shard:
        undisturbed, hidden = undisturbed / "shard_02_of_02", out / ".shard_02_of_02.unfinished"
    for place, number in [("replace", 4), ("replace", 14), ("rename", 1)]:
        assert killed(call(model, out, *options), place, number)
        assert not list(tmp_path.glob("set/**/dataset.json")) or place == "rename"
        assert not (out / "dataset.json").exists()
        kept = files_of(hidden)
        assert len(kept) > len(made), "it went on"
        assert made.items() <= kept.items(), "no file was made twice"
        made = kept
    line = fails(capsys, call(model, out, *options, "--seed", 1))
    assert "seed 0, not 1" in line and "give the same" in line
    assert files_of(hidden) == made
    assert main(call(model, out, *options)) == 0
    final = out / "shard_02_of_02" if shard else out
    assert not hidden.exists()
    assert {path.name: inode for path, inode in files_of(final / "imagesTr").items()} == {
        path.name: inode for path, inode in made.items() if path.parent.name == "imagesTr"
    }
    assert contents(final) == contents(undisturbed)
    assert read_json(final / "provenance.json") == read_json(undisturbed / "provenance.json")
    assert sorted(path.name for path in final.iterdir()) == sorted(path.name for path in undisturbed.iterdir())


def test_sets_do_not_depend_on_the_batch_size(model, tmp_path):
    """But for last bits of the convolutions, which seldom turn a value of 1000 steps over, and no mask here."""
    few, many = (generate_arrays(model, NUMBER, batch_size=size, min_mask_area=0.2) for size in (1, 16))
    assert abs(few[0] - many[0]).max() < 1e-5
    assert (few[1] == many[1]).all()
    assert (generate_arrays(model, NUMBER, batch_size=16, min_mask_area=0.2)[0] == many[0]).all()


def test_arrays_are_the_slices_of_a_set(model, whole):
    options, folder = whole
    rules = {"min_mask_area": float(options[1])} if options else {}
    images, masks = generate_arrays(model, NUMBER, batch_size=4, **rules)
    stored = SyntheticSet(folder)
    for place in range(NUMBER):
        image, mask = stored.read(place)
        assert abs(images[place] * 255 - image).max() <= 0.5 + 1e-4
        assert (masks[place] == mask).all()
    parts = [generate_arrays(model, NUMBER, shard=f"{own}/3", batch_size=4, **rules) for own in (1, 2, 3)]
    assert all(
        (torch.cat([torch.from_numpy(part[kind]) for part in parts]).numpy() == made).all()
        for kind, made in enumerate((images, masks))
    )
    with pytest.raises(ValueError, match=r"shard must be left out, got that of range\(0, 7\)"):
        SyntheticDataset(model, NUMBER, shard="1/3")


def test_generate_leaves_out_implausible_masks(model, tmp_path, capsys):
    def areas(folder):
        cases = load_decathlon_datalist(folder / "dataset.json")
        return [float((nibabel.load(case["label"]).get_fdata() > 0).mean()) for case in cases]

    assert main(call(model, tmp_path / "all", number=12)) == 0
    assert "left out" not in capsys.readouterr().out
    # Between two areas, so that the last digit of a sum cannot turn a slice over.
    below, above = sorted(areas(tmp_path / "all"))[5:7]
    assert below < above
    least = (below + above) / 2
    rule = ["--min-mask-area", least]
    assert main(call(model, tmp_path / "long", *rule, number=12)) == 0
    assert "that were made (min_mask_area " in capsys.readouterr().out
    assert main(call(model, tmp_path / "short", *rule, number=4)) == 0
    long, short = (read_json(tmp_path / name / "dataset.json")["training"] for name in ("long", "short"))
    assert short == long[:4]
    kept = [place for place, area in enumerate(areas(tmp_path / "all")) if area >= least]
    assert [entry["picture"] for entry in long if entry["picture"] < 12] == kept
    assert min(areas(tmp_path / "long")) >= least
    selection = read_json(tmp_path / "long/provenance.json")["selection"]
    attempts = sum(entry["picture"] // (2**32 * 3) for entry in long)
    assert selection == {
        "rules": {"min_mask_area": least},
        "tried": 12 + attempts,
        "rejected": {"min_mask_area": attempts},
    }


def test_dry_run_writes_nothing(model, tmp_path, capsys):
    assert main(call(model, tmp_path / "set", "--shard", "2/3", "--dry-run")) == 0
    output = capsys.readouterr().out
    assert re.search(r"slices +7 to 14\n", output) and re.search(r"batch_size +4\n", output)
    assert main(["export-model", str(model), "--out", str(tmp_path / "exports"), "--dry-run"]) == 0
    assert "generator.onnx" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_export_model(model, tmp_path, capsys):
    arguments = ["export-model", model, "--out", tmp_path, "--to", "torchscript", "export"]
    assert main([*map(str, arguments)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator.pt2", "generator.ts"]
    assert capsys.readouterr().out.count("greatest difference from the network") == 2
    assert "out_dir must not hold generator.ts, got" in fails(capsys, arguments)
    with pytest.raises(SystemExit) as leaving:
        main(["export-model", str(model), "--out", str(tmp_path), "--to", "tensorflow"])
    assert leaving.value.code == 2
