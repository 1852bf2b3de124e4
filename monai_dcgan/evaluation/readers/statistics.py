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
"""Numbers of a reader study: area under the curve, kappa, intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import binomtest, rankdata

from monai_dcgan.metrics.bootstrap import draw_units, interval_of_defined

__all__ = ["area_under_curve", "bootstrap_interval", "cohen_kappa", "proportion"]

LEVEL = 0.95


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    Hanley & McNeil 1982, equal to the Mann-Whitney U over the number of pairs.

    Args:
        scores: (N,) finite numbers.
        positive: (N,) boolean.

    Returns:
        a number from 0 to 1; NaN where there is no positive or no negative.
    """
    count = int(positive.sum())
    others = len(positive) - count
    if count == 0 or others == 0:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def cohen_kappa(first: np.ndarray, second: np.ndarray, num_values: int, quadratic: bool = False) -> float:
    """Return Cohen's kappa: agreement beyond what chance gives (Cohen 1960; weighted: Cohen 1968).

    Args:
        first: (N,) whole numbers from 0 to ``num_values`` - 1.
        second: (N,) the same of the other reading.
        num_values: how many values there are.
        quadratic: weigh a disagreement by its square, for ordered values.

    Returns:
        a number of at most 1; NaN without any pair, or where both readings hold one and the same value alone.
    """
    if len(first) == 0:
        return float("nan")
    table = np.zeros((num_values, num_values))
    np.add.at(table, (first.astype(int), second.astype(int)), 1 / len(first))
    distance = np.abs(np.subtract.outer(np.arange(num_values), np.arange(num_values))).astype(float)
    weights = distance**2 if quadratic else (distance > 0).astype(float)
    expected = float((weights * np.outer(table.sum(1), table.sum(0))).sum())
    return float("nan") if expected == 0 else 1 - float((weights * table).sum()) / expected


def proportion(successes: int, total: int) -> dict[str, float | int | list[float] | None]:
    """Return a share with its 95% interval (Wilson 1927).

    Returns:
        ``value``, ``low``, ``high`` from 0 to 1, or None where ``total`` is 0, and ``n``.
    """
    if total == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    interval = binomtest(successes, total).proportion_ci(LEVEL, method="wilson")
    return {"value": successes / total, "low": float(interval.low), "high": float(interval.high), "n": total}


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float], strata: Sequence[Sequence[np.ndarray]], num_samples: int, seed: int
) -> tuple[float | None, float | None]:
    """Return the 95% percentile interval of a statistic when units are drawn again with replacement.

    Efron & Tibshirani 1993, chapter 13. Each stratum keeps its number of units.

    Args:
        statistic: takes positions (int64) and returns a number; NaN leaves a sample out.
        strata: of each stratum its units, of each unit the positions that are drawn together.
        num_samples: how many times.
        seed: seed of the draws.

    Returns:
        both ends, or None where more than half of the samples gave no number.
    """
    random = np.random.RandomState(seed)
    drawn = (np.concatenate([draw_units(units, random) for units in strata]) for _ in range(num_samples))
    interval = interval_of_defined([statistic(positions) for positions in drawn], LEVEL)
    return (None, None) if interval is None else (interval[0], interval[1])
