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
"""Arms of an experiment against one arm, over held-out patients and seeds: is the difference real?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from monai_dcgan.downstream.cells import ByPatient, Cells, Key, Pooled, PooledRow, Row, Statistic
from monai_dcgan.downstream.crossed import TINY, Draws
from monai_dcgan.downstream.metrics import METRICS
from monai_dcgan.utils.checks import check_choice

__all__ = ["ArmMean", "Comparison", "ComparisonTable", "compare", "holm"]

_DECIMALS = 12


@dataclass(frozen=True)
class ArmMean:
    """One arm by itself: mean over held-out patients and seeds with its interval, and the mean of each seed.

    ``undefined`` counts the pairs of patient and seed without a number; they are left out, and so are patients and
    seeds without any: ``num_patients`` counts the others, and ``seeds`` has None of such a seed.
    """

    arm: str
    patients: int
    mean: float | None
    low: float | None
    high: float | None
    seeds: dict[int, float | None]
    num_patients: int
    undefined: int


@dataclass(frozen=True)
class Comparison:
    """One arm against the baseline at one number of training patients, over what both have.

    Attributes:
        patients: number of training patients; ``num_patients`` is that of held-out ones, ``num_seeds`` that of seeds:
            those of which a pair is defined.
        mean: of the arm; ``mean_baseline`` of the baseline over the same pairs. NaN where no pair is defined.
        difference: arm minus baseline, in the metric's own direction; ``low`` and ``high`` are its interval.
        effect_size: Cohen's d_z, the mean over patients of their differences (each the mean over its seeds) by their
            standard deviation (Lakens 2013, https://doi.org/10.3389/fpsyg.2013.00863, eq. 6); None where that is 0.
        p_wilcoxon: two-sided, over held-out patients; None of a pooled statistic.
        p_crossed: two-sided, over patients and seeds; None where there is no interval.
        p_holm: the larger of both, corrected for all ``num_tests`` tests of the table.
        better: held-out patients whose mean over seeds is better; None of a pooled statistic.
        left_out: pairs of patient and seed without a number, or of a seed whose pooled statistic is not defined; of
            them ``only_arm`` and ``only_baseline`` lack it in one arm alone. An arm that finds nothing where HD95 is
            then not defined is flattered by this.
        unpaired: pairs of patient and seed that only one arm has rows of.
    """

    task: str
    metric: str
    arm: str
    baseline: str
    patients: int
    num_patients: int
    num_seeds: int
    mean: float
    mean_baseline: float
    difference: float
    low: float | None
    high: float | None
    level: float
    effect_size: float | None = None
    p_wilcoxon: float | None = None
    p_crossed: float | None = None
    p_holm: float | None = None
    num_tests: int = 0
    better: int | None = None
    worse: int | None = None
    equal: int | None = None
    left_out: int = 0
    only_arm: int = 0
    only_baseline: int = 0
    unpaired: int = 0


@dataclass(frozen=True)
class ComparisonTable:
    """All comparisons of one task and metric; ``missing`` says what an unfinished experiment lacks."""

    task: str
    metric: str
    baseline: str
    level: float
    num_samples: int
    comparisons: tuple[Comparison, ...]
    means: tuple[ArmMean, ...]
    missing: tuple[str, ...]


def compare(
    rows: Iterable[Row] | Iterable[PooledRow],
    baseline_arm: str,
    metric: str,
    task: str | None = None,
    statistic: Statistic | None = None,
    draws: Draws | None = None,
) -> ComparisonTable:
    """Compare every arm with ``baseline_arm`` at each number of training patients.

    The number of an arm is the mean over seeds of the mean over held-out patients. Its interval and the test over
    patients and seeds: see :class:`~monai_dcgan.downstream.crossed.Draws`. The test over patients alone is Wilcoxon's
    signed-rank test on the differences averaged over seeds, zeros left out (Wilcoxon 1945); a pooled statistic, which
    no single patient has, goes without. Wilcoxon's test takes the seeds for given: where other seeds could have come
    out otherwise, it finds too much. So a difference has to pass both: the larger p counts (Berger 1982, intersection
    and union), corrected for all comparisons of the table (Holm 1979).

    A pair of patient and seed in which one arm has no number (NaN, such as HD95 of an empty mask) is left out of both
    arms and counted; patients and seeds without any pair are not drawn. Of an unfinished experiment, what both arms
    have is compared.

    Args:
        rows: rows of an experiment; those of other tasks and metrics are passed over.
        baseline_arm: the arm to compare with.
        metric: key of ``METRICS``.
        task: task of the rows; may be left out where there is one.
        statistic: with :class:`PooledRow`: takes scores (n,) or (n, K) and labels (n,) and returns the number, NaN or
            None where it is not defined.
        draws: level of intervals and tests (5 percent at a level of 0.95), number of resamples, seed.

    Raises:
        ValueError: when the baseline has no rows, or the rows cannot be read, see
            :class:`~monai_dcgan.downstream.cells.Cells`.

    Example:
        >>> table = compare(rows, "real", "dice")
        >>> [finding(comparison) for comparison in table.comparisons]
    """
    draws = draws or Draws()
    cells = ByPatient(rows, metric, task) if statistic is None else Pooled(rows, metric, statistic, task)
    check_choice("baseline_arm", baseline_arm, cells.arms)
    found = []
    for arm, number in cells.filled():
        if arm != baseline_arm and cells.seeds_of((arm, number), (baseline_arm, number)):
            found.append(_compare(cells, draws, metric, (arm, number), (baseline_arm, number)))
    means = tuple(_mean(cells, draws, key, metric) for key in cells.filled())
    return ComparisonTable(
        task=cells.task,
        metric=metric,
        baseline=baseline_arm,
        level=draws.level,
        num_samples=draws.num_samples,
        comparisons=tuple(_corrected(found)),
        means=means,
        missing=tuple(cells.missing()),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the same order (Holm 1979, Scand. J. Statistics 6:65-70)."""
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        running = max(running, (len(p_values) - rank) * float(p_values[place]))
        adjusted[place] = min(1.0, running)
    return adjusted


def _mean(cells: Cells, draws: Draws, key: Key, metric: str) -> ArmMean:
    own = cells.shared(key)
    found = draws.of(own.tables[0], own.patients, len(own.seeds))
    # Widened for few patients and seeds, it may reach beyond what the metric can be.
    limits = (0.0, METRICS[metric].highest)
    low, high = (None, None) if found.interval is None else (float(end) for end in np.clip(found.interval, *limits))
    numbers = dict.fromkeys(cells.seeds_of(key)) | dict(zip(own.seeds, found.seeds.tolist()))
    return ArmMean(*key, _or_none(found.value), low, high, numbers, own.patients, own.left_out)


def _compare(cells: Cells, draws: Draws, metric: str, key: Key, baseline: Key) -> Comparison:
    both = cells.shared(key, baseline)
    found = draws.of(lambda counts: both.tables[0](counts) - both.tables[1](counts), both.patients, len(both.seeds))
    means = both.numbers.mean(axis=1) if both.seeds else np.full(2, math.nan)
    low, high = found.interval or (None, None)
    return Comparison(
        task=cells.task,
        metric=metric,
        arm=key[0],
        baseline=baseline[0],
        patients=key[1],
        num_patients=both.patients,
        num_seeds=len(both.seeds),
        mean=float(means[0]),
        mean_baseline=float(means[1]),
        difference=found.value,
        low=low,
        high=high,
        level=draws.level,
        left_out=both.left_out,
        only_arm=both.alone[0],
        only_baseline=both.alone[1],
        unpaired=both.unpaired,
        p_crossed=found.p,
        **_over_patients(both.values[0] - both.values[1], metric),
    )


def _over_patients(differences: np.ndarray, metric: str) -> dict[str, Any]:
    """Return the test, the effect size and the counts over patients of differences (P, S), NaN where there is none.

    Each patient must have one; nothing is returned where no patient has a number of its own.
    """
    means = np.round([row[~np.isnan(row)].mean() for row in differences], _DECIMALS)
    if len(means) == 0:
        return {}
    gains = means if METRICS[metric].higher_is_better else -means
    spread = float(means.std(ddof=1)) if len(means) > 1 else 0.0
    return {
        # Where all differences are 0 nothing speaks against equality; scipy has no p then.
        "p_wilcoxon": float(stats.wilcoxon(means, zero_method="wilcox").pvalue) if means.any() else 1.0,
        "effect_size": float(means.mean()) / spread if spread > TINY else None,
        "better": int((gains > 0).sum()),
        "worse": int((gains < 0).sum()),
        "equal": int((gains == 0).sum()),
    }


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons with Holm's p of those that have an interval: the larger p of the tests there are."""
    largest = {
        place: max(p for p in (one.p_wilcoxon, one.p_crossed) if p is not None)
        for place, one in enumerate(comparisons)
        if one.p_crossed is not None
    }
    adjusted = dict(zip(largest, holm(list(largest.values()))))
    return [replace(one, num_tests=len(largest), p_holm=adjusted.get(place)) for place, one in enumerate(comparisons)]


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else float(number)
