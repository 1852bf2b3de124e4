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
"""The numbers in words: what a reader should take away, point by point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_dcgan.metrics.bootstrap import FEW_PATIENTS

__all__ = ["LEVELS", "few_patients", "verdict_of"]

LEVELS = ("good", "fair", "bad", "unknown")
# Times the value between real patients up to which a distance is called good, and fair.
DISTANCE_LIMITS = (1.25, 2.0)
# Share of the value between real patients from which a coverage is called good, and fair.
COVERAGE_LIMITS = (0.8, 0.4)
# Share by which pairs of synthetic slices may be more alike than pairs of patients.
ALIKE_LIMITS = (1.1, 1.25)
# Difference in the share of empty masks.
EMPTY_LIMITS = (0.02, 0.1)

_SAYS = {
    "good": "Near to unseen patients as far as measured",
    "fair": "Similar to unseen patients, but to be told from them",
    "bad": "Not like unseen patients yet",
    "unknown": "Not to be judged with these held-out patients",
}
_JUDGED = ("fidelity", "diversity", "masks")


def verdict_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Put an evaluation into words.

    Args:
        report: what :func:`monai_dcgan.evaluation.evaluate` makes, without the verdict.

    Returns:
        ``text``, one sentence, and ``points``, each with ``topic`` (``fidelity``, ``diversity``, ``masks``,
        ``privacy``, ``membership``, ``data``), ``level`` (one of :data:`LEVELS`) and ``text``. The limits are
        conventions of this package: a distance is good up to 1.25 times that between real patients and fair up to 2
        times; recall and coverage are good from 0.8 of it and fair from 0.4.
    """
    points = [
        _fidelity(report["metrics"]),
        _diversity(report["metrics"]),
        _masks(report),
        *_privacy(report),
        _data(report),
    ]
    return {"text": _sentence(points), "points": points}


def few_patients(patients: int) -> str:
    """Say what it means that so few held-out patients were compared."""
    if patients == 1:
        return (
            "the held-out slices are of 1 patient, or of one group without names: numbers have no interval, and "
            "'real vs real' compares them with the patients of the training"
        )
    return (
        f"{patients} held-out patients are few: 'real vs real' compares one or two people with others, so a ratio, "
        "even one better than 1, says little"
    )


def _point(topic: str, level: str, text: str) -> dict[str, str]:
    return {"topic": topic, "level": level, "text": text}


def _sentence(points: list[dict[str, str]]) -> str:
    levels = {point["topic"]: point["level"] for point in points}
    known = [levels[topic] for topic in _JUDGED if levels[topic] != "unknown"]
    worst = max(known, key=LEVELS.index) if known else "unknown"
    weak = [topic for topic in _JUDGED if levels[topic] == worst] if worst in ("fair", "bad") else []
    text = _SAYS[worst] + (f" ({', '.join(weak)})" if weak else "")
    copied = {"good": "no sign of copied patients", "fair": "no sign of copied patients, on too little data"}
    privacy = copied.get(levels["privacy"], "copies of training slices found")
    tested = "copying not tested" if levels["privacy"] == "unknown" else privacy
    return f"{text}; {tested}{'; all on too few held-out patients' if levels['data'] == 'bad' else ''}."


def _upward(value: float, limits: tuple[float, float]) -> str:
    """Return the level of a number that should be small."""
    return "good" if value <= limits[0] else "fair" if value <= limits[1] else "bad"


def _worst(levels: list[str]) -> str:
    return max(levels, key=LEVELS.index)


def _times(entry: Mapping[str, Any]) -> str:
    value, real = entry["matched"]["value"], entry["real_vs_real"]["value"]
    return f"{entry['title']} {value:.3g}, {entry['ratio']:.2f} times the {real:.3g} between real patients"


def _fidelity(metrics: Mapping[str, Any]) -> dict[str, str]:
    distance = metrics["frechet_distance"]
    if distance["ratio"] is None:
        return _point("fidelity", "unknown", f"No comparison with real patients: {distance['reason']}.")
    texts, levels = [_times(distance)], [_upward(distance["ratio"], DISTANCE_LIMITS)]
    precision = metrics["precision"]
    if precision["ratio"] is not None:
        levels.append(_upward(1 - precision["ratio"], (1 - COVERAGE_LIMITS[0], 1 - COVERAGE_LIMITS[1])))
        texts.append(
            f"precision {precision['matched']['value']:.2f} (real patients: {precision['real_vs_real']['value']:.2f})"
        )
    return _point("fidelity", _worst(levels), f"{'; '.join(texts)}.")


def _diversity(metrics: Mapping[str, Any]) -> dict[str, str]:
    texts, levels = [], []
    for name in ("recall", "coverage"):
        entry = metrics[name]
        if entry["ratio"] is not None:
            levels.append(_upward(1 - entry["ratio"], (1 - COVERAGE_LIMITS[0], 1 - COVERAGE_LIMITS[1])))
            texts.append(
                f"{name} {entry['matched']['value']:.2f} (real patients: {entry['real_vs_real']['value']:.2f})"
            )
    alike = metrics.get("ms_ssim_within_set", metrics["ssim_within_set"])
    if alike["ratio"] is not None:
        levels.append(_upward(alike["ratio"], ALIKE_LIMITS))
        texts.append(f"{_times(alike)}, where more is less diverse")
    if not levels:
        return _point("diversity", "unknown", f"No comparison with real patients: {metrics['recall']['reason']}.")
    return _point("diversity", _worst(levels), f"{_capital('; '.join(texts))}.")


def _masks(report: Mapping[str, Any]) -> dict[str, str]:
    pairs = zip(report["masks"]["synthetic"], report["masks"]["real"], strict=True)
    empty = [(made["share_empty"], real["share_empty"]) for made, real in pairs]
    made, real = max(empty, key=lambda shares: abs(shares[0] - shares[1]))
    level = _upward(abs(made - real), EMPTY_LIMITS)
    texts = [f"{made:.0%} of synthetic masks are empty (real: {real:.0%})"]
    compared = [
        entry for entry in report["metrics"].values() if entry["group"] == "masks" and entry["ratio"] is not None
    ]
    if compared:
        farthest = max(compared, key=lambda entry: float(entry["ratio"]))
        level = _worst([level, _upward(farthest["ratio"], DISTANCE_LIMITS)])
        texts.append(f"the farthest property: {_times(farthest)}")
    elif level == "good":
        level = "unknown"
    return _point("masks", level, f"{'; '.join(texts)}.")


def _privacy(report: Mapping[str, Any]) -> list[dict[str, str]]:
    found = report["privacy"]
    if found is None:
        return [_point("privacy", "unknown", f"Copying was not tested: {report['privacy_reason']}.")]
    verdict, membership = found["memorization"]["verdict"], found["membership"]
    return [
        _point("privacy", _safe(verdict["copied"], verdict["reliable"]), f"{_capital(verdict['text'])}."),
        _point("membership", _safe(membership["leaks"], membership["reliable"]), f"{_capital(membership['text'])}."),
    ]


def _safe(alarm: bool, reliable: bool) -> str:
    return "bad" if alarm else "good" if reliable else "fair"


def _data(report: Mapping[str, Any]) -> dict[str, str]:
    counts = report["counts"]
    patients = counts["heldout_patients"]
    text = f"{counts['heldout_used']} slices of {patients} held-out {'patient' if patients == 1 else 'patients'}"
    if patients < FEW_PATIENTS:
        return _point("data", "bad", f"{text}; {few_patients(patients)}.")
    noted = [entry["title"] for entry in report["metrics"].values() if entry["note"]]
    if noted:
        return _point(
            "data", "fair", f"{text}; too little for a sure number: {len(noted)} of {len(report['metrics'])}."
        )
    return _point("data", "good", f"{text}.")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
