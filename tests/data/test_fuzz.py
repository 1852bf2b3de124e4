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
"""Files of any content: prepared to slices that hold what they promise, or refused by name."""

from __future__ import annotations

import io
import logging
import os
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from monai_dcgan.data import prepare
from monai_dcgan.utils.files import write_json

from .store_makers import UNSCALED, check_voxels
from .volume_makers import LPS, head_volume

hypothesis = pytest.importorskip("hypothesis", reason="fuzzing needs hypothesis: pip install 'monai_dcgan[dev]'")
itk = pytest.importorskip("itk")
st = hypothesis.strategies

# The same examples on every machine; more by hand: FUZZ_EXAMPLES=2000 pytest tests/data/test_fuzz.py
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
FUZZ = hypothesis.settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(hypothesis.HealthCheck),
)
SHAPE = (16, 18, 4)
SECONDS, MEGABYTES = 5.0, 1500
IMAGE, LABEL = head_volume(0, SHAPE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for all examples of a test; what libraries log of each would bury the rest."""
    logging.disable(logging.ERROR)
    yield tmp_path_factory.mktemp("fuzz")
    logging.disable(logging.NOTSET)


def lay_out(folder: Path, image: bytes, label: bytes, suffix: str = ".nii", label_suffix: str = ".nii") -> Path:
    """Write a data set of one case."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = {"image": f"P0{suffix}", "label": f"P0_label{label_suffix}"}
    (folder / files["image"]).write_bytes(image)
    (folder / files["label"]).write_bytes(label)
    write_json(folder / "dataset.json", {"training": [files]})
    return folder


def check_prepared_or_refused(folder: Path, store_dir: Path, name: str, **settings: Any) -> bool:
    """Return whether ``folder`` could be prepared; check what came of it either way."""
    shutil.rmtree(store_dir, ignore_errors=True)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    try:
        store = prepare(folder, store_dir, image_size=32, min_foreground=0, **settings)
        refusal = ""
    except (ValueError, OSError) as error:
        refusal = str(error)
    assert time.perf_counter() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024
    if refusal:
        assert name in refusal
        assert not any(word in refusal for word in ("unexpected", "Traceback", "\n")), refusal
        assert not store_dir.exists(), "nothing is left of a data set without a good case"
        return False
    images, masks, _ = store.as_arrays()
    assert np.isfinite(images).all()
    assert images.min() >= 0 and 0 < images.max() <= 1
    assert set(np.unique(masks)) <= {0, 1}
    for record in store.slices:
        assert np.isfinite([value for value in record.values() if isinstance(value, float)]).all(), record
    return True


def check_read_right(folder: Path, store_dir: Path, image: np.ndarray, label: np.ndarray, axis: str = "axial") -> None:
    """Check that ``folder`` is prepared, to the voxels of ``image`` and ``label`` (X, Y[, Z]) in LPS orientation."""
    shutil.rmtree(store_dir, ignore_errors=True)
    check_voxels(prepare(folder, store_dir, axis=axis, **UNSCALED), "P0", image, label)


def nifti(array: np.ndarray) -> bytes:
    return nibabel.Nifti1Image(array, LPS, dtype=array.dtype).to_bytes()


def mutated(content: bytes, first: int, changes: list[tuple[int, int]]) -> bytes:
    """Return ``content`` with some of its ``first`` bytes replaced."""
    result = bytearray(content)
    for position, value in changes:
        result[position % min(first, len(result))] = value
    return bytes(result)


VALUES = st.sampled_from([0, 1, 2, 127, 128, 255]) | st.integers(0, 255)
# Sizes, types, voxel sizes, scales and the placing in space decide more than the rest of a header.
PLACES = st.integers(0, 351) | st.integers(40, 55) | st.integers(70, 123) | st.integers(252, 327)
CHANGES = st.lists(st.tuples(PLACES, VALUES), min_size=1, max_size=8)


@FUZZ
@hypothesis.given(changes=CHANGES, of_label=st.booleans())
def test_nifti_header(place, changes, of_label):
    image, label = nifti(IMAGE), nifti(LABEL)
    folder = lay_out(
        place / "header",
        image if of_label else mutated(image, 352, changes),
        mutated(label, 352, changes) if of_label else label,
    )
    check_prepared_or_refused(folder, place / "store", "P0")


# Fields that only describe: descrip and aux_file, intent_name.
DESCRIPTION = st.integers(148, 251) | st.integers(328, 343)


@FUZZ
@hypothesis.given(changes=st.lists(st.tuples(DESCRIPTION, VALUES), max_size=8), of_label=st.booleans())
def test_header_that_says_the_same(place, changes, of_label):
    files = [nifti(IMAGE), nifti(LABEL)]
    files[of_label] = mutated(files[of_label], 352, changes)
    check_read_right(lay_out(place / "same", *files), place / "store", IMAGE, LABEL)


TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", ">i2", ">f4", ">f8"]
CUTTING = st.fixed_dictionaries(
    {
        "axis": st.sampled_from(["axial", "coronal", "sagittal"]),
        "fit": st.sampled_from(["resize", "pad"]),
        "neighbors": st.integers(0, 1),
        "crop_head": st.booleans(),
    }
)


@st.composite
def volumes(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Image and label, mostly of one shape and mostly of 3 axes, of any type."""
    shape = tuple(draw(st.lists(st.integers(1, 12), min_size=2, max_size=5)))
    shape = shape[:3] if draw(st.integers(0, 3)) else shape
    label_shape = shape[:3] if draw(st.integers(0, 9)) else shape[::-1][:3]
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    image = values(draw, random, shape, draw(st.sampled_from(TYPES)))
    known = random.randint(0, 3, label_shape).astype(np.uint8)
    label = known if draw(st.booleans()) else values(draw, random, label_shape, draw(st.sampled_from(TYPES)))
    return image, label


def values(draw: Any, random: np.random.RandomState, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Voxels of one of the kinds that make trouble."""
    kind = np.dtype(dtype)
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind)
    size = 10.0 ** draw(st.integers(-320, 300))
    array: np.ndarray = draw(
        st.sampled_from(
            [
                np.zeros(shape),
                random.randint(0, 3, shape),
                random.rand(*shape) * size,
                random.randn(*shape) * 100 + 1e9,
                random.choice([0.0, 1.0, np.nan, np.inf, -np.inf], shape, p=[0.6, 0.38, 0.01, 0.005, 0.005]),
                random.choice(np.array([limits.min, limits.max, 0, 1], dtype=kind), shape),
                (random.rand(*shape) > 0.5) * random.choice([1.0, 255.0, 1e-40, 5e-324]),
                random.rand(*shape) * 1e-20 + 1,
            ]
        )
    )
    with np.errstate(all="ignore"):
        return array.astype(kind)


@FUZZ
@hypothesis.given(pair=volumes(), settings=CUTTING)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_voxels(place, pair, settings):
    folder = lay_out(place / "voxels", *map(nifti, pair))
    check_prepared_or_refused(folder, place / "store", "P0", **settings)


@FUZZ
@hypothesis.given(
    shape=st.tuples(*[st.integers(12, 40)] * 2, st.integers(3, 12)),
    types=st.tuples(*[st.sampled_from(TYPES)] * 2),
    axis=st.sampled_from(["axial", "coronal", "sagittal"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_ordinary_voxels(place, shape, types, axis, seed):
    image, label = head_volume(seed, shape)
    # A byte with a sign ends at 127.
    image = (image / (8 if np.dtype(types[0]).itemsize == 1 else 1)).astype(types[0])
    folder = lay_out(place / "ordinary", nifti(image), nifti(label.astype(types[1])))
    check_read_right(folder, place / "store", image, label, axis)


FORMATS = [".nii", ".nii.gz", ".mha", ".nrrd", ".png", ".tif", ".jpg"]


@pytest.fixture(scope="module")
def samples(place) -> dict[str, tuple[bytes, bytes]]:
    """A sound image and label of each format."""
    folder = place / "samples"
    folder.mkdir()
    for array, name in ((IMAGE, "image"), (LABEL, "label")):
        for suffix in FORMATS[:2]:
            nibabel.save(nibabel.Nifti1Image(array, LPS), folder / f"{name}{suffix}")
        for suffix in FORMATS[2:4]:
            itk.imwrite(
                itk.image_from_array(array.T.copy()), str(folder / f"{name}{suffix}"), compression=name == "image"
            )
        for suffix in FORMATS[4:]:
            # Masks of JPEG have but two values.
            levels = (array > 0) * 255 if suffix == ".jpg" else array * 120
            shown = (levels if name == "label" else array * 0.3)[:, :, 2].T.astype(np.uint8)
            Image.fromarray(shown).save(folder / f"{name}{suffix}")
    return {
        suffix: tuple((folder / f"{name}{suffix}").read_bytes() for name in ("image", "label"))  # type: ignore[misc]
        for suffix in FORMATS
    }


@pytest.mark.parametrize("suffix", FORMATS)
def test_samples_are_sound(place, samples, suffix):
    folder = lay_out(place / "sound", *samples[suffix], suffix, suffix)
    assert check_prepared_or_refused(folder, place / "store", "P0")
    image, label = IMAGE, LABEL
    if suffix in FORMATS[4:]:
        image = np.asarray(Image.open(io.BytesIO(samples[suffix][0]))).T
        label = LABEL[:, :, 2]
    check_read_right(folder, place / "store", image, label)


@FUZZ
@hypothesis.given(suffix=st.sampled_from(FORMATS), content=st.binary(max_size=300), keep=st.integers(0, 64))
def test_random_bytes(place, samples, suffix, content, keep):
    """Behind the first bytes of a sound file, or with nothing before them."""
    image, label = samples[suffix]
    folder = lay_out(place / "random", image[:keep] + content, label, suffix, suffix)
    assert not check_prepared_or_refused(folder, place / "store", "P0")


@FUZZ
@hypothesis.given(
    suffix=st.sampled_from(FORMATS),
    changes=st.lists(st.tuples(st.integers(0, 5000), VALUES), max_size=6),
    share=st.just(1.0) | st.floats(0, 1),
    of_label=st.booleans(),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_damaged_files(place, samples, suffix, changes, share, of_label):
    files = list(samples[suffix])
    damaged = mutated(files[of_label], 5000, changes)
    files[of_label] = damaged[: int(share * len(damaged))]
    accepted = check_prepared_or_refused(lay_out(place / "damaged", *files, suffix, suffix), place / "store", "P0")
    assert accepted or tuple(files) != samples[suffix]
