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
"""Tests of the report of an experiment."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from monai_dcgan.downstream.cells import PooledRow, Row
from monai_dcgan.downstream.comparison import compare
from monai_dcgan.downstream.crossed import Draws
from monai_dcgan.downstream.report import Result, write_report
from monai_dcgan.downstream.results import Cost
from monai_dcgan.downstream.sentence import finding

DRAWS = Draws(num_samples=200)


def rows_of(gains, metric="dice", numbers=(5, 20), patients=12, undefined=0):
    random, rows = np.random.RandomState(0), []
    for number in numbers:
        base = random.uniform(0.4, 0.7, (patients, 3))
        for arm, gain in {"real": 0.0, **gains}.items():
            values = base + gain + random.normal(0, 0.02, base.shape) * (arm != "real")
            if arm != "real":
                values[:undefined, 0] = math.nan
            rows += [
                Row("seg", arm, number, seed, f"secret{place}", metric, float(values[place, seed]))
                for place in range(patients)
                for seed in range(3)
            ]
    return rows


def pooled_rows(gain):
    """Return rows of single slices, one a patient, whose mean is their statistic."""
    return [
        PooledRow("class", row.arm, row.patients, row.seed, row.patient, row.value, 0)
        for row in rows_of({"both": gain})
    ]


def written(tmp_path, *tables, **options):
    page = write_report(Result(tables, **options), tmp_path / "report")
    assert page == tmp_path / "report" / "report.md"
    numbers = json.loads((tmp_path / "report" / "results.json").read_text(), parse_constant=pytest.fail)
    return page.read_text(), numbers


@pytest.fixture(scope="module")
def table():
    return compare(rows_of({"real+good": 0.1, "real+none": 0.0, "bad": -0.1}), "real", "dice", draws=DRAWS)


def test_page(tmp_path, table):
    page, _ = written(
        tmp_path,
        table,
        title="Is it worth it?",
        conditions={"steps": 2000, "seeds": [0, 1, 2], "sizes": {"image": 64}},
        costs={"real": Cost(61.2, 3 * 2**30), "bad": Cost()},
    )
    assert page.startswith(
        "# Is it worth it?\n\n## What was found\n\n- **seg: Dice, 6 comparisons with real: gain shown"
    )
    found = {(one.arm, one.patients): one for one in table.comparisons}
    for key in (("real+good", 5), ("real+good", 20), ("bad", 5), ("bad", 20)):
        assert f"- {finding(found[key])}\n" in page
    assert "- No difference shown; interval of the gain: real+none " in page
    one = found["real+good", 5]
    mean = next(mean for mean in table.means if (mean.arm, mean.patients) == ("real+good", 5))
    row = (
        f"| real+good | {100 * mean.mean:.1f} | {100 * mean.low:.1f} to {100 * mean.high:.1f} "
        f"| {100 * one.difference:.1f} | {100 * one.low:.1f} to {100 * one.high:.1f} | {one.p_holm:.3f} "
        f"| {one.effect_size:.2f} | 12 / 0 / 0 | gain shown |"
    )
    assert row in page.split("**20 training patients**")[0]
    assert "**5 training patients** (12 held-out patients, 3 seeds)" in page
    for text in (
        "![Learning curves, seg: Dice](<seg_dice.png>)",
        "| real | 61 s | 3.0 GiB |",
        "| bad | - | - |",
        "- seeds: 0, 1, 2\n",
        "- sizes: image 64\n",
        "Not for clinical use.",
        "Numbers in points; higher is better.",
    ):
        assert text in page
    assert (tmp_path / "report" / "seg_dice.png").stat().st_size > 5000


def test_rows_of_markdown_tables_have_as_many_cells_as_their_head(tmp_path, table):
    page, _ = written(tmp_path, table, costs={"real": Cost()})
    widths = {}
    for block in page.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        widths[block] = {line.count("|") for line in lines}
    assert sum(bool(width) for width in widths.values()) == 3
    assert all(len(width) <= 1 for width in widths.values())


def test_numbers(tmp_path, table):
    _, numbers = written(tmp_path, table, conditions={"steps": 2000})
    (own,) = numbers["tables"]
    assert numbers["conditions"] == {"steps": 2000}
    assert (own["level"], own["num_samples"], own["higher_is_better"]) == (0.95, 200, True)
    for kept, one in zip(own["comparisons"], table.comparisons, strict=True):
        assert kept["difference"] == one.difference and kept["p_wilcoxon"] == one.p_wilcoxon
        assert kept["finding"] == finding(one)
    assert own["means"][0]["seeds"] == {str(seed): value for seed, value in table.means[0].seeds.items()}


def test_the_test_is_said_under_each_table(tmp_path, table):
    """Patients have a Dice of their own and no AUC; of what is nowhere defined nothing is tested."""
    empty = compare(
        [row._replace(value=math.nan) for row in rows_of({"both": 0.0}, "hd95")], "real", "hd95", draws=DRAWS
    )
    pooled = compare(pooled_rows(0.1), "real", "auc", statistic=lambda scores, labels: scores.mean(), draws=DRAWS)
    page, _ = written(tmp_path, table, empty, pooled)
    of_tables = page.split("## How to read")[0].split("\n## ")[2:]
    assert [text.split("\n")[0] for text in of_tables] == ["seg: Dice", "seg: HD95", "class: AUC"]
    assert [[line for line in text.splitlines() if line.startswith("p: ")] for text in of_tables] == [
        [
            "p: the larger of Wilcoxon's signed-rank test over patients and a t-test over patients and seeds, "
            "corrected for 6 comparisons (Holm)."
        ],
        [],
        ["p: of a t-test over patients and seeds, corrected for 2 comparisons (Holm)."],
    ]


def test_seeds_without_a_number_are_not_counted(tmp_path):
    rows = [row._replace(value=math.nan) if row.seed == 1 else row for row in rows_of({}, "hd95", numbers=(5,))]
    page, _ = written(tmp_path, compare(rows, "real", "hd95", draws=DRAWS))
    assert "(12 held-out patients, 2 seeds)" in page


def test_nothing_found_is_said_in_full(tmp_path):
    table = compare(rows_of({"both": 0.0}, numbers=(5,)), "real", "dice", draws=DRAWS)
    page, _ = written(tmp_path, table)
    assert "- **seg: Dice, 1 comparison with real: no difference shown in 1.**\n" in page
    assert f"- {finding(table.comparisons[0])}\n" in page and "remain possible" in page


def test_names_of_patients_are_not_written(tmp_path, table):
    page, numbers = written(tmp_path, table)
    assert "secret" not in page and "secret" not in json.dumps(numbers)


def test_pairs_without_a_number_and_missing_cells_are_said(tmp_path):
    rows = [row for row in rows_of({"both": 0.1}, "hd95", undefined=2) if (row.arm, row.patients) != ("both", 20)]
    rows = [row for row in rows if (row.arm, row.patient, row.seed) != ("real", "secret5", 1)]
    page, numbers = written(tmp_path, compare(rows, "real", "hd95", draws=DRAWS))
    assert (
        "- Left out of both at 5: 2 pairs of patient and seed without a number (2 in this arm alone, 0 in real alone) "
        "and 1 pair that only one arm has.\n"
    ) in page
    assert "- Unfinished, without: both, 20 training patients: seed 0, 1, 2." in page
    assert numbers["tables"][0]["comparisons"][0]["left_out"] == 2


def test_nothing_measured_is_no_number(tmp_path):
    rows = [row._replace(value=math.nan) for row in rows_of({"both": 0.1}, "hd95")]
    page, numbers = written(tmp_path, compare(rows, "real", "hd95", draws=DRAWS))
    assert numbers["tables"][0]["comparisons"][0]["difference"] is None
    assert "nan" not in page and "Nothing measured" in page and "png" not in page


def test_nothing_to_compare(tmp_path):
    rows = [row for row in rows_of({"both": 0.1}) if row.arm == "real"]
    page, _ = written(tmp_path, compare(rows, "real", "dice", draws=DRAWS))
    assert "- **seg: Dice: nothing to compare yet.**" in page


def test_names_start_no_markup(tmp_path):
    rows = [row._replace(arm="a|b_<c>") if row.arm == "both" else row for row in rows_of({"both": 0.1})]
    page, _ = written(tmp_path, compare(rows, "real", "dice", draws=DRAWS))
    assert "| a\\|b\\_\\<c> |" in page and " <c>" not in page


@pytest.mark.parametrize("count", [0, 2])
def test_tables_are_checked(tmp_path, table, count):
    with pytest.raises(ValueError, match="tables must be at least one, each of another task and metric, got"):
        write_report(Result([table] * count), tmp_path / "report")
    assert not (tmp_path / "report").exists()
