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
"""Numbers of an evaluation as words: what the table on the screen, the page and the Markdown share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monai_dcgan.evaluation.verdict import few_patients
from monai_dcgan.metrics.bootstrap import FEW_PATIENTS

__all__ = [
    "FOOTNOTE",
    "condition_groups",
    "counts_text",
    "explanation",
    "interval_text",
    "missing",
    "number",
    "patient_labels",
    "percent_of",
    "range_of",
    "remarks",
    "sizes",
    "spread",
    "without_patients",
]

FOOTNOTE = "ratio = at equal N / real vs real; at 1, synthetic slices are as near to unseen patients as others are"
_EXPLAIN = (
    "'Synthetic vs held-out' compares all slices. 'At equal N' and 'real vs real' compare n synthetic slices, and n "
    "slices of one half of the held-out patients, with the same n slices of the other half: mean and standard "
    f"deviation over random halves. {FOOTNOTE[0].upper()}{FOOTNOTE[1:]}. Better: 'lower' goes down to ratio 1, "
    "'higher' goes up to ratio 1, 'near real' is best at ratio 1. Rows 'within one set' compare pairs inside the "
    "synthetic set, and pairs of different patients inside the real set: mean and standard deviation over pairs; above "
    "real, the synthetic slices resemble each other too much."
)
_NO_FID = (
    " A Frechet distance is called FID only with the features of Inception 2015-12-05: none here is, so do not set "
    "these values beside published ones."
)


def number(value: float | None, missing_text: str = "-") -> str:
    """Return a number with four digits that count."""
    return missing_text if value is None else f"{value:.4g}"


def percent_of(share: float | None) -> str:
    """Return a share from 0 to 1 as percent."""
    return "-" if share is None else f"{share:.1%}"


def range_of(ends: Sequence[float] | None, form: str = ".3g") -> str:
    """Return the two ends of an interval, "" without one."""
    return "" if ends is None else f"{ends[0]:{form}} to {ends[1]:{form}}"


def interval_text(entry: Mapping[str, Any]) -> str:
    """Return the interval of an entry, as in "95%: 1.2 to 1.9", "" without one."""
    found = entry.get("interval")
    return "" if found is None else f"{found['level']:.0%}: {found['low']:.3g} to {found['high']:.3g}"


def spread(found: Mapping[str, Any] | None, sign: str = "\u00b1") -> str:
    """Return a mean and its standard deviation."""
    if found is None:
        return "-"
    return f"{found['value']:.4g}" if found["std"] is None else f"{found['value']:.4g} {sign} {found['std']:.2g}"


def sizes(entry: Mapping[str, Any]) -> str:
    """Return how many slices an entry compares: all, and at equal N."""
    text = f"{entry['n_synthetic']} vs {entry['n_real']}"
    real = entry["real_vs_real"]
    return f"{text}; {real['n']} vs {real['n']}" if real is not None and real["num_splits"] else text


def counts_text(metrics: Mapping[str, Any]) -> str:
    """Return the sentence that says what was compared."""
    counts = metrics["counts"]
    split = f" (split: {metrics['heldout_split']})" if "heldout_split" in metrics else ""
    patients = counts["heldout_patients"]
    return (
        f"{counts['synthetic_used']} of {counts['synthetic']} synthetic slices against {counts['heldout_used']} of "
        f"{counts['heldout']} slices of {patients} held-out {'patient' if patients == 1 else 'patients'}{split}. "
        "Not for clinical use."
    )


def explanation(metrics: Mapping[str, Any]) -> str:
    """Return what the columns mean."""
    titles = [entry["title"] for entry in metrics["metrics"].values()]
    return _EXPLAIN + ("" if any(title.startswith("FID") for title in titles) else _NO_FID)


def missing(entries: Mapping[str, Any]) -> list[str]:
    """Return one line per reason for a missing number, with the metrics that it concerns."""
    return _by_text((entry["title"], entry["reason"]) for entry in entries.values())


def remarks(metrics: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know before reading the numbers, one line each."""
    entries = metrics["metrics"]
    found = [f"no number: {reason}" for reason in missing(entries)]
    found += [f"too little data: {note}" for note in _by_text((e["title"], e.get("note")) for e in entries.values())]
    notes = ((entry["title"], (entry.get("interval") or {}).get("note")) for entry in entries.values())
    found += [f"interval: {note}" for note in _by_text(notes)]
    patients = metrics["counts"]["heldout_patients"]
    if patients < FEW_PATIENTS:
        found.append(few_patients(patients))
    return found


def _by_text(pairs: Iterable[tuple[str, str | None]]) -> list[str]:
    found: dict[str, list[str]] = {}
    for title, text in pairs:
        if text:
            found.setdefault(text, []).append(title)
    return [f"{'; '.join(titles)}: {text}" for text, titles in found.items()]


def condition_groups(entries: Mapping[str, Any]) -> list[tuple[dict[str, Any], list[str]]]:
    """Return each set of conditions once, with the metrics that it holds for."""
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for entry in entries.values():
        for conditions, titles in groups:
            if conditions == entry["conditions"]:
                titles.append(entry["title"])
                break
        else:
            groups.append((entry["conditions"], [entry["title"]]))
    return groups


def patient_labels(pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a label for each patient of ``pairs`` that tells nobody who it is: "P1", "P2", ... as they come."""
    names = dict.fromkeys(pair["patient"] for pair in pairs if pair["patient"] is not None)
    return {name: f"P{position}" for position, name in enumerate(names, start=1)}


def without_patients(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``metrics`` with labels in the place of the patients of the suspicious pairs, the one place of names."""
    privacy = metrics.get("privacy")
    if not privacy or not privacy.get("memorization"):
        return dict(metrics)
    found = privacy["memorization"]
    labels = patient_labels(found["pairs"])
    pairs = [{**pair, "patient": labels.get(pair["patient"])} for pair in found["pairs"]]
    return {**metrics, "privacy": {**privacy, "memorization": {**found, "pairs": pairs}}}
