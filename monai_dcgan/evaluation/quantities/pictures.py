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
"""Numbers from intensities and power spectra."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monai_dcgan.evaluation.quantities.entries import LOWER, NOT_NEGATIVE, SHARE, Quantity
from monai_dcgan.metrics import intensity_distance
from monai_dcgan.metrics.spectra import BACKGROUND, distance_of_spectra, radial_spectrum

__all__ = ["picture_quantities"]

_GROUP = "images"


def picture_quantities(images: Mapping[str, np.ndarray]) -> list[Quantity]:
    """Return the distances of intensities and of spectra, one of each for every channel.

    Args:
        images: source -> (N, C, H, W) in [0, 1]: ``synthetic``, ``real``, and ``reference`` where it stands in.
    """
    channels = images["real"].shape[1]
    spectra = {source: radial_spectrum(own) for source, own in images.items()}
    quantities = []
    for channel in range(channels):
        part = slice(channel, channel + 1)
        planes, waves = ({source: own[:, part] for source, own in every.items()} for every in (images, spectra))
        mark, words = (f"_{channel}", f" of channel {channel}") if channels > 1 else ("", "")
        quantities += _of_channel(planes, waves, mark, words)
    return quantities


def _of_channel(
    planes: Mapping[str, np.ndarray], spectra: Mapping[str, np.ndarray], mark: str, words: str
) -> list[Quantity]:
    def intensity(source: str, i: np.ndarray, j: np.ndarray) -> float | None:
        return intensity_distance(planes[source][i], planes["real"][j], BACKGROUND)[0]

    def spectrum(source: str, i: np.ndarray, j: np.ndarray) -> float:
        return float(distance_of_spectra(spectra[source][i], spectra["real"][j])[0])

    return [
        Quantity(
            f"intensity_distance{mark}", f"Intensities in the head{words}, Wasserstein", _GROUP, LOWER, intensity,
            "intensity_distance", method="centered", bounds=SHARE, thrift=4,
            conditions={"preprocessing": f"intensities above {BACKGROUND:g}"},
        ),
        Quantity(
            f"spectrum_distance{mark}", f"Power spectrum{words}, mean difference (log10)", _GROUP, LOWER, spectrum,
            "spectrum_distance", method="centered", bounds=NOT_NEGATIVE, conditions={"preprocessing": "none"},
        ),
    ]  # fmt: skip
