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
"""Copies of a slice under another patient's name are found through what an archive does to pictures."""

from __future__ import annotations

import io

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from monai_dcgan.data import duplicates
from monai_dcgan.data.duplicates import DuplicatePair, describe_duplicates, find_near_duplicates

NUM_PATIENTS, NUM_SLICES, SIDE = 6, 5, 64
SOURCE = 7


def heads(size: int = SIDE, channels: int = 1) -> tuple[np.ndarray, list[str]]:
    """Ellipses with a bright rim and each with its own texture, (N, C, H, W) in [0, 1], and their patients."""
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    slices = []
    for number in range(NUM_PATIENTS * NUM_SLICES):
        random = np.random.RandomState(number)
        radius = np.hypot(x / random.uniform(0.65, 0.75), y / random.uniform(0.8, 0.9))
        texture = gaussian_filter(random.randn(channels, size, size), (0, size / 40, size / 40), mode="wrap")
        texture = texture / texture.std()
        slices.append((radius < 1) * np.clip(0.5 + 0.12 * texture + 0.4 * (radius > 0.9), 0, 1))
    patients = [f"p{number // NUM_SLICES}" for number in range(len(slices))]
    return np.stack(slices).astype(np.float32), patients


def noisy(image: np.ndarray, sigma: float = 0.03) -> np.ndarray:
    return np.clip(image + sigma * np.random.RandomState(0).randn(*image.shape), 0, 1)


def jpeg(image: np.ndarray) -> np.ndarray:
    channels = []
    for channel in image:
        stream = io.BytesIO()
        Image.fromarray((channel * 255).astype(np.uint8)).save(stream, "JPEG", quality=50)
        channels.append(np.asarray(Image.open(stream)) / 255)
    return np.stack(channels)


def shifted(image: np.ndarray, down: int = 2, right: int = -1) -> np.ndarray:
    return np.roll(image, (down, right), (1, 2))


COPIES = {
    "exact": lambda image: image,
    "noise": noisy,
    "darker": lambda image: 0.4 * image,
    "other range": lambda image: 2 * image - 1,
    "raw units": lambda image: 1800 * image + 40,
    "gamma": lambda image: image**1.5,
    "shifted": shifted,
    "left-right": lambda image: image[:, :, ::-1],
    "up-down": lambda image: image[:, ::-1],
    "turned": lambda image: image[:, ::-1, ::-1],
    "jpeg": jpeg,
    "all": lambda image: shifted(jpeg(noisy(0.7 * image[:, :, ::-1], 0.02))),
}


def with_copy(change, **options) -> tuple[np.ndarray, list[str]]:
    images, patients = heads(**options)
    return np.concatenate([images, change(images[SOURCE])[None].astype(np.float32)]), [*patients, "new"]


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("options", [{}, {"size": 128}, {"channels": 3}], ids=["64", "128", "3 channels"])
def test_copies_are_found_and_nothing_else(name, options):
    images, patients = with_copy(COPIES[name], **options)
    pairs = find_near_duplicates(images, patients)
    assert [(pair.first, pair.second, pair.patients) for pair in pairs] == [(SOURCE, len(images) - 1, ("p1", "new"))]
    assert duplicates.THRESHOLD <= pairs[0].similarity <= 1


@pytest.mark.parametrize(
    "change",
    [
        lambda image: np.rot90(image, axes=(1, 2)),
        lambda image: image[:, np.random.RandomState(0).permutation(SIDE)],
        lambda image: np.full_like(image, 0.3),
        np.zeros_like,
    ],
    ids=["quarter turn", "rows mixed", "constant", "empty"],
)
def test_what_is_no_copy(change):
    assert find_near_duplicates(*with_copy(change)) == []


def test_head_elsewhere_in_the_field_of_view():
    images, patients = heads()
    images = np.pad(images, ((0, 0), (0, 0), (24, 24), (24, 24)))
    moved = shifted(images[SOURCE], 19, -21)[None]
    pairs = find_near_duplicates(np.concatenate([images, moved]), [*patients, "new"])
    assert [pair.second for pair in pairs] == [len(images)]


def test_flat_slices_are_no_copies_of_each_other():
    # Resizing 100 to 64 pixels leaves rounding in a constant, the same in both.
    images = np.stack([np.full((1, 100, 100), value, np.float32) for value in (0.0, 0.3, 0.3, 1.0)])
    assert find_near_duplicates(images, list("abcd"), threshold=0.0) == []


def test_a_flat_channel_does_not_count():
    images, patients = with_copy(noisy, channels=2)
    images[:, 1] = 0.1
    assert [pair.second for pair in find_near_duplicates(images, patients)] == [len(images) - 1]


def test_slices_of_one_patient_may_be_alike():
    images, patients = with_copy(noisy)
    assert find_near_duplicates(images, [*patients[:-1], patients[SOURCE]]) == []


def test_leaks_between_parts_come_first():
    images, patients = heads()
    images = np.concatenate([images, images[:1], noisy(images[SOURCE])[None]])
    patients = [*patients, "a", "b"]
    splits = {**dict.fromkeys(patients, "train"), "b": "test"}
    pairs = find_near_duplicates(images, patients, splits)
    assert [(pair.patients, pair.parts, pair.same_part) for pair in pairs] == [
        (("p1", "b"), ("train", "test"), False),
        (("p0", "a"), ("train", "train"), True),
    ]
    assert pairs[0].similarity < pairs[1].similarity
    assert find_near_duplicates(images, patients, splits, max_pairs=1) == pairs[:1]
    assert [pair.patients for pair in find_near_duplicates(images, patients)] == [("p0", "a"), ("p1", "b")]


def test_batches_and_blocks_do_not_matter(monkeypatch):
    images, patients = with_copy(COPIES["all"])
    expected = find_near_duplicates(images, patients, threshold=0.3)
    assert len(expected) > 3
    for name, value in {"READ_BLOCK": 4, "ROW_BLOCK": 5, "COLUMN_BLOCK": 3, "PAIR_BLOCK": 2}.items():
        monkeypatch.setattr(duplicates, name, value)
    batches = [images[start : start + 7] for start in range(0, len(images), 7)]
    for given in (images, iter(batches), torch.from_numpy(images)):
        blocked = find_near_duplicates(given, patients, threshold=0.3)
        assert [(pair.first, pair.second) for pair in blocked] == [(pair.first, pair.second) for pair in expected]
        assert [pair.similarity for pair in blocked] == pytest.approx([pair.similarity for pair in expected], abs=1e-3)


def test_input_is_unchanged():
    images, patients = with_copy(noisy)
    before = images.copy()
    find_near_duplicates(images, patients)
    assert (images == before).all()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"images": np.zeros((2, 64, 64), np.float32)}, r"images must be \(N, C, H, W\).*got \(2, 64, 64\)"),
        ({"images": [np.zeros((1, 1, 64, 64)), np.zeros((1, 1, 32, 32))]}, r"one C, H and W for all, got \(1, 1, 32"),
        ({"images": np.full((2, 1, 64, 64), np.nan, np.float32)}, "images must be finite, got NaN"),
        ({"patients": ["a"]}, "patients must name one patient a slice, got 1 for 2 slices"),
        ({"splits": {"a": "train"}}, r"splits must hold every patient, got none for 'b' \(1 missing\)"),
        ({"threshold": 1.5}, "threshold must be a number from 0 to 1, got 1.5"),
        ({"max_pairs": 0}, "max_pairs must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_arguments(changes, text):
    arguments = {"images": np.zeros((2, 1, 64, 64), np.float32), "patients": ["a", "b"], **changes}
    with pytest.raises(ValueError, match=text):
        find_near_duplicates(**arguments)


def test_few_slices():
    images, patients = heads()
    assert find_near_duplicates(images[:0], []) == []
    assert find_near_duplicates([], []) == []
    assert find_near_duplicates(images[:1], patients[:1]) == []


def test_description():
    assert describe_duplicates([]) == "no near-identical slices of different patients"
    leak = DuplicatePair(3, 9, 0.98765, ("a", "b"), ("train", "test"), False)
    assert describe_duplicates([leak, DuplicatePair(4, 10, 0.95, ("b", "a"), ("test", "train"), False)]) == (
        "2 pairs of near-identical slices of different patients, 2 of them between different parts, in 1 pair of "
        "patients: a and b (train and test) in slices 3 and 9 with similarity 0.988; look at them, and give what is "
        "one person one patient name"
    )
    assert describe_duplicates([DuplicatePair(3, 9, 0.95, ("a", "b"), ("", ""), True)]) == (
        "1 pair of near-identical slices of different patients, in 1 pair of patients: a and b in slices 3 and 9 with "
        "similarity 0.950; look at them, and give what is one person one patient name"
    )


def test_real_patients_differ_and_a_copied_one_is_found(real_data):
    files = sorted((real_data / "tcga_lgg" / "imagesTr").glob("*.nii.gz"))[:8]
    if not files:
        pytest.skip(f"no tcga_lgg in {real_data}")
    volumes = [np.moveaxis(np.asarray(nibabel.load(file).dataobj), 2, 0)[5:-5, None] / 255 for file in files]
    copy = np.stack([COPIES["all"](image) for image in volumes[3]])
    patients = [file.name for file, volume in zip(files, volumes) for _ in volume] + ["copy"] * len(copy)
    pairs = find_near_duplicates([volume.astype(np.float32) for volume in [*volumes, copy]], patients)
    assert {pair.patients for pair in pairs} == {(files[3].name, "copy")}
    assert len({pair.second for pair in pairs}) > 0.9 * len(copy)
