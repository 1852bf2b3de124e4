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
"""What was found, in plain words and in units that a reader knows."""

from __future__ import annotations

import math

from monai.utils import StrEnum

from monai_dcgan.downstream.comparison import Comparison
from monai_dcgan.downstream.metrics import Metric, metric_of
from monai_dcgan.metrics.bootstrap import FEW_PATIENTS
from monai_dcgan.utils.text import count_of

__all__ = ["FEW_SEEDS", "Verdict", "finding", "limits_of", "p_text", "reasons", "verdict_of"]

FEW_SEEDS = 3
"""With fewer trainings of each arm, a difference cannot be told from what differs from training to training."""


class Verdict(StrEnum):
    """What a comparison shows."""

    GAIN = "gain shown"
    HARM = "harm shown"
    NONE = "no difference shown"
    UNCLEAR = "too little data to tell"


def limits_of(comparison: Comparison) -> tuple[float, float] | None:
    """Return the ends of the interval of the gain, a loss being negative, whichever direction of the metric is good."""
    if comparison.low is None or comparison.high is None:
        return None
    up = metric_of(comparison.metric).higher_is_better
    return (comparison.low, comparison.high) if up else (-comparison.high, -comparison.low)


def reasons(comparison: Comparison) -> list[str]:
    """Return why the data are too few to tell, an empty list where they are not.

    A signed-rank test of n patients has no p below 2^(1 - n), and Holm's correction multiplies the least of k by k:
    with so few patients that this is not below ``1 - level``, no difference of any size would ever be shown.
    """
    found = []
    if comparison.num_patients < FEW_PATIENTS:
        found.append(f"{count_of(comparison.num_patients, 'held-out patient')}, at least {FEW_PATIENTS} are needed")
    elif comparison.p_wilcoxon is not None and comparison.num_tests * 2.0 ** (1 - comparison.num_patients) >= (
        1 - comparison.level
    ):
        found.append(
            f"with {comparison.num_patients} held-out patients and {count_of(comparison.num_tests, 'comparison')} no "
            f"difference of any size can reach p < {1 - comparison.level:.2g}"
        )
    if comparison.num_seeds < FEW_SEEDS:
        found.append(f"{count_of(comparison.num_seeds, 'seed')}, at least {FEW_SEEDS} are needed")
    if not found and (comparison.low is None or comparison.p_holm is None):
        found.append("too few numbers are defined for an interval and a test")
    return found


def verdict_of(comparison: Comparison) -> Verdict:
    """Return what a comparison shows.

    A gain or harm counts as shown when the interval leaves out 0 and Holm's p is below ``1 - level``, both: the
    interval alone is not corrected for the number of comparisons.
    """
    limits = limits_of(comparison)
    if reasons(comparison) or limits is None or comparison.p_holm is None:
        return Verdict.UNCLEAR
    if comparison.p_holm < 1 - comparison.level:
        if limits[0] > 0:
            return Verdict.GAIN
        if limits[1] < 0:
            return Verdict.HARM
    return Verdict.NONE


def finding(comparison: Comparison) -> str:
    """Return the sentence that says what was found, also when that is nothing, harm, or too little to tell.

    Args:
        comparison: one of those that :func:`~monai_dcgan.downstream.comparison.compare` returned.

    Example:
        >>> finding(table.comparisons[0])
        'Dice with 5 training patients: real+synthetic is better than real by 3.2 points (95% interval 1.1 to 5.3, ...'
    """
    metric = metric_of(comparison.metric)
    start = f"{metric.title} with {count_of(comparison.patients, 'training patient')}:"
    verdict = verdict_of(comparison)
    numbers = f"{metric.number(comparison.mean)} against {metric.number(comparison.mean_baseline)}"
    if verdict == Verdict.UNCLEAR:
        why = "; ".join(reasons(comparison))
        measured = "Nothing measured" if math.isnan(comparison.difference) else f"Measured: {numbers} {metric.unit}"
        return (
            f"{start} too little data to tell {comparison.arm} from {comparison.baseline} ({why}). {measured}"
            f"{_undefined(comparison)}."
        )
    if verdict == Verdict.NONE:
        return (
            f"{start} no difference shown between {comparison.arm} and {comparison.baseline} ({numbers} {metric.unit}, "
            f"{_evidence(comparison, metric)}). {_possible(comparison, metric)}{_undefined(comparison)}."
        )
    word, many = ("better", comparison.better) if verdict == Verdict.GAIN else ("worse", comparison.worse)
    share = "" if many is None else f", {word} in {many} of {comparison.num_patients} held-out patients"
    return (
        f"{start} {comparison.arm} is {word} than {comparison.baseline} by {metric.amount(comparison.difference)} "
        f"({_evidence(comparison, metric)}; {numbers}){share}, over {comparison.num_seeds} seeds"
        f"{_undefined(comparison)}."
    )


def p_text(p: float | None) -> str:
    """Return a p-value with its sign, as in "= 0.034", "< 0.05" or "< 0.001"; rounding never takes it across 0.05."""
    if p is None:
        return "-"
    if p < 0.001:
        return "< 0.001"
    rounded = f"{p:.2f}" if p >= 0.0995 else f"{p:.3f}"
    return "< 0.05" if p < 0.05 <= float(rounded) else f"= {rounded}"


def _evidence(comparison: Comparison, metric: Metric) -> str:
    """Return the interval of the gain and the corrected p."""
    limits = limits_of(comparison)
    assert limits is not None
    if verdict_of(comparison) == Verdict.HARM:
        limits = (-limits[1], -limits[0])
    name = "interval" if verdict_of(comparison) != Verdict.NONE else "interval of the gain"
    ends = " to ".join(metric.number(end) for end in limits)
    return f"{100 * comparison.level:g}% {name} {ends}, p {p_text(comparison.p_holm)} after Holm's correction"


def _possible(comparison: Comparison, metric: Metric) -> str:
    """Return what the interval still allows."""
    limits = limits_of(comparison)
    assert limits is not None
    if limits[0] == limits[1] == 0:
        return "All differences are 0"
    parts = [
        f"{name} of up to {metric.amount(end)}"
        for name, end, there in (("a gain", limits[1], limits[1] > 0), ("a loss", limits[0], limits[0] < 0))
        if there
    ]
    text = f"{' and '.join(parts)} {'remain' if len(parts) > 1 else 'remains'} possible"
    if limits[0] > 0 or limits[1] < 0:
        text += "; the interval leaves out 0, but not after the correction"
    return f"{text[0].upper()}{text[1:]}"


def _undefined(comparison: Comparison) -> str:
    """Return how many pairs have no number, and whose."""
    if not comparison.left_out:
        return ""
    arms = [
        f"{count} with {arm} alone"
        for count, arm in (
            (comparison.only_arm, comparison.arm),
            (comparison.only_baseline, comparison.baseline),
        )
        if count
    ]
    whose = f", {' and '.join(arms)}" if arms else ""
    return f"; {count_of(comparison.left_out, 'pair')} without a number left out{whose}"
