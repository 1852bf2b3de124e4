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
"""The commands ``readers make`` and ``readers score``, and where the slices come from."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from monai_dcgan.cli import main
from monai_dcgan.data import SliceStore, SyntheticSetWriter, load_splits, prepare, save_splits
from monai_dcgan.evaluation.readers.sources import SyntheticSet, draw_real
from monai_dcgan.utils.files import write_json


@pytest.fixture(scope="module")
def study(phantoms, tmp_path_factory):
    """A store of digital patients, a split, and a synthetic set with masks on three of four slices."""
    folder = tmp_path_factory.mktemp("study")
    store = prepare(phantoms, folder / "store", image_size=32, modalities=["FLAIR"])
    parts = ["train"] * 3 + ["validation"] * 2 + ["test"] * 3
    save_splits(dict(zip(store.patients, parts)), folder / "split.json")
    random = np.random.RandomState(0)
    masks = np.zeros((16, 1, 32, 32), np.uint8)
    masks[:12, :, 10:16, 10:16] = 1
    with SyntheticSetWriter(folder / "made", "nifti", {"seed": 0}) as writer:
        writer.write(random.rand(16, 1, 32, 32), masks)
    return folder


def call(study, out, *more):
    source = ["--real", str(study / "store"), "--split", str(study / "split.json"), "--out", str(out)]
    return main(["readers", "make", str(study / "made"), *source, *map(str, more)])


def fails(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(lines) == 1 and "unexpected" not in lines[0], lines
    return lines[0]


def test_make_then_score(study, trained, tmp_path, capsys):
    page, key_file = tmp_path / "page.html", tmp_path / "page.key.json"
    assert call(study, page, "--num", 12, "--repeats", 0.25, "--reader-name", "RS", "--part", "validation") == 0
    output = capsys.readouterr().out
    assert str(key_file) in output and "keep it" in output
    key = json.loads(key_file.read_text())
    assert len(key["items"]) == 15
    assert sum(item["truth"] == "real" and item["repeat_of"] is None for item in key["items"]) == 6
    html, text = page.read_text(), key_file.read_text()
    store = SliceStore(study / "store")
    held_out = {name for name, part in load_splits(study / "split.json").items() if part == "validation"}
    real = [item for item in key["items"] if item["truth"] == "real"]
    assert {store.slices[item["source"]]["patient"] for item in real} == held_out, "only held-out patients, all of them"
    for name in (*store.patients, str(study), str(tmp_path)):
        assert name not in html and name not in text, name
    data = json.loads(re.search(r'application/json">(.*?)</script>', html, re.DOTALL)[1])
    pixels = {item["id"]: base64.b64decode(item["pixels"]) for item in data["items"]}
    for item in real:
        image = store.read(item["source"])[0].astype(float)
        assert pixels[item["id"]] == np.rint(np.rint(image * 1000) / 1000 * 255).astype(np.uint8).tobytes()
    answers = {
        item["id"]: {"verdict": item["truth"], "confidence": 5, "realism": 3, "quality": 3} for item in key["items"]
    }
    content = {"format": "monai-dcgan-reader-answers", "version": 1, "study": key["study"], "reader": "RS"}
    write_json(tmp_path / "answers.json", {**content, "answers": answers})
    score = ["readers", "score", str(key_file), str(tmp_path / "answers.json"), "--out", str(tmp_path / "scores")]
    assert main(score) == 0
    assert "Readers tell synthetic slices from real ones (AUC 1.00" in capsys.readouterr().out
    assert json.loads((tmp_path / "scores/readers.json").read_text())["readers"]["RS"]["accuracy"]["value"] == 1
    assert (tmp_path / "scores/readers.md").is_file()
    assert "metrics.json" in fails(capsys, *score, "--report", str(tmp_path / "nothing"))
    assert main(["evaluate", str(trained), "--out", str(tmp_path / "report"), "--no-privacy"]) == 0
    assert "AUC 1.00" not in (tmp_path / "report/report.html").read_text()
    assert main([*score, "--report", str(tmp_path / "report")]) == 0
    assert "AUC 1.00" in (tmp_path / "report/report.html").read_text()
    write_json(tmp_path / "answers.json", {**content, "study": "0" * 16, "answers": answers})
    assert "must hold answers of the study" in fails(capsys, *score)


def test_same_call_same_page(study, tmp_path):
    for name in ("a", "b"):
        assert call(study, tmp_path / f"{name}.html", "--num", 12, "--seed", 3) == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.key.json").read_bytes() == (tmp_path / "b.key.json").read_bytes()


def test_make_from_a_run(trained, tmp_path):
    store = next((trained / "cache").glob("data-*"))
    page = tmp_path / "page.html"
    call = ["readers", "make", str(trained), "--real", str(store), "--out", str(page), "--num", "4", "--no-masks"]
    assert main(call) == 0
    data = json.loads(re.search(r'application/json">(.*?)</script>', page.read_text(), re.DOTALL)[1])
    assert data["mask_channels"] == 0 and data["size"] == 32
    assert all(item["masks"] == "" for item in data["items"])


def test_real_slices_have_masks_as_often_as_synthetic_ones(study, caplog):
    store, made = SliceStore(study / "store"), SyntheticSet(study / "made")
    random = np.random.default_rng(0)
    like = made.draw(14, random)
    found, remarks = draw_real(store, store.patients, like, made.levels, random)
    assert remarks == []
    assert found.masks.any((1, 2, 3)).sum() == like.masks.any((1, 2, 3)).sum() < 14
    with_tumor = {name for name, own in _pixels(store) if own}
    shown = [name for name, mask in zip(found.patients, found.masks) if mask.any()]
    assert len(set(shown)) == min(len(with_tumor), len(shown)), "every patient comes once before any comes twice"
    only = [name for name, own in zip(store.slices.columns["patient"], store.slices.columns["mask_pixels"]) if own == 0]
    healthy = sorted(set(only) - {name for name, own in _pixels(store) if own})
    found, remarks = draw_real(store, healthy, like, made.levels, random)
    assert "fewer with a mask; others stand in" in remarks[0] and remarks[0] in caplog.text
    assert len(found) == 14


def _pixels(store):
    return zip(store.slices.columns["patient"], store.slices.columns["mask_pixels"])


def test_both_formats_give_the_same_pixels(tmp_path):
    random = np.random.RandomState(1)
    images, masks = random.randint(0, 256, (3, 1, 32, 32)) / 255, random.randint(0, 2, (3, 1, 32, 32))
    for image_format in ("png", "nifti"):
        with SyntheticSetWriter(tmp_path / image_format, image_format) as writer:
            writer.write(images, masks)
    png, nifti = (SyntheticSet(tmp_path / name).draw(3, np.random.default_rng(0)) for name in ("png", "nifti"))
    assert np.array_equal(png.pixels, nifti.pixels) and np.array_equal(png.masks, nifti.masks)
    assert np.array_equal(png.pixels, np.rint(images * 255).astype(np.uint8)[png.sources])
    assert np.array_equal(png.masks, masks[png.sources]), "upright, not transposed"


def test_what_make_refuses(study, trained, tmp_path, capsys):
    page = tmp_path / "page.html"
    base = ["readers", "make", study / "made", "--real", study / "store", "--out", page]
    assert "split must name the patients" in fails(capsys, *base)
    full = [*base, "--split", study / "split.json"]
    assert "num must be an even number of at least 4" in fails(capsys, *full, "--num", 7)
    assert "repeats must be a share from 0 to 0.4, got 0.9" in fails(capsys, *full, "--repeats", 0.9)
    assert "seed must be a whole number of at least 0, got -1" in fails(capsys, *full, "--seed", -1)
    assert "needs 50 synthetic slices, got 16" in fails(capsys, *full, "--num", 100)
    other = [*base[:-1], tmp_path / "page.txt", "--split", study / "split.json"]
    assert "must be a file that ends in .html" in fails(capsys, *other)
    save_splits({"nobody": "test", "other": "train"}, tmp_path / "split.json")
    assert "is it the split of these data?" in fails(capsys, *base, "--split", tmp_path / "split.json")
    assert "dataset.json" in fails(capsys, *full[:2], tmp_path, *full[3:])
    write_json(tmp_path / "real/dataset.json", {"training": [], "modality": {}})
    assert "provenance.json" in fails(capsys, *full[:2], tmp_path / "real", *full[3:])
    assert not page.exists()
    (tmp_path / "page.key.json").write_text("{}")
    assert "page.key.json exists" in fails(capsys, *full)
    with pytest.raises(SystemExit):
        main(["readers"])


def test_damaged_synthetic_sets_are_named(study, tmp_path, capsys):
    with SyntheticSetWriter(tmp_path / "made", "png") as writer:
        writer.write(np.zeros((4, 1, 32, 32)), np.zeros((4, 1, 32, 32)))
    path = tmp_path / "made/imagesTr/synthetic_000002.png"
    call = ["readers", "make", tmp_path / "made", "--real", study / "store", "--split", study / "split.json"]
    call += ["--out", tmp_path / "page.html", "--num", 8]
    path.write_bytes(path.read_bytes()[:40])
    assert "synthetic_000002.png is damaged" in fails(capsys, *call)
    path.unlink()
    assert "no such file" in fails(capsys, *call)


def test_dry_run_writes_nothing(study, tmp_path, capsys):
    assert call(study, tmp_path / "page.html", "--num", 12, "--dry-run") == 0
    assert "synthetic set" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
