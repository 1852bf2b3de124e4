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
"""Multi-frame DICOM files and segmentations lie where their frames say."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pydicom")

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from monai_dcgan.data.reading import dicom_multiframe
from monai_dcgan.data.reading.common import Header
from monai_dcgan.data.reading.dicom import peek, peek_seg, read, read_seg
from tests.data.volume_makers import cut_off

from .dicom_makers import (
    ENHANCED_MR,
    OBLIQUE,
    SHAPE,
    STRAIGHT,
    empty,
    frame_groups,
    pixels,
    save,
    seg,
    set_pixels,
    shared_groups,
    slice_of,
)


@pytest.fixture
def reference(tmp_path) -> Header:
    """Header of a series."""
    for number in range(SHAPE[2]):
        save(slice_of(number), tmp_path / "series" / f"{number}.dcm")
    return peek(tmp_path / "series")


def label() -> np.ndarray:
    """Two segments (columns, rows, slices) that are not symmetric in any axis."""
    label = np.zeros(SHAPE, dtype=np.uint8)
    label[2:6, 1:3, 1:4] = 1
    label[5:7, 2:5, 3] = 2
    return label


def binary(wanted: np.ndarray) -> list[tuple[float, int | None, np.ndarray]]:
    """Frames, from the top downward, of the slices that hold a segment."""
    return [
        (number, segment, (wanted[:, :, number] == segment).T)
        for segment in (1, 2)
        for number in reversed(range(SHAPE[2]))
        if (wanted[:, :, number] == segment).any()
    ]


def enhanced(order: list[int], orientation: np.ndarray = STRAIGHT) -> Dataset:
    """An enhanced MR file whose frames are stored in some order, each with its own rescaling."""
    data = set_pixels(empty(ENHANCED_MR), np.stack([pixels()[:, :, number].T for number in order]))
    data.SharedFunctionalGroupsSequence = Items([shared_groups(orientation)])
    data.PerFrameFunctionalGroupsSequence = Items([frame_groups(n, orientation=orientation) for n in order])
    for number, groups in zip(order, data.PerFrameFunctionalGroupsSequence):
        groups.PixelValueTransformationSequence = Items([Dataset()])
        item = groups.PixelValueTransformationSequence[0]
        item.RescaleSlope, item.RescaleIntercept = 1 + number, -5
    return data


@pytest.mark.parametrize("orientation", [STRAIGHT, OBLIQUE])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_frames_in_any_order(tmp_path, order, orientation):
    for number in range(SHAPE[2]):
        save(slice_of(number, orientation), tmp_path / "series" / f"{number}.dcm")
    path = save(enhanced(order, orientation), tmp_path / "multi" / "a.dcm")
    for source in (path, path.parent):
        header, scan = peek(source), read(source)
        assert (header.shape, header.channels, header.dtype) == (SHAPE, 1, "float32")
        np.testing.assert_allclose(scan.array[0], pixels() * (1.0 + np.arange(SHAPE[2])) - 5)
        np.testing.assert_allclose(scan.affine, peek(tmp_path / "series").affine, atol=1e-5)
        np.testing.assert_array_equal(scan.affine, header.affine)


def test_one_frame(tmp_path):
    path = save(enhanced([3]), tmp_path / "a.dcm")
    assert peek(path).shape == (*SHAPE[:2], 1)
    np.testing.assert_allclose(read(path).array[0], pixels()[:, :, 3:4] * 4.0 - 5)


def test_multiframe_errors(tmp_path, monkeypatch):
    data = enhanced([0, 1, 1])
    with pytest.raises(ValueError, match=r"a\.dcm must lie in different places, got 1 repeated, first .* frame 2"):
        peek(save(data, tmp_path / "a.dcm"))
    del data.PerFrameFunctionalGroupsSequence
    with pytest.raises(ValueError, match=r"b\.dcm frame 1 must say where it lies with 3 numbers in ImagePosition"):
        read(save(data, tmp_path / "b.dcm"))
    with pytest.raises(ValueError, match=r"must hold one DICOM series, got 2 files of which a\.dcm holds a volume"):
        peek(tmp_path)
    monkeypatch.setattr(dicom_multiframe, "has_pydicom", False)
    with pytest.raises(ImportError, match=r"a\.dcm holds several frames and needs pydicom; pip install 'monai_dcgan"):
        peek(tmp_path / "a.dcm")


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_become_label_values(tmp_path, reference, kind):
    frames = binary(label())
    if kind == "FRACTIONAL":  # more than half of 200
        frames = [(number, segment, np.where(array, 101, 100)) for number, segment, array in frames]
    elif kind == "LABELMAP":
        frames = [(number, None, label()[:, :, number].T) for number in (3, 1, 2)]
    path = save(seg(frames, kind), tmp_path / "seg.dcm")
    header, scan = peek_seg(path, reference), read_seg(path, reference)
    assert (header.shape, header.channels, header.dtype) == (SHAPE, 1, "uint8") and scan.array.dtype == np.uint8
    np.testing.assert_array_equal(scan.array[0], label())
    np.testing.assert_array_equal(scan.affine, reference.affine)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_mirrored_reference(tmp_path, reference, axes):
    path = save(seg(binary(label())), tmp_path / "seg.dcm")
    affine = reference.affine.copy()
    for axis in axes:
        affine[:, 3] += affine[:, axis] * (SHAPE[axis] - 1)
        affine[:, axis] *= -1
    mirrored = Header(SHAPE, 1, "int16", affine)
    np.testing.assert_array_equal(read_seg(path, mirrored).array[0], np.flip(label(), axes))


def test_a_turned_reference(tmp_path, reference):
    path = save(seg(binary(label())), tmp_path / "seg.dcm")
    turned = Header((SHAPE[2], SHAPE[0], SHAPE[1]), 1, "int16", reference.affine[:, [2, 0, 1, 3]])
    np.testing.assert_array_equal(read_seg(path, turned).array[0], label().transpose(2, 0, 1))


def test_segments_that_overlap(tmp_path, reference):
    frames = [*binary(label()), (2, 2, (label()[:, :, 2] == 1).T)]
    with pytest.raises(
        ValueError, match=r"segments of .*seg\.dcm must not overlap, got segments 1 and 2 in 8 pixels of"
    ):
        read_seg(save(seg(frames), tmp_path / "seg.dcm"), reference)


def test_frames_off_the_grid(tmp_path, reference):
    between = [(1.4, 1, label()[:, :, 1].T)]
    wider = seg(binary(label()), spacing=(0.52, 0.8))
    for name, data in (("between", seg(between)), ("wider", wider)):
        path = save(data, tmp_path / f"{name}.dcm")
        for function in (peek_seg, read_seg):
            with pytest.raises(ValueError, match=rf"{name}\.dcm frame 1 must lie on the voxel grid of its series, got"):
                function(path, reference)
    path = save(seg([(SHAPE[2], 1, label()[:, :, 1].T)]), tmp_path / "above.dcm")
    with pytest.raises(ValueError, match=r"above\.dcm frame 1 must have its labeled pixels inside the series of shape"):
        read_seg(path, reference)
    path = save(seg([(SHAPE[2], 1, 0 * label()[:, :, 1].T), *binary(label())]), tmp_path / "empty.dcm")
    np.testing.assert_array_equal(read_seg(path, reference).array[0], label())


def test_what_is_no_seg_and_no_image(tmp_path, reference):
    with pytest.raises(ValueError, match=r"0\.dcm must be a DICOM SEG, got another class of DICOM file"):
        read_seg(tmp_path / "series" / "0.dcm", reference)
    path = save(seg(binary(label())), tmp_path / "seg.dcm")
    with pytest.raises(ValueError, match=r"seg\.dcm must be an image, got a DICOM SEG; read it with the grid of its"):
        peek(path)
    with pytest.raises(ValueError, match="reference must be the header of a volume"):
        peek_seg(path, Header((9, 7), 1, "uint8", None))
    cut_off(path, 12)
    with pytest.raises(ValueError, match=r"seg\.dcm must be one that pydicom decodes, got"):
        read_seg(path, reference)
