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
"""The extractors that can be had by name, each with its source, hash and preprocessing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from monai_dcgan.data.prepare import default_cache_dir
from monai_dcgan.evaluation.features.base import FeatureExtractor
from monai_dcgan.evaluation.features.networks import (
    VisionTransformer,
    dinov2_names,
    load_network,
    radimagenet_names,
    resnet50,
    swav_names,
)
from monai_dcgan.evaluation.features.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from monai_dcgan.evaluation.features.pretrained import InceptionExtractor, PretrainedExtractor
from monai_dcgan.evaluation.features.radiomics import RadiomicsExtractor
from monai_dcgan.evaluation.features.random_conv import RandomConvExtractor
from monai_dcgan.evaluation.features.script import TorchScriptExtractor
from monai_dcgan.utils.downloads import check_sha256, download, verify_file
from monai_dcgan.utils.files import sha256_file

__all__ = ["PUBLISHED", "Published", "build_extractor", "extractor_names"]

logger = logging.getLogger(__name__)

_RANDOM, _RADIOMICS = "random", "radiomics"


@dataclass(frozen=True)
class Published:
    """Weights that are published, and the network they belong to.

    Args:
        url: where they are.
        sha256: of the file; None where nobody has published it, so that the file is not fetched unless a hash is given.
        citation: paper, and what is to know of the source and the hash.
        network: makes the network; None for TorchScript, which holds its own.
        names: maps the names in the file to those of the network.
        layer: where the features are taken.
        preprocessing: what happens to slices before; None where the network does it.
    """

    url: str
    sha256: str | None
    citation: str
    network: Callable[[], nn.Module] | None = None
    names: Callable[[Mapping[str, torch.Tensor]], dict[str, torch.Tensor]] = dict
    layer: str = ""
    preprocessing: Preprocessing | None = None

    @property
    def file_name(self) -> str:
        """Name of the file at its source."""
        return self.url.rsplit("/", 1)[1]


PUBLISHED: dict[str, Published] = {
    "inception": Published(
        url="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
        sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
        citation="Szegedy et al. 2016; FID: Heusel et al. 2017; TorchScript: Karras et al. 2020. The hash is that of "
        "k-diffusion (evaluation.py) and others; 95,607,719 bytes.",
    ),
    "radimagenet": Published(
        url="https://huggingface.co/Lab-Rasool/RadImageNet/resolve/main/ResNet50.pt",
        sha256="08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734",
        citation="Mei et al. 2022. The hash is that of RadImageNet_pytorch/ResNet50.pt in the official archive, as "
        "several users publish it; the address is a mirror of that archive, whose own host has no plain address. "
        "Preprocessing of pytorch_example.ipynb, but antialiased, which differs above 224 pixels only.",
        network=resnet50,
        names=radimagenet_names,
        layer="global average pool (2048 features)",
        preprocessing=Preprocessing(224, "bilinear"),
    ),
    "dinov2": Published(
        url="https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
        sha256="b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
        citation="Oquab et al. 2024; as a space for Frechet distances: Stein et al. 2023, with ViT-L/14 where this is "
        "ViT-S/14. The hash is that of the file at the address as many users publish it; 88,283,115 bytes.",
        network=VisionTransformer,
        names=dinov2_names,
        layer="class token after the last norm (384 features)",
        preprocessing=Preprocessing(224, "bicubic", IMAGENET_MEAN, IMAGENET_STD),
    ),
    "swav": Published(
        url="https://dl.fbaipublicfiles.com/deepcluster/swav_800ep_pretrain.pth.tar",
        sha256=None,
        citation="Caron et al. 2020; as a space for Frechet distances: Morozov et al. 2021. No hash of the file "
        "is published.",
        network=resnet50,
        names=swav_names,
        layer="global average pool (2048 features)",
        preprocessing=Preprocessing(224, "bilinear", IMAGENET_MEAN, IMAGENET_STD),
    ),
}


def extractor_names() -> list[str]:
    """Return the names that :func:`build_extractor` knows."""
    return [*PUBLISHED, _RADIOMICS, _RANDOM]


def build_extractor(
    spec: str | Path,
    device: str | torch.device = "cpu",
    seed: int = 0,
    *,
    weights: str | Path | None = None,
    sha256: str | None = None,
    cache_dir: str | Path | None = None,
) -> FeatureExtractor:
    """Return the extractor that ``spec`` names.

    Args:
        spec: ``inception`` (FID), ``radimagenet``, ``dinov2`` or ``swav``, whose weights are fetched once; or
            ``radiomics``, which needs none; or the path of a TorchScript file that takes RGB (B, 3, 224, 224) in
            [-1, 1], such as the project's own detector with its features as first output; or ``random``.
        device: where to run.
        seed: seed of the random weights, for ``random``.
        weights: file with the weights of ``spec``, where it was fetched by hand; its hash is verified too.
        sha256: hash that the weights, or the TorchScript file, must have; needed for ``swav``, whose hash is not
            published.
        cache_dir: folder of the weights; by default ``weights`` in
            :func:`~monai_dcgan.data.default_cache_dir`.

    Raises:
        ConnectionError: when weights cannot be fetched; the text says where to put them.
        FileNotFoundError: when there is no such file.
        ValueError: when the name is not known, an option does not fit, or a file has another hash or content.
    """
    name = str(spec)
    if sha256 is not None:
        sha256 = check_sha256(sha256)
    if name in PUBLISHED:
        return _published(name, torch.device(device), weights, sha256, cache_dir)
    if weights is not None:
        raise ValueError(f"weights must be left out unless spec is one of {', '.join(PUBLISHED)}, got {name!r}")
    if name in (_RADIOMICS, _RANDOM):
        if sha256 is not None:
            raise ValueError(f"sha256 must be left out for {name!r}, which reads no file, got {sha256}")
        return RadiomicsExtractor(device=device) if name == _RADIOMICS else RandomConvExtractor(seed, device)
    return _script(Path(spec), device, sha256)


def _script(path: Path, device: str | torch.device, sha256: str | None) -> FeatureExtractor:
    choices = f"a TorchScript file or one of {', '.join(extractor_names())}"
    if not path.is_file():
        if path.suffix or path.parent != Path("."):
            raise FileNotFoundError(f"no such file: {path}; give {choices}")
        raise ValueError(f"spec must be {choices}, got {str(path)!r}")
    if sha256 is not None:
        verify_file(path, sha256)
    found = sha256_file(path)
    for name, entry in PUBLISHED.items():
        if found == entry.sha256:
            logger.info("%s holds the weights of %r, which it is taken for", path, name)
            return _published(name, torch.device(device), path, None, None)
    return TorchScriptExtractor(path, device=device)


def _published(
    name: str, device: torch.device, weights: str | Path | None, sha256: str | None, cache_dir: str | Path | None
) -> FeatureExtractor:
    entry = PUBLISHED[name]
    if entry.sha256 is not None and sha256 not in (None, entry.sha256):
        raise ValueError(f"sha256 must be that of the weights of {name!r}, {entry.sha256}, got {sha256}")
    expected = entry.sha256 or sha256
    if expected is None:
        raise ValueError(
            f"sha256 must be given for {name!r}, got None: no hash of {entry.url} is published, so nothing tells a "
            "right file from a wrong one. Fetch it, convince yourself, and give its hash (sha256sum FILE)"
        )
    if weights is not None:
        path = verify_file(weights, expected)
    else:
        folder = Path(cache_dir) if cache_dir is not None else default_cache_dir() / "weights"
        # Sources name their files alike (ResNet50.pt), so the extractor's name goes before.
        path = download(entry.url, folder / f"{name}-{entry.file_name}", expected)
    if entry.network is None or entry.preprocessing is None:
        return InceptionExtractor(path, device)
    network = load_network(entry.network(), path, entry.names)
    return PretrainedExtractor(network, name, expected, entry.layer, entry.preprocessing, device)
