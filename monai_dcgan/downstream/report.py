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
"""The report of an experiment: numbers as JSON, and a page as Markdown that can be read without statistics."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monai_dcgan.downstream.comparison import ArmMean, Comparison, ComparisonTable
from monai_dcgan.downstream.curves import draw_curves
from monai_dcgan.downstream.metrics import METRICS
from monai_dcgan.downstream.results import Cost
from monai_dcgan.downstream.sentence import Verdict, finding, limits_of, p_text, verdict_of
from monai_dcgan.utils.files import write_json, write_text
from monai_dcgan.utils.text import count_of, human_bytes

__all__ = ["Result", "write_report"]

_FEW = 4
NUMBERS, PAGE = "results.json", "report.md"
_HEADER = ("arm", "mean", "interval", "difference", "interval", "p (Holm)", "d", "better / worse / equal", "found")
_LIMITS = "The numbers hold for these patients, these networks and this data set. Not for clinical use."
_POOLED = "of a t-test over patients and seeds"
_BOTH = "the larger of Wilcoxon's signed-rank test over patients and a t-test over patients and seeds"
_LEFT_OUT = (
    "A pair of patient and seed is left out of both arms where one has no number; that flatters an arm whose numbers "
    "are missing where it fails."
)


def _reading(table: ComparisonTable) -> list[str]:
    return [
        f"Points are hundredths: a Dice of 0.8 is 80 points. Difference: arm minus {_plain(table.baseline)}, over the "
        "held-out patients and seeds that both have.",
        f"Interval: {100 * table.level:g}%, from {table.num_samples} draws of held-out patients and seeds with "
        "replacement.",
        "p: of the test that is named below each table, corrected for all comparisons of the table (Holm).",
        "d: mean difference divided by its standard deviation between patients (Cohen's d_z).".replace("_", "\\_"),
        f"A gain or harm counts as shown when the interval leaves out 0 and p is below {1 - table.level:.2g}. No "
        "difference shown does not mean that there is none: the interval says how large it may be.",
        _LEFT_OUT,
    ]


@dataclass(frozen=True)
class Result:
    """All that a report says.

    Attributes:
        tables: comparisons, one table a task and metric; of each task the one that matters most first: its comparisons
            are all told in words, of the others those that show a gain or harm.
        conditions: what the numbers were made with, such as data, networks, steps; texts, numbers, lists, mappings.
        costs: arm, or what else was trained -> what it took.
        title: heading.
    """

    tables: Sequence[ComparisonTable]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    title: str = "What synthetic slices are worth"


def write_report(result: Result, folder: str | Path) -> Path:
    """Write ``results.json``, ``report.md`` and a picture of the learning curves of each table into ``folder``.

    No name of a patient is written.

    Args:
        result: what the report says.
        folder: folder to write to; it is made.

    Returns:
        the path of ``report.md``.

    Raises:
        ValueError: when there is no table, or two of one task and metric.
    """
    names = [_name(table) for table in result.tables]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"tables must be at least one, each of another task and metric, got {names}")
    folder = Path(folder)
    # The page is made before anything is written.
    page = "\n".join(_page(result))
    for table in result.tables:
        if _drawable(table):
            draw_curves(table.means, table.metric, folder / f"{_name(table)}.png", table.level)
    write_json(folder / NUMBERS, _numbers(result))
    write_text(folder / PAGE, page)
    return folder / PAGE


def _numbers(result: Result) -> dict[str, Any]:
    """Return everything as JSON: numbers in the metric's own unit, None where there is none."""
    tables = []
    for table in result.tables:
        own = asdict(table)
        for kept, comparison in zip(own["comparisons"], table.comparisons):
            kept |= {"verdict": str(verdict_of(comparison)), "finding": finding(comparison)}
        said = METRICS[table.metric]
        tables.append({**own, "higher_is_better": said.higher_is_better})
    costs = {arm: asdict(cost) for arm, cost in result.costs.items()}
    return _finite({"title": result.title, "conditions": dict(result.conditions), "tables": tables, "costs": costs})


def _finite(value: Any) -> Any:
    """Return ``value`` with None for NaN, which is no JSON."""
    if isinstance(value, Mapping):
        return {str(key): _finite(own) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(own) for own in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _page(result: Result) -> list[str]:
    lines = [f"# {_plain(result.title)}", "", "## What was found", ""]
    tasks: set[str] = set()
    for table in result.tables:
        lines += [*(f"- {line}" for line in _found(table, in_full=table.task not in tasks)), ""]
        tasks.add(table.task)
    lines += [_LIMITS, ""]
    for table in result.tables:
        lines += _table_lines(table)
    lines += ["## How to read the tables", "", *(f"- {line}" for line in _reading(result.tables[0])), ""]
    if result.costs:
        lines += ["## Time and memory", "", *_grid(("trained", "time, mean", "peak memory"), _costs(result)), ""]
    if result.conditions:
        lines += ["## Conditions", "", *(f"- {_plain(k)}: {_said(own)}" for k, own in result.conditions.items()), ""]
    return lines


def _found(table: ComparisonTable, in_full: bool) -> list[str]:
    """Return how many comparisons show what, then each gain and harm; ``in_full`` the rest too."""
    title = _title(table)
    by_verdict: dict[str, list[Comparison]] = {str(verdict): [] for verdict in Verdict}
    for comparison in table.comparisons:
        by_verdict[str(verdict_of(comparison))].append(comparison)
    if not table.comparisons:
        return [f"**{title}: nothing to compare yet.** {_missing(table)}"]
    counts = ", ".join(f"{verdict} in {len(own)}" for verdict, own in by_verdict.items() if own)
    lines = [f"**{title}, {count_of(len(table.comparisons), 'comparison')} with {_plain(table.baseline)}: {counts}.**"]
    shown = [*by_verdict[Verdict.GAIN], *by_verdict[Verdict.HARM]]
    lines += [_plain(finding(comparison)) for comparison in shown]
    if not in_full:
        return [*lines, _missing(table)] if table.missing else lines
    rest = [*by_verdict[Verdict.NONE], *by_verdict[Verdict.UNCLEAR]]
    if not shown and len(rest) <= _FEW:
        lines += [_plain(finding(comparison)) for comparison in rest]
    else:
        lines += _listed(by_verdict[Verdict.NONE], "No difference shown; interval of the gain")
        lines += _listed(by_verdict[Verdict.UNCLEAR], "Too little data to tell; interval of the gain")
    return [*lines, _missing(table)] if table.missing else lines


def _listed(comparisons: Sequence[Comparison], words: str) -> list[str]:
    """Return a line for each arm, with the interval at each number of training patients."""
    lines = []
    for arm in dict.fromkeys(one.arm for one in comparisons):
        own = [f"{_gain(one)} with {one.patients}" for one in comparisons if one.arm == arm]
        lines.append(f"{words}: {_plain(arm)} {', '.join(own)} training patients.")
    return lines


def _missing(table: ComparisonTable) -> str:
    return f"Unfinished, without: {_plain('; '.join(table.missing))}." if table.missing else ""


def _gain(comparison: Comparison) -> str:
    said, limits = METRICS[comparison.metric], limits_of(comparison)
    return "none" if limits is None else f"{said.number(limits[0])} to {said.number(limits[1])} {said.unit}"


def _table_lines(table: ComparisonTable) -> list[str]:
    said = METRICS[table.metric]
    better = "higher is better" if said.higher_is_better else "lower is better"
    lines = [f"## {_title(table)}", "", f"Numbers in {said.unit}; {better}.", ""]
    if _drawable(table):
        lines += [f"![Learning curves, {_title(table)}](<{_name(table)}.png>)", ""]
    compared = {(one.arm, one.patients): one for one in table.comparisons}
    for number in sorted({mean.patients for mean in table.means}):
        rows = [_row(mean, compared.get((mean.arm, number)), table) for mean in table.means if mean.patients == number]
        seeds = max(_measured_seeds(mean) for mean in table.means if mean.patients == number)
        heldout = max(mean.num_patients for mean in table.means if mean.patients == number)
        sizes = f"{count_of(heldout, 'held-out patient')}, {count_of(seeds, 'seed')}"
        lines += [f"**{count_of(number, 'training patient')}** ({sizes})", "", *_grid(_HEADER, rows), ""]
    return [*lines, *_left_out(table), *_test(table)]


def _test(table: ComparisonTable) -> list[str]:
    """Return which test the p-values of a table are of, nothing where there are none."""
    tested = [one for one in table.comparisons if one.p_holm is not None]
    if not tested:
        return []
    test = _POOLED if tested[0].p_wilcoxon is None else _BOTH
    return [f"p: {test}, corrected for {count_of(len(tested), 'comparison')} (Holm).", ""]


def _measured_seeds(mean: ArmMean) -> int:
    return sum(number is not None for number in mean.seeds.values())


def _row(mean: ArmMean, comparison: Comparison | None, table: ComparisonTable) -> tuple[str, ...]:
    said = METRICS[table.metric]
    own = (mean.arm, _number(mean.mean, said.number), _range(mean.low, mean.high, said.number))
    if comparison is None:
        return (*own, "-" if mean.arm == table.baseline else f"no pair with {table.baseline}", *["-"] * 5)
    counts = (comparison.better, comparison.worse, comparison.equal)
    return (
        *own,
        _number(comparison.difference, said.number),
        _range(comparison.low, comparison.high, said.number),
        p_text(comparison.p_holm).removeprefix("= "),
        "-" if comparison.effect_size is None else f"{comparison.effect_size:.2f}",
        "-" if None in counts else " / ".join(map(str, counts)),
        str(verdict_of(comparison)),
    )


def _left_out(table: ComparisonTable) -> list[str]:
    """Return what was left out of the comparisons."""
    texts = []
    for one in table.comparisons:
        parts = []
        if one.left_out:
            parts.append(
                f"{count_of(one.left_out, 'pair')} of patient and seed without a number ({one.only_arm} in this arm "
                f"alone, {one.only_baseline} in {one.baseline} alone)"
            )
        if one.unpaired:
            parts.append(f"{count_of(one.unpaired, 'pair')} that only one arm has")
        if parts:
            texts.append(f"- Left out of {_plain(one.arm)} at {one.patients}: {_plain(' and '.join(parts))}.")
    return [*texts, ""] if texts else []


def _costs(result: Result) -> list[tuple[str, ...]]:
    return [
        (
            arm,
            "-" if cost.seconds is None else f"{cost.seconds:.0f} s",
            "-" if cost.peak_bytes is None else human_bytes(cost.peak_bytes),
        )
        for arm, cost in result.costs.items()
    ]


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(map(_plain, row))} |" for row in (header, *rows)]
    return [lines[0], f"| {' | '.join('---' for _ in header)} |", *lines[1:]]


def _number(value: float | None, form: Any) -> str:
    return "-" if value is None or math.isnan(value) else form(value)


def _range(low: float | None, high: float | None, form: Any) -> str:
    return "-" if low is None or high is None else f"{form(low)} to {form(high)}"


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_plain(str(key))} {_said(own)}" for key, own in value.items())
    return ", ".join(map(_said, value)) if isinstance(value, (list, tuple)) else _plain(str(value))


def _title(table: ComparisonTable) -> str:
    return _plain(f"{table.task}: {METRICS[table.metric].title}")


def _name(table: ComparisonTable) -> str:
    return f"{table.task}_{table.metric}"


def _drawable(table: ComparisonTable) -> bool:
    return any(mean.mean is not None for mean in table.means)


def _plain(text: str) -> str:
    """Return ``text`` in one line, so that none of it starts markup or ends a cell."""
    return re.sub(r"([\\|`*_\[\]#]|<(?=\S))", r"\\\1", " ".join(text.split()))
