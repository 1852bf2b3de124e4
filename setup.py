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
"""Build of the package; ``bundle/`` and ``configs/`` go into the wheel below ``monai_dcgan/``."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"', (ROOT / "monai_dcgan/__init__.py").read_text(), re.MULTILINE)[1]

EXTRAS = {
    "dask": ["distributed>=2024.8"],
    "dicom": ["pydicom>=3.0"],
    "phantom": ["nilearn>=0.11"],
    "export": ["onnx>=1.17", "onnxscript>=0.2", "safetensors>=0.4"],
    "hub": ["huggingface_hub>=0.30"],
    "mlflow": ["alembic>=1.13", "mlflow-skinny>=3.1", "sqlalchemy>=2.0"],
    "zoo": ["jsonschema>=4.20"],
}
EXTRAS["all"] = sorted({requirement for extra in EXTRAS.values() for requirement in extra})
EXTRAS["dev"] = [
    "build>=1.2",
    "hypothesis>=6.112",
    "mypy>=1.15",
    "prdc>=0.2",
    "pytest>=8.3",
    "pytest-xdist>=3.6",
    "ruff>=0.11",
    *EXTRAS["all"],
]


def folders_as_packages(*roots: str) -> dict[str, str]:
    """Name every folder that holds a setting as a package below ``monai_dcgan``: ``{package: folder}``."""
    folders = {root: Path(root) for root in roots}
    for root in roots:
        folders |= {str(path): path for path in sorted((ROOT / root).rglob("*")) if path.is_dir()}
    named = {}
    for path in folders.values():
        relative = path.relative_to(ROOT) if path.is_absolute() else path
        named["monai_dcgan." + ".".join(relative.parts)] = relative.as_posix()
    return named


SETTINGS = folders_as_packages("bundle", "configs")

setup(
    name="monai_dcgan",
    version=VERSION,
    description="Deep convolutional GANs for labeled slices of 3D brain MRI, as a MONAI plugin",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[*find_packages(include=["monai_dcgan", "monai_dcgan.*"]), *SETTINGS],
    package_dir={"monai_dcgan": "monai_dcgan", **SETTINGS},
    package_data={
        "monai_dcgan.evaluation.report": ["*.css"],
        "monai_dcgan.evaluation.readers": ["*.html", "*.css", "*.js"],
        "monai_dcgan.sharing": ["*.json"],
        **{name: ["*.json", "*.conf", "*.md", "*.txt", "*.pt", "LICENSE"] for name in SETTINGS},
    },
    install_requires=[
        "blosc2>=3.0",
        "filelock>=3.13",
        "fire>=0.6",
        "fsspec>=2024.6",
        "isal>=1.6",
        "itk>=5.4",
        "joblib>=1.4",
        "matplotlib>=3.9",
        "monai>=1.6,<2",
        "nibabel>=5.3",
        "numpy>=1.26",
        "pillow>=10.4",
        "pytorch-ignite>=0.5.2",
        "scikit-image>=0.24",
        "scipy>=1.13",
        "tensorboard>=2.18",
        "torch>=2.8",
        "tqdm>=4.66",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["monai-dcgan=monai_dcgan.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Healthcare Industry",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
    ],
)
