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
"""Tests of the extractors that can be had by name; their files come from a server on this machine."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from monai_dcgan.evaluation import build_extractor, extractor_names
from monai_dcgan.evaluation.features import PUBLISHED, InceptionExtractor, TorchScriptExtractor
from monai_dcgan.evaluation.features.networks import resnet50
from monai_dcgan.utils.files import sha256_file
from tests.utils.web import serve


class Inception(nn.Module):
    """Stands in for inception-2015-12-05.pt: the same call, features that tell what went in."""

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        """Return mean and largest value of every channel, followed by zeros to 2048."""
        assert img.dtype == torch.uint8
        if not return_features:
            return torch.zeros(img.shape[0], 1008)
        x = img.to(torch.float32).flatten(2)
        found = torch.cat([x.mean(2), x.amax(2)], dim=1)
        return torch.cat([found, torch.zeros(img.shape[0], 2042)], dim=1)


class Narrow(nn.Module):
    """Returns too few features."""

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        """Return features (B, 3)."""
        return img.to(torch.float32).mean((2, 3))


@pytest.fixture
def web():
    with serve() as server:
        yield server


@pytest.fixture
def publish(web, monkeypatch):
    """Put a file on the server as the weights of an extractor."""

    def put(name, path, **changes):
        entry = PUBLISHED[name]
        web.files[entry.file_name] = path.read_bytes()
        changed = {"url": f"{web.url}/{entry.file_name}", "sha256": sha256_file(path), **changes}
        monkeypatch.setitem(PUBLISHED, name, replace(entry, **changed))

    return put


@pytest.fixture
def inception(tmp_path):
    path = tmp_path / "made.pt"
    torch.jit.script(Inception()).save(str(path))
    return path


def test_every_entry_is_whole():
    assert extractor_names() == ["inception", "radimagenet", "dinov2", "swav", "radiomics", "random"]
    for name, entry in PUBLISHED.items():
        assert re.fullmatch(r"https://[^ ?]+/[\w.-]+", entry.url)
        assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", entry.sha256), name
        assert (entry.network is None) == (entry.preprocessing is None) == (not entry.layer)
        assert re.search(r"\d{4}", entry.citation)
    assert [name for name, entry in PUBLISHED.items() if entry.sha256 is None] == ["swav"]


def test_fid(publish, inception, web, tmp_path, monkeypatch):
    publish("inception", inception)
    monkeypatch.setenv("MONAI_DCGAN_CACHE", str(tmp_path / "cache"))
    extractor = build_extractor("inception")
    assert isinstance(extractor, InceptionExtractor)
    assert extractor.distance_name == "FID"
    assert extractor.sha256 == sha256_file(inception)
    assert (tmp_path / "cache/weights/inception-inception-2015-12-05.pt").is_file()
    found = extractor(torch.tensor([0.0, 0.5, 1.0, 0.7 / 255, 0.3 / 255]).view(5, 1, 1, 1).expand(5, 1, 8, 8))
    assert found.shape == (5, 2048)
    np.testing.assert_allclose(found[:, 0], [0, 128, 255, 1, 0])
    build_extractor("inception")
    assert len(web.asked) == 1


def test_only_inception_is_called_fid(publish, inception, tmp_path, script):
    publish("inception", inception)
    assert build_extractor("inception", cache_dir=tmp_path / "here").distance_name == "FID"
    assert sorted(path.name for path in (tmp_path / "here").glob("*.pt")) == ["inception-inception-2015-12-05.pt"]
    for spec in (script, "random", "radiomics"):
        name = build_extractor(spec).distance_name
        assert "FID" not in name
        assert name.startswith(("Frechet distance (", "Frechet Radiomic Distance ("))


def test_the_file_of_inception_is_recognized(publish, inception, caplog):
    publish("inception", inception)
    with caplog.at_level(logging.INFO):
        assert build_extractor(inception).distance_name == "FID"
    assert "holds the weights of 'inception'" in caplog.text


def test_a_file_that_is_not_inception(publish, tmp_path, make_images):
    path = tmp_path / "narrow.pt"
    torch.jit.script(Narrow()).save(str(path))
    publish("inception", path)
    with pytest.raises(ValueError, match=r"must return features \(B, 2048\), got \(2, 3\)"):
        build_extractor("inception", cache_dir=tmp_path)(make_images(2))


def test_a_file_brought_by_hand(inception, web, publish, tmp_path):
    publish("inception", inception)
    assert build_extractor("inception", weights=inception).sha256 == sha256_file(inception)
    other = tmp_path / "other.pt"
    torch.jit.script(Narrow()).save(str(other))
    with pytest.raises(ValueError, match=r"other\.pt must have the SHA-256"):
        build_extractor("inception", weights=other)
    with pytest.raises(FileNotFoundError, match="no such file"):
        build_extractor("inception", weights=tmp_path / "absent.pt")
    assert web.asked == []


def test_offline_says_where_to_put_the_file(publish, inception, web, tmp_path):
    publish("inception", inception)
    web.files.clear()
    target = tmp_path / "inception-inception-2015-12-05.pt"
    with pytest.raises(ConnectionError, match=rf"put it to {re.escape(str(target))}; its SHA-256 must be [0-9a-f]+"):
        build_extractor("inception", cache_dir=tmp_path)
    target.write_bytes(inception.read_bytes())
    assert build_extractor("inception", cache_dir=tmp_path).distance_name == "FID"


def test_weights_without_a_published_hash(publish, web, tmp_path, make_images):
    path = tmp_path / "swav.pth.tar"
    torch.save({f"module.{name}": value for name, value in resnet50().state_dict().items()}, path)
    publish("swav", path, sha256=None)
    with pytest.raises(ValueError, match=r"sha256 must be given for 'swav', got None: no hash of .* is published"):
        build_extractor("swav", cache_dir=tmp_path)
    with pytest.raises(ValueError, match="sha256 must be given for 'swav'"):
        build_extractor("swav", weights=path)
    assert web.asked == []
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    extractor = build_extractor("swav", cache_dir=tmp_path / "cache", sha256=digest)
    assert (extractor.name, extractor.sha256) == ("swav", digest)
    assert extractor.distance_name == "Frechet distance (swav)"
    assert "224x224" in extractor.preprocessing
    images = make_images(3)
    whole = extractor(images)
    assert whole.shape == (3, 2048)
    alone = torch.cat([extractor(image[None]) for image in images])
    np.testing.assert_allclose(alone, whole, atol=1e-4 * float(whole.abs().max()))


def test_scripts_by_path(script):
    digest = sha256_file(script)
    assert isinstance(build_extractor(script, sha256=digest), TorchScriptExtractor)
    with pytest.raises(ValueError, match=r"probe\.ts must have the SHA-256 0000"):
        build_extractor(script, sha256="0" * 64)
    with pytest.raises(FileNotFoundError, match=r"no such file: .*absent\.ts; give a TorchScript file or one of incep"):
        build_extractor(script.with_name("absent.ts"))


BAD = [
    ("inceptoin", {}, "spec must be a TorchScript file or one of inception, radimagenet, dinov2, swav, radiomics, ran"),
    ("random", {"weights": "x.pt"}, "weights must be left out unless spec is one of inception, radimagenet, dinov2, s"),
    ("radiomics", {"sha256": "0" * 64}, "sha256 must be left out for 'radiomics', which reads no file"),
    ("random", {"sha256": "0"}, "sha256 must be 64 hexadecimal digits, got '0'"),
    ("inception", {"sha256": "0" * 64}, "sha256 must be that of the weights of 'inception', f58cb9b6ec323ed63459aa4fb"),
]


@pytest.mark.parametrize(("spec", "options", "text"), BAD)
def test_options_that_do_not_fit(spec, options, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        build_extractor(spec, **options)
