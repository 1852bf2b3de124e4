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
"""Exports of synthetic sets hold the same slices, in the form that the other side documents, or nothing at all."""

from __future__ import annotations

import json
import re

import nibabel
import numpy as np
import pytest
from monai.auto3dseg import datafold_read
from monai.data import load_decathlon_datalist
from monai.transforms import LoadImaged
from skimage import io

from monai_dcgan.cli import main
from monai_dcgan.data import (
    SyntheticSetWriter,
    find_cases,
    prepare,
    stack_into_volumes,
    to_auto3dseg_datalist,
    to_nnunet_raw,
)
from monai_dcgan.utils.files import read_json

SIZE = 32


def slices(count=7, channels=1):
    """Lopsided slices whose values run from 0 to 1, each with another tumor."""
    images = np.random.RandomState(0).rand(count, channels, SIZE, SIZE).astype(np.float32)
    images[:, :, :, 20:] = 0
    images[:, :, 0, 0] = 1
    masks = np.zeros((count, 1, SIZE, SIZE), np.uint8)
    for number in range(count):
        masks[number, :, 4 : 8 + number, 3:6] = 1
    return images, masks


def write(folder, image_format="nifti", channels=1, classes=None, mask_channels=1, spacing=1.0):
    images, masks = slices(channels=channels)
    provenance = {"seed": 5, "settings": {"network": {"num_classes": 0}}}
    with SyntheticSetWriter(folder, image_format, provenance, spacing=spacing) as writer:
        writer.write(images, masks.repeat(mask_channels, axis=1), classes)
    return folder


def read_as_nnunet(path):
    """Return (1, H, W) of PNG, as NaturalImage2DIO reads it, or (D, H, W) of NIfTI, as NibabelIO does."""
    if path.suffix == ".png":
        values = io.imread(path)
        assert values.ndim == 2, "one channel a file"
        return values[None], (999, 1, 1)
    image = nibabel.load(path)
    assert image.ndim == 3
    return np.asarray(image.dataobj).transpose(2, 1, 0), tuple(image.header.get_zooms()[::-1])


@pytest.mark.parametrize(("image_format", "channels"), [("png", 1), ("png", 3), ("nifti", 1), ("nifti", 2)])
def test_nnunet_raw(tmp_path, image_format, channels):
    made = write(tmp_path / "set", image_format, channels, spacing=0.75)
    folder = to_nnunet_raw(made, tmp_path / "raw", 7, "Syn-1")
    assert folder == tmp_path / "raw" / "Dataset007_Syn-1"
    description = read_json(folder / "dataset.json")
    ending = description["file_ending"]
    assert {"labels", "channel_names", "numTraining", "file_ending"} <= set(description)
    assert list(description["labels"].values()) == list(range(len(description["labels"])))
    assert list(description["channel_names"]) == [str(channel) for channel in range(channels)]
    files = sorted(path.name for path in (folder / "imagesTr").iterdir())
    cases = sorted({re.fullmatch(rf"(.+)_\d{{4}}{re.escape(ending)}", name)[1] for name in files})
    assert len(cases) == description["numTraining"] == 7 and len(files) == 7 * channels
    assert sorted(path.name for path in (folder / "labelsTr").iterdir()) == [case + ending for case in cases]
    images, masks = slices(channels=channels)
    levels = 255 if image_format == "png" else 1000
    for number, case in enumerate(cases):
        label, label_spacing = read_as_nnunet(folder / "labelsTr" / (case + ending))
        assert np.array_equal(label[0], masks[number, 0]), "labels are 0 and 1"
        for channel in range(channels):
            image, spacing = read_as_nnunet(folder / "imagesTr" / f"{case}_{channel:04d}{ending}")
            assert image.shape == label.shape and spacing == label_spacing
            assert image_format == "png" or spacing == (0.75, 0.75, 0.75)
            assert np.abs(image[0] / levels - images[number, channel]).max() < 0.6 / levels
    assert read_json(folder / "provenance.json") == read_json(made / "provenance.json")
    assert find_cases(folder).layout == "nnunet"
    stored, _, _ = prepare(folder, tmp_path / "store", image_size=SIZE, crop_head=False, lower=0, upper=100).as_arrays()
    assert stored.shape == images.shape


def test_nnunet_numbers_are_taken_once(tmp_path):
    made = write(tmp_path / "set", "png")
    to_nnunet_raw(made, tmp_path / "raw", 501, "A")
    with pytest.raises(FileExistsError, match=r"dataset_id must be one that .*raw has not, got 501 of Dataset501_A"):
        to_nnunet_raw(made, tmp_path / "raw", 501, "B")
    with pytest.raises(FileExistsError, match="out_dir must be absent or an empty folder"):
        to_nnunet_raw(made, tmp_path / "raw", 501, "A")
    to_nnunet_raw(made, tmp_path / "raw", 502, "A")
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == ["Dataset501_A", "Dataset502_A"]


@pytest.mark.parametrize("depth", [2, 3, 7])
@pytest.mark.parametrize(("image_format", "channels"), [("png", 1), ("nifti", 2)])
def test_volumes(tmp_path, image_format, channels, depth):
    made = write(tmp_path / "set", image_format, channels, spacing=0.75)
    folder = stack_into_volumes(made, tmp_path / "volumes", depth, slice_spacing=4.0)
    images, masks = slices(channels=channels)
    cases = load_decathlon_datalist(folder / "dataset.json", is_segmentation=True)
    assert len(cases) == 7 // depth
    for number, case in enumerate(cases):
        item = LoadImaged(["image", "label"], ensure_channel_first=True)(case)
        assert item["image"].shape == (channels, SIZE, SIZE, depth) and item["label"].shape == (1, SIZE, SIZE, depth)
        assert item["image"].affine[2, 2] == 4
        part = slice(number * depth, (number + 1) * depth)
        assert np.allclose(item["image"].numpy() / 1000, images[part].transpose(1, 3, 2, 0), atol=0.0027)
        assert np.array_equal(item["label"].numpy(), masks[part].transpose(1, 3, 2, 0))
    record = read_json(folder / "provenance.json")
    assert record["seed"] == 5 and record["synthetic"] is True and record["count"] == len(cases)
    assert record["stacking"]["left_out"] == 7 % depth and "no anatomy across slices" in record["stacking"]["note"]


def test_volumes_are_of_one_class(tmp_path):
    made = write(tmp_path / "set", classes=["a", "b", "b", "a", "b", "b", "b"])
    folder = stack_into_volumes(made, tmp_path / "volumes", 2)
    description = read_json(folder / "dataset.json")
    assert [entry["class_name"] for entry in description["training"]] == ["a", "b", "b"]
    _, masks = slices()
    for number, stack in enumerate([(0, 3), (1, 2), (4, 5)]):
        label = np.asarray(nibabel.load(folder / f"labelsTr/volume_{number:04d}.nii.gz").dataobj)
        assert np.array_equal(label, masks[list(stack), 0].transpose(2, 1, 0))
    assert read_json(folder / "provenance.json")["stacking"]["left_out"] == 1
    with pytest.raises(ValueError, match="depth must be at most the slices of the largest class, 5, got 6"):
        stack_into_volumes(made, tmp_path / "more", 6)


def test_auto3dseg_datalist(tmp_path, caplog):
    made = stack_into_volumes(write(tmp_path / "set"), tmp_path / "volumes", 2)
    path = to_auto3dseg_datalist(made, tmp_path / "folds.json", folds=3)
    for fold in range(3):
        training, validation = datafold_read(str(path), str(made), fold=fold)
        assert len(training) == 2 and len(validation) == 1
    assert LoadImaged(["image", "label"])(validation[0])["image"].shape == (SIZE, SIZE, 2)
    path = to_auto3dseg_datalist(made, tmp_path / "none.json")
    assert [len(part) for part in datafold_read(str(path), str(made), fold=0)] == [3, 0], "never validated with"
    assert read_json(path)["provenance"]["seed"] == 5
    assert "3D" not in caplog.text
    to_auto3dseg_datalist(tmp_path / "set", tmp_path / "slices.json")
    assert "holds single slices, and networks of Auto3DSeg are 3D" in caplog.text


REFUSED = [
    [to_nnunet_raw, ["out", 0, "A"], ValueError, "dataset_id must be a whole number from 1 to 999, got 0"],
    [to_nnunet_raw, ["out", 1, "A/B"], ValueError, "name must be of letters, digits, _ and -, got 'A/B'"],
    [to_auto3dseg_datalist, ["out.json", 1], ValueError, "folds must be a whole number from 2 to .*, 7, got 1"],
    [to_auto3dseg_datalist, ["out.json", 8], ValueError, "folds must be a whole number from 2 to .*, 7, got 8"],
    [to_auto3dseg_datalist, ["set/dataset.json"], FileExistsError, "path must be a new file, got .*dataset.json"],
    [stack_into_volumes, ["out", 1], ValueError, "depth must be at least 2, got 1"],
    [stack_into_volumes, ["out", 2, 0.0], ValueError, "slice_spacing must be a number above 0, got 0.0"],
    [stack_into_volumes, ["set", 2], FileExistsError, "out_dir must be absent or an empty folder"],
]


@pytest.mark.parametrize(("function", "arguments", "kind", "text"), REFUSED)
def test_wrong_arguments(tmp_path, function, arguments, kind, text):
    write(tmp_path / "set")
    with pytest.raises(kind, match=text):
        function(tmp_path / "set", tmp_path / arguments[0], *arguments[1:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"], "nothing is left"


def test_what_does_not_fit_the_form(tmp_path):
    with pytest.raises(ValueError, match=r"masks must have one channel, got 2; labels of nnU-Net cannot overlap"):
        to_nnunet_raw(write(tmp_path / "two", mask_channels=2), tmp_path / "raw", 1, "A")
    with pytest.raises(ValueError, match="a set for Auto3DSeg must be NIfTI, got PNG"):
        to_auto3dseg_datalist(write(tmp_path / "png", "png"), tmp_path / "list.json")
    with pytest.raises(ValueError, match="must hold one slice"):
        to_nnunet_raw(stack_into_volumes(tmp_path / "png", tmp_path / "deep", 3), tmp_path / "raw", 1, "A")
    assert not list((tmp_path / "raw").iterdir())


@pytest.mark.parametrize("function", [to_nnunet_raw, stack_into_volumes, to_auto3dseg_datalist])
def test_sets_that_are_not_whole(tmp_path, function):
    arguments = {to_nnunet_raw: [1, "A"], stack_into_volumes: [2]}.get(function, [])
    made = write(tmp_path / "set")
    (made / "labelsTr/synthetic_000003.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match="synthetic_000003.nii.gz; the synthetic set is not whole"):
        function(made, tmp_path / "out", *arguments)
    (made / "provenance.json").write_text(json.dumps({"count": 7}))
    with pytest.raises(ValueError, match="a synthetic set must say so in provenance.json"):
        function(made, tmp_path / "out", *arguments)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and made not in path.parents]


def test_command(tmp_path, capsys):
    made = str(write(tmp_path / "set", "png"))

    def run(*arguments):
        return main(["export", *map(str, arguments)]), capsys.readouterr()

    code, output = run(made, "--to", "nnunet", "--out", tmp_path / "raw", "--id", 3, "--name", "A", "--dry-run")
    assert code == 0 and "cases" in output.out and not (tmp_path / "raw").exists()
    code, output = run(made, "--to", "nnunet", "--out", tmp_path / "raw", "--id", 3, "--name", "A")
    assert code == 0 and "7 cases in" in output.out and "nnUNetv2_plan_and_preprocess -d 3" in output.out
    assert (tmp_path / "raw/Dataset003_A/labelsTr/synthetic_000006.png").is_file()
    code, output = run(made, "--to", "volumes", "--out", tmp_path / "volumes", "--depth", 3)
    assert code == 0 and "2 volumes of 3 slices" in output.out and "1 slices left out" in output.out
    assert "no anatomy across slices" in output.out
    code, output = run(tmp_path / "volumes", "--to", "auto3dseg", "--out", tmp_path / "list.json", "--folds", 2)
    assert code == 0 and f"its dataroot is {tmp_path / 'volumes'}" in output.out
    for arguments, text in [
        [["--to", "nnunet", "--id", 3], "error: --name must be given with --to nnunet, got none"],
        [["--to", "volumes"], "error: --depth must be given with --to volumes, got none"],
        [["--to", "auto3dseg", "--slice-spacing", 3], "error: --slice-spacing must be left out with --to auto3dseg"],
    ]:
        code, output = run(made, "--out", tmp_path / "none", *arguments)
        assert code == 1 and text in output.err
