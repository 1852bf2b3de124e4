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
"""Tests of the digital patients."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.data import load_decathlon_datalist
from monai.utils import OptionalImportError
from scipy.ndimage import binary_erosion, binary_fill_holes

from monai_dcgan.data.phantom import SEQUENCES, make_phantom, write_phantoms
from monai_dcgan.data.phantom.anatomy import load_template
from monai_dcgan.data.phantom.dataset import is_healthy
from monai_dcgan.data.phantom.fields import Grid, random_stream, smooth_field, smoothstep
from monai_dcgan.data.phantom.glioma import draw_glioma

pytest.importorskip("nilearn")

SPACING = 4.0
LARGE = (0, 9)  # a patient with a large tumor that has all three parts

ERRORS = [
    [{"num_patients": 0}, "num_patients must be a whole number of at least 1, got 0"],
    [{"spacing": 0.5}, r"spacing must be a number from 1 to 4 \(mm\), got 0.5"],
    [{"spacing": float("nan")}, r"spacing must be a number from 1 to 4 \(mm\), got nan"],
    [{"healthy_fraction": 1.5}, "healthy_fraction must be a number from 0 to 1, got 1.5"],
    [{"seed": -1}, "seed must be a whole number of at least 0, got -1"],
    [{"seed": (0, 1)}, r"seed must be one whole number of at least 0, got \(0, 1\)"],
    [{"num_workers": 0}, "num_workers must be a whole number of at least 1, got 0"],
]


def digests(folder: Path) -> dict[str, str]:
    """Hash of each file of ``folder``."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients with a tumor each."""
    out_dir = tmp_path_factory.mktemp("phantoms") / "set"
    return write_phantoms(out_dir, num_patients=2, spacing=SPACING, healthy_fraction=0.0, num_workers=1)


@pytest.fixture(scope="module")
def large() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One patient with a large tumor."""
    return make_phantom(LARGE, SPACING)


def test_same_seed_same_bytes_whatever_the_workers(folder, tmp_path):
    again = write_phantoms(tmp_path / "again", 2, spacing=SPACING, healthy_fraction=0.0, num_workers=2)
    assert digests(folder) == digests(again)
    assert len(digests(folder)) == 5


def test_patient_does_not_depend_on_their_number(folder, tmp_path):
    one = digests(write_phantoms(tmp_path / "one", 1, spacing=SPACING, healthy_fraction=0.0, num_workers=1))
    both = digests(folder)
    for name in ("imagesTr/phantom_0000.nii.gz", "labelsTr/phantom_0000.nii.gz"):
        assert one[name] == both[name]


def test_other_seed_other_patients(folder, tmp_path):
    other = digests(write_phantoms(tmp_path / "other", 1, seed=1, spacing=SPACING, healthy_fraction=0.0))
    both = digests(folder)
    assert other["imagesTr/phantom_0000.nii.gz"] != both["imagesTr/phantom_0000.nii.gz"]
    assert both["imagesTr/phantom_0000.nii.gz"] != both["imagesTr/phantom_0001.nii.gz"]


def test_monai_reads_the_set(folder):
    cases = load_decathlon_datalist(str(folder / "dataset.json"), True, "training")
    assert len(cases) == 2
    for case in cases:
        image, label = nib.load(case["image"]), nib.load(case["label"])
        assert image.shape == (48, 56, 48, 4) and image.get_data_dtype() == np.int16
        assert label.shape == (48, 56, 48) and label.get_data_dtype() == np.uint8
        assert np.array_equal(image.affine, label.affine)
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        assert np.allclose(image.header.get_zooms()[:3], SPACING)
        assert np.asarray(label.dataobj).any()


def test_rerun_is_refused_and_says_what_to_do(folder):
    before = digests(folder)
    with pytest.raises(FileExistsError, match="out_dir must be absent or an empty folder.*name another"):
        write_phantoms(folder, 1, spacing=SPACING)
    assert digests(folder) == before


def test_empty_folder_is_taken_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "set").mkdir()
    write_phantoms(tmp_path / "set", 1, spacing=SPACING, healthy_fraction=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert os.stat(tmp_path / "set").st_mode & 0o777 == os.stat(tmp_path / "set" / "imagesTr").st_mode & 0o777


def test_broken_run_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("monai_dcgan.data.phantom.dataset.make_phantom", fail)
    with pytest.raises(OSError, match="disk full"):
        write_phantoms(tmp_path / "set", 1, spacing=SPACING, num_workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments, message", ERRORS)
def test_wrong_arguments(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_phantoms(tmp_path / "set", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_way(tmp_path):
    (tmp_path / "set").write_text("")
    with pytest.raises(FileExistsError, match="out_dir must be absent"):
        write_phantoms(tmp_path / "set", 1, spacing=SPACING)


def test_missing_nilearn_says_what_to_install(tmp_path, monkeypatch):
    load_template.cache_clear()
    monkeypatch.setitem(sys.modules, "nilearn", None)
    monkeypatch.setitem(sys.modules, "nilearn.datasets", None)
    with pytest.raises(OptionalImportError, match=r'pip install "monai_dcgan\[phantom\]"'):
        write_phantoms(tmp_path / "set", 1, spacing=SPACING)
    assert list(tmp_path.iterdir()) == []


def test_no_network(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("phantoms must not use the network")

    load_template.cache_clear()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert load_template().brain.any()


def test_healthy_patients_have_no_label(tmp_path):
    out_dir = write_phantoms(tmp_path / "set", 2, spacing=SPACING, healthy_fraction=1.0)
    for path in (out_dir / "labelsTr").iterdir():
        assert not np.asarray(nib.load(path).dataobj).any()


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_share_of_healthy_patients(seed, fraction):
    for count in (10, 50):
        share = sum(is_healthy(seed, number, fraction) for number in range(count)) / count
        assert abs(share - fraction) <= 1.5 / count + 0.02


def test_image_and_label(large):
    image, label, affine = large
    assert image.shape == (4, 48, 56, 48) and image.dtype == np.int16
    assert label.shape == (48, 56, 48) and label.dtype == np.uint8
    assert affine.shape == (4, 4)
    assert np.unique(label).tolist() == [0, 1, 2, 3]
    brain = image[0] > 0
    assert all(np.array_equal(sequence > 0, brain) for sequence in image)
    assert 0.9e6 < brain.sum() * SPACING**3 < 2.4e6
    assert not any(brain.take(end, axis).any() for axis in range(3) for end in (0, -1))
    assert brain[label > 0].all()


@pytest.mark.parametrize("number", [3, 10])
def test_core_lies_near_the_center_of_the_tumor(number):
    glioma = draw_glioma((0, number))
    _, label, affine = make_phantom((0, number), 2.0)
    core = np.argwhere((label == 1) | (label == 3))
    distance = np.linalg.norm(core @ affine[:3, :3].T + affine[:3, 3] - glioma.center, axis=1)
    assert distance.max() < 3.5 * glioma.core


def test_contrasts_are_those_of_the_sequences():
    image, _, _ = make_phantom(LARGE, SPACING, healthy=True)
    t1, _, t2, flair = (sequence.astype(float) for sequence in image)
    inner = binary_erosion(binary_fill_holes(t1 > 0), iterations=2)
    dark, bright = np.quantile(t1[inner], [0.03, 0.7])
    fluid, white = inner & (t1 < dark), inner & (t1 > bright)
    grey = inner & (t1 > np.quantile(t1[inner], 0.15)) & (t1 < np.quantile(t1[inner], 0.35))
    assert np.median(t2[white]) < np.median(t2[grey]) < np.median(t2[fluid])
    assert np.median(flair[fluid]) < np.median(flair[white]) < np.median(flair[grey])


def test_tumor_shows_in_each_sequence(large):
    image, label, _ = large
    scans = dict(zip(SEQUENCES, image.astype(float)))
    brain = (image[0] > 0) & (label == 0)
    white = brain & (scans["T1"] > np.quantile(scans["T1"][brain], 0.7))
    for name in ("T2", "FLAIR"):
        assert np.median(scans[name][label == 2]) > 1.3 * np.median(scans[name][white])
    assert np.median(scans["T1"][label == 2]) < np.median(scans["T1"][white])
    assert np.median(scans["T1ce"][label == 3]) > 1.1 * np.median(scans["T1ce"][white])
    assert np.median(scans["T1ce"][label == 1]) < 0.75 * np.median(scans["T1ce"][white])


def test_tumor_at_a_finer_spacing(large):
    _, coarse, _ = large
    _, fine, _ = make_phantom(LARGE, 2.0)
    diameter = (6 / np.pi * (fine > 0).sum() * 2.0**3) ** (1 / 3)
    assert diameter == pytest.approx(draw_glioma(LARGE).diameter, rel=0.1)
    reduced = fine.reshape(48, 2, 56, 2, 48, 2).astype(bool).mean(axis=(1, 3, 5)) > 0.5
    overlap = 2 * (reduced & (coarse > 0)).sum() / (reduced.sum() + (coarse > 0).sum())
    assert overlap > 0.85


def test_tumors_come_in_all_sizes_and_places():
    gliomas = [draw_glioma((3, number)) for number in range(20)]
    diameters = [glioma.diameter for glioma in gliomas]
    assert 12 <= min(diameters) < 20 and 45 < max(diameters) <= 65
    assert {glioma.center[0] > 0 for glioma in gliomas} == {True, False}
    assert {glioma.rim > 0 for glioma in gliomas} == {True, False}


def test_smooth_field_is_the_same_on_every_grid():
    coarse, fine = (smooth_field(random_stream(5, "x"), Grid(spacing), 12.0) for spacing in (4.0, 2.0))
    mean = fine.reshape(48, 2, 56, 2, 48, 2).mean(axis=(1, 3, 5))
    assert np.abs(mean - coarse).max() < 0.2
    assert coarse.std() == pytest.approx(1.0, abs=0.15)


def test_streams_are_apart():
    assert random_stream(5, "x").uniform() == random_stream((5,), "x").uniform()
    assert random_stream(5, "x").uniform() != random_stream(5, "y").uniform()
    assert random_stream(5, "x").uniform() != random_stream(6, "x").uniform()


def test_smoothstep():
    assert smoothstep(np.array([-1.0, 0.0, 0.5, 1.0, 2.0]), 0.0, 1.0).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
