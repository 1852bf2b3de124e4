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
"""A synthetic set reads back as what was written, upright, and tells nothing else."""

from __future__ import annotations

import gc
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import torch
from monai.data import load_decathlon_datalist

from monai_dcgan.data import SyntheticSetWriter, prepare
from monai_dcgan.utils.files import read_json


def batch(count: int = 8, channels: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Lopsided heads whose values run from 0 to 1, with a tumor in one corner."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(count, channels, 32, 32)
    images[:, :, 4:30, 3:24] = 0.2 + 0.7 * torch.rand(count, channels, 26, 21, generator=generator)
    images[:, :, 10, 10], images[:, :, 12, 12] = 0.0, 1.0
    masks = torch.zeros(count, 1, 32, 32)
    masks[:, :, 6:12, 5:9] = 1
    return images, masks


@pytest.mark.parametrize(
    ("image_format", "channels", "tolerance"),
    [("nifti", 1, 2e-3), ("nifti", 2, 2e-3), ("png", 1, 5e-3), ("png", 3, 5e-3)],
)
def test_round_trip(tmp_path, image_format, channels, tolerance):
    images, masks = batch(channels=channels)
    with SyntheticSetWriter(tmp_path / "set", image_format, {"seed": 3}) as writer:
        writer.write(images[:5], masks[:5])
        writer.write(images[5:], masks[5:])
    store = prepare(tmp_path / "set", tmp_path / "store", image_size=32, crop_head=False, lower=0, upper=100)
    own_images, own_masks, _ = store.as_arrays()
    assert own_images.shape == images.shape
    assert np.abs(own_images - images.numpy()).max() < tolerance
    assert np.array_equal(own_masks, masks.numpy())
    entries = load_decathlon_datalist(str(tmp_path / "set" / "dataset.json"))
    assert len(entries) == 8
    assert entries[7]["image"].endswith(f"imagesTr/synthetic_000007.{'png' if image_format == 'png' else 'nii.gz'}")
    assert read_json(tmp_path / "set" / "provenance.json") == {"synthetic": True, "count": 8, "seed": 3}


def test_nifti_header(tmp_path):
    images, masks = batch(1)
    with SyntheticSetWriter(tmp_path, spacing=0.9) as writer:
        writer.write(images, masks)
    image = nibabel.load(tmp_path / "imagesTr" / "synthetic_000000.nii.gz")
    assert image.shape == (32, 32, 1)
    assert "".join(nibabel.aff2axcodes(image.affine)) == "LPS"
    assert image.header.get_zooms() == pytest.approx((0.9, 0.9, 0.9))
    assert image.get_data_dtype() == np.int16
    assert np.asanyarray(image.dataobj).max() == 1000
    assert image.header["descrip"].item() == image.header["db_name"].item() == b""


def test_class_names(tmp_path):
    images, masks = batch(2)
    with SyntheticSetWriter(tmp_path) as writer:
        writer.write(images, masks, ["glioma", "meningioma"])
    assert [entry["class_name"] for entry in read_json(tmp_path / "dataset.json")["training"]] == [
        "glioma",
        "meningioma",
    ]


def test_target_must_be_empty(tmp_path):
    (tmp_path / "something").touch()
    with pytest.raises(FileExistsError, match="out_dir must be absent or an empty folder"):
        SyntheticSetWriter(tmp_path)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"image_format": "dicom"}, "image_format must be one of nifti, png, got 'dicom'"),
        ({"channel_names": "FLAIR"}, "channel_names must be a list of different names, got 'FLAIR'"),
        ({"channel_names": ["T1", "T1"]}, "channel_names must be a list of different names"),
        ({"spacing": 0}, "spacing must be above 0 mm"),
        ({"provenance": {"net": object()}}, "provenance must hold only what JSON holds"),
    ],
)
def test_bad_arguments(tmp_path, kwargs, text):
    with pytest.raises(ValueError, match=text):
        SyntheticSetWriter(tmp_path, **kwargs)


def test_bad_batches(tmp_path):
    images, masks = batch(2)
    writer = SyntheticSetWriter(tmp_path / "a", "png")
    for wrong, text in [
        [(images[0], masks[0]), r"must be \(B, C, H, W\)"],
        [(images, masks[:1]), r"must be \(B, C, H, W\)"],
        [(images * 2, masks), r"images must be in \[0, 1\], got 0 to 2"],
        [(images * float("nan"), masks), r"images must be in \[0, 1\]"],
        [(images, masks * 0.5), "masks must hold 0 and 1 only"],
        [(images.repeat(1, 2, 1, 1), masks), r"PNG holds 1 or 3 channels, got \(2, 1\); use image_format nifti"],
        [(images, masks, ["a"]), "class_names must be one per image"],
    ]:
        with pytest.raises(ValueError, match=text):
            writer.write(*wrong)
    with pytest.raises(ValueError, match="at least one image, got none"):
        writer.close()
    writer.write(images, masks)
    with pytest.raises(ValueError, match="must have the channels of the first"):
        writer.write(images.repeat(1, 3, 1, 1), masks)


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("existing", [False, True])
def test_error_leaves_nothing_and_a_rerun_works(tmp_path, existing):
    images, masks = batch(2)
    target = tmp_path / "deeper" / "set"
    if existing:
        target.mkdir(parents=True)

    def write(*batches: torch.Tensor) -> None:
        with SyntheticSetWriter(target) as writer:
            for labels in batches:
                writer.write(images, labels)

    with pytest.raises(ValueError, match="masks must hold"):
        write(masks, masks + 1)
    assert contents(target.parent) == (["set"] if existing else [])
    assert not existing or contents(target) == []
    write(masks)
    assert contents(target.parent) == ["set"]
    assert contents(target) == ["dataset.json", "imagesTr", "labelsTr", "provenance.json"]
    assert target.stat().st_mode & 0o700 == 0o700
    assert target.stat().st_mode == (tmp_path / "deeper").stat().st_mode


def test_nothing_is_there_before_close(tmp_path):
    images, masks = batch(2)
    writer = SyntheticSetWriter(tmp_path / "set")
    writer.write(images, masks)
    assert not (tmp_path / "set").exists()
    writer.close()
    assert contents(tmp_path) == ["set"]
    writer.close()
    with pytest.raises(ValueError, match="must not be closed before write"):
        writer.write(images, masks)
    writer = SyntheticSetWriter(tmp_path / "dropped")
    writer.write(images, masks)
    del writer
    gc.collect()
    assert contents(tmp_path) == ["set"]


def test_end_of_process_without_close_leaves_nothing(tmp_path):
    code = (
        "import sys, torch; from monai_dcgan.data import SyntheticSetWriter as Writer; writer = Writer(sys.argv[1]);"
        "writer.write(torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32));"
        " sys.exit(3 if writer._folder.path.is_dir() else 4)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path / "set")], check=False)
    assert result.returncode == 3
    assert contents(tmp_path) == []


def test_target_filled_meanwhile_is_kept(tmp_path):
    images, masks = batch(2)
    writer = SyntheticSetWriter(tmp_path / "set")
    writer.write(images, masks)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "other").touch()
    with pytest.raises(FileExistsError, match="out_dir must be absent or an empty folder"):
        writer.close()
    assert contents(tmp_path / "set") == ["other"]


def test_channel_names(tmp_path):
    images, masks = batch(2, channels=2)
    with SyntheticSetWriter(tmp_path / "named", channel_names=["FLAIR", "T1"]) as writer:
        writer.write(images, masks)
    assert read_json(tmp_path / "named" / "dataset.json")["modality"] == {"0": "FLAIR", "1": "T1"}
    with SyntheticSetWriter(tmp_path / "plain") as writer:
        writer.write(images, masks)
    assert read_json(tmp_path / "plain" / "dataset.json")["modality"] == {"0": "channel 0", "1": "channel 1"}
    with pytest.raises(ValueError, match=r"channel_names must be one per channel, got \['FLAIR'\] for 2"):
        SyntheticSetWriter(tmp_path / "set", channel_names=["FLAIR"]).write(images, masks)


def test_slices_have_the_places_that_are_given(tmp_path):
    images, masks = batch(4)
    with SyntheticSetWriter(tmp_path / "set", "png") as writer:
        writer.write(images[:2], masks[:2], pictures=[0, 5], places=[0, 3])
        with pytest.raises(ValueError, match=r"places must be numbers from 0 that no slice has yet, got \[3, 1\]"):
            writer.write(images[2:], masks[2:], places=[3, 1])
        with pytest.raises(ValueError, match="pictures must be one per image, got 1 for 2"):
            writer.write(images[2:], masks[2:], pictures=[7])
        writer.write(images[2:], masks[2:], pictures=[7, 9], places=[2, 1])
        writer.note(seed=3)
    entries = read_json(tmp_path / "set/dataset.json")["training"]
    assert [entry["picture"] for entry in entries] == [0, 9, 7, 5]
    assert [entry["image"] for entry in entries] == [f"./imagesTr/synthetic_{place:06d}.png" for place in range(4)]
    store = prepare(tmp_path / "set", tmp_path / "store", image_size=32, crop_head=False, lower=0, upper=100)
    own_images, _, _ = store.as_arrays()
    assert np.abs(own_images - images[[0, 3, 2, 1]].numpy()).max() < 5e-3
    assert read_json(tmp_path / "set/provenance.json")["seed"] == 3


def test_places_must_not_be_left_out(tmp_path):
    images, masks = batch(2)
    writer = SyntheticSetWriter(tmp_path / "set", "png")
    with pytest.raises(ValueError, match="provenance must hold only what JSON holds"):
        writer.note(folder=tmp_path)
    writer.write(images, masks, places=[0, 2])
    with pytest.raises(ValueError, match="places must be 0 to 1 with none left out, got up to 2"):
        writer.close()
