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
"""Read keys and answers, and refuse what is damaged or does not belong together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.evaluation.readers.study import KEY_FORMAT, REAL, SYNTHETIC, VERSION
from monai_dcgan.utils.files import read_json

__all__ = ["ANSWERS_FORMAT", "RATINGS", "load_answers", "load_key"]

ANSWERS_FORMAT = "monai-dcgan-reader-answers"
RATINGS = ("confidence", "realism", "quality")
_BEST = 5


def load_key(path: str | Path) -> dict[str, Any]:
    """Read the key of a study.

    Returns:
        the content of the file; ``items`` in the order of the page.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no key, or damaged.
    """
    key = _load(path, KEY_FORMAT, "a key that readers make wrote")
    items = key.get("items")
    if not isinstance(items, list) or not items:
        raise ValueError(f"{path} must hold a list of items, got {type(items).__name__}; the key is damaged")
    seen: dict[str, Mapping[str, Any]] = {}
    for number, item in enumerate(items):
        fault = _fault_of_item(item, seen)
        if fault:
            raise ValueError(f"{path} item {number} {fault}; the key is damaged")
        seen[item["id"]] = item
    for kind in (REAL, SYNTHETIC):
        if not any(item["truth"] == kind and item["repeat_of"] is None for item in items):
            raise ValueError(f"{path} must hold real and synthetic items, got none that is {kind}; the key is damaged")
    return key


def _fault_of_item(item: Any, seen: Mapping[str, Mapping[str, Any]]) -> str | None:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return "must be an object with an id"
    missing = {"truth", "class_name", "patient", "repeat_of"} - set(item)
    if missing:
        return f"must have {', '.join(sorted(missing))}"
    if item["id"] in seen:
        return f"must have an id of its own, got {item['id']!r} again"
    if item["truth"] not in (REAL, SYNTHETIC):
        return f"must be real or synthetic, got {item['truth']!r}"
    first = item["repeat_of"]
    if first is not None and (first not in seen or seen[first]["truth"] != item["truth"]):
        return f"must repeat an earlier item of its kind, got {first!r}"
    return None


def load_answers(path: str | Path, key: Mapping[str, Any]) -> dict[str, Any]:
    """Read the answers of one reader.

    Args:
        path: file that the page saved.
        key: the key of the study, from ``load_key``.

    Returns:
        ``reader`` and ``answers``: id -> verdict ("real", "synthetic" or None), confidence, realism, quality (1 to 5 or
        None), comment, mask_shown, seconds.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no file of answers, is damaged, of another study, or holds no verdict.
    """
    content = _load(path, ANSWERS_FORMAT, "answers that the page of a study saved")
    if content.get("study") != key["study"]:
        raise ValueError(
            f"{path} must hold answers of the study {key['study']}, got those of {content.get('study')!r}; "
            "give the key that was made with that page"
        )
    reader = content.get("reader")
    if not isinstance(reader, str) or not reader.strip():
        raise ValueError(f"{path} must name the reader, got {reader!r}")
    given = content.get("answers")
    if not isinstance(given, dict):
        raise ValueError(f"{path} must hold answers by id, got {type(given).__name__}; the file is damaged")
    known = {item["id"] for item in key["items"]}
    answers = {}
    for identity, answer in given.items():
        if identity not in known:
            raise ValueError(f"{path} must answer items of the study, got {identity!r}; the file is damaged")
        answers[identity] = _answer(answer, f"{path} item {identity}")
    if not any(answer["verdict"] for answer in answers.values()):
        raise ValueError(f"{path} must hold at least one verdict, got none; the reader has not begun")
    return {"reader": reader.strip(), "answers": answers}


def _answer(answer: Any, where: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise ValueError(f"{where} must be an object, got {answer!r}; the file is damaged")
    verdict = answer.get("verdict")
    if verdict not in (None, REAL, SYNTHETIC):
        raise ValueError(f"{where} must have the verdict real or synthetic, got {verdict!r}; the file is damaged")
    result: dict[str, Any] = {"verdict": verdict}
    for name in RATINGS:
        value = answer.get(name)
        if value is not None and (isinstance(value, bool) or value not in range(1, _BEST + 1)):
            raise ValueError(f"{where} must have {name} from 1 to {_BEST}, got {value!r}; the file is damaged")
        result[name] = value
    seconds = answer.get("seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        raise ValueError(f"{where} must have seconds of at least 0, got {seconds!r}; the file is damaged")
    comment = answer.get("comment", "")
    if not isinstance(comment, str):
        raise ValueError(f"{where} must have a text as comment, got {comment!r}; the file is damaged")
    return {**result, "comment": comment, "mask_shown": answer.get("mask_shown") is True, "seconds": float(seconds)}


def _load(path: str | Path, form: str, what: str) -> dict[str, Any]:
    content = read_json(path)
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if found != form:
        raise ValueError(f"{path} must hold {what}, got {found!r}")
    if content.get("version") != VERSION:
        raise ValueError(
            f"{path} must be of version {VERSION}, got {content.get('version')!r}; use the program that made it"
        )
    if not isinstance(content.get("study"), str):
        raise ValueError(f"{path} must name its study, got {content.get('study')!r}; the file is damaged")
    return content
